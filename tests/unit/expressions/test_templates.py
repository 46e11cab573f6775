from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from windtunnel.errors import ExpressionError
from windtunnel.expressions.template import compile_json, compile_template, compile_text
from windtunnel.model.http import Exchange


def component(text: str) -> str:
    return quote(text, safe="")


def answered(body: bytes, status: int = 200) -> Exchange:
    exchange = Exchange("GET", "http://localhost/", "shop")
    exchange.status, exchange.body = status, body
    exchange.head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nItems: 3\r\n"
    return exchange


def scope(**variables: Any) -> dict[str, Any]:
    generator = random.Random(7)
    return {"_random": lambda: generator, "_now": lambda: 1_700_000_000.5, **variables}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{ qty }}", 2),
        ("{{qty}}", 2),
        ("{{- qty -}}", 2),
        ("{{ user.name }}", "Ann"),
        ("{{ user['name'] }}", "Ann"),
        ("{{ user.tags[1] }}", "b"),
        ("{{ user.tags.1 }}", "b"),
        ("{{ user.tags[-1] }}", "b"),
        ("{{ user.items }}", [1]),
        ("{{ user['items'] }}", [1]),
        ("{{ user.items[0] + qty }}", 3),
        ("{{ qty * 2 }}", 4),
        ("{{ user.tags | length }}", 2),
        ("{{ qty > 1 }}", True),
        ("{{ missing | default(5) }}", 5),
        ("{{ missing is defined }}", False),
        ("{{ nothing }}", None),
        ("{{ 5 }}", 5),
        ("{{ 'a' ~ qty }}", "a2"),
        ("{{ result + 1 }}", 42),
        ("n={{ qty }}", "n=2"),
        ("{{ qty }}{{ qty }}", "22"),
        ("{{ nothing | default('-') }}/{{ yes }}/{{ ratio }}", "-/true/0.5"),
        (" {{ qty }}", " 2"),
        ("{{ qty }}\n", "2\n"),
        ("a\r\n{{ qty }}\r\n", "a\r\n2\r\n"),
        ("a\r\n{% if yes %}b\r\n{% endif %}", "a\r\nb\r\n"),
        ("{% for tag in user.tags %}{{ tag }};{% endfor %}", "a;b;"),
        ("{# nothing #}", ""),
        ("{% raw %}{{ qty }}{% endraw %}", "{{ qty }}"),
        ("{{ '{{ qty }}' }}", "{{ qty }}"),
    ],
)
def test_a_template_yields(template: str, value: Any) -> None:
    user = {"name": "Ann", "tags": ["a", "b"], "items": [1]}
    given = scope(qty=2, user=user, nothing=None, yes=True, ratio=0.5, result=41)

    assert compile_template(template)(given) == value
    assert type(compile_template(template)(given)) is type(value)


def test_what_comes_out_of_a_variable_is_never_rendered() -> None:
    given = scope(a="{{ secret }}", secret="s")

    assert compile_template("{{ a }}")(given) == "{{ secret }}"
    assert compile_template("x{{ a }}")(given) == "x{{ secret }}"
    assert compile_template("{% if a %}{{ a }}{% endif %}")(given) == "{{ secret }}"


def test_lists_and_mappings_nest_and_keys_are_kept() -> None:
    template = compile_template({"{{ key }}": ["{{ a }}", {"b": "x{{ a }}"}], "n": 1, "t": True, "z": None})

    assert template(scope(a=5)) == {"{{ key }}": [5, {"b": "x5"}], "n": 1, "t": True, "z": None}
    assert template.names == {"a"}
    assert not template.constant


def test_a_constant_container_is_new_every_time() -> None:
    template = compile_template({"cart": [1]})
    template({})["cart"].append(2)

    assert template.constant
    assert template({}) == {"cart": [1]}


@pytest.mark.parametrize(
    ("template", "names", "constant"),
    [
        ("plain", set(), True),
        ("{# c #}", set(), True),
        ("{{ 5 }}", set(), True),
        ("{{ a.b[0] }}", {"a"}, False),
        ("{{ a }}-{{ b }}", {"a", "b"}, False),
        ("{{ uuid() }}", set(), False),
        ("{% for x in xs %}{{ x }}{{ y }}{% endfor %}", {"xs", "y"}, False),
        ("{% for x in range(3) %}{{ x }}{% endfor %}", set(), False),
    ],
)
def test_a_template_names_the_variables_it_reads(template: str, names: set[str], constant: bool) -> None:
    compiled = compile_template(template)

    assert (set(compiled.names), compiled.constant) == (names, constant)


