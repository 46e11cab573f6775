"""No template, and no value that a response brings into one, holds the loop or fills the memory."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from typing import Any

import pytest
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

from tests.support.bounded import outcomes
from windtunnel.errors import ExpressionError
from windtunnel.expressions.calls import METHODS
from windtunnel.expressions.conditions import compile_condition
from windtunnel.expressions.filters import ADDED, FILTERS, TESTS
from windtunnel.expressions.template import compile_json, compile_template, compile_text
from windtunnel.model.http import Exchange

MIB = 1 << 20


@functools.lru_cache(maxsize=1)
def _scope() -> Mapping[str, Any]:
    response = Exchange("GET", "http://localhost/", "shop")
    response.body = b"[" + b'"word (((< %s",' * (10 * MIB // 15) + b"1]"
    generator = random.Random(7)
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested, 1]
    return {
        "_random": lambda: generator,
        "_now": lambda: 1.7e9,
        "response": response,
        "text": "a" * MIB,
        "brackets": "(" * (MIB // 2) + ")" * (MIB // 2),
        "tags": "<b>" * (MIB // 3),
        "lines": "a\n" * (MIB // 2),
        "numbers": list(range(200_000)),
        "lists": [[0] * 1000 for _ in range(1000)],
        "nested": nested,
        "n": 1_000_000_000,
        "huge": int("9" * 4_000),
    }


def judge(case: str) -> str:
    """The error of a template, at load or when it is rendered."""
    compile_ = {
        "value": compile_template,
        "text": compile_text,
        "condition": compile_condition,
        "json": compile_json,
    }
    kind, _, template = case.partition(": ")
    try:
        compiled = compile_[kind](template)  # type: ignore[operator]
    except ExpressionError as error:
        return f"load: {error}"
    try:
        compiled(_scope())
    except ExpressionError as error:
        return f"render: {error}"
    return "a value"


CONSTANT = [
    "value: {{ '%999999999d' % 1 }}",
    "value: {{ '%0999999999d' % 1 }}",
    "value: {{ '%.999999999f' % 1.0 }}",
    "value: {{ '%*d' % (999999999, 1) }}",
    "value: {{ '%-*d' % (999999999, 1) }}",
    "value: {{ '%(((a)))99999999d' % {'((a))': 1} }}",
    "value: {{ ('%s' * 100000) % (('a' * 1000000,) * 100000) }}",
    "value: {{ ('%(a)s' * 100000) % {'a': 'a' * 1000000} }}",
    "value: {{ ('%99999999d' | e) % 1 }}",
    "value: {{ '%999999999d'.encode() % 1 }}",
    "value: {{ '%999999999d' | format(1) }}",
    "value: {{ '%999999999d' is even }}",
    "value: {{ '%0999999999d' is divisibleby 7 }}",
    "value: {{ ['%0999999999d'] | select('odd') | list }}",
    "value: {{ '{:999999999}'.format(1) }}",
    "value: {{ '{:>{w}}'.format(1, w=999999999) }}",
    "value: {{ '{:.999999999f}'.format(1.0) }}",
    "value: {{ '{a:999999999}'.format_map({'a': 1}) }}",
    "value: {{ ('{:999999999}' | e).format(1) }}",
    "value: {{ ('{0}' * 100000).format('a' * 1000000) }}",
    "value: {{ ['{:999999999}'] | map(attribute='format') | first }}{{ ('{:9999999}'['format'])(1) }}",
    "value: {{ 'a' | center(999999999) }}",
    "value: {{ ['a'] | map('center', 999999999) | list }}",
    "value: {{ 'a'.center(999999999) }}",
    "value: {{ 'a'.ljust(999999999) }}",
    "value: {{ 'a'.rjust(999999999) }}",
    "value: {{ 'a'.zfill(999999999) }}",
    "value: {{ 'a'.encode().zfill(999999999) }}",
    "value: {{ '\\t'.expandtabs(999999999) }}",
    "value: {{ ('a' * 1000000).replace('a', 'b' * 1000) }}",
    "value: {{ ('a' * 1000000).replace('', 'b' * 1000) }}",
    "value: {{ 'a' * 1000000 | replace('a', 'b' * 1000) }}",
    "value: {{ 'a' * 1000000 | replace('a', 'b' * 1000, 500000) }}",
    "value: {{ ('a' * 1000000).join(('b' * 10000) | list) }}",
    "value: {{ ('b' * 10000) | list | join('a' * 1000000) }}",
    "value: {{ ('a' * 100000).translate({97: 'b' * 100000}) }}",
    "value: {{ (1).to_bytes(999999999, 'big') }}",
    "value: {{ [1] | batch(999999999, 0) | list }}",
    "value: {{ [1] | slice(999999999) | list }}",
    "value: {{ 'a\\n' * 100000 | indent(100000) }}",
    "value: {{ 'a\\n' * 100000 | indent('b' * 100000) }}",
    "value: {{ 'a' * 1000000 | wordwrap(1) }}",
    "value: {{ 'a b ' * 100000 | wordwrap(3, wrapstring='c' * 100000) }}",
    "value: {{ '(' * 500000 | urlize }}",
    "value: {{ 'www.a.b ' * 10000 | urlize(target='c' * 100000) }}",
    "value: {{ '<b>' * 300000 | striptags }}",
    "value: {{ ('<b>' * 300000 | e).striptags() }}",
    "value: {{ [[1]] | tojson(indent=999999999) }}",
    "value: {{ 'a' * 1000000 | base64 }}",
    "value: {{ 'a' * 1000000 | hex }}",
    "value: {{ ('<' * 1000000) | urlencode }}",
    "value: {% for a in range(999) %}{{ ('a' * 1000000) | sha256 }}{% endfor %}",
    "text: {% for a in range(9999) %}{{ ('[' ~ '1,' * 50000 ~ '1]') | fromjson | length }}{% endfor %}",
    "value: {{ 5 | round(-999999999) }}",
    "value: {{ 5 | round(999999999, 'ceil') }}",
    "value: {{ 5.5 | round(999999999, 'floor') }}",
    "value: {{ ('z' * 1000000) | int(base=36) }}",
    "value: {{ range(999999999) | list }}",
    "value: {{ range(99999) | map('string') | join('a' * 10000) }}",
    "value: {{ 'a' ~ 'a' * 1000000 ~ 'a' * 1000000 }}",
    "value: {{ range(50000) | map('list') | sum(start=[]) }}",
    "value: {{ ('a' * 1000000).rfind('b' + 'a' * 500000) }}",
    "value: {{ ('a' * 1000000).strip('b' * 1000000 ~ 'a') }}",
    "value: {{ 'a' * 1000000 | trim('b' * 500000 ~ 'a') }}",
    "value: {{ ('\u00fc' * 1000000).encode('punycode') }}",
    "value: {{ {}.fromkeys(range(100000) | map('string')) }}",
    "value: {{ 9 ** 9 ** 9 }}",
    "value: {{ 7**9999999 }}",
    "value: {{ " + "9" * 10_000 + " }}",
    "value: {{ " + " * ".join(["9" * 4_000] * 10) + " }}",
    "value: {{ 0x" + "f" * 100_000 + " // 7 }}",
    "value: {{ 1 << 1000000000 }}",
    "text: x{% filter center(999999999) %}a{% endfilter %}",
    "text: x{% set a = 'a' * 1000000 %}{{ a }}{{ a }}",
    "text: {% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "text: {% for a in range(99999) if a < 0 %}{% endfor %}" * 3,
    "text: {% for a in range(9) %}{% for b in range(9) %}" + "{{ a }}" * 10_000 + "{% endfor %}{% endfor %}",
    "text: {% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
    "text: {% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% else %}a{% endif %}{% endmacro %}{{ f(40) }}",
    "text: {% macro f() %}"
    + "{{ 1 + 1 }}" * 1000
    + "{% endmacro %}{% for a in range(9999) %}{{ f() }}{% endfor %}",
    "text: {% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "text: {% for a in [[]] * 9 recursive %}{{ loop([[]] * 9) }}{% endfor %}",
    "text: {% set ns = namespace(a='a') %}{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
    "text: {% set ns = namespace(a='a') %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
    "text: {% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
    "text: {% set ns = namespace(a=9) %}{% for i in range(99) %}{% set ns.a = ns.a * ns.a %}{% endfor %}",
    "text: {% set a = 'aaaaaaaa' %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40,
    "text: {% macro f() %}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}",
    "condition: 'a' | center(999999999) == 'b'",
    "json: {{ '%999999999d' % 1 }}",
]

OF_VALUES = [
    "text: x{{ response.json }}",
    "value: {{ response.json | string | length }}",
    "value: {{ response.json | tojson }}",
    "value: {{ response.json | pprint }}",
    "value: {{ response.json | sort }}",
    "value: {{ response.json | unique | list }}",
    "value: {{ response.json | join }}",
    "value: {{ response.json ~ 'a' }}",
    "value: {{ response.text | upper }}",
    "value: {{ response.text | urlize }}",
    "value: {{ response.text + response.text }}",
    "value: {{ response.text.split() }}",
    "text: {% for a in range(9999) %}{{ 'b' in response.text }}{% endfor %}",
    "text: {% for a in range(9999) %}{{ response.text == text }}{% endfor %}",
    "text: {% for a in range(9999) %}{{ response.text[:-1] | length }}{% endfor %}",
    "text: {% for a in range(99999) %}{% set b = lists == lists[:] %}{% endfor %}",
    "text: {% for a in response.text %}{% endfor %}",
    "condition: response.json | select('string') | list | length > 1",
    "value: {{ text | wordwrap(1) }}",
    "value: {{ brackets | urlize }}",
    "value: {{ tags | striptags }}",
    "value: {{ lines | indent(100) }}",
    "value: {{ numbers | sum }}",
    "value: {{ lists | sum(start=[]) }}",
    "value: {{ lists | sort }}",
    "value: {{ nested | pprint }}",
    "value: {{ nested | tojson(indent=999) }}",
    "value: {{ 'a' * n }}",
    "value: {{ 'a'.center(n) }}",
    "value: {{ text.rfind('b' + text) }}",
    "value: {{ huge * huge }}",
    "value: {{ response.body | bytes }}",
    "value: {{ response.body | base64 }}",
    "value: {{ response.text | fromjson }}",
    "value: {{ response.text | unbase64 }}",
    "value: {{ response.text | jwt }}",
    "text: {% for a in range(99) %}{{ response.body | md5 }}{% endfor %}",
    "value: {% for a in range(999) %}{{ hmac('a' * 1000000, 'a') }}{% endfor %}",
    "value: {{ '%*d' % (n, 1) }}",
    "value: {{ '{:{}}'.format(1, n) }}",
    "value: {{ 1 | round(n - 2 * n) }}",
    "value: {{ random_string(n) }}",
    "value: {{ fake.binary(length=n) }}",
    "value: {{ fake.pystr(1, n) }}",
    "value: {{ fake.sentences(nb=n) }}",
    "value: {{ fake.json(num_rows=n) }}",
    "value: {{ fake.bothify(text) }}",
]


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    return outcomes(judge, CONSTANT + OF_VALUES)


@pytest.mark.parametrize("case", CONSTANT)
def test_a_template_without_variables_that_goes_too_far_is_refused_at_load(
    case: str, said: dict[str, str]
) -> None:
    assert said.get(case, "no end").startswith("load: ")


@pytest.mark.parametrize("case", OF_VALUES)
def test_a_value_that_makes_a_template_too_large_fails_the_step(case: str, said: dict[str, str]) -> None:
    assert said.get(case, "no end").startswith("render: ")


def test_every_filter_and_test_of_jinja_has_its_cost() -> None:
    """A new one in a later version of Jinja2 is left out until its cost is known: this test then fails."""
    assert {name for name in FILTERS if not name.startswith("_")} - ADDED.keys() == set(JINJA_FILTERS)
    assert ADDED.keys().isdisjoint(JINJA_FILTERS)
    assert set(TESTS) == set(JINJA_TESTS)


_VALUES = ["a", b"a", 1, 1.5, [1], (1,), {"a": 1}, range(3)]


@pytest.mark.parametrize("value", _VALUES, ids=lambda value: type(value).__name__)
def test_a_method_without_a_known_cost_is_refused(value: Any) -> None:
    public = {name for name in dir(value) if not name.startswith("_") and callable(getattr(value, name))}
    unknown = public - set(METHODS[type(value)]) - {"format", "format_map"}

    assert {name for name in unknown if not _is_refused(value, name)} == set()


def _is_refused(value: Any, method: str) -> bool:
    try:
        compile_template(f"{{{{ value.{method}() }}}}")({"value": value})
    except ExpressionError as error:
        return str(error).endswith(("can't be called in a template", "is unsafe."))
    return False


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ 'é' | center(5) }}", "  é  "),
        ("{{ 'a' ~ 1 ~ true ~ [1.5] }}", "a1true[1.5]"),
        ("{{ '%-5s|%05.1f|%%' % ('a', 2.25) }}", "a    |002.2|%"),
        ("{{ '%(a)s' % {'a': 1} }}", "1"),
        ("{{ '{:>4}|{a[0]!r}|{0.real}'.format(7, a=['b']) }}", "   7|'b'|7"),
        ("{{ '{a:{w}}'.format_map({'a': 1, 'w': 3}) }}", "  1"),
        ("{{ 'a-b-c'.split('-') | map('upper') | join('+') }}", "A+B+C"),
        ("{{ [3, 1, 2] | sort | batch(2, 0) | list }}", [[1, 2], [3, 0]]),
        ("{{ [{'a': 2}, {'a': 1}] | sum(attribute='a') }}", 3),
        ("{{ [[1], [2]] | sum(start=[]) }}", [1, 2]),
        ("{{ {'a': [1]} | tojson(indent=1) }}", '{\n "a": [\n  1\n ]\n}'),
        ("{{ 'abc'[1:] }}{{ [1, 2][:1] }}", "bc[1]"),
        ("{{ 'b' in 'abc' and 2 in [1, 2] and 1 < 2 <= 2 }}", True),
        ("{{ '<i>' | e ~ '<b>' }}", "&lt;i&gt;<b>"),
        ("{% autoescape true %}{{ ('<i>' | safe) ~ '<b>' }}{% endautoescape %}", "<i>&lt;b&gt;"),
        ("{{ 'ab'.translate({97: 'x'}) }}{{ 'ab'.maketrans('a', 'c') }}", 'xb{"97":99}'),
        ("{{ (255).to_bytes(2, 'big').hex() }}", "00ff"),
        (
            "{% for a in [1, 2, 3] if a != 2 %}{{ loop.index }}/{{ loop.length }}:{{ a }} {% endfor %}",
            "1/2:1 2/2:3 ",
        ),
        ("{% for a in [[[]], []] recursive %}({{ loop(a) }}){% endfor %}", "(())()"),
        ("{% macro f(a) %}<{{ a }}{{ caller() }}>{% endmacro %}{% call f(1) %}2{% endcall %}", "<12>"),
    ],
)
def test_what_stays_small_is_as_jinja_makes_it(template: str, value: Any) -> None:
    assert compile_template(template)({}) == value


def test_every_rendering_has_all_steps_again() -> None:
    template = compile_template("{{ numbers | sum }}")

    assert [template({"numbers": [1] * 60_000}) for _ in range(3)] == [60_000] * 3


def test_a_text_with_a_list_in_it_has_all_steps_again_every_time() -> None:
    template = compile_text("x{{ numbers }}")

    assert {template({"numbers": list(range(1_000))})[:5] for _ in range(300)} == {"x[0,1"}


def test_a_long_text_of_a_response_is_decoded_once() -> None:
    response = Exchange("GET", "http://localhost/", "shop")
    response.body = b"a" * MIB

    assert response.text is response.text


def test_a_template_of_very_many_parts_is_refused() -> None:
    with pytest.raises(ExpressionError, match="more than 10,000 parts"):
        compile_template("{{ a }}" * 10_000)
