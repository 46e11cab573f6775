"""How the body of a response becomes text, for every reader of it."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import exchange_of, field
from windtunnel.actions.python.response import Response, UnexpectedResponse
from windtunnel.actions.response.checks import compile_expectation
from windtunnel.actions.response.extract import MissingValue, compile_extraction
from windtunnel.errors import NotJsonError
from windtunnel.http.tokens import _read
from windtunnel.model.http import Exchange
from windtunnel.model.record import FailedCheck
from windtunnel.redaction import Redactor
from windtunnel.storage.copies import BodyStore

UNKNOWN = 'the Content-Encoding "compress" is unknown'


def packed() -> Exchange:
    """A response whose body nothing here can decode."""
    exchange = exchange_of(b'{"ok": true}', headers=(("Content-Encoding", "compress"),))
    exchange.note("unknown_coding", about=UNKNOWN)
    return exchange


def failed(expect: dict[str, Any], exchange: Exchange) -> list[str]:
    """What the checks of `expect` that don't hold say."""
    here = field()
    checks = compile_expectation(here, expect, imply_status=False).evaluate(exchange, {"response": exchange})
    assert here.context.problems == []
    return [check.actual for check in checks if isinstance(check, FailedCheck)]


@pytest.mark.parametrize(
    "expect",
    [
        {"body": {"contains": "ok"}},
        {"body": {"not": {"contains": "no"}}},
        {"json": {"$.ok": True}},
        {"json": {"$.absent": {"exists": False}}},
        {"schema": {"type": "object", "maxProperties": 9}},
        {"condition": "response.text | length > 0"},
        {"condition": "response.json.ok"},
    ],
)
def test_a_check_that_reads_a_body_in_an_unknown_coding_fails_and_names_it(expect: dict[str, Any]) -> None:
    (actual,) = failed(expect, packed())
    assert UNKNOWN in actual


@pytest.mark.parametrize(
    "expect",
    [{"status_code": 200}, {"headers": {"content-encoding": "compress"}}, {"condition": "response.status == 200"}],
)
def test_a_check_that_reads_no_body_passes_whatever_the_coding(expect: dict[str, Any]) -> None:
    assert failed(expect, packed()) == []


@pytest.mark.parametrize(
    "rule", ["$.ok", {"json": "$.ok", "default": 1}, {"regex": "ok", "default": 1}, {"css": "a"}, {"xpath": "//a"}]
)
def test_nothing_is_extracted_from_a_body_in_an_unknown_coding_not_even_a_default(rule: Any) -> None:
    extraction = compile_extraction(field(), {"it": rule})

    with pytest.raises(MissingValue, match=UNKNOWN):
        extraction.run(packed(), {})


def test_code_that_reads_a_body_in_an_unknown_coding_fails_its_instance_and_the_bytes_are_there() -> None:
    response = Response("get cart", packed(), passed=True)

    for read in (lambda: response.text, response.json, lambda: response.json("$.ok", default=None)):
        with pytest.raises(UnexpectedResponse, match=UNKNOWN):
            read()
    assert response.bytes == b'{"ok": true}'


def test_a_token_in_an_unknown_coding_is_none_and_the_reason_names_it() -> None:
    answer, why = _read(packed())

    assert answer == {}
    assert UNKNOWN in why


def test_a_graphql_answer_in_an_unknown_coding_fails_the_step_and_names_it() -> None:
    expectation = compile_expectation(field(), None, imply_status=False, imply_no_errors=True)
    (check,) = expectation.evaluate(packed(), {})

    assert isinstance(check, FailedCheck)
    assert UNKNOWN in check.actual


def shown(body: bytes, *content_types: str) -> Exchange:
    """A response with these Content-Type fields."""
    return exchange_of(body, headers=tuple(("Content-Type", each) for each in content_types))


def read_by_all(exchange: Exchange) -> dict[str, Any]:
    """The value of the JSON text `[v]`, as each reader of text and JSON finds it in a body; ASCII around it."""
    scope: dict[str, Any] = {}
    rules = {
        "json": "$[0]",
        "regex": {"regex": r'(?s)^\["(.*)"\]$'},
        "css": {"css": "p"},
        "xpath": {"xpath": "string(//p)"},
    }
    compile_extraction(field(), rules).run(exchange, scope)
    response = Response("get", exchange, passed=True)
    return {
        **scope,
        "template": msgspec.json.decode(exchange.text)[0],
        "text": msgspec.json.decode(response.text)[0],
        "python": response.json("$[0]"),
        "kept": msgspec.json.decode(exchange.in_utf8(10_000))[0],
    }


