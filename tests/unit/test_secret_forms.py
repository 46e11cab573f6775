"""A secret is hidden in every form that an encoder makes of it, and nothing is left of one that was cut."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from windtunnel.encodings import layers
from windtunnel.redaction import HIDDEN, Redactor

Encoder = Callable[[str], str]


ENCODERS: dict[str, Encoder] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "quote": quote,
    "quote, nothing safe": lambda text: quote(text, safe=""),
    "quote, all of RFC 3986 safe": lambda text: quote(text, safe=":/?#[]@!$&'()*+,;=~"),
    "quote_plus": quote_plus,
    "quoted twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, digits in lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, digits in upper case": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON, ASCII": lambda text: json.dumps(text)[1:-1],
    "JSON, Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON inside JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON inside a URL": lambda text: quote(json.dumps(text)[1:-1], safe=""),
    "JSON, every character escaped": lambda text: "".join(
        f"\\u{unit:04X}" for unit in memoryview(text.encode("utf-16-le")).cast("H")
    ),
    "Python": lambda text: repr(text)[1:-1],
    "HTML": html.escape,
    "HTML, quotes kept": lambda text: html.escape(text, quote=False),
    "HTML, apostrophe by name": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "HTML, decimal": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(c):X};" for c in text),
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 in a form": lambda text: quote_plus(base64.b64encode(text.encode()).decode()),
    "base64 of the upper case": lambda text: base64.b64encode(text.upper().encode()).decode(),
    "base64 of the lower case": lambda text: base64.b64encode(text.lower().encode()).decode(),
    "Basic auth with one character": lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
    "Basic auth with two characters": lambda text: base64.b64encode(f"us:{text}".encode()).decode(),
    "base64 with more behind it": lambda text: base64.b64encode(f"usr:{text}:more".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
}

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
@example(secret="straße-und-maß")
def test_every_form_of_a_secret_is_hidden(encoder: Encoder, secret: str) -> None:
    shown = Redactor(secrets=[secret]).text(f"<{encoder(secret)}>")

    # What base64 makes of the text around the secret may stay.
    assert re.fullmatch(r"<[A-Za-z0-9+/]{0,5}\[redacted\]([A-Za-z0-9+/]{5,7}=*)?\n?>", shown)


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
    ],
)
def test_a_hostile_body_takes_a_bounded_number_of_layers(body: bytes) -> None:
    assert len(list(layers(body.decode()))) <= 12
    assert len(Redactor(secrets=["s3cret-in-binary"]).body(body, limit=65_536)) <= 65_536


def test_what_is_no_secret_stays_as_it_is() -> None:
    text = '50% of {"a": "\\u00e9\\n", "b": "x&amp;y"} at /p?q=%20z…'

    assert Redactor(secrets=["s3cret-in-binary"]).text(text) == text