@pytest.mark.parametrize(
    "template",
    [
        *(
            "{{ product_id }}",
            "x{{ product_id }}",
            "{{ product_id * 2 }}",
            "{{ product_id.a.b }}",
            "{{ product_id[0] }}",
        ),
        *("{% if product_id %}a{% endif %}", "{{ product_id | upper }}", "{{ product_id.a() }}"),
    ],
)
def test_an_undefined_variable_is_named(template: str) -> None:
    with pytest.raises(ExpressionError, match=r'^"product_id" is not defined$'):
        compile_template(template)(scope())


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ user.nmae }}", '"nmae" is not defined: a mapping has no such member'),
        ("{{ user.name.first }}", '"first" is not defined: a text has no such member'),
        ("{{ user.tags[9] }}", "item 9 is not defined: a list has no such item"),
        ("{{ user.boss.name }}", '"name" is not defined: null has no such member'),
        ("{{ user.items }}", "items is a function"),
        ("x{{ user.items }}", "items is a function"),
        ("x{{ user.items | string }}{{ user.items }}", "items is a function"),
        ("{{ uuid }}", "uuid is a function"),
        ("{{ 1 / zero }}", "can't evaluate .*: division by zero"),
        ("{{ user + 1 }}", "can't evaluate .*unsupported operand"),
        ("{{ response }}!", "a response cannot be used as text"),
        ("{{ user.name.__class__ }}", "unsafe"),
        ("{{ user['__class__'] }}", "unsafe"),
        ("{{ response._json }}", "unsafe"),
        ("{{ user.tags.append(1) }}", "not safely callable|unsafe"),
        ("{{ random_int(5, 1) }}", "larger than the second"),
        ("{{ random_int(5) }}", "random_int: missing a required argument: 'high'"),
        ("{% for i in range(1000000) %}x{% endfor %}", "Range too big"),
    ],
)
def test_what_goes_wrong_in_a_template_is_said_in_words(template: str, message: str) -> None:
    user = {"name": "Ann", "tags": ["a"], "boss": None}
    with pytest.raises(ExpressionError, match=message):
        compile_template(template)(scope(user=user, zero=0, response=answered(b"{}")))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ a", "is not a template"),
        ("{{ a + }}", "is not a template"),
        ("{% if a %}", "is not a template: Unexpected end of template"),
        ("{{ a | lenght }}", 'there is no filter "lenght"'),
        ("{{ a is definde }}", 'there is no test "definde"'),
        ("{{ _random }}", '"_random" is not a variable'),
        ("{% include 'x' %}", "can't include"),
        ("{% import 'x' as y %}", "can't include"),
        ("{{ a ** 2 }}", r"\*\* is not supported"),
        ("{{ " + "(" * 3000 + "a" + ")" * 3000 + " }}", "nested too deep"),
    ],
)
def test_a_template_that_can_not_work_is_refused_when_compiled(template: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        compile_template(template)


def test_a_mistyped_filter_gets_the_near_name() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template("{{ a | lenght }}")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith('did you mean "length"? filters: length, abs, ')


@pytest.mark.parametrize("compile_value", [compile_template, compile_json])
def test_an_error_in_a_nested_text_leads_to_it(compile_value: Any) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_value({"a": [1, {"b": "{{ x"}]})
    assert caught.value.path == ("a", 1, "b")

    template = compile_value({"a": [1, {"b": "{{ x }}"}]})
    for _ in range(2):
        with pytest.raises(ExpressionError) as caught:
            template({})
        assert caught.value.path == ("a", 1, "b")


@pytest.mark.parametrize(
    "template",
    [
        *(
            "{{ 'a' * 10000000000 }}",
            "{{ 10000000000 * 'a' }}",
            "{{ [0] * n }}",
            "{{ big ~ big }}",
            "{{ big }}{{ big }}",
        ),
        *("{% for i in range(90000) %}{{ line }}{% endfor %}", "x{{ 'a' * n }}"),
    ],
)
def test_no_template_yields_more_than_a_mebibyte(template: str) -> None:
    with pytest.raises(ExpressionError, match="more than 1,048,576"):
        compile_template(template)(scope(n=10**10, big="b" * 700_000, line="l" * 100))


def test_small_repetitions_work() -> None:
    assert compile_template("{{ '-' * n }}")(scope(n=3)) == "---"
    assert compile_template("{{ n * [0] }}")(scope(n=2)) == [0, 0]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ response.status }}", 200),
        ("{{ response.status_code }}", 200),
        ("{{ response.json.items[0].id }}", "p-1"),
        ("{{ response['json']['items'][0]['id'] }}", "p-1"),
        ("{{ response.json.items | length }}", 1),
        ("{{ response.headers['content-type'] }}", "application/json"),
        ("{{ response.headers.items }}", "3"),
        ("{{ response.text[:2] }}", '{"'),
        ("{{ steps.search.status }}", 200),
    ],
)
def test_a_response_can_be_read(template: str, value: Any) -> None:
    response = answered(b'{"items": [{"id": "p-1"}]}')

    assert compile_template(template)(scope(response=response, steps={"search": response})) == value


