from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import field
from windtunnel.actions.response.comparison import same
from windtunnel.actions.response.matchers import MATCHERS, MISSING, Matcher, compile_matcher
from windtunnel.errors import ExpressionError


def matcher(spec: Any, *, text: bool = False, **variables: Any) -> Matcher:
    here = field(**variables)
    compiled = compile_matcher(here, spec, text=text)
    assert here.context.problems == []
    return compiled


def verdict(spec: Any, actual: Any, *, text: bool = False, **variables: Any) -> str | None:
    """None when the matcher holds, else the sentence a person reads."""
    compiled = matcher(spec, text=text, **variables)
    if compiled.holds(actual, variables):
        return None
    return f"expected {compiled.expected(variables)} but got {compiled.actual(actual, variables)}"


HOLDS = [
    ("p-1", "p-1"),
    (5, 5.0),
    (None, None),
    (True, True),
    ([1, {"a": True}], [1, {"a": True}]),
    ({"equals": {"a": 1}}, {"a": 1.0}),
    ({"not": 3}, 4),
    ({"not": {"contains": "x"}}, "abc"),
    ({"above": 0}, 0.5),
    ({"at_least": 1}, 1),
    ({"below": 10}, 9),
    ({"at_most": 10}, 10),
    ({"between": [1, 3]}, 3),
    ({"above": 0, "below": 10}, 5),
    ({"contains": "ell"}, "hello"),
    ({"contains": 5}, "a5b"),
    ({"contains": 5}, [1, 5]),
    ({"contains": "key"}, {"key": None}),
    ({"not_contains": "x"}, "abc"),
    ({"not_contains": 2}, [1, 3]),
    ({"matches": "^p-[0-9]+$"}, "p-12"),
    ({"matches": "b"}, "abc"),
    ({"starts_with": "ab"}, "abc"),
    ({"ends_with": "bc"}, "abc"),
    ({"in": [1, "two"]}, "two"),
    ({"exists": True}, None),
    ({"exists": False}, MISSING),
    ({"not": {"exists": True}}, MISSING),
    ({"type": "string"}, ""),
    ({"type": "number"}, 1.5),
    ({"type": "integer"}, 2.0),
    ({"type": "boolean"}, False),
    ({"type": "array"}, []),
    ({"type": "object"}, {}),
    ({"type": "null"}, None),
    ({"type": None}, None),
    ({"length": 2}, [0, 0]),
    ({"length": {"at_least": 1}}, {"a": 1}),
    ({"length": {"below": 10**400}}, "abc"),
    ({"below": 10**400}, 10**399),
    ({"length": {"between": [1, 5]}}, "abc"),
    ({"empty": True}, []),
    ({"empty": True}, None),
    ({"empty": False}, "a"),
    ({"each": {"above": 0}}, [1, 2]),
    ({"each": {"type": "string"}}, []),
    ({"any": "b"}, ["a", "b"]),
    ({"float": {"above": 3}}, "12.50"),
    ({"float": {"between": [1, 3]}}, " 1e0 "),
    ({"float": 12.5}, "12.50"),
    ({"float": "12.5"}, 12.5),
    ({"int": 7}, "007"),
    ({"int": 7}, 7.0),
    ({"int": {"in": [1, 2]}}, "2"),
    ({"int": {"not": 3}}, "-4"),
    ({"int": 9007199254740993}, "9007199254740993"),
    ({"each": {"int": {"above": 0}}}, ["1", 2]),
]

