"""Whether a schema can refuse anything at all.

For each type of JSON: may a schema accept a value of it, may it refuse one? Both are upper bounds, found by going
through the keywords; a reference has those of what it leads to, in a cycle the least that hold.

    allOf   accepts what all accept, refuses what any refuses
    anyOf   accepts what any accepts, refuses what all refuse
    not     the other way round
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Types = frozenset[str]

_ALL: Types = frozenset(("array", "boolean", "null", "number", "object", "string"))
_NONE: Types = frozenset()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The types of JSON of which a schema may accept a value, and those of which it may refuse one."""

    accepted: Types
    refused: Types


_EVERYTHING, _NOTHING, _UNKNOWN = Bounds(_ALL, _NONE), Bounds(_NONE, _ALL), Bounds(_NONE, _NONE)


def refuses_nothing(start: str, definitions: Mapping[str, Any]) -> bool:
    """Whether the definition `start` accepts every value, of schemas of 2020-12 that refer to each other."""
    known: dict[str, Bounds] = dict.fromkeys(definitions, _UNKNOWN)
    order, changed = list(reversed(list(definitions))), True
    while changed and not known[start].refused:
        changed = False
        for reference in order:
            schema = definitions[reference]
            bounds = _bounds(schema, known)
            if bounds != known[reference]:
                known[reference], changed = bounds, True
                anchor = schema.get("$dynamicAnchor") if isinstance(schema, Mapping) else None
                if anchor is not None:  # any definition with this anchor may be what a reference leads to
                    other = known.get(f"#{anchor}", _UNKNOWN)
                    known[f"#{anchor}"] = Bounds(other.accepted | bounds.accepted, other.refused | bounds.refused)
    return not known[start].refused


def accepts_everything(schema: Any, definitions: Mapping[str, Any]) -> bool:
    """The same for a schema inside a definition."""
    return refuses_nothing("", {**definitions, "": schema})


def _bounds(schema: Any, known: Mapping[str, Bounds]) -> Bounds:
    if isinstance(schema, bool):
        return _EVERYTHING if schema else _NOTHING
    accepted, refused = _ALL, _NONE
    for keyword in schema:
        rule = _RULES.get(keyword)
        if rule is not None:
            bounds = rule(schema, schema[keyword], known)
            accepted, refused = accepted & bounds.accepted, refused | bounds.refused
    return Bounds(accepted, refused)


_Rule = Callable[[Mapping[str, Any], Any, Mapping[str, Bounds]], Bounds]


def _of(kind: str, may_refuse: Callable[[Any], bool] = lambda _: True) -> _Rule:
    """A keyword that refuses values of one type, unless its own value makes that impossible."""
    some = Bounds(_ALL, frozenset((kind,)))
    return lambda _schema, wanted, _known: some if may_refuse(wanted) else _EVERYTHING


def _type(_schema: Mapping[str, Any], wanted: Any, _known: Mapping[str, Bounds]) -> Bounds:
    names = {wanted} if isinstance(wanted, str) else set(wanted)
    accepted = {"number" if name == "integer" else name for name in names} & _ALL
    return Bounds(frozenset(accepted), _ALL - (names & _ALL))


