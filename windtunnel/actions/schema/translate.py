"""Schemas of any dialect as schemas of JSON Schema 2020-12 that say the same, each part checked on the way.

Every schema that something refers to becomes a numbered definition of its resource: references inside the result
lead to `urn:schema:<resource>#/$defs/<number>` and nowhere else. Annotations are left out. A schema that is not
reached is not read: one mistake of an OpenAPI document does not spoil its other parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.actions.response.safe_regex import compile_pattern
from windtunnel.actions.response.text import show
from windtunnel.actions.schema.dialects import is_description
from windtunnel.actions.schema.documents import Library, Node
from windtunnel.actions.schema.wording import require_keywords, require_schema, whole_description
from windtunnel.errors import ExpressionError

MAX_SCHEMAS = 200_000
"""Schemas that one check consists of, with those that several places repeat."""

_RECURSIVE = "recursive"
_IN_PLACE = ("allOf", "anyOf", "oneOf")

Hidden = frozenset[str]
"""Names of properties that a response does not hold (`writeOnly`)."""

_NONE_HIDDEN: Hidden = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A schema of 2020-12 in parts: `definitions` by reference, `start` the first; `nodes` is where each stood."""

    start: str
    definitions: Mapping[str, Any]
    nodes: Mapping[str, Node]

    def resources(self) -> dict[str, Any]:
        """The definitions as documents, by their address."""
        found: dict[str, Any] = {}
        for reference, schema in self.definitions.items():
            address, _, pointer = reference.partition("#")
            found.setdefault(address, {"$defs": {}})["$defs"][pointer.rpartition("/")[2]] = schema
        return found


def translate(root: Node, library: Library) -> Translation:
    """The schema at a node and all that it refers to. Raises ExpressionError with the place of what is wrong."""
    translator = _Translator(library)
    start = translator.reference_to(root)
    translator.finish()
    return Translation(start=start, definitions=translator.definitions, nodes=translator.nodes)


