"""Filters and functions that encode values, sign them and read what is encoded."""

from __future__ import annotations

import json
import pickle
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.expressions.filters import ADDED
from windtunnel.expressions.template import compile_json, compile_template, compile_text
from windtunnel.expressions.text import Encoded
from windtunnel.model.http import OpaqueText


def value(text: str, **scope: Any) -> Any:
    return compile_template(f"{{{{ {text} }}}}")(scope)


def component(text: str) -> str:
    return text if isinstance(text, Encoded) else quote(text, safe="")


# ── raw ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("/a/{{ x | raw }}", "/a/b%20c/d"),
        ("/a/{{ x }}", "/a/b%2520c%2Fd"),
        ("{{ x if not y else x | raw }}", "b%20c/d"),
        ("{{ (x ~ '/e') | raw }}", "b%20c/d/e"),
        ("{{ x | raw | upper }}", "B%2520C%2FD"),
        ("{{ 'p/q' | raw }}{{ 'p/q' }}", "p/qp%2Fq"),
        ("{{ 5 | raw }}/{{ z | raw }}", "5/1.5"),
    ],
)
def test_what_is_raw_is_not_encoded_again(template: str, text: str) -> None:
    assert compile_text(template, encode=component)({"x": "b%20c/d", "y": True, "z": 1.5}) == text


def test_a_raw_value_stays_raw_in_a_variable_and_is_a_text_everywhere_else() -> None:
    kept = value("x | raw", x="b%20c")

    assert compile_text("/{{ kept }}", encode=component)({"kept": kept}) == "/b%20c"
    assert isinstance(pickle.loads(pickle.dumps(kept)), Encoded)  # on its way to a worker
    assert json.loads(compile_json({"a": "{{ kept }}", "b": ["{{ kept ~ 1 }}"]})({"kept": kept})) == {
        "a": "b%20c",
        "b": ["b%20c1"],
    }


def test_a_raw_header_that_is_no_text_keeps_its_bytes() -> None:
    came = OpaqueText("/caf\u00e9", b"/caf\xe9")

    assert compile_text("{{ to | raw }}", encode=component)({"to": came}) == "/caf%E9"


def test_null_can_not_be_raw() -> None:
    with pytest.raises(ExpressionError, match=r"^order\.note is null$"):
        value("order.note | raw", order={"note": None})