def _values(values: list[Any]) -> Bounds:
    kinds = frozenset(map(_kind, values))
    all_of_a_kind = {"null"} & kinds
    if any(value is True for value in values) and any(value is False for value in values):
        all_of_a_kind |= {"boolean"}
    return Bounds(kinds, _ALL - all_of_a_kind)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _inside(kind: str, schemas: Callable[[Any], Any], of: Types = _ALL) -> _Rule:
    """A keyword with schemas for what is inside a value, which is of the types `of`."""

    def rule(_schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
        refuses = any(_bounds(each, known).refused & of for each in schemas(wanted))
        return Bounds(_ALL, frozenset((kind,)) if refuses else _NONE)

    return rule


def _contains(schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    too_few = schema.get("minContains", 1) > 0
    too_many = "maxContains" in schema and bool(_bounds(wanted, known).accepted)
    return Bounds(_ALL, frozenset(("array",)) if too_few or too_many else _NONE)


def _dependent_required(_schema: Mapping[str, Any], wanted: Any, _known: Mapping[str, Bounds]) -> Bounds:
    refuses = any(set(names) - {name} for name, names in wanted.items())
    return Bounds(_ALL, frozenset(("object",)) if refuses else _NONE)


def _dependent_schemas(_schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    refuses = any("object" in _bounds(each, known).refused for each in wanted.values())
    return Bounds(_ALL, frozenset(("object",)) if refuses else _NONE)


def _all_of(_schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    parts = [_bounds(each, known) for each in wanted]
    return Bounds(
        _ALL.intersection(*(part.accepted for part in parts)), _NONE.union(*(part.refused for part in parts))
    )


def _any_of(_schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    parts = [_bounds(each, known) for each in wanted]
    return Bounds(
        _NONE.union(*(part.accepted for part in parts)), _ALL.intersection(*(part.refused for part in parts))
    )


def _one_of(schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    any_of = _any_of(schema, wanted, known)
    parts = [_bounds(each, known) for each in wanted]
    several = {kind for kind in _ALL if sum(kind in part.accepted for part in parts) > 1}
    return Bounds(any_of.accepted, any_of.refused | several)


def _not(_schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    bounds = _bounds(wanted, known)
    return Bounds(bounds.refused, bounds.accepted)


def _if(schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    condition = _bounds(wanted, known)
    then, otherwise = (_bounds(schema.get(keyword, True), known) for keyword in ("then", "else"))
    return Bounds(
        (condition.accepted & then.accepted) | (condition.refused & otherwise.accepted),
        (condition.accepted & then.refused) | (condition.refused & otherwise.refused),
    )


def _reference(_schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    return known.get(wanted, _UNKNOWN)


def _dynamic_reference(_schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    return known.get(f"#{wanted.rpartition('#')[2]}", _UNKNOWN)


def _unevaluated(kind: str, evaluates_all: tuple[str, ...]) -> _Rule:
    """What no other keyword looks at: there is nothing left beside one of these."""
    inside = _inside(kind, lambda wanted: [wanted])
    return lambda schema, wanted, known: (
        _EVERYTHING if any(each in schema for each in evaluates_all) else inside(schema, wanted, known)
    )


def _additional_properties(schema: Mapping[str, Any], wanted: Any, known: Mapping[str, Bounds]) -> Bounds:
    if any(pattern in _MATCH_ALL for pattern in schema.get("patternProperties", ())):
        return _EVERYTHING
    return _inside("object", lambda each: [each])(schema, wanted, known)


_MATCH_ALL = ("", "^", "$", ".*", "^.*", ".*$")
"""Patterns that are found in every text."""


def _at_least(wanted: Any) -> bool:
    return bool(wanted > 0)


_RULES: Mapping[str, _Rule] = {
    "type": _type,
    "enum": lambda _schema, wanted, _known: _values(wanted),
    "const": lambda _schema, wanted, _known: _values([wanted]),
    **dict.fromkeys(("multipleOf", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"), _of("number")),
    "maxLength": _of("string"),
    "minLength": _of("string", _at_least),
    "pattern": _of("string", lambda pattern: pattern not in _MATCH_ALL),
    "maxItems": _of("array"),
    "minItems": _of("array", _at_least),
    "uniqueItems": _of("array", bool),
    "contains": _contains,
    "maxProperties": _of("object"),
    "minProperties": _of("object", _at_least),
    "required": _of("object", bool),
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "properties": _inside("object", lambda wanted: wanted.values()),
    "patternProperties": _inside("object", lambda wanted: wanted.values()),
    "additionalProperties": _additional_properties,
    "propertyNames": _inside("object", lambda wanted: [wanted], frozenset(("string",))),
    "items": _inside("array", lambda wanted: [wanted]),
    "prefixItems": _inside("array", lambda wanted: wanted),
    "unevaluatedItems": _unevaluated("array", ("items",)),
    "unevaluatedProperties": _unevaluated("object", ("additionalProperties",)),
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "$ref": _reference,
    "$dynamicRef": _dynamic_reference,
}


# ── references that never arrive ─────────────────────────────────────────────────────────────────────────────


def endless(definitions: Mapping[str, Any]) -> str | None:
    """A definition that comes back to itself for one and the same value; None when there is none."""
    finished: set[str] = set()
    for start in definitions:
        above: list[str] = []
        waiting = [(start, False)]
        while waiting:
            reference, leaves = waiting.pop()
            if leaves:
                finished.add(above.pop())
            elif reference in above:
                return reference
            elif reference not in finished:
                above.append(reference)
                waiting.append((reference, True))
                waiting += [(each, False) for each in _in_place(definitions[reference])]
    return None


def _in_place(schema: Any) -> Iterator[str]:
    """The references that a schema applies to the value that it judges itself."""
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        yield schema["$ref"]
    for keyword in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(keyword, ()):
            yield from _in_place(each)
    for keyword in ("not", "if", "then", "else"):
        yield from _in_place(schema.get(keyword))
    for each in schema.get("dependentSchemas", {}).values():
        yield from _in_place(each)