class _Translator:
    def __init__(self, library: Library) -> None:
        self.definitions: dict[str, Any] = {}
        self.nodes: dict[str, Node] = {}
        self._library = library
        self._references: dict[tuple[Any, Hidden], str] = {}
        self._resources: dict[tuple[str, str], str] = {}
        self._waiting: list[tuple[str, Node, Hidden]] = []
        self._valid: set[Any] = set()
        self._count = 0

    def reference_to(self, node: Node, hidden: Hidden = _NONE_HIDDEN) -> str:
        """The reference to what becomes of a node."""
        known = self._references.get((node.key, hidden))
        if known is not None:
            return known
        resource = self._resource(node)
        reference = f"{resource}#/$defs/{len(self._references)}"
        self._references[node.key, hidden] = reference
        self.nodes[reference] = node
        self._waiting.append((reference, node, hidden))
        return reference

    def _resource(self, node: Node) -> str:
        key = (node.resource, node.dialect.name)
        if key not in self._resources:
            self._resources[key] = f"urn:schema:{len(self._resources)}"
            for anchored, dynamic in self._library.anchors(node).values():
                if dynamic:  # may be what a reference from elsewhere leads to
                    self.reference_to(anchored)
        return self._resources[key]

    def finish(self) -> None:
        """Translate everything that something refers to."""
        while self._waiting:
            reference, node, hidden = self._waiting.pop()
            self._require(node)
            self.definitions[reference] = self._schema(node, hidden, at_root=True)

    def _require(self, node: Node) -> None:
        if is_description(node.value) and not node.path:
            raise whole_description(node)
        if node.key not in self._valid:
            require_keywords(node, referred_to=True)
            require_schema(node)

    # ── one schema ───────────────────────────────────────────────────────────────────────────────────────────

    def _schema(self, node: Node, hidden: Hidden = _NONE_HIDDEN, *, at_root: bool = False) -> Any:
        self._count += 1
        if self._count > MAX_SCHEMAS:
            raise node.problem(f"the schema has more than {MAX_SCHEMAS:,} parts")
        value, dialect = node.value, node.dialect
        self._valid.add(node.key)
        if isinstance(value, bool):
            return value
        if not at_root and node.root == node.path:
            return {"$ref": self.reference_to(node, hidden)}
        require_keywords(node, referred_to=at_root)
        if "$ref" in value and dialect.lone_ref:
            return {"$ref": self._target(node, "$ref", hidden)}
        for definitions in ("$defs", "definitions") if dialect.ids else ():
            if isinstance(value.get(definitions), Mapping):
                for name in value[definitions]:
                    self.reference_to(node / definitions / name)
        hidden = hidden | self._write_only(node, frozenset()) if dialect.two_way else _NONE_HIDDEN
        found: dict[str, Any] = {}
        for keyword in value:
            if keyword in dialect.keywords:
                _RULES.get(keyword, _copy)(self, node, keyword, found, hidden)
        return found

    def _target(self, node: Node, keyword: str, hidden: Hidden = _NONE_HIDDEN) -> str:
        return self.reference_to(self._found(node, keyword), hidden)

    def _found(self, node: Node, keyword: str) -> Node:
        reference = node.value[keyword]
        if not isinstance(reference, str):
            raise node.problem(f"{show(reference, 60)} is no reference", below=(keyword,))
        try:
            target = self._library.find(node, reference)
        except ExpressionError as error:
            raise node.problem(str(error), hint=error.hint, below=(keyword,)) from None
        except ValueError:
            raise node.problem(f"{show(reference, 60)} is no address", below=(keyword,)) from None
        if is_description(target.value) and not target.path:
            raise whole_description(target)
        if not isinstance(target.value, Mapping | bool):
            raise node.problem(
                f"{show(reference, 80)} leads to {show(target.value, 40)}, which is no schema", below=(keyword,)
            )
        return target

    def _write_only(self, node: Node, seen: frozenset[Any]) -> Hidden:
        """The names of properties that a schema, or one that it is made of, declares as `writeOnly`."""
        if not isinstance(node.value, Mapping) or node.key in seen:
            return _NONE_HIDDEN
        seen |= {node.key}
        if isinstance(node.value.get("$ref"), str):
            found = self._write_only(self._found(node, "$ref"), seen)
            if node.dialect.lone_ref:
                return found
        else:
            found = _NONE_HIDDEN
        parts = node.value.get("allOf")
        for index in range(len(parts)) if isinstance(parts, list) else ():
            found |= self._write_only(node / "allOf" / index, seen)
        properties = node.value.get("properties")
        names = properties if isinstance(properties, Mapping) else ()
        return found | {name for name in names if self._is_write_only(node / "properties" / name, frozenset())}

    def _is_write_only(self, node: Node, seen: frozenset[Any]) -> bool:
        if not isinstance(node.value, Mapping) or node.key in seen:
            return False
        if node.value.get("writeOnly") is True and not (node.dialect.lone_ref and "$ref" in node.value):
            return True
        return isinstance(node.value.get("$ref"), str) and self._is_write_only(
            self._found(node, "$ref"), seen | {node.key}
        )

    # ── one keyword each ─────────────────────────────────────────────────────────────────────────────────────

    def one(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """A keyword that holds one schema."""
        found[keyword] = self._schema(node / keyword)

    def list_of(self, node: Node, keyword: str, found: dict[str, Any], hidden: Hidden) -> None:
        """A keyword that holds a list of schemas, those about the same value with what a response omits."""
        hidden = hidden if keyword in _IN_PLACE else _NONE_HIDDEN
        indexes = range(len(node.value[keyword]))
        found[keyword] = [
            *found.get(keyword, ()),
            *(self._schema(node / keyword / index, hidden) for index in indexes),
        ]

    def mapping_of(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """A keyword that holds schemas by name."""
        found[keyword] = {name: self._schema(node / keyword / name) for name in node.value[keyword]}

    def pattern_properties(self, node: Node, keyword: str, found: dict[str, Any], hidden: Hidden) -> None:
        """Names that are patterns."""
        for pattern in node.value[keyword]:
            self._compile(node, pattern, (keyword, pattern))
        self.mapping_of(node, keyword, found, hidden)

    def pattern(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """A pattern, compiled here so that a wrong one is found at load."""
        self._compile(node, node.value[keyword], (keyword,))
        found[keyword] = node.value[keyword]

    def _compile(self, node: Node, pattern: str, below: tuple[str, ...]) -> None:
        try:
            compile_pattern(pattern)
        except ExpressionError as error:
            raise node.problem(str(error), hint=error.hint, below=below) from None

    def items(self, node: Node, keyword: str, found: dict[str, Any], hidden: Hidden) -> None:
        """One schema, or until 2019-09 a list of them for the first items."""
        if not isinstance(node.value[keyword], list):
            return self.one(node, keyword, found, hidden)
        indexes = range(len(node.value[keyword]))
        if indexes:
            found["prefixItems"] = [self._schema(node / keyword / index) for index in indexes]
        if "additionalItems" in node.value:
            found["items"] = self._schema(node / "additionalItems")
        return None

    def dependencies(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """Names or a schema by name, until draft-07."""
        for name, value in node.value[keyword].items():
            if isinstance(value, list):
                found.setdefault("dependentRequired", {})[name] = value
            else:
                found.setdefault("dependentSchemas", {})[name] = self._schema(node / keyword / name)

    def limit(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """`minimum` and `maximum`, which a boolean beside them makes exclusive until draft-04."""
        exclusive = f"exclusive{keyword.capitalize()}"
        boolean = node.dialect.boolean_limits and node.value.get(exclusive) is True
        found[exclusive if boolean else keyword] = node.value[keyword]

    def exclusive(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """`exclusiveMinimum` and `exclusiveMaximum` that are numbers."""
        if not node.dialect.boolean_limits:
            found[keyword] = node.value[keyword]

    def types(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """`type`, with null where it is nullable (OpenAPI 3.0.3: only beside `type` in the same schema)."""
        wanted, nullable = node.value[keyword], node.dialect.nullable
        if nullable and node.value.get(nullable) is True:
            wanted = [*([wanted] if isinstance(wanted, str) else wanted), "null"]
        found[keyword] = wanted

    def required(self, node: Node, keyword: str, found: dict[str, Any], hidden: Hidden) -> None:
        """Names, without those that only a request holds."""
        names = [name for name in node.value[keyword] if name not in hidden]
        if names:
            found[keyword] = names

    def reference(self, node: Node, keyword: str, found: dict[str, Any], hidden: Hidden) -> None:
        """`$ref`."""
        found[keyword] = self._target(node, keyword, hidden)

    def dynamic_reference(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """`$dynamicRef`, which is a `$ref` unless it leads to a `$dynamicAnchor` by its name."""
        target = self._found(node, keyword)
        name = target.value.get("$dynamicAnchor") if isinstance(target.value, Mapping) else None
        self._refer(found, target, name if str(node.value[keyword]).endswith(f"#{name}") else None)

    def recursive_reference(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """`$recursiveRef`, which is a `$ref` unless it leads to a schema with `$recursiveAnchor`."""
        target = self._found(node, keyword)
        dynamic = isinstance(target.value, Mapping) and target.value.get("$recursiveAnchor") is True
        self._refer(found, target, _RECURSIVE if dynamic else None)

    def _refer(self, found: dict[str, Any], target: Node, anchor: str | None) -> None:
        reference = self.reference_to(target)
        if anchor is None:
            found["allOf"] = [*found.get("allOf", ()), {"$ref": reference}]
        else:
            found["$dynamicRef"] = f"{self._resource(target)}#{anchor}"

    def recursive_anchor(self, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
        """`$recursiveAnchor` as the `$dynamicAnchor` that it is."""
        if node.value[keyword] is True and node.path == node.root:
            found["$dynamicAnchor"] = _RECURSIVE


def _copy(_translator: _Translator, node: Node, keyword: str, found: dict[str, Any], _hidden: Hidden) -> None:
    found[keyword] = node.value[keyword]


def _ignore(_translator: _Translator, _node: Node, _keyword: str, _found: dict[str, Any], _hidden: Hidden) -> None:
    """Read together with another keyword."""


def _rules(rule: _Rule, keywords: str) -> Iterable[tuple[str, _Rule]]:
    return ((keyword, rule) for keyword in keywords.split())


_Rule = Callable[[_Translator, Node, str, dict[str, Any], Hidden], None]
_RULES: Mapping[str, _Rule] = {
    **dict(_rules(_Translator.one, "additionalProperties contains if then else not propertyNames")),
    **dict(_rules(_Translator.one, "unevaluatedItems unevaluatedProperties")),
    **dict(_rules(_Translator.list_of, "allOf anyOf oneOf prefixItems")),
    **dict(_rules(_Translator.mapping_of, "properties dependentSchemas")),
    **dict(_rules(_Translator.limit, "minimum maximum")),
    **dict(_rules(_Translator.exclusive, "exclusiveMinimum exclusiveMaximum")),
    "patternProperties": _Translator.pattern_properties,
    "pattern": _Translator.pattern,
    "items": _Translator.items,
    "additionalItems": _ignore,
    "dependencies": _Translator.dependencies,
    "type": _Translator.types,
    "required": _Translator.required,
    "$ref": _Translator.reference,
    "$dynamicRef": _Translator.dynamic_reference,
    "$recursiveRef": _Translator.recursive_reference,
    "$recursiveAnchor": _Translator.recursive_anchor,
}
