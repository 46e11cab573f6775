"""Every byte that a header can hold goes back as it came: from a header into a header, a cookie, a URL."""

from __future__ import annotations

import pickle
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.compiling import SUT, FakeInstance, field, scenario_of
from windtunnel.actions.python.requests import RequestFactory, RequestOptions
from windtunnel.actions.request.target import compile_target
from windtunnel.actions.response.extract import compile_extraction, response_cookies
from windtunnel.expressions.template import compile_json, compile_optional_text
from windtunnel.http.cookies import CookieJar
from windtunnel.http.endpoint import encode_target, header_lines
from windtunnel.model.http import Exchange, header_text, wire_text, without_bytes
from windtunnel.model.scenario import Step
from windtunnel.testing.scripted import ScriptedTransport

VALUES = st.binary(max_size=30).map(
    lambda value: value.translate(None, b"\r\n\0").strip(b" \t")
)  # what a parser leaves of a header's value
COOKIE_VALUES = VALUES.map(
    lambda value: value.translate(None, bytes([*range(9), *range(10, 32), 127, ord(";"), ord('"')])).strip(b" \t")
)


def response(*fields: tuple[bytes, bytes]) -> Exchange:
    exchange = Exchange("GET", "http://shop.test/", "shop")
    lines = [name + b": " + value for name, value in fields]
    exchange.head = b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b""])
    return exchange


def extracted(spec: Any, exchange: Exchange) -> Any:
    scope: dict[str, Any] = {}
    compile_extraction(field(), {"it": spec}).run(exchange, scope)
    return scope["it"]


def sent(written: str, **scope: Any) -> bytes:
    """The value of a header that is written as a template."""
    text = compile_optional_text(written, in_header=True)(scope)
    return header_lines([("X", text)]).encode("utf-8", "surrogateescape")[3:-2]


@given(VALUES)
def test_an_extracted_header_is_sent_in_another_header_byte_for_byte(value: bytes) -> None:
    it = extracted({"header": "x-it"}, response((b"X-It", value)))
    assert sent("{{ it }}", it=it) == value
    assert sent("<{{ it }}>{{ it }}", it=it) == b"<" + value + b">" + value
    assert sent("{% if it %}{{ it }}{% endif %}", it=it) == value
    assert sent("{% set copy %}{{ it }}{% endset %}{{ copy }}", it=it) == value


@given(VALUES, VALUES)
def test_several_headers_of_one_name_are_joined_with_the_bytes_that_came(one: bytes, other: bytes) -> None:
    exchange = response((b"X-It", one), (b"x-it", other))
    assert sent("{{ response.headers['X-It'] }}", response=exchange) == one + b", " + other
    assert exchange.headers["x-it"] == ", ".join(exchange.headers.all("X-IT"))
    assert list(exchange.headers.raw("X-it")) == [one, other]


@given(COOKIE_VALUES)
def test_a_cookie_is_sent_byte_for_byte_by_the_jar_and_when_it_was_extracted(value: bytes) -> None:
    exchange = response((b"Set-Cookie", b"a=" + value))
    jar = CookieJar()
    jar.store(exchange.headers.raw("set-cookie"), host="shop.test", target="/", secure=False, now=0)
    header = jar.header(host="shop.test", target="/", secure=False, now=0)
    assert header is not None
    assert sent("{{ it }}", it=header) == b"a=" + value
    assert sent("{{ it }}", it=extracted({"cookie": "a"}, exchange)) == value


@given(VALUES)
def test_an_extracted_location_is_followed_byte_for_byte(value: bytes) -> None:
    path = b"/" + value.translate(None, b"#%").strip(b" \t")
    it = extracted({"header": "location"}, response((b"Location", path)))
    here = field(it="")
    step = Step(name="go", type="http", options={"url": "{{ it }}"}, path=here.path, source=here.source)
    target = compile_target(step, here.context)
    assert target is not None
    assert unquote_to_bytes(target.render({"it": it})) == path


@given(VALUES)
def test_what_is_shown_is_utf_8_where_that_is_valid_and_else_latin_1(value: bytes) -> None:
    it = extracted({"header": "x-it"}, response((b"X-It", value)))
    try:
        assert it == value.decode("utf-8")
        assert type(it) is str
    except UnicodeDecodeError:
        assert it == value.decode("latin-1")
    assert wire_text(it).encode("utf-8", "surrogateescape") == value
    assert pickle.loads(pickle.dumps(it)) == it
    assert wire_text(pickle.loads(pickle.dumps(it))) == wire_text(it)
    assert msgspec.json.decode(compile_json({"it": "{{ it }}"})({"it": it})) == {"it": it}


@pytest.mark.parametrize(
    "template",
    ["{{ it ~ '!' }}", "{{ it.upper().lower() }}!", "{{ it | replace('x', 'y') }}!", "{{ it | trim }}!"],
)
def test_a_text_that_was_made_from_a_header_is_sent_as_utf_8(template: str) -> None:
    assert sent(template, it=header_text(b"zo\xeb")) == "zoë!".encode()


def test_code_sends_what_it_read_byte_for_byte_too() -> None:
    came = header_text(b"Zo\xeb")
    transport = ScriptedTransport([])
    factory = RequestFactory(scenario_of("flow: []"), sut=SUT, transport=transport)
    options = RequestOptions(headers={"X-It": came, "X-Own": "Zoë"}, cookies={"a": came}, json={"it": came})
    request = factory.request("POST", None, header_text(b"/caf\xe9 x?y"), options).render(
        FakeInstance(transport), "s", lambda _: None, 1.0
    )
    assert header_lines(request.headers).encode("utf-8", "surrogateescape") == (
        b"X-It: Zo\xeb\r\nX-Own: Zo\xc3\xab\r\nCookie: a=Zo\xeb\r\n"
    )
    assert encode_target(request.target) == "/caf%E9%20x?y"
    assert request.body == '{"it":"Zoë"}'.encode()


def test_names_and_quotes_of_cookies_read_as_text() -> None:
    exchange = response(
        (b"Set-Cookie", b'n\xeb="a b"; Path=/'), (b"Set-Cookie", b'half="x'), (b"Set-Cookie", b"e=")
    )
    assert response_cookies(exchange) == {"në": "a b", "half": '"x', "e": ""}


def test_only_a_value_of_a_header_is_written_as_its_text() -> None:
    assert without_bytes(header_text(b"\xeb")) == "ë"
    with pytest.raises(TypeError, match="object"):
        without_bytes(object())