WORDS = [
    "Zoë",
    "Grüße aus Köln",
    "naïve “quoted” €",
    "你好,世界",
    "日本語テキスト",
    "안녕하세요",
    "Привет",
    "שלום",
    "Ωμέγα",
]
CODECS = {
    **dict.fromkeys(("utf-8", "UTF8"), "utf-8"),
    **dict.fromkeys(("iso-8859-1", "windows-1252", "Latin1"), "cp1252"),
    **dict.fromkeys(("gb2312", "GBK", "gb18030"), "gb18030"),
    **dict.fromkeys(("Shift_JIS", "x-sjis", "windows-31j"), "cp932"),
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "koi8-r": "koi8-r",
    "windows-1251": "cp1251",
    "iso-8859-8": "iso8859-8",
    "iso-8859-7": "iso8859-7",
    "iso-8859-15": "iso8859-15",
    "utf-16": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-32": "utf-32-le",
}


def encodable(codec: str) -> list[str]:
    return [word for word in WORDS if word.encode(codec, "replace").decode(codec) == word]


@given(
    label=st.sampled_from(sorted(CODECS)),
    written=st.sampled_from(["charset={}", 'Charset="{}"', "CHARSET='{}'", "boundary=x; charset = {} ; q=1"]),
    upper=st.booleans(),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_every_reader_finds_the_same_text_in_any_charset(label: str, written: str, upper: bool, data: Any) -> None:
    codec = CODECS[label]
    word = data.draw(st.sampled_from(encodable(codec)) | st.text("abc-123", min_size=1, max_size=9))
    named = written.format(label.upper() if upper else label)
    body = f'["<p>{word}</p>"]'.encode(codec)

    found = read_by_all(shown(body, f"text/html; {named}"))

    assert found.pop("css") == found.pop("xpath") == word
    assert set(found.values()) == {f"<p>{word}</p>"}


@pytest.mark.parametrize(
    ("content_types", "body", "notes"),
    [
        ((), codecs.BOM_UTF8 + '["Zoë"]'.encode(), None),
        (("application/json",), codecs.BOM_UTF8 + '["Zoë"]'.encode(), None),
        (("application/json; charset=utf-8",), codecs.BOM_UTF8 + '["Zoë"]'.encode(), None),
        (("application/json; charset=utf-16",), '["Zoë"]'.encode("utf-16"), None),
        (("application/json; charset=utf-16",), codecs.BOM_UTF16_BE + '["Zoë"]'.encode("utf-16-be"), None),
        (("application/json",), codecs.BOM_UTF16_LE + '["Zoë"]'.encode("utf-16-le"), None),
        (("application/json",), codecs.BOM_UTF16_BE + '["Zoë"]'.encode("utf-16-be"), None),
        (("application/json",), codecs.BOM_UTF32_LE + '["Zoë"]'.encode("utf-32-le"), None),
        (("application/json",), codecs.BOM_UTF32_BE + '["Zoë"]'.encode("utf-32-be"), None),
        (("application/json; charset=",), '["Zoë"]'.encode(), None),
        (("application/json; charset=klingon",), '["Zoë"]'.encode(), {"unknown_charset": 1}),
        (("text/plain; charset=unicode_escape",), '["Zoë"]'.encode(), {"unknown_charset": 1}),
        (("a/b; charset=klingon",), codecs.BOM_UTF16_LE + '["Zoë"]'.encode("utf-16-le"), {"unknown_charset": 1}),
        (("a/b; charset=iso-8859-1",), '["Zoë"]'.encode("latin-1"), None),
        (("a/b; charset=iso-8859-1",), codecs.BOM_UTF8 + '["Zoë"]'.encode(), {"charset_contradicted": 1}),
        (("a/b; charset=gbk",), codecs.BOM_UTF16_LE + '["Zoë"]'.encode("utf-16-le"), {"charset_contradicted": 1}),
        (("a/b; charset=iso-8859-1",), codecs.BOM_UTF8 + '["Zoë"]'.encode("latin-1"), None),
        (("text/html; charset=gbk, text/html",), '["Zoë"]'.encode("gb18030"), None),
        (("text/html; charset=utf-8", "text/html; charset=iso-8859-1"), '["Zoë"]'.encode("latin-1"), None),
        (('text/html; x="; charset=gbk"; charset=iso-8859-1; charset=gbk',), '["Zoë"]'.encode("latin-1"), None),
        (('text/html; charset="iso\\-8859-1"',), '["Zoë"]'.encode("latin-1"), None),
    ],
)
def test_the_charset_is_that_of_content_type_then_of_a_mark_then_utf_8(
    content_types: tuple[str, ...], body: bytes, notes: Any
) -> None:
    for order in ("json", "text"), ("text", "json"):
        exchange = shown(body, *content_types)
        found = {name: getattr(exchange, name) for name in order}
        assert found == {"json": ["Zoë"], "text": '["Zoë"]'}
        assert exchange.text == '["Zoë"]'
        assert exchange.notes == notes, "counted once, however often the body is read"


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/xml", '<?xml version="1.0" encoding="iso-8859-1"?><p>Zoë</p>'.encode("latin-1"), "Zoë"),
        ("text/html", '<html><meta charset="gbk"><p>你好</p>'.encode("gb18030"), "你好"),
        ("text/html", "<meta http-equiv=a content='text/html; charset=koi8-r'><p>Ж</p>".encode("koi8-r"), "Ж"),
        ("application/xml", '<?xml version="1.0" encoding="iso-8859-1"?><p>Zoë</p>'.encode(), "Zoë"),
        ("text/html; charset=utf-8", '<meta charset="gbk"><p>Zoë</p>'.encode(), "Zoë"),
        ("application/xml; charset=utf-8", '<?xml version="1.0" encoding="utf-16"?><p>Zoë</p>'.encode(), "Zoë"),
        ("application/xml", codecs.BOM_UTF8 + '<?xml version="1.0"?><p>Zoë</p>'.encode(), "Zoë"),
        ("application/xml", '<?xml version="1.0" encoding="utf-16"?><p>Zoë</p>'.encode("utf-16"), "Zoë"),
        ("text/html", b'<meta charset="hex"><p>Zo\xeb</p>', "Zo\ufffd"),
    ],
)
def test_a_page_reads_the_same_by_path_selector_and_pattern(content_type: str, body: bytes, text: str) -> None:
    scope: dict[str, Any] = {}
    rules = {"css": {"css": "p"}, "xpath": {"xpath": "//p"}, "regex": {"regex": "<p>(.*)</p>"}}
    compile_extraction(field(), rules).run(shown(body, content_type), scope)

    assert set(scope.values()) == {text}