FAILS = [
    ({"float": {"above": 13}}, "12.50", 'expected a number above 13 but got "12.50"'),
    ({"float": {"above": 3}}, "many", 'expected a number above 3 but got "many", not a number'),
    ({"int": 7}, "7.5", 'expected a whole number 7 but got "7.5", not a whole number'),
    ({"int": {"not": 3}}, "x", 'expected a whole number not 3 but got "x", not a whole number'),
    ({"float": {"below": 5}}, True, "expected a number below 5 but got true, not a number"),
    (
        {"int": 9007199254740993},
        "9007199254740992",
        'expected a whole number 9007199254740993 but got "9007199254740992"',
    ),
    ({"int": 1}, None, "expected a whole number 1 but got null, not a whole number"),
    ("p-1", "p-2", 'expected "p-1" but got "p-2"'),
    ({"equals": {"a": 1}}, {"a": 2}, 'expected {"a": 1} but got {"a": 2}'),
    (5, "5", 'expected 5 but got "5", which is text, not a number; expect it in quotes'),
    (1, True, "expected 1 but got true"),
    (True, 1, "expected true but got 1"),
    ([1], [True], "expected [1] but got [true]"),
    ({"not": 3}, 3, "expected not 3 but got 3"),
    ({"above": 0}, 0, "expected above 0 but got 0"),
    ({"above": 0}, True, "expected above 0 but got true"),
    (
        {"above": 0},
        "12",
        'expected above 0 but got "12", which is text, not a number; read it as one, as in float: { above: 10 }',
    ),
    (
        {"at_most": "10"},
        "9",
        'expected at most "10" but got "9", which is text, not a number; '
        "read it as one, as in float: { above: 10 }",
    ),
    ({"below": 5}, "few", 'expected below 5 but got "few", which is text, not a number'),
    (
        {"between": [1, 5]},
        "1e1",
        'expected between 1 and 5 but got "1e1", which is text, not a number; '
        "read it as one, as in float: { above: 10 }",
    ),
    (12, "12.0", 'expected 12 but got "12.0", which is text, not a number; expect it in quotes'),
    ("12", 12, 'expected "12" but got 12, which is a number, not text; expect it without quotes'),
    ({"equals": "1"}, True, 'expected "1" but got true'),
    ({"equals": "13"}, 12, 'expected "13" but got 12'),
    ({"at_least": 1}, 0.5, "expected at least 1 but got 0.5"),
    ({"below": 10}, 10, "expected below 10 but got 10"),
    ({"at_most": 10}, 11, "expected at most 10 but got 11"),
    ({"between": [1, 3]}, 4, "expected between 1 and 3 but got 4"),
    ({"above": 0, "below": 10}, 12, "expected above 0 and below 10 but got 12"),
    ({"contains": "x"}, "abc", 'expected containing "x" but got "abc"'),
    ({"contains": 1}, [True], "expected containing 1 but got [true]"),
    ({"contains": "x"}, 5, 'expected containing "x" but got 5'),
    ({"not_contains": "b"}, "abc", 'expected not containing "b" but got "abc"'),
    ({"matches": "^p"}, "q", 'expected matching "^p" but got "q"'),
    ({"matches": "^p"}, 5, 'expected matching "^p" but got 5'),
    ({"starts_with": "b"}, "abc", 'expected starting with "b" but got "abc"'),
    ({"ends_with": "b"}, "abc", 'expected ending with "b" but got "abc"'),
    ({"in": [1, "two"]}, 2, 'expected one of [1, "two"] but got 2'),
    ({"exists": False}, 5, "expected no value but got 5"),
    ({"type": "integer"}, 1.5, "expected an integer but got 1.5"),
    ({"type": "number"}, True, "expected a number but got true"),
    ({"type": "array"}, {}, "expected an array but got {}"),
    ({"length": {"at_least": 1}}, [], "expected length at least 1 but got length 0"),
    ({"length": 1}, 5, "expected length 1 but got 5"),
    ({"empty": True}, [1], "expected something empty but got [1]"),
    ({"empty": False}, "", 'expected something not empty but got ""'),
    ({"each": {"above": 0}}, [1, -1], "expected every item: above 0 but got -1 at [1]"),
    ({"each": {"above": 0}}, 5, "expected every item: above 0 but got 5"),
    ({"any": {"above": 9}}, [1, 2], "expected any item: above 9 but got [1, 2]"),
    ({"length": 1, "each": 2}, [3], "expected length 1 and every item: 2 but got 3 at [0]"),
]


@pytest.mark.parametrize(("spec", "actual"), HOLDS)
def test_a_matcher_holds(spec: Any, actual: Any) -> None:
    assert verdict(spec, actual) is None


@pytest.mark.parametrize(("spec", "actual", "sentence"), FAILS)
def test_a_failed_matcher_says_what_was_expected_and_what_came(spec: Any, actual: Any, sentence: str) -> None:
    assert verdict(spec, actual) == sentence


def test_every_matcher_is_tried_both_ways() -> None:
    def names(specs: list[Any]) -> set[str]:
        return {name for spec in specs if isinstance(spec, dict) for name in spec}

    assert names([spec for spec, _ in HOLDS]) == set(MATCHERS)
    assert names([spec for spec, _, _ in FAILS]) == set(MATCHERS)


@pytest.mark.parametrize(
    "spec",
    ["x", None, {"not": "x"}, {"not_contains": "x"}, {"empty": True}, {"each": 1}, {"length": 0}, {"in": [None]}],
)
def test_nothing_but_exists_false_matches_what_is_missing(spec: Any) -> None:
    assert not matcher(spec).holds(MISSING, {})


@pytest.mark.parametrize(
    ("spec", "actual"),
    [
        (5, "5"),
        (1.5, "1.50"),
        (True, "true"),
        (False, "False"),
        ({"above": 100}, "250"),
        ({"between": [1, 2]}, " 1.5 "),
        ({"in": [1, 2]}, "2"),
        ({"not": 5}, "6"),
        ({"length": 3}, "abc"),
    ],
)
def test_text_is_read_as_a_number_or_a_boolean_where_one_is_asked_for(spec: Any, actual: str) -> None:
    assert verdict(spec, actual, text=True) is None


@pytest.mark.parametrize(
    ("spec", "actual"), [(5, "five"), (True, "1"), (None, ""), ({"above": 1}, "1_000"), ({"above": 0}, "nan")]
)
def test_text_that_is_no_number_stays_text(spec: Any, actual: str) -> None:
    assert verdict(spec, actual, text=True) is not None


