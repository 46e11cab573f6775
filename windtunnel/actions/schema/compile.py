"""A schema of a scenario, compiled: `pet.json`, `openapi.json#/components/schemas/Pet`, or written out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from windtunnel.actions.response.text import show
from windtunnel.actions.schema.documents import NOT_DOWNLOADED, Library, Node
from windtunnel.actions.schema.refusal import accepts_everything, endless, refuses_nothing
from windtunnel.actions.schema.translate import Translation, translate
from windtunnel.actions.schema.wording import WRITE, refuses_nothing_error, why_nothing
from windtunnel.errors import ExpressionError
from windtunnel.model.source import Source
from windtunnel.project import is_there


def compile_schema(value: Any, source: Source) -> tuple[str, Mapping[str, Any]]:
    """The schema as a reference, and the documents of 2020-12 that it leads into, which refer to nothing else.

    Raises ExpressionError for what can't be read or resolved, is no schema, or can refuse nothing.
    """
    library = Library(source.project, Path(source.file).resolve().parent)
    root = _root(value, source, library)
    try:
        translation = translate(root, library)
        if (reference := endless(translation.definitions)) is not None:
            node = translation.nodes[reference]
            raise node.problem(
                "this refers to itself without looking into the value",
                hint="remove the $ref that leads back, or put it below `properties` or `items`",
            )
        if refuses_nothing(translation.start, translation.definitions):
            raise _refuses_nothing(root, translation)
    except RecursionError:
        raise ExpressionError("the schema is nested too deep") from None
    return translation.start, translation.resources()


def _root(value: Any, source: Source, library: Library) -> Node:
    file = Path(source.file)
    if isinstance(value, str):
        path, fragment = _split(file.parent, value)
        whole = library.file(source.project.require(path).resolve())
        if fragment and not fragment.startswith("/"):
            return library.find(whole, f"#{fragment}")
        return library.part(whole, unquote(fragment), value)
    if not isinstance(value, Mapping | bool):
        raise ExpressionError(f"a schema is a mapping, not {show(value, 60)}", hint=NOT_DOWNLOADED)
    return library.inline(value, file.resolve())


def _split(folder: Path, name: str) -> tuple[Path, str]:
    """A file and the place in it; a # can be part of a file's name."""
    whole = folder / name
    before, sharp, fragment = name.partition("#")
    return (folder / before, fragment) if sharp and before and not is_there(whole) else (whole, "")


def _refuses_nothing(root: Node, translation: Translation) -> ExpressionError:
    """The error, about the schema at the end of the references that lead there."""
    reference, seen = translation.start, [translation.start]
    while True:
        schema = translation.definitions[reference]
        if not isinstance(schema, Mapping) or set(schema) != {"$ref"} or schema["$ref"] in seen:
            break
        reference = schema["$ref"]
        seen.append(reference)
    node = translation.nodes[reference]
    reason, hint = _reason(node, schema, translation)
    if node is not root and node.shown != root.shown:
        reason = f"it leads to {node.shown}, and {reason}"
    return refuses_nothing_error(root, reason, hint)


def _reason(node: Node, schema: Any, translation: Translation) -> tuple[str, str]:
    if not isinstance(schema, Mapping) or not schema:
        return why_nothing(node)
    for keyword in ("anyOf", "oneOf"):
        for index, branch in enumerate(schema.get(keyword, ())):
            if accepts_everything(branch, translation.definitions):
                hint = "remove it, or write in it what the body must be, as in { type: object }"
                return f"item {index + 1} of {keyword} accepts everything", hint
    keywords = ", ".join(f'"{each}"' for each in schema)
    return f"no value breaks its {keywords}", WRITE