def test_entities_are_looked_for_in_the_text_of_a_page_whatever_its_charset() -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>'.encode("utf-16")
    scope: dict[str, Any] = {}
    compile_extraction(field(), {"it": {"xpath": "string(/*)", "default": ""}}).run(shown(bomb, "text/xml"), scope)

    assert scope["it"] == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON: an empty body"),
        (b" \r\n", 'not JSON but blanks: " \\r\\n"'),
        (b"\n<!DOCTYPE html><p>Bad gateway", 'not JSON but HTML: "\\n<!DOCTYPE html><p>Bad gateway"'),
        (b"<error/>", 'not JSON but XML or HTML: "<error/>"'),
        (b"\x1f\x8b\x08\x00", "not JSON but gzip data, without Content-Encoding: "),
        (b"Bad gateway", "not JSON at line 1, column 1 (unexpected B): "),
        (b'{"a": 1,}', "not JSON at line 1, column 9 (a comma before the end of the object): "),
        (b'{\n  "a": [1, 2,\n  ]\n}', "not JSON at line 3, column 3 (a comma before the end of the list): "),
        ('{"Zoë": 1 "b": 2}'.encode(), "not JSON at line 1, column 11 (a comma or } is missing): "),
        (b'{"a" 1}', "not JSON at line 1, column 6 (a colon is missing): "),
        (b"{'a': 1}", "not JSON at line 1, column 2 (a key without double quotes): "),
        (b'{"a": 1', "not JSON at line 1, column 8 (it ends too early): "),
        (b'{"a":"\\ud800x"}', "not JSON at line 1, column 7 (half a surrogate pair: \\ud800): "),
        (b'["\\ud83d', "not JSON at line 1, column 9 (it ends too early): "),
        (b'["\\ud83d and more text"]', "not JSON at line 1, column 3 (half a surrogate pair: \\ud83d): "),
        (b'["\\udc00 and more text"]', "not JSON at line 1, column 3 (half a surrogate pair: \\udc00): "),
        (b'["\\\\ud800', "not JSON at line 1, column 10 (it ends too early): "),
        (b'["\\ud83d\\ude00', "not JSON at line 1, column 15 (it ends too early): "),
        (b'{"a": 1}\n{"a": 2}', "not JSON at line 2, column 1 (something behind the end): "),
        (b'{"a": NaN}', "not JSON at line 1, column 7 (unexpected N): "),
        (b'{"a": nul}', "not JSON at line 1, column 7 (unexpected n): "),
        (b'{"a": False}', "not JSON at line 1, column 7 (unexpected F): "),
        (b'["a\tb"]', "not JSON at line 1, column 4 (the control character U+0009 in a text): "),
        (b'["\\x"]', "not JSON at line 1, column 4 (an unknown escape in a text): "),
        (b"[01]", "not JSON at line 1, column 3 (a number that is none): "),
        (b'{"name": "Zo\xeb"}', "not JSON at line 1, column 13 (a byte that is not UTF-8): "),
        (b'\xef\xbb\xbf{"a" 1}', "not JSON at line 1, column 6 (a colon is missing): "),
        (b"[1e999]", "not JSON that can be read (number out of range at $[0]): "),
    ],
)
def test_what_is_not_json_says_where_and_why_and_what_came_to_every_reader(body: bytes, reason: str) -> None:
    exchange = shown(body, "application/json")
    graphql = compile_expectation(field(), None, imply_status=False, imply_no_errors=True).evaluate(exchange, {})
    with pytest.raises(MissingValue) as missed:
        compile_extraction(field(), {"it": "$.a"}).run(exchange, {})
    with pytest.raises(UnexpectedResponse) as unexpected:
        Response("get", exchange, passed=True).json()
    said = failed({"json": {"$.a": 1}, "schema": {"type": "object"}}, exchange)
    said += [check.actual for check in graphql if isinstance(check, FailedCheck)]
    said += [str(error.value).partition("a body that is ")[2] for error in (missed, unexpected)]

    assert len(said) == 5
    for each in said:
        assert each.startswith(reason)
    _, why = _read(exchange)
    assert reason.partition(":")[0] in why
    assert body.strip()[:20].decode("latin-1") not in why or not body.strip(), "a token may be in it"


