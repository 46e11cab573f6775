from __future__ import annotations

from typing import Any

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.expressions.conditions import compile_condition


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("qty > 1", True),
        ("{{ qty > 1 }}", True),
        ("  qty == 3 ", False),
        ("flag", True),
        ("{{ flag }}", True),
        ("not flag", False),
        ("user.name == 'Ann' and qty in [1, 2]", True),
        ("missing is defined", False),
        ("user == {'name': 'Ann'}", True),
        ("{'a': {'b': 1}} == user", False),
        ("true", True),
        (True, True),
        (False, False),
    ],
)
def test_a_condition_holds_or_not(condition: str | bool, holds: bool) -> None:
    assert compile_condition(condition)({"qty": 2, "flag": True, "user": {"name": "Ann"}}) is holds


def test_a_condition_names_what_it_reads() -> None:
    assert compile_condition("a.b > c").names == {"a", "c"}
    assert compile_condition(True).names == frozenset()


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, "a number"), ("yes", "a text"), ([], "a list"), ({}, "a mapping"), (None, "null"), (0.0, "a number")],
)
def test_what_is_neither_true_nor_false_is_an_error(value: Any, kind: str) -> None:
    for text in ("x", "{{ x }}", "x or x"):
        with pytest.raises(ExpressionError, match=f'^"{text}" is {kind}, not true or false$') as caught:
            compile_condition(text)({"x": value})
        assert "compare" in (caught.value.hint or "")


def test_an_undefined_variable_is_an_error() -> None:
    with pytest.raises(ExpressionError, match='"x" is not defined'):
        compile_condition("x > 1")({})


@pytest.mark.parametrize(
    "condition",
    ["", "   ", None, 5, "a >", "a }} {{ b", "{{ a }}{{ b }}", "{% if a %}", "x{{ a }}", "{{ a }} and {{ b }}"],
)
def test_what_is_not_one_expression_is_refused(condition: Any) -> None:
    with pytest.raises(ExpressionError):
        compile_condition(condition)


def test_a_message_quotes_the_condition_as_it_was_written() -> None:
    with pytest.raises(ExpressionError, match=r'^"a >" is not a template'):
        compile_condition("a >")


@pytest.mark.parametrize(
    ("condition", "a", "b"),
    [
        ("a > b", "9", "10"),
        ("{{ a < b }}", "10", "9"),
        ("a >= '10'", "9", ""),
        ("flag and '100' <= b", "", "20"),
        ("not (a.b < b)", {"b": "10.5"}, "9"),
    ],
)
def test_numbers_that_are_texts_are_not_compared_letter_by_letter(condition: str, a: Any, b: Any) -> None:
    with pytest.raises(ExpressionError, match="are texts, which are compared letter by letter") as raised:
        compile_condition(condition)({"a": a, "b": b, "flag": True})
    assert raised.value.hint == "make both numbers, as in (a | float) > (b | float)"


@pytest.mark.parametrize(
    ("condition", "a", "b", "holds"),
    [
        ("a > b", "20260102", "20251231", True),
        ("a > b", "10", "11", False),
        ("a > b", "b", "a10", True),
        ("a > b", 9, 10, False),
        ("(a | float) > (b | float)", "10", "9", True),
        ("a >= b", "2026-01-02T10", "2026-01-02", True),
        ("a < b < 12", 9, 10, True),
        ("a <= b", [1], [2], True),
    ],
)
def test_what_is_in_the_same_order_as_text_is_compared(condition: str, a: Any, b: Any, holds: bool) -> None:
    assert compile_condition(condition)({"a": a, "b": b}) is holds


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ("12", 9, "a text can't be compared with a number by >; make the text a number: … | float"),
        (1.5, "x", "a number can't be compared with a text by >; make the text a number: … | float"),
        (None, 5, "null can't be compared with a number by >"),
        ({}, [], "a mapping can't be compared with a list by >"),
    ],
)
def test_what_can_not_be_compared_is_told_by_kind(a: Any, b: Any, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_condition("a > b")({"a": a, "b": b})
    assert str(raised.value) == f'can\'t evaluate "a > b": {reason}'


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("1", "a number"),
        ("{{ 'yes' }}", "a text"),
        ("items | length", "a number"),
        ("name | trim", "a text"),
        ("a ~ b", "a text"),
        ("total - 1", "a number"),
        ("[a]", "a list"),
        ("uuid()", "a text"),
        ("hmac(a, b)", "a text"),
        ("now()", "a number"),
        ("a | sha256 | base64", "a text"),
        ("token | jwt", "a mapping"),
        ("expires | timestamp", "a number"),
        ("response", "the response"),
        ("response.status", "a number"),
        ("user_index", "a number"),
        ("ok and items | length", "a number after `and`"),
        ("items | length or ok", "a number before `or`"),
        ("ok and (a or name | lower)", "a text after `or`"),
        ("1 if ok else 2", "a number"),
        ("ok if a else 'no'", "a text after `else`"),
        ("(a | list) or (b | list)", "a list"),
    ],
)
def test_what_can_never_be_true_or_false_is_refused_when_it_is_compiled(condition: str, kind: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_condition(condition)
    assert str(caught.value) == f'"{condition}" is {kind}, not true or false'
    assert "compare" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "condition",
    ["not items | length", "items | length > 0", "a and b", "a.b", "x if a else y", "f is defined and a"],
)
def test_what_may_be_true_or_false_is_not_refused(condition: str) -> None:
    assert compile_condition(condition, lambda _member: None).text == condition


def test_the_known_kind_of_a_variable_counts() -> None:
    kinds = {("qty",): "a number", ("data", "u", "admin"): "a text", ("done",): "a boolean"}
    for condition in ("qty", "data.u.admin", "data['u']['admin']", "done and qty"):
        with pytest.raises(ExpressionError, match="not true or false"):
            compile_condition(condition, kinds.get)
    assert compile_condition("done", kinds.get)({"done": True}) is True
