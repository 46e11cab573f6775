"""Responses that depart from the standard: read as browsers do it and noted, or refused when told to be strict."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.reading import ROOM, read
from tests.unit.http.test_http_response import responses
from windtunnel.http.response import HEAD_LIMIT, ResponseReader
from windtunnel.http.tolerant import TolerantParser
from windtunnel.model.http import Exchange, parse_head
from windtunnel.model.note import NOTES

HTTP = b"HTTP/1.1 200 OK\r\n"
OK = b"Content-Length: 2\r\n\r\nok"
CHUNKED = HTTP + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKED_OK = b"2\r\nok\r\n0\r\n\r\n"


def each_byte(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


READ: list[tuple[bytes, set[str]]] = [
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", {"bare_line_feed"}),
    (b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 2\r\n\r\nok", {"bare_line_feed"}),
    (HTTP + b"A: b\r\n\tc\r\n" + OK, {"folded_header"}),
    (HTTP + b"A:\r\n b\r\n" + OK, {"folded_header"}),
    (HTTP + b"A: b\r\n \r\n" + OK, {"folded_header"}),
    (HTTP + b"Content-Length:\r\n 2\r\n\r\nok", {"folded_header"}),
    (HTTP + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKED_OK, {"folded_header"}),
    (HTTP + b" A: b\r\n" + OK, {"folded_header"}),
    (HTTP + b"A : b\r\n" + OK, {"space_before_colon"}),
    (HTTP + b"Content-Length\t: 2\r\n\r\nok", {"space_before_colon"}),
    (HTTP + b"A: a\x01b\r\n" + OK, {"control_character"}),
    (HTTP + b"A: a\x7fb\r\n" + OK, {"control_character"}),
    (HTTP + b"A: a\rb\r\n" + OK, {"control_character"}),
    (HTTP + b"Content-Length: 2\r\nA: b\r\ncontent-length: 2\r\n\r\nok", {"length_twice"}),
    (HTTP + b"Content-Length: 2, 2\r\n\r\nok", {"length_twice"}),
    (HTTP + b"Content-Length: 2 ,02\r\n\r\nok", {"length_twice"}),
    (HTTP + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_OK, {"length_and_chunks"}),
    (HTTP + b"Transfer-Encoding: identity\r\n" + OK, {"length_and_chunks"}),
    (CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 2\r\n\r\n", {"length_and_chunks"}),
    (CHUNKED + b"2  \r\nok\r\n0\t\r\n\r\n", {"chunk_size_blanks"}),
    (CHUNKED + b" 2\r\nok\r\n0\r\n\r\n", {"chunk_size_blanks"}),
    (CHUNKED + b"2 ;a=b\r\nok\r\n0\r\n\r\n", {"chunk_size_blanks"}),
    (CHUNKED + b"2\r\nok\r\n0   \r\n\r\n", {"chunk_size_blanks"}),
    (CHUNKED + b"2;\r\nok\r\n0\r\n\r\n", {"chunk_extension"}),
    (CHUNKED + b"2; a b\r\nok\r\n0\r\n\r\n", {"chunk_extension"}),
    (CHUNKED + b"2\nok\n0\n\n", {"bare_line_feed"}),
    (CHUNKED + b"2\r\nok\n0\r\n\r\n", {"bare_line_feed"}),
    (CHUNKED + b"2\r\nok\r\n0\r\nA : b\r\n\r\n", {"space_before_colon"}),
    (b"HTTP/1.1  200 OK\r\n" + OK, {"status_line"}),
    (b"HTTP/1.1\t200 OK\r\n" + OK, {"status_line"}),
    (b"HTTP/1.1 200OK\r\n" + OK, {"status_line"}),
    (b"http/1.1 200 ok\r\n" + OK, {"status_line"}),
    (b"HTTP/1.2 200 OK\r\n" + OK, {"status_line"}),
    (b"\r\n\n" + HTTP + OK, {"blank_line_first"}),
    (b"\r\n" + HTTP + b"A : b\r\n" + OK, {"blank_line_first", "space_before_colon"}),
    (HTTP + b": b\r\n" + OK, {"header_name"}),
    (HTTP + b"A b(: c\r\n" + OK, {"header_name"}),
    (b"HTTP/1.1 103 Early Hints\nA : b\n\nHTTP/1.1 200 OK\n" + OK, {"bare_line_feed", "space_before_colon"}),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok", {"bare_line_feed"}),
    (b"HTTP/1.1 200\r\n" + OK, set()),
    (b"HTTP/1.1 200 \r\n" + OK, set()),
    (HTTP + b"A: \xc3\xbc\xff\r\n" + OK, set()),
    (CHUNKED + b'0002;a=b;c="d e";f\r\nok\r\n000\r\nA: b\r\n\r\n', set()),
]


@pytest.mark.parametrize(("data", "notes"), READ)
def test_what_browsers_read_is_read_and_noted_once(data: bytes, notes: set[str]) -> None:
    for pieces in ([data], each_byte(data)):
        seen = read(pieces)
        assert (seen.exchange.status, seen.exchange.body, seen.failure) == (200, b"ok", None)
        assert seen.reader.complete
        assert seen.exchange.notes == (dict.fromkeys(notes, 1) or None)
        assert seen.reader.reusable == ("length_and_chunks" not in notes)
        assert seen.reader.received == len(data)


@pytest.mark.parametrize(("data", "notes"), READ)
def test_a_strict_reader_refuses_it_and_names_the_departure(data: bytes, notes: set[str]) -> None:
    for pieces in ([data], each_byte(data)):
        seen = read(pieces, strict=True)
        if not notes:
            assert (seen.failure, seen.exchange.body) == (None, b"ok")
            continue
        assert seen.failure is not None
        assert seen.failure.kind == "protocol"
        assert seen.failure.detail in {f"{NOTES[kind].matter} (`http: strict` in the SUT file)" for kind in NOTES}
        assert any(NOTES[kind].matter in seen.failure.detail for kind in NOTES if kind in notes)
        assert seen.exchange.notes is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HTTP + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", "Content-Length is given as 2 and as 3"),
        (HTTP + b"Content-Length: 3, 2\r\n\r\nok", "Content-Length is given as 2 and as 3"),
        (HTTP + b"Content-Length: \r\n\r\nok", "Content-Length is not a number: ''"),
        (HTTP + b"Content-Length: +2\r\n\r\nok", "Content-Length is not a number: '+2'"),
        (HTTP + b"Content-Length: 2,\r\n\r\nok", "Content-Length is not a number: ''"),
        (HTTP + b"Content-Length: 0x2\r\n\r\nok", "Content-Length is not a number: '0x2'"),
        (HTTP + b"A: a\0b\r\n" + OK, "a NUL byte in a header"),
        (HTTP + b"garbage\r\n" + OK, "a header line without a colon"),
        (HTTP + b" garbage\r\n" + OK, "a header line without a colon"),
        (CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n", "the size of a chunk is not a number: '0x2'"),
        (CHUNKED + b"-2\r\nok\r\n0\r\n\r\n", "the size of a chunk is not a number: '-2'"),
        (CHUNKED + b"\r\n2\r\nok\r\n0\r\n\r\n", "the size of a chunk is not a number: ''"),
        (CHUNKED + b"2 3\r\nok\r\n0\r\n\r\n", "the size of a chunk is not a number: '2 3'"),
        (CHUNKED + b"fffffffffffffffff\r\nok", "the size of a chunk is not a number: 'fffffffffffffffff'"),
        (CHUNKED + b"1\r\nok\r\n0\r\n\r\n", "a chunk is longer than its size says"),
        (CHUNKED + b"2\r\nok0\r\n\r\n", "a chunk is longer than its size says"),
        (CHUNKED + b"2;" + b"a " * 10_000, "a line of more than 16,384 bytes between chunks"),
        (b"220 mail.test ESMTP\r\n", "the response does not begin with `HTTP/`"),
        (b"HTTP/1.1 20 OK\r\n", "the response does not begin with a line such as `HTTP/1.1 200 OK`"),
        (b"HTTP/1.1 2000 OK\r\n", "the response does not begin with a line such as `HTTP/1.1 200 OK`"),
        (b"HTTP/2 200\r\n", "the response does not begin with a line such as `HTTP/1.1 200 OK`"),
    ],
)
def test_what_curl_refuses_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    for pieces in ([data], each_byte(data)):
        seen = read(pieces)
        assert seen.failure is not None
        assert (seen.failure.kind, seen.failure.detail) == ("protocol", reason)


@pytest.mark.parametrize(
    ("head", "method"),
    [
        (HTTP + OK, "GET"),
        (CHUNKED + CHUNKED_OK, "GET"),
        (HTTP + b"Content-Length: 2\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
    ],
)
@pytest.mark.parametrize("rest", [b"!", b"ok", HTTP + OK])
def test_what_comes_with_a_response_and_is_behind_it_is_dropped_and_noted(
    head: bytes, method: str, rest: bytes
) -> None:
    seen = read([head + rest], method=method)
    strict = read([head + rest], method=method, strict=True)

    assert (seen.failure, seen.notes, seen.reader.reusable) == (None, {"after_response"}, False)
    assert strict.failure is not None
    assert strict.failure.detail == ("something behind the end of the response (`http: strict` in the SUT file)")
    assert strict.exchange.notes is None


def test_folds_and_blanks_are_no_part_of_names_and_values() -> None:
    seen = read([HTTP + b"Policy: self;\r\n\t data: \r\nX-Odd  :  1\r\nControl: a\x01\rb\r\n" + OK])
    assert parse_head(seen.exchange.head) == [
        (b"Policy", b"self; data:"),
        (b"X-Odd", b"1"),
        (b"Control", b"a\x01\rb"),
        (b"Content-Length", b"2"),
    ]
    assert seen.exchange.headers["x-odd"] == "1"


def test_cookies_of_an_odd_head_are_taken() -> None:
    assert read([HTTP + b"Set-Cookie : a=b\r\n" + OK]).reader.sets_cookies


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\nContent-Length: 9\n\n", True),
        (b"HTTP/1.1 200 OK\nConnection: x, Close\nContent-Length: 9\n\n", False),
        (HTTP + b"Content-Length: 9\r\nContent-Length: 9\r\n\r\n", True),
        (HTTP + b"Transfer-Encoding: chunked\r\nA : b\r\n\r\n", True),
    ],
)
def test_an_odd_answer_to_head_ends_with_its_head(head: bytes, reusable: bool) -> None:
    seen = read([head], method="HEAD")
    assert (seen.exchange.body, seen.failure) == (b"", None)
    assert (seen.reader.complete, seen.reader.reusable) == (True, reusable)
    assert not read([head + b"x"], method="HEAD").reader.reusable


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_odd_answer_without_a_body_ends_with_its_head(status: bytes) -> None:
    seen = read([b"HTTP/1.1 " + status + b"\nContent-Length: 9\n\n"])
    assert (seen.reader.complete, seen.reader.reusable, seen.failure) == (True, True, None)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\nA: b\n\n", HTTP + b"Transfer-Encoding: x\r\nContent-Length: 1\r\n\r\n"]
)
def test_an_odd_answer_without_a_length_ends_with_the_connection(head: bytes) -> None:
    seen = read([head + b"o", b"k"], closes=True)
    assert (seen.exchange.body, seen.failure, seen.reader.reusable) == (b"ok", None, False)


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\nContent-Length: 3\n\nok", CHUNKED + b"2 \r\nok\r\n0\r\n"])
def test_an_odd_answer_that_is_cut_off_is_not_complete(data: bytes) -> None:
    seen = read([data], closes=True)
    assert seen.failure is not None
    assert (seen.failure.kind, seen.exchange.body) == ("closed", b"ok")


def test_an_odd_head_has_the_limit_of_any_other() -> None:
    seen = read([b"HTTP/1.1 200 OK\n", *[b"A: " + b"x" * 4000 + b"\n"] * 20])
    assert seen.failure is not None
    assert seen.failure.detail == f"the response head has more than {HEAD_LIMIT:,} bytes"


def test_an_odd_body_has_the_limit_of_any_other() -> None:
    seen = read([CHUNKED + b"2 \r\nok\r\n" * 10], max_body=9)
    assert seen.failure is not None
    assert seen.failure.kind == "body_too_large"


@pytest.mark.parametrize("odd", [0, 5, 100, 399])
@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_long_body_with_one_odd_chunk_is_read_whole(odd: int, size: int, coding: str) -> None:
    import gzip

    body = b"".join(b"%06d" % number for number in range(1000))
    wire = gzip.compress(body, mtime=0) if coding else body
    step = -(-len(wire) // 400)
    parts = [wire[at : at + step] for at in range(0, len(wire), step)]
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(part), b" " * (at == odd), part) for at, part in enumerate(parts))
    fields = b"Content-Encoding: gzip\r\n" if coding else b""
    data = HTTP + fields + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    seen = read([data[at : at + size] for at in range(0, len(data), size)])
    assert (seen.failure, seen.exchange.body) == (None, body)
    assert seen.notes == ({"chunk_size_blanks"} if odd < len(parts) else set())


def test_an_odd_response_changes_nothing_about_the_next_one() -> None:
    reader = ResponseReader()
    exchanges = [Exchange("GET", "u", "s") for _ in range(4)]
    for exchange, data in zip(exchanges, [HTTP + b"A : b\r\n" + OK, HTTP + OK] * 2, strict=True):
        reader.start(exchange, ROOM)
        assert reader.feed(data) is None
    assert [exchange.body for exchange in exchanges] == [b"ok"] * 4
    assert [exchange.notes for exchange in exchanges] == [{"space_before_colon": 1}, None] * 2
    assert (reader.complete, reader.reusable) == (True, True)


@pytest.mark.parametrize("rest", [b"H", b"HTTP/1.1 200 OK\r\n", b"\n"])
def test_what_follows_an_odd_response_is_not_read_and_ends_the_connection(rest: bytes) -> None:
    for odd in (HTTP + b"A : b\r\n" + OK, CHUNKED + b"2 \r\nok\r\n0\r\n\r\n"):
        seen = read([odd + rest])
        assert (seen.exchange.body, seen.failure, seen.reader.reusable) == (b"ok", None, False)


DEPARTURES: dict[str, Callable[[bytes, bytes], tuple[bytes, bytes]]] = {
    "bare_line_feed": lambda head, wire: (head.replace(b"\r\n", b"\n"), wire),
    "folded_header": lambda head, wire: (head.replace(b": ", b":\r\n\t "), wire),
    "space_before_colon": lambda head, wire: (head.replace(b": ", b" \t: "), wire),
    "control_character": lambda head, wire: (head[:-2] + b"Odd: \x01\r\n\r\n", wire),
    "blank_line_first": lambda head, wire: (b"\r\n" + head, wire),
    "status_line": lambda head, wire: (head.replace(b"HTTP/1.1 ", b"HTTP/1.1  "), wire),
    "header_name": lambda head, wire: (head[:-2] + b"O d d: 1\r\n\r\n", wire),
    "length_twice": lambda head, wire: (head[:-2] + b"Content-Length: %d\r\n\r\n" % len(wire), wire),
    "length_and_chunks": lambda head, wire: (head[:-2] + b"Content-Length: 1\r\n\r\n", wire),
}


@st.composite
def departing(draw: Any) -> tuple[bytes, str, bytes, list[tuple[bytes, bytes]], str]:
    """A response with one departure: its bytes, method, body and fields, and the kind of the departure."""
    body = draw(st.binary(max_size=120))
    fields = draw(
        st.lists(st.tuples(st.sampled_from([b"A", b"B-C"]), st.sampled_from([b"", b"x", b"x y"])), max_size=3)
    )
    chunked = draw(st.booleans())
    kinds = sorted(DEPARTURES.keys() - {"length_twice" if chunked else "length_and_chunks"})
    kind = draw(st.sampled_from([*kinds, *(["chunk_size_blanks", "chunk_extension"] if chunked else [])]))
    wire = body
    if chunked:
        mark = {"chunk_size_blanks": b" ", "chunk_extension": b";a b"}.get(kind, b"")
        places = sorted({0, len(body), *draw(st.lists(st.integers(0, len(body)), max_size=4))})
        parts = [body[a:b] for a, b in pairwise(places)]
        wire = b"".join(b"%x%b\r\n%b\r\n" % (len(part), mark, part) for part in parts) + b"0%b\r\n\r\n" % mark
    framing = (b"Transfer-Encoding", b"chunked") if chunked else (b"Content-Length", b"%d" % len(body))
    head = HTTP + b"".join(b"%b: %b\r\n" % pair for pair in [framing, *fields]) + b"\r\n"
    if kind in DEPARTURES:
        head, wire = DEPARTURES[kind](head, wire)
    return head + wire, "GET", body, fields, kind


@settings(max_examples=300)
@given(departing(), st.lists(st.integers(0, 400), max_size=6))
def test_a_response_reads_equal_with_each_departure_however_it_is_cut(response: Any, places: Any) -> None:
    data, method, body, fields, kind = response
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    seen = read([data[a:b] for a, b in pairwise(edges) if a < b], method=method)
    assert (seen.failure, seen.exchange.status, seen.exchange.body) == (None, 200, body)
    assert seen.reader.complete
    assert seen.notes == {kind}
    assert parse_head(seen.exchange.head)[1 : len(fields) + 1] == fields


@settings(max_examples=150)
@given(responses(), st.booleans())
def test_the_tolerant_parser_reads_what_the_strict_one_reads_and_notes_nothing(response: Any, head: Any) -> None:
    data, body, fields = response
    method = "HEAD" if head else "GET"
    reader = ResponseReader()
    exchange = Exchange(method, "u", "s")
    reader.start(exchange, ROOM)
    reader._parser, reader._parser_is_stuck = TolerantParser(reader), True
    if head:
        end = read([data]).exchange.head
        data = data[: data.index(end) + len(end) + 2]
    assert reader.feed(data) is None
    strict = read([data], method=method)
    assert (exchange.body, parse_head(exchange.head)) == (b"" if head else body, fields)
    assert exchange.head == strict.exchange.head
    assert (reader.complete, reader.reusable, exchange.notes) == (True, strict.reader.reusable, None)


@settings(max_examples=200)
@example(b"", b"\x15\x03\x03\x00\x02\x02\x46", False)
@given(st.sampled_from([HTTP, CHUNKED, b"HTTP/1.1 200 OK\n", b""]), st.binary(max_size=200), st.booleans())
def test_whatever_arrives_the_end_is_a_value_and_the_same_byte_by_byte(
    start: Any, noise: Any, strict: Any
) -> None:
    whole = read([start + noise], strict=strict, closes=True)
    single = read(each_byte(start + noise), strict=strict, closes=True)
    for seen in (whole, single):
        assert seen.reader.complete or (seen.failure and seen.failure.kind in {"protocol", "closed", "tls"})
    # Of several things that are wrong, a strict reader may see another one first.
    assert (whole.failure and whole.failure.kind) == (single.failure and single.failure.kind)
    assert strict or whole.failure == single.failure
    assert whole.exchange.body == single.exchange.body
