"""The files that schemas stand in: JSON and YAML of the project, their parts by JSON pointer, `$id` and `$anchor`.

A `Node` is a place in a file with what holds there: the schema itself, its dialect, and the resource (the nearest
schema above with an `$id`, else the file) that references start at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

import msgspec

from windtunnel.actions.response.text import shorten, show
from windtunnel.actions.schema.dialects import (
    DRAFT_2020_12,
    Dialect,
    is_description,
    of_address,
    of_document,
    words,
)
from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.model.source import DataPath
from windtunnel.project import Project, is_there

MAX_BYTES = 16 * 1024 * 1024
MAX_VALUES = 2_000_000
"""Values of one file, with those that aliases of YAML repeat."""

MAX_DEPTH = 500
NOT_DOWNLOADED = "put the schema into a file in the scenario's folder; schemas are not downloaded"

_OF_SCHEMA = words(
    "additionalItems additionalProperties contains else if items not propertyNames then unevaluatedItems"
    " unevaluatedProperties"
)
_OF_LIST = words("allOf anyOf oneOf prefixItems items")
_OF_MAPPING = words("$defs definitions dependentSchemas patternProperties properties dependencies")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with schemas. `name` is what messages call it, empty for a schema in the scenario itself."""

    name: str
    uri: str
    contents: Any
    dialect: Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place in a file, and what stands there.

    `resource` is the address that references start at, `root` the place of what has it.
    """

    file: File
    path: DataPath
    value: Any = field(repr=False)
    dialect: Dialect
    resource: str
    root: DataPath = ()

    @property
    def key(self) -> tuple[str, DataPath, str]:
        """What tells nodes apart: one place can be read in several dialects."""
        return self.file.uri, self.path, self.dialect.name

    def __truediv__(self, key: str | int) -> Node:
        return _entered(replace(self, path=(*self.path, key), value=self.value[key]))

    def problem(self, message: str, *, hint: str | None = None, below: DataPath = ()) -> ExpressionError:
        """The error about what stands here, or `below`: with its place in a file, or its path in the scenario."""
        path = (*self.path, *below)
        if self.file.name:
            return ExpressionError(f"{place(self.file.name, path)}: {message}", hint=hint)
        return ExpressionError(message, hint=hint, path=path)

    @property
    def shown(self) -> str:
        """What messages call it."""
        return place(self.file.name, self.path) if self.file.name else "the schema"


def place(name: str, path: DataPath) -> str:
    """A part of a file as a reference to it: `openapi.json#/components/schemas/Pet`."""
    if not path:
        return name
    return f"{name}#/" + "/".join(str(key).replace("~", "~0").replace("/", "~1") for key in path)


def _entered(node: Node) -> Node:
    """The node, with the dialect and the resource of its own `$schema` and `$id`."""
    value = node.value
    if not isinstance(value, Mapping):
        return node
    own = value.get(node.dialect.ids) if node.dialect.ids else None
    has_own = isinstance(own, str) and not own.startswith("#") and not (node.dialect.lone_ref and "$ref" in value)
    if isinstance(value.get("$schema"), str) and (has_own or not node.path) and not is_description(value):
        try:
            node = replace(node, dialect=of_address(value["$schema"]))
        except ExpressionError as error:
            raise node.problem(str(error), hint=error.hint, below=("$schema",)) from None
    if has_own:
        resource = urldefrag(urljoin(node.resource, str(own)))[0]
        node = replace(node, resource=resource, root=node.path)
    return node


def inner(node: Node) -> Iterator[Node]:
    """The schemas directly inside a schema, whatever its dialect."""
    if not isinstance(node.value, Mapping):
        return
    for keyword, value in node.value.items():
        if keyword in _OF_SCHEMA and isinstance(value, Mapping | bool):
            yield node / keyword
        elif keyword in _OF_LIST and isinstance(value, list):
            yield from (node / keyword / index for index in range(len(value)))
        elif keyword in _OF_MAPPING and isinstance(value, Mapping):
            holder = replace(node, path=(*node.path, keyword), value=value)
            yield from (holder / name for name in value if isinstance(value[name], Mapping | bool))


class Library:
    """The files that one schema uses, each read once. Owned by the call that compiles the schema."""

    def __init__(self, project: Project, folder: Path) -> None:
        self._project, self._folder = project, folder
        self._contents: dict[Path, Any] = {}
        self._files: dict[tuple[str, str], File] = {}
        self._resources: dict[str, Node] = {}
        self._anchors: dict[tuple[str, str], dict[str, tuple[Node, bool]]] = {}

    def inline(self, schema: Any, path: Path) -> Node:
        """The node of a schema that stands in the file of a scenario."""
        try:
            dialect = of_document(schema, DRAFT_2020_12)
        except ExpressionError as error:
            raise ExpressionError(str(error), hint=error.hint, path=("$schema",)) from None
        return self._keep(File(name="", uri=path.as_uri(), contents=schema, dialect=dialect))

    def file(self, path: Path, dialect: Dialect = DRAFT_2020_12) -> Node:
        """The node of a whole file; `dialect` is that of what refers to it. Raises ExpressionError."""
        if path not in self._contents:
            self._contents[path] = read(path, self._project)
        contents, name = self._contents[path], self._name(path)
        try:
            own = of_document(contents, dialect)
        except ExpressionError as error:
            raise ExpressionError(f"{name}: {error}", hint=error.hint) from None
        uri = path.as_uri()
        known = self._files.get((uri, own.name))
        return self._keep(known or File(name=name, uri=uri, contents=contents, dialect=own))

    def _name(self, path: Path) -> str:
        try:
            return path.relative_to(self._folder).as_posix()
        except ValueError:
            return path.name

    def _keep(self, file: File) -> Node:
        key = (file.uri, file.dialect.name)
        node = Node(file=file, path=(), value=file.contents, dialect=file.dialect, resource=file.uri)
        node = _entered(node)
        if key not in self._files:
            self._files[key] = file
            if file.dialect.ids:
                self._index(node)
        return node

    def _index(self, root: Node) -> None:
        """Note every `$id` and every anchor of a file."""
        waiting = [root, *_described(root)]
        while waiting:
            node = waiting.pop()
            if not isinstance(node.value, Mapping):
                continue
            if node.root == node.path and node.resource != root.file.uri:
                self._resources.setdefault(node.resource, node)
            for name, dynamic in _anchors(node):
                self._anchors.setdefault((node.resource, node.dialect.name), {}).setdefault(name, (node, dynamic))
            waiting.extend(inner(node))

    def anchors(self, node: Node) -> Mapping[str, tuple[Node, bool]]:
        """The anchors of the resource that a node is part of, each with its node and whether it is dynamic."""
        return self._anchors.get((node.resource, node.dialect.name), {})

    def find(self, node: Node, reference: str) -> Node:
        """What a reference in a node leads to. Raises ExpressionError."""
        address, fragment = urldefrag(urljoin(node.resource, reference))
        root = self._root(node, address, reference)
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            found = self.anchors(root).get(fragment)
            if found is None:
                raise _unresolved(
                    reference,
                    did_you_mean(fragment, self.anchors(root)) or f"no part of it has the anchor {fragment}",
                )
            return found[0]
        return self.part(root, fragment, reference)

    def _root(self, node: Node, address: str, reference: str) -> Node:
        if address == node.resource:
            top = Node(
                file=node.file,
                path=(),
                value=node.file.contents,
                dialect=node.file.dialect,
                resource=node.file.uri,
            )
            top = _entered(top)
            for key in node.root:
                top = top / key
            return top
        if address in self._resources:
            return self._resources[address]
        found = self._at(address, node, reference)
        if found is None and not urlsplit(reference).scheme:
            # Schemas whose `$id` is where they are published refer to each other; here they are files of a folder.
            beside = self._at(urldefrag(urljoin(node.file.uri, reference))[0], node, reference)
            found = beside if beside is not None and beside.resource == address else None
        if found is None:
            raise _unresolved(reference, NOT_DOWNLOADED)
        return found

    def _at(self, address: str, node: Node, reference: str) -> Node | None:
        """The file at an address; None for an address that is not that of a file."""
        parts = urlsplit(address)
        if parts.scheme != "file" or parts.netloc:
            return None
        path = Path(url2pathname(parts.path))
        self._project.contain(path)
        if not is_there(path):
            raise _unresolved(reference, f"there is no file {path.name} in {path.parent}")
        return self.file(path, node.dialect)

    def part(self, root: Node, pointer: str, reference: str) -> Node:
        """The part of a resource at a JSON pointer (RFC 6901). Raises ExpressionError."""
        node = root
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            value = node.value
            if isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,8}", key) and int(key) < len(value):
                node = node / int(key)
            elif isinstance(value, Mapping) and key in value:
                node = node / key
            else:
                raise _unresolved(reference, _no_key(node, key))
        return node


def _no_key(node: Node, key: str) -> str:
    known = node.value if isinstance(node.value, Mapping) else {}
    if "$ref" in known:
        return f"{node.shown} refers to {show(known['$ref'], 80)}: refer to that"
    return did_you_mean(key, map(str, known)) or f'there is no "{shorten(key, 60)}" in {node.shown}'


def _unresolved(reference: str, hint: str) -> ExpressionError:
    return ExpressionError(f'"{shorten(reference, 100)}" cannot be resolved', hint=hint)


def _described(root: Node) -> Iterator[Node]:
    """The named schemas of an OpenAPI document."""
    components = root.value.get("components") if isinstance(root.value, Mapping) else None
    named = components.get("schemas") if isinstance(components, Mapping) else None
    if isinstance(named, Mapping):
        for name in named:
            yield root / "components" / "schemas" / name


def _anchors(node: Node) -> Iterator[tuple[str, bool]]:
    """The names that a schema gives itself, and whether each is dynamic."""
    value = node.value
    if isinstance(value.get("$anchor"), str):
        yield value["$anchor"], False
    if isinstance(value.get("$dynamicAnchor"), str):
        yield value["$dynamicAnchor"], True
    if value.get("$recursiveAnchor") is True and node.path == node.root:
        yield "", True
    own = value.get(node.dialect.ids)
    if isinstance(own, str) and own.startswith("#") and len(own) > 1:  # until draft-07
        yield own[1:], False


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────


def read(path: Path, project: Project) -> Any:
    """The JSON or YAML in a file of the project. Raises ExpressionError."""
    content = project.read(path, most=MAX_BYTES).removeprefix(b"\xef\xbb\xbf")
    is_json = path.suffix == ".json" or (path.suffix not in (".yaml", ".yml") and content.lstrip()[:1] in b"{[")
    if not is_json:
        return _read_yaml(path, content)
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExpressionError(f"{path} is not JSON: {error}") from None


def _read_yaml(path: Path, content: bytes) -> Any:
    import yaml

    from windtunnel.actions.schema.yaml_files import load

    try:
        value = load(content)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ExpressionError(f"{path} is not YAML: {shorten(' '.join(str(error).split()), 200)}") from None
    _measure(value, path)
    return value


def _measure(value: Any, path: Path) -> None:
    """Count values as often as aliases repeat them. Raises ExpressionError."""
    left, waiting = MAX_VALUES, [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise ExpressionError(f"{path} is too large or nested too deep, perhaps by aliases")
        if isinstance(item, Mapping | list):
            waiting.extend((each, depth + 1) for each in (item.values() if isinstance(item, Mapping) else item))
