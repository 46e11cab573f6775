"""Matchers of values: `{above: 0}`, `{matches: "^p-"}`, `{each: {type: string}}` or a bare value.

A matcher is compiled once into closures. Expected values may hold templates; constant ones are compared
directly. Matchers never raise, whatever value comes; only rendering an expected value can, and a regular
expression that takes too long (ExpressionError).

    numbers   compare by value (1 equals 1.0), a boolean is no number
    text      of headers, cookies and bodies is read as a number where a number is asked for
    missing   a value that isn't there matches nothing but `exists: false`
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.actions.compile.context import Field
from windtunnel.actions.response.comparison import (
    JSON_TYPES,
    as_number,
    read_number,
    same,
    same_text,
    show_as_number,
    show_beside,
)
from windtunnel.actions.response.safe_regex import compile_pattern
from windtunnel.actions.response.text import show
from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.text import json_of


class _Missing:
    """The value of a missing path, header or cookie."""

    def __repr__(self) -> str:
        return "MISSING"

    def __str__(self) -> str:
        return "nothing"


MISSING = _Missing()


def _show_value(value: Any, _scope: Scope) -> str:
    return show(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """A compiled matcher.

    `holds(value, scope)` decides; `expected(scope)` and `actual(value, scope)` complete the sentence
    "expected … but got …". `knows_missing`: its answer about `MISSING` is more than "there is nothing".
    """

    holds: Callable[[Any, Scope], bool]
    expected: Callable[[Scope], str]
    actual: Callable[[Any, Scope], str] = _show_value
    knows_missing: bool = False


def compile_matcher(field: Field, spec: Any, *, text: bool = False) -> Matcher:
    """A bare value (equality) or a mapping of matchers, all of which must hold. Problems are noted.

    `text`: the values to come are text of a header, a cookie or a body.
    """
    if not isinstance(spec, Mapping):
        return _equals(field, spec, text)
    parts = []
    for name, argument in spec.items():
        build = MATCHERS.get(name)
        if build is None:
            hint = did_you_mean(str(name), MATCHERS) or "to compare with a mapping, put it under `equals`"
            (field / name).problem(f'unknown matcher "{name}"', hint=hint, key=True)
        else:
            parts.append(build(field / name, argument, text))
    if not spec:
        field.problem("no matcher is given", hint=f"one of {', '.join(MATCHERS)}")
    if len(parts) == 1:
        return parts[0]
    return _all_of(parts)


def _plain(value: Any) -> str:
    """A value as the text to look for."""
    return value if isinstance(value, str) else json_of(value)


def _operand(
    field: Field,
    spec: Any,
    test: Callable[[Any, Any], bool],
    phrase: str,
    convert: Callable[[Any], Any] = lambda value: value,
    told: Callable[[Any, Any], str] = lambda actual, _expected: show(actual),
) -> Matcher:
    """A matcher that compares the actual value with an expected one, which may contain templates.

    `convert` turns the rendered value into what `test` wants and raises ExpressionError when it can't. `told`
    shows an actual value beside the expected one.
    """
    template = field.template(spec)

    def show_actual(actual: Any, scope: Scope) -> str:
        return told(actual, template(scope))

    if template.constant:
        raw = template({})
        value = field.attempt(lambda: convert(raw), MISSING)
        if isinstance(value, str) and test in (same, same_text):  # a text equals nothing but the same text
            return Matcher(
                holds=lambda actual, _: bool(actual == value),
                expected=lambda _: show(value),
                actual=show_actual,
            )
        return Matcher(
            holds=lambda actual, _: actual is not MISSING and test(actual, value),
            expected=lambda _: phrase.format(show(raw)),
            actual=show_actual,
        )
    return Matcher(
        holds=lambda actual, scope: actual is not MISSING and test(actual, convert(template(scope))),
        expected=lambda scope: phrase.format(show(template(scope))),
        actual=show_actual,
    )


def _equals(field: Field, spec: Any, text: bool) -> Matcher:
    return _operand(field, spec, same_text, "{}") if text else _operand(field, spec, same, "{}", told=show_beside)


def _ordering(compare: Callable[[Any, Any], bool], phrase: str) -> Callable[[Field, Any, bool], Matcher]:
    def build(field: Field, spec: Any, text: bool) -> Matcher:
        def test(actual: Any, limit: float) -> bool:
            number = as_number(actual, text=text)
            return number is not None and compare(number, limit)

        return _operand(field, spec, test, phrase, _limit, lambda actual, _: show_as_number(actual, text=text))

    return build


def _limit(value: Any) -> float:
    number = as_number(value, text=True)
    if number is None or (isinstance(number, float) and math.isnan(number)):
        raise ExpressionError(f"expected a number here, not {show(value, 60)}")
    return number


def _between(field: Field, spec: Any, text: bool) -> Matcher:
    if not isinstance(spec, list | tuple) or len(spec) != 2:
        field.problem("`between` takes two numbers, the lowest and the highest allowed", hint="between: [1, 10]")
        return _NEVER
    low = _ordering(operator.ge, "{}")(field / 0, spec[0], text)
    high = _ordering(operator.le, "{}")(field / 1, spec[1], text)
    return Matcher(
        holds=lambda actual, scope: low.holds(actual, scope) and high.holds(actual, scope),
        expected=lambda scope: f"between {low.expected(scope)} and {high.expected(scope)}",
        actual=low.actual,
    )


def _contains(field: Field, spec: Any, _text: bool) -> Matcher:
    return _operand(field, spec, _has, "containing {}")


def _not_contains(field: Field, spec: Any, _text: bool) -> Matcher:
    return _operand(field, spec, lambda actual, item: not _has(actual, item), "not containing {}")


def _has(actual: Any, item: Any) -> bool:
    if isinstance(actual, str):
        return _plain(item) in actual
    if isinstance(actual, list):
        return any(same(element, item) for element in actual)
    return isinstance(actual, dict) and isinstance(item, str) and item in actual


def _matches(field: Field, spec: Any, _text: bool) -> Matcher:
    return _operand(
        field,
        spec,
        lambda actual, pattern: isinstance(actual, str) and pattern.is_in(actual),
        "matching {}",
        lambda value: compile_pattern(_plain(value)),
    )


def _starts_with(field: Field, spec: Any, _text: bool) -> Matcher:
    return _operand(
        field,
        spec,
        lambda actual, part: isinstance(actual, str) and actual.startswith(part),
        "starting with {}",
        _plain,
    )


def _ends_with(field: Field, spec: Any, _text: bool) -> Matcher:
    return _operand(
        field,
        spec,
        lambda actual, part: isinstance(actual, str) and actual.endswith(part),
        "ending with {}",
        _plain,
    )


def _in(field: Field, spec: Any, text: bool) -> Matcher:
    equal = same_text if text else same
    return _operand(
        field, spec, lambda actual, items: any(equal(actual, item) for item in items), "one of {}", _items
    )


def _items(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ExpressionError(f"`in` takes a list, not {show(value, 60)}", hint="in: [open, paid]")
    return value


def _exists(field: Field, spec: Any, _text: bool) -> Matcher:
    wanted = _boolean(field, spec)
    return Matcher(
        holds=lambda actual, _: (actual is not MISSING) is wanted,
        expected=lambda _: "a value" if wanted else "no value",
        knows_missing=True,
    )


def _empty(field: Field, spec: Any, _text: bool) -> Matcher:
    wanted = _boolean(field, spec)
    return Matcher(
        holds=lambda actual, _: actual is not MISSING and _is_empty(actual) is wanted,
        expected=lambda _: "something empty" if wanted else "something not empty",
    )


def _is_empty(actual: Any) -> bool:
    return actual is None or (isinstance(actual, (str, list, dict)) and len(actual) == 0)


def _boolean(field: Field, spec: Any) -> bool:
    if not isinstance(spec, bool):
        field.problem(f"expected true or false, not {show(spec, 60)}")
    return bool(spec)


def _type(field: Field, spec: Any, _text: bool) -> Matcher:
    name = "null" if spec is None else spec  # an unquoted null in YAML
    if not isinstance(name, str) or name not in JSON_TYPES:
        hint = did_you_mean(str(name), JSON_TYPES) or f"one of {', '.join(JSON_TYPES)}"
        field.problem(f"unknown type {show(name, 60)}", hint=hint)
        return _NEVER
    phrase, test = JSON_TYPES[name]
    return Matcher(holds=lambda actual, _: actual is not MISSING and test(actual), expected=lambda _: phrase)


def _length(field: Field, spec: Any, _text: bool) -> Matcher:
    inner = compile_matcher(field, spec)

    def actual(value: Any, scope: Scope) -> str:
        return f"length {inner.actual(len(value), scope)}" if _sized(value) else show(value)

    return Matcher(
        holds=lambda actual, scope: _sized(actual) and inner.holds(len(actual), scope),
        expected=lambda scope: f"length {inner.expected(scope)}",
        actual=actual,
    )


def _read_as(what: str, *, whole: bool) -> Callable[[Field, Any, bool], Matcher]:
    """A matcher of the number that a value or its text is: `float: { above: 3 }` holds for "3.5"."""

    def build(field: Field, spec: Any, _text: bool) -> Matcher:
        is_matcher = isinstance(spec, Mapping)
        inner = compile_matcher(field, spec) if is_matcher else _operand(field, spec, operator.eq, "{}", _limit)

        def read(value: Any) -> float | None:
            return read_number(value, whole=whole)

        return Matcher(
            holds=lambda actual, scope: (number := read(actual)) is not None and inner.holds(number, scope),
            expected=lambda scope: f"{what} {inner.expected(scope)}",
            actual=lambda actual, _: (
                show(actual) if read(actual) is not None else f"{show(actual, 80)}, not {what}"
            ),
        )

    return build


def _sized(value: Any) -> bool:
    return isinstance(value, (str, list, dict))


MAX_ITEMS = 100_000
"""Items that `each` and `any` look at, at most."""


def _is_list(value: Any) -> bool:
    if isinstance(value, list) and len(value) > MAX_ITEMS:
        raise ExpressionError(f"`each` and `any` look at {MAX_ITEMS:,} items at most, not {len(value):,}")
    return isinstance(value, list)


def _each(field: Field, spec: Any, _text: bool) -> Matcher:
    inner = compile_matcher(field, spec)

    def actual(value: Any, scope: Scope) -> str:
        if isinstance(value, list):
            for index, item in enumerate(value):
                if not inner.holds(item, scope):
                    return f"{inner.actual(item, scope)} at [{index}]"
        return show(value)

    return Matcher(
        holds=lambda actual, scope: _is_list(actual) and all(inner.holds(item, scope) for item in actual),
        expected=lambda scope: f"every item: {inner.expected(scope)}",
        actual=actual,
    )


def _any(field: Field, spec: Any, _text: bool) -> Matcher:
    inner = compile_matcher(field, spec)
    return Matcher(
        holds=lambda actual, scope: _is_list(actual) and any(inner.holds(item, scope) for item in actual),
        expected=lambda scope: f"any item: {inner.expected(scope)}",
    )


def _not(field: Field, spec: Any, text: bool) -> Matcher:
    inner = compile_matcher(field, spec, text=text)
    return Matcher(
        holds=lambda actual, scope: (
            (actual is not MISSING or inner.knows_missing) and not inner.holds(actual, scope)
        ),
        expected=lambda scope: f"not {inner.expected(scope)}",
        knows_missing=inner.knows_missing,
    )


def _all_of(parts: list[Matcher]) -> Matcher:
    def actual(value: Any, scope: Scope) -> str:
        """The description by the first matcher that does not hold."""
        failing = next((part for part in parts if not part.holds(value, scope)), None)
        return failing.actual(value, scope) if failing else show(value)

    return Matcher(
        holds=lambda actual, scope: all(part.holds(actual, scope) for part in parts),
        expected=lambda scope: " and ".join(part.expected(scope) for part in parts),
        actual=actual,
        knows_missing=all(part.knows_missing for part in parts),
    )


_NEVER = Matcher(holds=lambda *_: False, expected=lambda _: "")
"""The placeholder for a matcher with a problem."""

MATCHERS: Mapping[str, Callable[[Field, Any, bool], Matcher]] = {
    "equals": _equals,
    "not": _not,
    "above": _ordering(operator.gt, "above {}"),
    "at_least": _ordering(operator.ge, "at least {}"),
    "below": _ordering(operator.lt, "below {}"),
    "at_most": _ordering(operator.le, "at most {}"),
    "between": _between,
    "contains": _contains,
    "not_contains": _not_contains,
    "matches": _matches,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "in": _in,
    "exists": _exists,
    "type": _type,
    "length": _length,
    "int": _read_as("a whole number", whole=True),
    "float": _read_as("a number", whole=False),
    "empty": _empty,
    "each": _each,
    "any": _any,
}
"""Every matcher by the name it has in YAML."""
