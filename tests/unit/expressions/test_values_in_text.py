"""Values inside text read as JSON writes them, whatever writes them there."""

from __future__ import annotations

import datetime
import enum
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError
from windtunnel.expressions.template import compile_optional_text, compile_text
from windtunnel.expressions.text import text_of
from windtunnel.model.http import Exchange


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Ratio(float):
    """A number of a kind of its own, as libraries have them."""


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
        (Decimal("1E+22"), "10000000000000000000000"),
        (Colour.RED, "red"),
        (Level.HIGH, "3"),
        (Ratio(1e22), "10000000000000000000000"),
        ([Ratio(0.5), Colour.RED, 2**70], '[0.5,"red",1180591620717411303424]'),
        ({True: 1, 1.50: 2, None: 3}, '{"true":1,"1.5":2,"null":3}'),
        (["\ud800"], '["\\ud800"]'),
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


class Plain(float):
    """A number that `json` writes without an exponent."""

    def __repr__(self) -> str:
        return f"{Decimal(float.__repr__(self)):f}".removesuffix(".0")


def written(value: Any) -> str:
    """What Python's own writer gives, its numbers taken out first and put back without an exponent."""
    numbers: list[str] = []

    def marked(value: Any) -> Any:
        if isinstance(value, float):
            numbers.append(repr(Plain(value)))
            return f"\0{len(numbers) - 1}\0"
        if isinstance(value, dict):
            return {key: marked(item) for key, item in value.items()}
        return [marked(item) for item in value] if isinstance(value, list) else value

    text = json.dumps(marked(value), ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'"\\u0000(\d+)\\u0000"', lambda found: numbers[int(found[1])], text)


def same(read: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return list(read) == list(value) and all(same(read[key], value[key]) for key in value)
    if isinstance(value, list):
        return len(read) == len(value) and all(map(same, read, value))
    return bool(float(read) == value if type(value) is float else read == value)


@given(JSON_VALUES)
def test_a_value_in_text_is_its_json_and_reads_back_equal(value: Any) -> None:
    text = compile_text("{{ v }}")({"v": value})
    if isinstance(value, str):
        assert text == value
    else:
        assert text == written(value) == compile_text("{{ v | tojson }}")({"v": value})
        assert same(json.loads(text), value)
        assert same(json.loads(compile_text("{{ v | tojson(2) }}")({"v": value})), value)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("x{{ order.note }}", "order.note"),
        ("{{ order['note'] }}", "order['note']"),
        ("{{ order.lines[0].note }}!", "order.lines[0].note"),
        ("{% for line in order.lines %}{{ line.note }}{% endfor %}", "line.note"),
        ("{{ 'a' ~ order.note }}", "order.note"),
        ("{{ order.note or none }}", "a value"),
        ("{{ [order.note] | join }}", "an item of the list"),
        ("{{ order.note | string }}", "order.note"),
        ("{{ order.note | upper }}", "order.note"),
        ("{{ [order.note] | first }}", "a value"),
        ("{{ order.notes | first }}", "order.notes | first"),
        ("{{ '%s' % order.note }}", "a value"),
        ("{{ '%(note)s' % order }}", "a value"),
        ("{{ 'a{}'.format(order.note) }}", "a value"),
        ("{{ 'abc' | replace('b', order.note) }}", "a value"),
        ("{{ '%s' | format(order.note) }}", "a value"),
    ],
)
def test_null_in_the_middle_of_text_is_an_error_that_names_it(template: str, name: str) -> None:
    order = {"note": None, "notes": [None], "lines": [{"note": None}]}
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
        ([{"a": [b"ab"]}], "bytes can't be written as text"),
        (object(), "a value of the kind object has no text"),
        ((each for each in [1]), "a value of the kind generator has no text"),
        (Decimal("NaN"), "NaN is no number that JSON can hold"),
        (Exchange("GET", "http://shop/", "shop"), "a response cannot be used as text"),
        (len, "len is a function"),
    ],
)
def test_what_json_cant_hold_is_an_error(value: Any, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_text("x{{ v }}")({"v": value})
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            "{{ '%s %d %5.1f|%6s|%r' % (yes, yes, three, three, huge) }}",
            "true 1   3.0|     3|10000000000000000000000",
        ),
        ("{{ '%(yes)s %(huge)s' % order }}", "true 10000000000000000000000"),
        ("{{ '%s' % order }}", '{"yes":true,"huge":10000000000000000000000,"note":null}'),
        ("{{ '%s %d %s' | format(yes, yes, three) }}", "true 1 3"),
        (
            "{{ '{} {:>5} {:.1f} {!s} {o[yes]}'.format(yes, yes, three, huge, o=order) }}",
            "true  true 3.0 10000000000000000000000 true",
        ),
        ("{{ '{yes}'.format_map(order) }}", "true"),
        ("{{ 'abc' | replace('b', yes) }}{{ 'a3c' | replace(three, 'b') }}", "atruecabc"),
        ("{{ ['a', 'b'] | join(three) }}", "a3b"),
        ("{{ yes | urlencode }} {{ huge | urlencode }}", "true 10000000000000000000000"),
        (
            "{{ {'a b': [yes, none, three], 'c': none} | urlencode }} {{ [['a', yes]] | urlencode }}",
            "a+b=true&a+b=3 a=true",
        ),
        ("{{ order | xmlattr }}", ' yes="true" huge="10000000000000000000000"'),
        ("{{ order | tojson }}", '{"yes":true,"huge":10000000000000000000000,"note":null}'),
        ("{{ [three, 'é<', {}, []] | tojson(indent=1) }}", '[\n 3,\n "é<",\n {},\n []\n]'),
        ("{{ 'a:,[b' | tojson(2) }}{{ order | length }}", '"a:,[b"3'),
        ("{{ [yes, three] | map('string') | join('-') }}", "true-3"),
        ("{% set a %}{{ yes }}{% endset %}{{ a }}{% filter upper %}{{ yes }}{% endfilter %}", "trueTRUE"),
        ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m(yes) }}{{ 1 if not yes }}", "true"),
        ("{% for a in [yes, three] %}{{ loop.first }}{{ a }}{% endfor %}", "truetruefalse3"),
        ("{{ order.gone | default('d') }}{{ order.note | default(yes) }}", "dtrue"),
        ("{{ 'ru' in yes | string and yes | string == 'true' }}", "true"),
    ],
)
def test_whatever_makes_text_in_a_template_writes_values_the_same_way(template: str, text: str) -> None:
    order = {"yes": True, "huge": 1e22, "note": None}
    assert compile_text(f"{template} ")({"yes": True, "three": 3.0, "huge": 1e22, "order": order}) == f"{text} "