def test_a_header_that_is_no_number_says_so() -> None:
    assert verdict({"at_most": 5}, "5s", text=True) == 'expected at most 5 but got "5s", which is not a number'
    assert verdict({"at_most": 5}, "6", text=True) == 'expected at most 5 but got "6"'


@pytest.mark.parametrize(
    ("spec", "actual", "sentence"),
    [
        ("{{ wanted }}", "b", 'expected "a" but got "b"'),
        ({"contains": "<{{ wanted }}>"}, "a", 'expected containing "<a>" but got "a"'),
        ({"above": "{{ limit }}"}, 3, "expected above 3 but got 3"),
        ({"between": ["{{ limit }}", 9]}, 1, "expected between 3 and 9 but got 1"),
        ({"matches": "^{{ wanted }}$"}, "b", 'expected matching "^a$" but got "b"'),
        ({"in": "{{ choices }}"}, 3, "expected one of [1, 2] but got 3"),
        ({"equals": {"id": "{{ wanted }}"}}, {}, 'expected {"id": "a"} but got {}'),
        ({"length": "{{ limit }}"}, [1], "expected length 3 but got length 1"),
    ],
)
def test_expected_values_may_hold_templates(spec: Any, actual: Any, sentence: str) -> None:
    assert verdict(spec, actual, wanted="a", limit=3, choices=[1, 2]) == sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1e22, "10000000000000000000000"),
        (3.0, "3"),
        (12345678901234567, "12345678901234567"),
        ({"b": [1.0, None], "a": "é"}, '{"b":[1,null],"a":"é"}'),
    ],
)
@pytest.mark.parametrize("name", ["equals", "contains", "starts_with", "ends_with", "in"])
def test_a_value_is_compared_with_text_as_it_is_written_in_text(name: str, value: Any, text: str) -> None:
    spec: Any = ["{{ v }}"] if name == "in" else "{{ v }}"
    assert verdict({name: spec}, text, text=True, v=value) is None
    assert verdict({name: spec}, f"[{text[:-1]}]", text=True, v=value) is not None


def test_a_template_that_yields_no_number_is_an_error_and_no_failed_check() -> None:
    with pytest.raises(ExpressionError, match='expected a number here, not "abc"'):
        matcher({"above": "{{ limit }}"}, limit="abc").holds(3, {"limit": "abc"})


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ({"contians": "x"}, 'unknown matcher "contians"', 'did you mean "contains"?'),
        ({"zzz": 1}, 'unknown matcher "zzz"', "to compare with a mapping, put it under `equals`"),
        ({}, "no matcher is given", f"one of {', '.join(MATCHERS)}"),
        ({"above": "much"}, 'expected a number here, not "much"', None),
        ({"float": "much"}, 'expected a number here, not "much"', None),
        ({"int": {"above": "much"}}, 'expected a number here, not "much"', None),
        ({"between": [1]}, "`between` takes two numbers, the lowest and the highest allowed", "between: [1, 10]"),
        ({"in": "abc"}, '`in` takes a list, not "abc"', "in: [open, paid]"),
        ({"exists": "yes"}, 'expected true or false, not "yes"', None),
        ({"type": "strnig"}, 'unknown type "strnig"', 'did you mean "string"?'),
        ({"each": {"abov": 1}}, 'unknown matcher "abov"', 'did you mean "above"?'),
    ],
)
def test_a_wrong_matcher_is_a_problem(spec: Any, message: str, hint: str | None) -> None:
    here = field()
    compile_matcher(here, spec)
    assert [(problem.message, problem.hint) for problem in here.context.problems] == [(message, hint)]


def test_a_wrong_regular_expression_is_a_problem() -> None:
    here = field()
    compile_matcher(here, {"matches": "(a"})
    (problem,) = here.context.problems
    assert problem.message.startswith('"(a" is not a regular expression: missing )')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
SPECS: list[Any] = [
    *(spec for spec, _ in HOLDS),
    {"not": {"each": {"length": {"above": 1}}}},
    {"any": {"any": {"contains": "a"}}},
]


@settings(max_examples=60)
@given(actual=JSON, text=st.booleans())
def test_no_matcher_raises_whatever_comes(actual: Any, text: bool) -> None:
    for spec in SPECS:
        compiled = matcher(spec, text=text)
        assert compiled.holds(actual, {}) in (True, False)
        assert len(compiled.actual(actual, {})) <= 220
        assert compiled.expected({}).isprintable()


@settings(max_examples=60)
@given(value=JSON)
def test_every_value_equals_itself_and_never_its_own_list(value: Any) -> None:
    assert same(value, value) or any(map(math.isnan, _floats(value)))
    assert not same([value], value)


def _floats(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [number for item in inner for number in _floats(item)]


@pytest.mark.parametrize("matcher", ["each", "any"])
def test_a_list_of_very_many_items_is_not_gone_through(matcher: str) -> None:
    compiled = compile_matcher(field(), {matcher: {"type": "string"}})

    assert compiled.holds(["a"] * 100_000, {})
    with pytest.raises(ExpressionError, match="look at 100,000 items at most, not 100,001"):
        compiled.holds(["a"] * 100_001, {})