@pytest.mark.parametrize(
    ("charset", "body", "reason"),
    [
        ("gbk", '["你好" 1]'.encode("gbk"), "line 1, column 7 (a comma or ] is missing)"),
        ("utf-16", '["ë",\n]'.encode("utf-16-le"), "line 2, column 1 (a comma before the end of the list)"),
        ("shift_jis", b'["\x83\x5c", "\x81\xff"]', "line 1, column 8 (a byte that is not shift_jis)"),
    ],
)
def test_a_place_counts_characters_of_the_charset(charset: str, body: bytes, reason: str) -> None:
    with pytest.raises(NotJsonError) as raised:
        _ = shown(body, f"application/json; charset={charset}").json
    assert str(raised.value) == f"not JSON at {reason}"


def test_a_template_that_reads_what_is_not_json_says_where_and_why() -> None:
    (said,) = failed({"condition": "response.json.a == 1"}, shown(b'{"a" 1}', "application/json"))

    assert "not JSON at line 1, column 6 (a colon is missing)" in said


def test_ascii_and_utf_8_without_a_mark_are_parsed_as_they_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exchange, "_read_json", lambda self: pytest.fail("this way is for other charsets"))
    monkeypatch.setattr(Exchange, "_read_text", lambda self: pytest.fail("this way is for other charsets"))
    for content_type in ("application/json", "application/json; charset=utf-8", 'a/b;Charset="UTF-8"'):
        exchange = shown('["Zoë"]'.encode(), content_type)
        assert (exchange.json, exchange.text) == (["Zoë"], '["Zoë"]')
    assert shown(b'["Zoe"]', "application/json; charset=iso-8859-1").json == ["Zoe"]


def test_a_body_is_kept_and_shown_in_utf_8_and_binary_ones_as_they_came() -> None:
    picture = b"\x89PNG\r\n\xff\xd8\xff"
    latin1 = "Grüße".encode("latin-1")

    assert shown(latin1, "text/plain; charset=latin1").in_utf8(100) == "Grüße".encode()
    assert shown("<p>你好".encode("utf-16"), "text/html").in_utf8(100) == "<p>你好".encode()
    assert shown(picture, "image/png").in_utf8(100) == picture
    assert shown("你好".encode("gbk") * 99, "a/b; charset=gbk").in_utf8(9) == "你好你好".encode()
    assert failed({"body": "no"}, shown(latin1, "text/plain; charset=latin1")) == ['"Grüße"']


def test_a_secret_is_hidden_in_a_kept_body_of_any_charset(tmp_path: Path) -> None:
    store = BodyStore(tmp_path, Redactor(secrets=["pässwörd-1"]))
    for charset, codec in (("utf-16be", "utf-16-be"), ("iso-8859-1", "latin-1"), ("gb18030", "gb18030")):
        exchange = shown('{"it": "pässwörd-1"}'.encode(codec), f"application/json; charset={charset}")
        name = store.keep(exchange.in_utf8(store.reads))
        assert name is not None
        assert (tmp_path / name).read_text() == '{"it": "[redacted]"}'
