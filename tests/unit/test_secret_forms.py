"""A secret is hidden in every form that an encoder makes of it, and nothing is left of one that was cut."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.encoders import ENCODERS, Encoder
from windtunnel.encodings import layers
from windtunnel.redaction import HIDDEN, Redactor
from windtunnel.secret import userinfo_secrets

secrets = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters=".…\u200b\u00ad"),
    min_size=8,
    max_size=40,
)


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@given(secret=secrets)
@example(secret="s3cr/t+v&l\"u'e<>\\ é€😀~")
@example(secret="pass word with blanks")
@example(secret="100%25 of it\\")
@example(secret="password'\\")
@example(secret="straße-und-maß")
@example(secret="0000%00¡")
@example(secret='&#0;&#0;"')
def test_every_form_of_a_secret_is_hidden(encoder: Encoder, secret: str) -> None:
    shown = Redactor(secrets=[secret]).text(f"<{encoder(secret)}>")

    # What base64 makes of the text around the secret may stay.
    assert re.fullmatch(r"<[A-Za-z0-9+/]{0,5}\[redacted\]([A-Za-z0-9+/]{0,7}=*)?\n?>", shown)


@given(secret=secrets, places=st.integers(4, 8))
def test_the_beginning_and_the_end_of_a_cut_secret_are_hidden(secret: str, places: int) -> None:
    redactor = Redactor(secrets=[secret])
    places = min(places, len(secret) - 1)

    assert redactor.text(f"<{secret[:places]}…") == f"<{HIDDEN}…"
    assert redactor.text(f"…{secret[-places:]}>") == f"…{HIDDEN}>"


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_a_body_that_is_cut_inside_a_secret_keeps_no_part_of_it(encoder: Encoder) -> None:
    body = f"{'x' * 20}<{encoder('s3cr/t value &co')}>{'y' * 400}".encode()
    redactor = Redactor(secrets=["s3cr/t value &co"])
    whole = redactor.body(body)

    assert [redactor.body(body, limit=cut) for cut in range(20, 120)] == [whole[:cut] for cut in range(20, 120)]


def test_a_body_whose_end_was_lost_keeps_no_part_of_a_secret() -> None:
    redactor = Redactor(secrets=["correct-horse-battery"])

    assert redactor.body(b'{"a": "correct-horse-ba') == b'{"a": "[redacted]'
    assert redactor.body(b"a=%63%6f%72%72%65%63%74%2") == b"a=[redacted]"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"token": {"a": ["x", "}"]}, "n": 1}', '{"token": "[redacted]", "n": 1}'),
        ('{"token": ["abc", {"a": "de', '{"token": "[redacted]"'),
        ('{"to\\u006ben": "x", "n": 1}', '{"to\\u006ben": "[redacted]", "n": 1}'),
        ('"{\\"token\\": \\"x y\\", \\"n\\": 1}"', '"{\\"token\\": \\"[redacted]\\", \\"n\\": 1}"'),
        ("user=ann&pass%77ord=x%20y&n=1", "user=ann&pass%77ord=[redacted]&n=1"),
        ('<a href="/p?n=1&token=xyz">', '<a href="/p?n=1&token=[redacted]">'),
        ("<login><password>xyz</password></login>", "<login><password>[redacted]</password></login>"),
        (
            '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nx\r\ny\r\n--b\r\n'
            'Content-Disposition: form-data; name="n"\r\n\r\n1\r\n--b--\r\n',
            '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n[redacted]\r\n--b\r\n'
            'Content-Disposition: form-data; name="n"\r\n\r\n1\r\n--b--\r\n',
        ),
    ],
)
def test_a_body_of_any_format_is_hidden_by_key(body: str, shown: str) -> None:
    assert Redactor().body(body.encode()) == shown.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_a_body_of_any_charset_is_hidden(encoding: str) -> None:
    shown = Redactor(secrets=["gehörtMirAllein"]).body("é gehörtMirAllein ü".encode(encoding))

    assert shown.decode(encoding) == f"é {HIDDEN} ü"


def test_a_binary_body_stays_as_it_is_around_a_secret() -> None:
    binary = bytes(range(256))

    assert Redactor(secrets=["s3cret-in-binary"]).body(binary + b"S3CRET-in-binary" + binary) == (
        binary + HIDDEN.encode() + binary
    )


def test_each_line_of_a_secret_of_several_is_hidden() -> None:
    key = "-----BEGIN KEY-----\nMIIBVgIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"

    assert Redactor(secrets=[key]).text("line 2: MIIBVgIBADANBgkq.") == f"line 2: {HIDDEN}."
    assert Redactor(secrets=[key]).text(f"<{json.dumps(key)}>") == f'<"{HIDDEN}\\n">'


def test_userinfo_is_hidden_in_urls_anywhere_in_a_text() -> None:
    text = "can't reach https://ann:p%40ss@shop.test/a?b=c@d or mail@shop.test"

    assert Redactor().text(text) == "can't reach https://shop.test/a?b=c@d or mail@shop.test"


@pytest.mark.parametrize("password", ["pass/word+", "pass?word", "pass#word@2", "p[ssword/x"])
def test_a_password_that_should_have_been_encoded_is_userinfo_too(password: str) -> None:
    url = f"http://ann:{password}@shop.test/a"
    assert Redactor().text(f"can't reach {url}") == "can't reach http://shop.test/a"
    assert password in set(userinfo_secrets(url))


@pytest.mark.parametrize("url", ["http://shop.test:80/a@b", "http://[::1]:8080/a@b", "http://shop:${PORT}/a@b"])
def test_an_at_sign_behind_a_port_is_no_end_of_userinfo(url: str) -> None:
    assert Redactor().text(url) == url
    assert not list(userinfo_secrets(url))


@pytest.mark.parametrize(
    "body",
    [
        b"\\" * 70_000,
        b"'" * 70_000,
        b'{"token":' * 8_000,
        b"&a=%41" * 12_000,
        b"Content-Disposition: name=a\r\n" * 2500,
        b"%25" * 24_000,
        b"<token>" * 10_000,
        b"&#65;" * 14_000,
        b"\\u0041" * 12_000,
        b"http://" * 10_000,
        b"http://a:b?" * 6_000,
    ],
)
def test_a_hostile_body_takes_a_bounded_number_of_layers(body: bytes) -> None:
    assert len(list(layers(body.decode()))) <= 12
    assert len(Redactor(secrets=["s3cret-in-binary"]).body(body, limit=65_536)) <= 65_536


def test_what_is_no_secret_stays_as_it_is() -> None:
    text = '50% of {"a": "\\u00e9\\n", "b": "x&amp;y"} at /p?q=%20z…'

    assert Redactor(secrets=["s3cret-in-binary"]).text(text) == text