@pytest.mark.parametrize(
    "template",
    ["{{ response.json.id }}", "{{ response['json'] }}", "x{{ response.json }}", "{{ response.json | length }}"],
)
def test_a_response_that_is_not_json_is_said_to_be(template: str) -> None:
    with pytest.raises(ExpressionError, match=r"^the response is not JSON"):
        compile_template(template)(scope(response=answered(b"<html>")))


def test_text_encodes_what_the_holes_yield_and_nothing_else() -> None:
    given = scope(q="a b&c/d", yes=True)
    cheap = compile_text("/find me?q={{ q }}&n={{ 1 }}&e={{ 'x y' }}", encode=component)
    general = compile_text(
        "/find me?q={{ q | upper }}{% if yes %}&x=a b{{ q }}{% endif %}&e={{ 'x y' }}", encode=component
    )

    assert cheap(given) == "/find me?q=a%20b%26c%2Fd&n=1&e=x%20y"
    assert general(given) == "/find me?q=A%20B%26C%2FD&x=a ba%20b%26c%2Fd&e=x%20y"


def test_text_that_would_be_encoded_twice_is_refused() -> None:
    for template in ("{% set x %}{{ a }}{% endset %}{{ x }}", "{% filter upper %}{{ a }}{% endfilter %}"):
        with pytest.raises(ExpressionError, match="can't be used here"):
            compile_text(template, encode=component)
        assert compile_text(template)(scope(a="b")) in ("b", "B")


@pytest.mark.parametrize(("text", "value"), [(5, "5"), (0.5, "0.5"), (True, "true"), ("a", "a"), ("{{ n }}", "5")])
def test_text_is_always_text(text: Any, value: str) -> None:
    assert compile_text(text)(scope(n=5)) == value


@pytest.mark.parametrize("value", [None, [], {}])
def test_text_of_what_is_no_scalar_is_refused(value: Any) -> None:
    with pytest.raises(ExpressionError, match="expected a text"):
        compile_text(value)


@pytest.mark.parametrize(
    ("value", "document"),
    [
        ({"item_id": "{{ id }}", "qty": 1}, b'{"item_id":"p-\\"1","qty":1}'),
        ({"a": {}, "b": [], "c": [[{}]], "d": None}, b'{"a":{},"b":[],"c":[[{}]],"d":null}'),
        (["{{ n }}", "n={{ n }}", "{{ list }}", "{{ none }}"], b'[5,"n=5",[1,{"a":true}],null]'),
        ("{{ list }}", b'[1,{"a":true}]'),
        ("plain", b'"plain"'),
        (True, b"true"),
        ({'quo"te': "{{ n * 2 }}"}, b'{"quo\\"te":10}'),
    ],
)
def test_json_is_bytes_and_a_lone_hole_keeps_its_type(value: Any, document: bytes) -> None:
    given = scope(id='p-"1', n=5, list=[1, {"a": True}], none=None)

    assert compile_json(value)(given) == document


def test_constant_json_is_said_to_be_constant() -> None:
    assert compile_json({"a": [1, "b"]}).constant
    assert not compile_json({"a": [1, "{{ b }}"]}).constant
    assert compile_json({"a": ["{{ b }}", "{{ c }}x"]}).names == {"b", "c"}


@pytest.mark.parametrize("value", [{"a": "{{ response }}"}, {"a": "{{ surrogate }}"}])
def test_what_can_not_be_json_is_said_with_its_place(value: Any) -> None:
    with pytest.raises(ExpressionError, match="can't be written as JSON") as caught:
        compile_json(value)(scope(response=answered(b""), surrogate="\ud800"))
    assert caught.value.path == ("a",)


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(ExpressionError, match="the key 5 is not a text") as caught:
        compile_json({"a": {5: 1}})
    assert caught.value.path == ("a",)


def test_json_of_a_document_is_the_document() -> None:
    document = {"text": "ü\u2028</script>", "n": [1, 2.5, -3], "deep": {"er": [None, True]}}

    assert msgspec.json.decode(compile_json(document)({})) == document


@pytest.mark.parametrize("text", ["{{ [0].b ~ a }}", "{{ {}.x ~ a }}", "{{ (1).real.nope ~ a }}"])
def test_what_folding_a_part_of_a_template_raises_is_a_problem(text: str) -> None:
    with pytest.raises(ExpressionError, match="can't evaluate"):
        compile_template(text)
