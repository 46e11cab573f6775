"""What is wrong with a schema, in words: what stands there instead of one, and what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from windtunnel.actions.response.text import shorten, show
from windtunnel.actions.schema.dialects import ANNOTATIONS, KNOWN, invalid
from windtunnel.actions.schema.documents import Node, place
from windtunnel.errors import ExpressionError, did_you_mean

_NEAR = 0.75
_MOST_NAMES = 5
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_GROUPS = (("components", "schemas"), ("definitions",), ("$defs",))
"""Where a document has its named schemas."""


def whole_description(node: Node) -> ExpressionError:
    """The error about a whole OpenAPI document where a schema should stand."""
    hint = _one_of(node) or "write the part of it that is a schema, after a #"
    message = "is a whole OpenAPI document, no schema, and can refuse nothing"
    if node.file.name:
        return ExpressionError(f"{node.file.name} {message}", hint=hint)
    return node.problem(f"this {message}", hint=hint)


def _one_of(node: Node) -> str | None:
    """What to write in place of a mapping in which schemas stand by name; None when there are none."""
    paths = _named(node.value)
    if not paths:
        return None
    parent, names = place(node.file.name, (*node.path, *paths[0][:-1])), [path[-1] for path in paths]
    parent = parent if "#" in parent else f"{parent}#"
    if len(names) == 1:
        return f"write {parent}/{names[0]}"
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"write {parent}/NAME, where NAME is one of {shown}"


def _named(contents: Any) -> list[tuple[str, ...]]:
    for group in (*_GROUPS, ("schemas",)):
        value = contents
        for key in group:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping) and value:
            return [(*group, str(name)) for name in value]
    return []


def require_keywords(node: Node, *, referred_to: bool) -> None:
    """Raise ExpressionError for a mapping with unknown words only, which can't be meant as a schema.

    `referred_to`: a reference leads here, where any other kind of mapping may stand.
    """
    if not isinstance(node.value, Mapping):
        return
    own = [str(key) for key in node.value if not str(key).startswith("x-")]
    if any(key in node.dialect.keywords for key in own) and not _holds_a_schema(node.value):
        return
    unknown = [key for key in own if key not in KNOWN and key not in ANNOTATIONS]
    if not unknown:
        return
    holds = _schema_in(node) if referred_to else None
    if holds is not None:
        raise node.problem("this is no schema, but holds one", hint=holds)
    for key in unknown:
        if near := near_keyword(key):
            raise node.problem(f'unknown keyword "{shorten(key, 40)}" in a schema', hint=near, below=(key,))
    if referred_to:
        raise node.problem(f"this is no schema: {_keys(unknown)} {_are(unknown)} unknown", hint=WRITE)


def near_keyword(word: str) -> str | None:
    """The suggestion for a mistyped keyword."""
    near = difflib.get_close_matches(word, KNOWN - ANNOTATIONS, n=1, cutoff=_NEAR)
    return f'did you mean "{near[0]}"?' if near else None


WRITE = "write what the body must be, as in { type: object, required: [id] }"


def _holds_a_schema(value: Mapping[str, Any]) -> bool:
    """Whether it is a Parameter Object or Header Object of OpenAPI, whose `required` is true or false."""
    return isinstance(value.get("required"), bool) and isinstance(value.get("schema"), Mapping)


def _schema_in(node: Node) -> str | None:
    """What to write in place of an OpenAPI object that holds schemas: of a Response, a Parameter, by name."""
    content, path = node.value.get("content"), node.path
    if isinstance(content, Mapping) and content:
        return f"write {place(node.file.name, (*path, 'content', str(next(iter(content))), 'schema'))}"
    if "schema" in node.value:
        return f"write {place(node.file.name, (*path, 'schema'))}"
    if any(path[-len(group) :] == group for group in _GROUPS) and node.value:
        return f"write {place(node.file.name, path)}/{next(iter(node.value))}, or another name"
    return _one_of(node)


def _keys(keys: Iterable[str]) -> str:
    keys = [f'"{shorten(key, 40)}"' for key in keys]
    more = len(keys) - _MOST_NAMES
    return ", ".join(keys[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _are(keys: list[str]) -> str:
    return "is" if len(keys) == 1 else "are"


# ── a schema that can refuse nothing ─────────────────────────────────────────────────────────────────────────


def refuses_nothing_error(node: Node, reason: str, hint: str) -> ExpressionError:
    """The error about a schema that accepts every value."""
    message = f"can refuse nothing: {reason}"
    if node.file.name:
        return ExpressionError(f"{node.shown} {message}", hint=hint)
    return ExpressionError(f"the schema {message}", hint=hint, path=node.path)


def why_nothing(node: Node) -> tuple[str, str]:
    """Why a schema without a keyword that can refuse something says nothing, and what to write."""
    value = node.value
    if not isinstance(value, Mapping) or not value:
        return ("it is empty" if value == {} else f"{show(value, 20)} accepts everything"), WRITE
    if hint := _one_of(node):
        return "it only defines schemas for others", hint if node.file.name else f"{hint}, after $ref"
    foreign = [str(key) for key in value if key in KNOWN - ANNOTATIONS and key not in node.dialect.keywords]
    if foreign:
        return f"{_keys(foreign)} {_are(foreign)} unknown in {node.dialect}", WRITE
    if "format" in value:
        return '"format" only describes, it is not checked', "add `type` and `pattern`"
    keys = list(map(str, value))
    return f"{_keys(keys)} only describe{'s' if len(keys) == 1 else ''}", WRITE


# ── a schema that breaks the rules of its dialect ────────────────────────────────────────────────────────────


def require_schema(node: Node) -> None:
    """Raise ExpressionError for what breaks the rules of its dialect, with its place."""
    if not isinstance(node.value, Mapping | bool):
        raise node.problem(f"a schema is a mapping, not {show(node.value, 60)}")
    try:
        error = invalid(node.value, node.dialect)
    except RecursionError:
        raise node.problem("the schema is nested too deep") from None
    if error is not None:
        path = tuple(error.absolute_path)
        message, hint = _complaint(node, path, error.instance, error.message)
        raise node.problem(f"not valid in {node.dialect}: {message}", hint=hint, below=path)


def _complaint(node: Node, path: tuple[Any, ...], value: Any, otherwise: str) -> tuple[str, str | None]:
    keyword = next((str(key) for key in reversed(path) if isinstance(key, str)), "")
    shown = show(value, 40)
    if keyword == "type" and isinstance(value, str):
        return f"unknown type {shown}", did_you_mean(value, _TYPES) or f"one of {', '.join(_TYPES)}"
    if keyword == "type" and node.dialect.nullable:
        return f"type is one word, not {shown}", f"type: string, with {node.dialect.nullable}: true beside it"
    if keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        number = keyword.removeprefix("exclusive").lower()
        if isinstance(value, bool):
            return f"{keyword} is a number, not {shown}", (
                f"write {keyword}: 0 for {number}: 0 with {keyword}: true, which OpenAPI 3.0 and draft-04 write"
            )
        return f"{keyword} is true or false, not {shown}", f"write {number}: {shown} with {keyword}: true"
    if keyword == "items" and isinstance(value, list):
        return "items is one schema, not a list", "write prefixItems for a list with one schema an item"
    if keyword == "required" and isinstance(value, bool):
        return f"required is a list of names, not {shown}", "write required: [id] beside properties: { id: … }"
    return shorten(otherwise, 120), None
