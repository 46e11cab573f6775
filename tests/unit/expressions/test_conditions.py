from __future__ import annotations

from typing import Any

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.expressions.template import compile_condition


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
