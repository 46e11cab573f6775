from __future__ import annotations

import gzip
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reading import ROOM, read
from windtunnel.http.response import HEAD_LIMIT, ResponseReader
from windtunnel.model.http import Exchange, parse_head


def outcome(
    pieces: list[bytes], *, method: str = "GET", max_body: int = ROOM, closes: bool = False
) -> dict[str, Any]:
    """What a reader makes of a response that arrives in these pieces."""
    seen = read(pieces, method=method, closes=closes, max_body=max_body)
    exchange, failure, reader = seen.exchange, seen.failure, seen.reader
    return {
        "status": exchange.status,
        "headers": parse_head(exchange.head),
        "body": exchange.body,
        "kind": failure.kind if failure else None,
        "complete": reader.complete,
        "reusable": reader.reusable,
        "received": reader.received,
    }


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


TOKEN = st.text("abcXYZ-", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in {"connection", "content-length"}
)
VALUE = st.text("abc xyz,;=0123456789ü", max_size=30).map(lambda text: text.strip().encode())


@st.composite
def responses(draw: Any) -> tuple[bytes, bytes, list[tuple[bytes, bytes]]]:
    """A well-formed response, its body, and its headers."""
    body = draw(st.binary(max_size=200))
    headers = [(name.encode(), value) for name, value in draw(st.lists(st.tuples(TOKEN, VALUE), max_size=4))]
    wire = body
    if draw(st.booleans()):
        wire = gzip.compress(body)
        headers.append((b"Content-Encoding", b"gzip"))
    if draw(st.booleans()):
        headers.append((b"Transfer-Encoding", b"chunked"))
        parts = cut(wire, draw(st.lists(st.integers(0, 300), max_size=3)))
        wire = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        headers.append((b"Content-Length", b"%d" % len(wire)))
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    interim = draw(
        st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"])
    )
    status = draw(st.sampled_from([b"200 OK", b"201", b"404 Not Found at all", b"500 Oh"]))
    return interim + b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + wire, body, headers


@settings(max_examples=150)
@given(responses(), st.lists(st.integers(0, 1000), max_size=8))
def test_a_response_is_the_same_however_it_is_cut(response: Any, places: Any) -> None:
    data, body, headers = response
    whole = outcome([data])
    assert whole["kind"] is None
    assert whole["complete"]
    assert whole["reusable"]
    assert (whole["body"], whole["headers"]) == (body, headers)
    assert outcome(cut(data, places)) == whole
    assert outcome([bytes([byte]) for byte in data]) == whole


@settings(max_examples=200)
@given(st.binary(max_size=400), st.booleans())
def test_whatever_arrives_the_reader_ends_with_a_value(noise: Any, valid_start: Any) -> None:
    data = (b"HTTP/1.1 200 OK\r\n" if valid_start else b"") + noise
    seen = outcome([data], closes=True)
    assert seen["complete"] or seen["kind"] in {"protocol", "closed", "tls"}


@given(responses(), st.integers(0, 1000))
def test_a_response_that_is_cut_off_is_never_complete(response: Any, place: Any) -> None:
    data, _, _ = response
    seen = outcome([data[: place % len(data)]], closes=True)
    assert seen["kind"] in {"closed", "decode"}


PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_reader_reads_one_response_after_another() -> None:
    reader = ResponseReader()
    for method in ("GET", "HEAD", "GET", "HEAD", "GET"):
        exchange = Exchange(method, "u", "s")
        reader.start(exchange, ROOM)
        assert reader.feed(PLAIN[:-2] if method == "HEAD" else PLAIN) is None
        assert reader.complete
        assert reader.reusable
        assert exchange.body == (b"" if method == "HEAD" else b"ok")
        assert exchange.head == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", False),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", True),
    ],
)
def test_an_answer_to_head_ends_with_its_head(head: bytes, reusable: bool) -> None:
    seen = outcome([head], method="HEAD")
    assert seen["complete"]
    assert seen["body"] == b""
    assert seen["kind"] is None
    assert seen["reusable"] is reusable


@pytest.mark.parametrize(
    "rest", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"garbage", b"HTTP/1.1 2"]
)
def test_what_follows_the_body_is_not_read_and_ends_the_connection(rest: bytes) -> None:
    seen = outcome([PLAIN + rest])
    assert (seen["status"], seen["body"], seen["kind"]) == (200, b"ok", None)
    assert seen["complete"]
    assert not seen["reusable"]


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + gzip.compress(b"zipped", mtime=0), b"zipped"),
        (b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"zipped", mtime=0), b"zipped"),
    ],
)
def test_a_body_without_a_length_ends_with_the_connection(data: bytes, body: bytes) -> None:
    assert not outcome([data])["complete"]
    seen = outcome([data], closes=True)
    assert (seen["complete"], seen["body"], seen["reusable"]) == (True, body, False)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 099 Early\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"220 mail.test ESMTP\r\n",
    ],
)
def test_what_is_not_http_1_1_is_a_protocol_error(data: bytes) -> None:
    assert outcome([data])["kind"] == "protocol"
    assert outcome([bytes([byte]) for byte in data])["kind"] == "protocol"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_LIMIT,
        b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * HEAD_LIMIT,
        b"HTTP/1.1 200 " + b"O" * (2 * HEAD_LIMIT),
    ],
)
def test_a_head_over_the_limit_is_a_protocol_error(data: bytes) -> None:
    step = 4096
    assert outcome([data[i : i + step] for i in range(0, len(data), step)])["kind"] == "protocol"


def test_a_large_body_right_behind_a_small_head_is_not_taken_for_a_large_head() -> None:
    body = b"x" * (2 * HEAD_LIMIT)
    seen = outcome([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body])
    assert (seen["kind"], seen["body"]) == (None, body)


@pytest.mark.parametrize("size", [100, 101])
def test_a_body_may_be_as_large_as_max_body_and_no_larger(size: int) -> None:
    seen = outcome([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, b"x" * size], max_body=100)
    assert seen["kind"] == (None if size == 100 else "body_too_large")
    assert seen["status"] == 200


@pytest.mark.parametrize("size", [100_000, 100_001])
def test_the_limit_counts_bytes_after_decompression(size: int) -> None:
    packed = gzip.compress(bytes(size))
    data = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    seen = outcome([data], max_body=100_000)
    assert seen["kind"] == (None if size == 100_000 else "body_too_large")
    assert len(seen["body"]) <= size


def test_chunks_that_only_grow_the_frame_have_an_end() -> None:
    piece = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    flood = b"1;" + b"x" * 4000 + b"\r\na\r\n"
    assert outcome([piece, *[flood] * 30], max_body=100)["kind"] == "body_too_large"


def test_trailers_are_read_and_forgotten() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n"
    seen = outcome([data])
    assert (seen["body"], seen["headers"]) == (b"ok", [(b"Transfer-Encoding", b"chunked")])
    assert seen["reusable"]