# ── encoders ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("'héllo?>' | base64", "aMOpbGxvPz4="),
        ("'héllo?>~' | base64url", "aMOpbGxvPz5-"),
        ("'a' | base64url", "YQ"),
        ("5 | base64", "NQ=="),
        ("true | base64", "dHJ1ZQ=="),
        ("{'a': [1.0]} | base64", "eyJhIjpbMV19"),
        ("'aGk=' | unbase64", "hi"),
        ("'aGk' | unbase64", "hi"),
        ("'aMOp\\nbGxv' | unbase64", "héllo"),
        ("'Pz5-_w' | unbase64", b"?>~\xff"),
        ("'é' | hex", "c3a9"),
        ("255 | hex", "ff"),
        ("-255 | hex", "-ff"),
        ("255.0 | hex", "ff"),
        ("'255' | hex", "323535"),
        ("'C3a9' | unhex", "é"),
        ("'ff00' | unhex", b"\xff\x00"),
        ("'ff00' | unhex | base64", "/wA="),
        ("'é' | bytes", b"\xc3\xa9"),
        ("'abc' | md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("'abc' | sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("'abc' | sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("'' | sha256 | base64", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("('abc' | sha384)[:16]", "cb00753f45a35e8b"),
        ("('abc' | sha512)[:16]", "ddaf35a193617aba"),
        ("'abc' | sha512 | length", 128),
        ("'x-' ~ ('abc' | md5)", "x-900150983cd24fb0d6963f7d28e17f72"),
        ("'abc' | sha256 | hex", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("12 | md5", "c20ad4d76fe97759aa27a0c99bff6710"),
        ("'a b/ü?' | urlencode", "a%20b/%C3%BC%3F"),
        ("'a b/ü?' | urlencode(safe='')", "a%20b%2F%C3%BC%3F"),
        ("{'q': 'a b', 'n': [1, 2], 'x': none} | urlencode", "q=a+b&n=1&n=2"),
        ("'a%20b%2F%C3%BC+' | urldecode", "a b/ü+"),
        ("""'{"a": [1, 2.5, null, "<b>"]}' | fromjson""", {"a": [1, 2.5, None, "<b>"]}),
        ("'5' | fromjson + 1", 6),
        ("{'a': '<&\\'>'} | tojson", '{"a":"<&\'>"}'),
        ("{'a': '<'} | tojson | fromjson", {"a": "<"}),
    ],
)
def test_an_encoder(expression: str, result: Any) -> None:
    got = value(expression)

    assert got == result
    assert isinstance(got, type(result))


# RFC 4231, test cases 1 and 2; RFC 2202, test case 2.
@pytest.mark.parametrize(
    ("call", "result"),
    [
        (
            "hmac(('0b' * 20) | unhex, 'Hi There', 'sha256')",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "hmac('Jefe', 'what do ya want for nothing?')",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        ("hmac('Jefe', 'what do ya want for nothing?', 'SHA-1')", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("hmac('Jefe', 'what do ya want for nothing?', digest='md5')", "750c783e6ab0b503eaa86e310a5db738"),
        ("hmac('Jefe', 'what do ya want for nothing?') | base64", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="),
        ("hmac(12, 34) == hmac('12', '34')", True),
        ("hmac(hmac('a', 'b'), 'c') == hmac(hmac('a', 'b') | string, 'c')", False),
        ("hmac(hmac('a', 'b'), 'c') == hmac(hmac('a', 'b') | string | unhex, 'c')", True),
    ],
)
def test_an_hmac(call: str, result: Any) -> None:
    assert value(call) == result


def test_a_signing_key_of_sigv4_is_derived_in_a_template() -> None:
    """The key and the signature that AWS gives as an example ("Signature Version 4 signing examples")."""
    key = value(
        "hmac(hmac(hmac(hmac('AWS4' ~ secret, day), region), service), 'aws4_request')",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        day="20150830",
        region="us-east-1",
        service="iam",
    )
    assert key == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"

    to_sign = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            "20150830T123600Z",
            "20150830/us-east-1/iam/aws4_request",
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59",
        )
    )
    # In a variable, on its way to a worker, the key is still the bytes.
    signature = value("hmac(key, to_sign)", key=pickle.loads(pickle.dumps(key)), to_sign=to_sign)
    assert signature == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"


def test_a_digest_is_a_text_of_hex_in_json_and_in_texts() -> None:
    body = compile_json({"sum": "{{ x | md5 }}", "all": "{{ [x | md5] }}", "text": "={{ x | md5 }}"})({"x": "abc"})

    hex_text = "900150983cd24fb0d6963f7d28e17f72"
    assert json.loads(body) == {"sum": hex_text, "all": [hex_text], "text": f"={hex_text}"}
    assert value("[x | md5] | tojson", x="abc") == f'["{hex_text}"]'


def test_the_bytes_of_a_header_are_those_that_came() -> None:
    came = OpaqueText("caf\u00e9", b"caf\xe9")

    assert value("came | hex", came=came) == "636166e9"


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────

# The example of jwt.io.
TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)


def test_header_and_payload_of_a_token_are_read() -> None:
    assert value("(token | jwt).payload.iat + 1", token=TOKEN) == 1516239023
    assert value("token | jwt", token=TOKEN) == {
        "header": {"alg": "HS256", "typ": "JWT"},
        "payload": {"sub": "1234567890", "name": "John Doe", "iat": 1516239022},
        "signature": "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    }


def test_a_token_is_signed() -> None:
    payload = {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}

    assert value("jwt_sign(p, 'your-256-bit-secret')", p=payload) == TOKEN
    assert value("jwt_sign(p, 'k', 'HS512', header={'kid': 'a'}) | jwt", p=payload)["header"] == {
        "alg": "HS512",
        "typ": "JWT",
        "kid": "a",
    }


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        *((f"user.name | {name}", "user.name is null") for name in ADDED),
        ("'a' | unbase64", "the value is not base64"),
        ("'a!bc' | unbase64", "the value is not base64"),
        ("5 | unbase64", "unbase64 takes a text, not a number"),
        ("'abc' | unhex", "the value is not hex"),
        ("1.5 | hex", "hex takes a text, bytes or a whole number, not a number with decimals"),
        ("true | hex", "hex takes a text, bytes or a whole number, not a boolean"),
        ("hmac(user.name, 'a')", "the key of hmac is null"),
        ("hmac('a', user.name)", "the text of hmac is null"),
        ("hmac('a', 'b', 'sha257')", "'sha257' is not a digest of hmac"),
        ("'/w' | unbase64 ~ ''", "bytes can't be written as text"),
        ("'{' | fromjson", "the text is not JSON at line 1, column 2 (it ends too early)"),
        ("'' | fromjson", "the text is not JSON"),
        ("{'a': 1} | fromjson", "fromjson takes a text with JSON in it, not a mapping"),
        ("'abc' | jwt", "the value is not a JWT: it has 1 part between dots, not 3"),
        ("'a.b' | jwt", "the value is not a JWT: it has 2 parts between dots, not 3"),
        ("'Bearer a.b.c' | jwt", "the value is not a JWT: it has a blank"),
        ("'a.b.c.d.e' | jwt", "the token is encrypted (JWE, five parts): its payload can't be read"),
        ("'a.b.c' | jwt", "the value is not a JWT: its header is not JSON in base64url"),
        ("'e30.MQ.' | jwt", "the value is not a JWT: its payload is a number, not an object"),
        ("jwt_sign({}, 'k', 'RS256')", "'RS256' is not an algorithm of jwt_sign"),
        ("jwt_sign('a', 'k')", "the payload of jwt_sign is a text, not an object"),
        ("jwt_sign({}, user.name)", "the key of hmac is null"),
    ],
)
def test_what_can_not_be_encoded_is_said(expression: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(expression, user={"name": None})

    assert str(caught.value) == message


def test_a_message_about_a_token_does_not_show_it() -> None:
    with pytest.raises(ExpressionError) as caught:
        value("token | jwt", token="s3cr3t-token")

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ x | urlencode }}", "urlencode takes a text, a mapping or a list of pairs"),
        ("{{ 'a' | urlencode(safe=x) }}", "safe is a text of the characters that stay, not a list"),
        ("{{ jwt_sign({}, 'k', x) }}", "is not an algorithm of jwt_sign"),
        ("{{ 0 | date('%Y', tz=x) }}", "is not a time zone"),
    ],
)
def test_an_argument_of_another_kind_is_said_to_be_wrong_in_words(template: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        compile_template(template)({"x": [1, [2]]})


@pytest.mark.parametrize(("value", "kind"), [({}, "a mapping"), ("ab", "a text"), (None, "null")])
def test_a_choice_from_no_list_names_the_kind_of_value(value: object, kind: str) -> None:
    with pytest.raises(ExpressionError, match=f"^choice takes a list, not {kind}$"):
        compile_template("{{ choice(x) }}")({"x": value, "_random": Random})
