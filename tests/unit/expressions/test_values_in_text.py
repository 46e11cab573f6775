"""Values inside text read as JSON writes them, whatever writes them there."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError
from windtunnel.expressions.template import compile_optional_text, compile_text
from windtunnel.expressions.text import text_of
from windtunnel.model.http import Exchange

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner | st.none(), max_size=4) | st.dictionaries(st.text("abc.é"), inner | st.none(), max_size=4)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (3.0, "3"),
        (-0.5, "-0.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (2**70, "1180591620717411303424"),
        ({"gift": True, "note": None, "name": "Zoë"}, '{"gift":true,"note":null,"name":"Zoë"}'),
        ([1.0, [2.5, 1e21]], "[1,[2.5,1000000000000000000000]]"),
        ((), "[]"),
        ({"a": 1e-9}, '{"a":0.000000001}'),
        (datetime.date(2024, 1, 31), "2024-01-31"),
        (Decimal("1.10"), "1.10"),
        ("a\r\n<&>", "a\r\n<&>"),
    ],
)
def test_a_value_as_text(value: Any, text: str) -> None:
    assert text_of(value) == text
    assert compile_text("x{{ v }}y")({"v": value}) == f"x{text}y"
    assert compile_text("{{ 'x' ~ v }}{{ v | string }}")({"v": value}) == f"x{text}{text}"
    assert compile_text("{{ [v, v] | join('+') }}")({"v": value}) == f"{text}+{text}"
    assert compile_text("{{ '%s' | format(v) }}")({"v": value}) == text
    assert compile_text("{{ v | upper }}{% if v is defined %}{{ v }}{% endif %}")({"v": value}) == (
        text.upper() + text
    )


def same(read: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return list(read) == list(value) and all(same(read[key], value[key]) for key in value)
    if isinstance(value, list):
        return len(read) == len(value) and all(map(same, read, value))
    return bool(float(read) == value if type(value) is float else read == value)


@given(JSON_VALUES)
def test_a_value_in_text_reads_back_equal(value: Any) -> None:
    text = compile_text("{{ v }}")({"v": value})
    if isinstance(value, str):
        assert text == value
    else:
        assert same(json.loads(text), value)
        assert isinstance(value, list | dict | bool) or "e" not in text.lower()


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("x{{ order.note }}", "order.note"),
        ("{{ order['note'] }}", "order['note']"),
        ("{{ order.lines[0].note }}!", "order.lines[0].note"),
        ("{% for line in order.lines %}{{ line.note }}{% endfor %}", "line.note"),
        ("{{ 'a' ~ order.note }}", "order.note"),
        ("{{ order.note or none }}", "a value"),
        ("{{ [order.note] | join }}", "a value"),
        ("{{ order.note | string }}", "a value"),
        ("{{ order.note | upper }}", "a value"),
        ("{{ '%s' | format(order.note) }}", "a value"),
    ],
)
def test_null_in_the_middle_of_text_is_an_error_that_names_it(template: str, name: str) -> None:
    order = {"note": None, "lines": [{"note": None}]}
    with pytest.raises(ExpressionError) as caught:
        compile_text(template)({"order": order})
    assert str(caught.value) == f"{name} is null"
    assert caught.value.hint == 'add | default("") for no text, or | tojson for the word null'


def test_what_the_error_suggests_works() -> None:
    template = compile_text("x{{ note | default('') }}{{ note | d('-') }}{{ note | tojson }}")
    assert template({"note": None}) == "x-null"
    assert compile_text("{{ count | default(5) }}{{ count | default(5, true) }}")({"count": 0}) == "05"


@pytest.mark.parametrize(
    ("written", "value", "text"),
    [
        ("{{ v }}", None, None),
        ("{{ v }}", True, "true"),
        ("{{ v }}", "None", "None"),
        ("{{ v }}", {"a": None}, '{"a":null}'),
        (None, 1, None),
        (1.50, 1, "1.5"),
    ],
)
def test_null_that_stands_alone_is_no_text(written: Any, value: Any, text: str | None) -> None:
    assert compile_optional_text(written)({"v": value}) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "inf is no number that JSON can hold"),
        ([float("nan")], "nan is no number that JSON can hold"),
        (b"ab", "bytes can't be written as text"),
        (object(), "a object can't be written as text: Encoding objects of type object is unsupported"),
        (Exchange("GET", "http://shop/", "shop"), "a response cannot be used as text"),
        (len, "len is a function"),
    ],
)
def test_what_json_cant_hold_is_an_error(value: Any, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_text("x{{ v }}")({"v": value})
    assert str(caught.value) == reason
