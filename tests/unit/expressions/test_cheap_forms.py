"""Every cheap form gives what Jinja2 gives: values, texts and errors."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError
from windtunnel.expressions import sandbox
from windtunnel.expressions.forms import cheap_form, lone_expression
from windtunnel.expressions.template import compile_json, compile_template, compile_text
from windtunnel.model.http import Exchange

KEYS = st.sampled_from(["a", "b", "items", "keys", "get", "upper", "status", "json", "headers", "x-y"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=16) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
NAMES = ["a", "b", "response", "steps"]


@st.composite
def scopes(draw: st.DrawFn) -> dict[str, Any]:
    scope: dict[str, Any] = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4))
    if draw(st.booleans()):
        exchange = Exchange("GET", "http://localhost/", "shop")
        exchange.status = 200
        exchange.body = draw(VALUES.map(msgspec.json.encode) | st.just(b"<html>"))
        exchange.head = b"HTTP/1.1 200 OK\r\na: 1\r\nItems: 2\r\n"
        scope |= {"response": exchange, "steps": {"a": exchange}}
    return scope


STEPS = (
    KEYS.filter(str.isidentifier).map(".{}".format)
    | KEYS.map("['{}']".format)
    | st.integers(0, 3).map("[{}]".format)
    | st.integers(0, 3).map(".{}".format)
)
PATHS = st.builds(lambda name, steps: name + "".join(steps), st.sampled_from(NAMES), st.lists(STEPS, max_size=3))
CALLS = st.sampled_from(["uuid()", "now()", "random_int(1, 9)", "random_string(4)", "choice(['a', 5, none])"])
CONSTANTS = st.sampled_from(["5", "'é b'", "true", "none", "0.5"])
LITERALS = st.text(alphabet="aü /\r\n\t%&\"'}<\u2028", max_size=4)
HOLES = (PATHS | CALLS | CONSTANTS).map(" {} ".format).map("{{{{{}}}}}".format)


def seeded(scope: dict[str, Any]) -> dict[str, Any]:
    generator = random.Random(3)
    return {**scope, "_random": lambda: generator, "_now": lambda: 5.0}


def outcome(evaluate: Callable[[dict[str, Any]], Any], scope: dict[str, Any]) -> tuple[str, Any]:
    try:
        value = evaluate(seeded(scope))
    except ExpressionError as error:
        return "error", str(error)
    return type(value).__name__, value


def component(text: str) -> str:
    return quote(text, safe="", errors="replace")


@given(scopes(), PATHS | CALLS)
@settings(max_examples=300)
def test_a_lone_hole_gives_what_jinja2_gives(scope: dict[str, Any], expression: str) -> None:
    text = f"{{{{ {expression} }}}}"
    parsed = sandbox.parse(text)
    lone = lone_expression(parsed)
    assert lone is not None

    assert cheap_form(lone, text) is not None
    assert outcome(compile_template(text), scope) == outcome(sandbox.render_value(parsed, lone), scope)


@pytest.mark.parametrize("encode", [None, component])
@given(scopes(), st.lists(LITERALS | HOLES, min_size=1, max_size=5).map("".join))
@settings(max_examples=200)
def test_text_with_holes_gives_what_jinja2_gives(
    encode: Callable[[str], str] | None, scope: dict[str, Any], text: str
) -> None:
    def general(scope: dict[str, Any]) -> Any:
        return sandbox.render_text(sandbox.parse(text), encode=encode)(scope)

    def cheap(scope: dict[str, Any]) -> Any:
        return compile_text(text, encode=encode)(scope)

    assert outcome(cheap, scope) == outcome(general, scope)


@given(
    scopes(),
    st.recursive(
        LITERALS | HOLES | st.integers(-5, 5) | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LITERALS, inner, max_size=3),
        max_leaves=8,
    ),
)
@settings(max_examples=200)
def test_json_is_the_value_of_the_same_template_written_as_json(scope: dict[str, Any], value: Any) -> None:
    def general(scope: dict[str, Any]) -> bytes:
        try:
            return msgspec.json.encode(compile_template(value)(scope))
        except TypeError as error:
            raise ExpressionError(f"Exchange can't be written as JSON: {error}") from error

    assert outcome(compile_json(value), scope)[0] == outcome(general, scope)[0]
    if outcome(general, scope)[0] != "error":
        assert outcome(compile_json(value), scope) == outcome(general, scope)
