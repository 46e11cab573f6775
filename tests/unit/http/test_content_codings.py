"""The codings of a body: what is undone, what is dropped, what is refused, and where the limits are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.codings import CODERS, SKIPPED, brotlied, coded, deflated, gzipped, zstandard
from windtunnel.errors import UnreadableBodyError
from windtunnel.http.decoding import MAX_CODINGS, MAX_MEMBERS
from windtunnel.http.response import ResponseReader
from windtunnel.model.http import Exchange

ROOM = 1_000_000
NAMES = sorted(CODERS)


def answered(
    fields: Sequence[str],
    wire: bytes,
    *,
    places: Sequence[int] = (),
    max_body: int = ROOM,
    method: str = "GET",
    status: str = "200 OK",
    length: bool = True,
) -> tuple[Exchange, str | None]:
    """The exchange of a response with these Content-Encoding fields, and why it failed."""
    head = f"HTTP/1.1 {status}\r\n" + "".join(f"Content-Encoding: {field}\r\n" for field in fields)
    if length:
        head += f"Content-Length: {len(wire)}\r\n"
    reader, exchange = ResponseReader(), Exchange(method, "http://shop.test/", "shop")
    reader.start(exchange, max_body)
    failure = reader.feed(head.encode() + b"\r\n")
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    for start, end in pairwise(edges):
        failure = failure or (reader.feed(wire[start:end]) if start < end else None)
    if not failure and not reader.complete:
        failure = reader.end_of_stream()
    if failure:
        reader.give_up()
    return exchange, f"{failure.kind}: {failure.detail}" if failure else None


def each_byte(wire: bytes) -> range:
    return range(len(wire))


@given(
    body=st.binary(max_size=300) | st.text(max_size=100).map(str.encode),
    codings=st.lists(st.sampled_from(NAMES), max_size=MAX_CODINGS),
    apart=st.booleans(),
    places=st.lists(st.integers(0, 1000), max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_any_body_in_any_codings_however_it_arrives_is_read_as_it_was(
    body: bytes, codings: list[str], apart: bool, places: list[int]
) -> None:
    fields = codings if apart else [", ".join(codings)]
    wire = coded(body, codings)
    for cut in (places, each_byte(wire)):
        exchange, failure = answered(fields, wire, places=cut)
        assert (exchange.body, failure, exchange.notes) == (body, None, None)


@pytest.mark.parametrize(
    ("fields", "wire"),
    [
        (["gzip"], gzipped(b"one ") + gzipped(b"two")),
        (["X-GZIP"], gzipped(b"one two") + b"\0\0\0"),
        (["gzip"], gzipped(b"one ") + b"\0\0" + gzipped(b"") + gzipped(b"two")),
        (["deflate"], deflated(b"one two")),
        (["deflate"], deflated(b"one two", bare=True)),
        (["Br"], brotlied(b"one two")),
        (["zstd"], zstandard(b"one ") + SKIPPED + zstandard(b"two")),
        (["zstd"], SKIPPED + zstandard(b"one two")),
        ([" identity ", "", ",none,"], b"one two"),
        (["br , identity", " GZIP"], gzipped(brotlied(b"one two"))),
        (["deflate,,zstd"], zstandard(deflated(b"one two", bare=True))),
    ],
)
def test_what_servers_send_is_undone(fields: list[str], wire: bytes) -> None:
    for places in ((), each_byte(wire)):
        exchange, failure = answered(fields, wire, places=places)
        assert (exchange.body, failure, exchange.notes) == (b"one two", None, None)


@pytest.mark.parametrize(
    "junk", [b"\r\n", b"\x1f", b"\x1f\x8b", b"\x28\xb5\x2f", b"<!-- 12 ms -->" * 300, b"\x03"]
)
@pytest.mark.parametrize("codings", [["gzip"], ["deflate"], ["br"], ["zstd"], ["gzip", "br"], ["br", "zstd"]])
def test_what_is_behind_the_compressed_body_is_dropped_and_noted(codings: list[str], junk: bytes) -> None:
    wire = coded(b"one two", codings) + junk
    for places in ((), [len(wire) - len(junk)], each_byte(wire)):
        exchange, failure = answered([", ".join(codings)], wire, places=places)
        assert (exchange.body, failure, exchange.notes) == (b"one two", None, {"after_compressed": 1})


def test_what_is_behind_the_inner_coding_is_noted_once_too() -> None:
    exchange, failure = answered(["gzip, br"], brotlied(gzipped(b"one two") + b"\r\n") + b"\r\n")

    assert (exchange.body, failure, exchange.notes) == (b"one two", None, {"after_compressed": 1})


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@given(places=st.lists(st.integers(0, 100), max_size=4), end=st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_a_compressed_body_that_ends_too_early_is_a_decode_error(name: str, places: list[int], end: int) -> None:
    wire = coded(b"one two three" * 9, [name])
    for fields, cut in (([name], wire[:-end]), ([name, "gzip"], gzipped(wire[:-end]))):
        if wire[:-end]:
            _, failure = answered(fields, cut, places=places)
            assert failure == f"decode: the {name} data ends too early"


@pytest.mark.parametrize(
    ("name", "wire", "reason"),
    [
        ("gzip", b"not gzip at all", "gzip: "),
        ("gzip", gzipped(b"one") + b"\x1f\x8b\x08" + bytes([255] * 20), "gzip: "),
        ("deflate", b"\x78\x9cnot deflate", "deflate: "),
        ("br", b"\xff\xff\xff\xff not br", "br: the data is damaged"),
        ("zstd", b"not zstd at all", "zstd: "),
        ("zstd", zstandard(b"one") + zstandard(b"two")[:4] + b"\xff" * 20, "zstd: "),
        ("zstd", zstandard(bytes(9_000_000), window_log=24), "zstd: the window is larger than 8 MiB"),
    ],
)
def test_damaged_data_is_a_decode_error_that_says_what_is_wrong(name: str, wire: bytes, reason: str) -> None:
    exchange, failure = answered([name], wire, max_body=20_000_000)

    assert failure is not None
    assert failure.startswith(f"decode: {reason}")
    assert len(failure) > len(f"decode: {name}: ")
    assert exchange.status == 200


@pytest.mark.parametrize("codings", [["gzip"], ["br"], ["zstd"], ["br", "gzip", "zstd"], ["compress"]])
@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified"), ("GET", "200 OK")],
)
def test_where_there_is_no_body_no_coding_is_missed(codings: list[str], method: str, status: str) -> None:
    exchange, failure = answered(codings, b"", method=method, status=status)

    assert (exchange.body, failure, exchange.notes, exchange.text) == (b"", None, None, "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (["compress"], 'the Content-Encoding "compress" is unknown'),
        (["x-own, gzip"], 'the Content-Encoding "x-own" is unknown'),
        (["gzip, UTF-8", "br"], 'the Content-Encoding "utf-8" is unknown'),
        (["a" * 300], f'the Content-Encoding "{"a" * 39}…" is unknown'),
        ([", ".join(["gzip"] * 6)], "the Content-Encoding has more than 5 codings"),
    ],
)
def test_a_body_in_a_coding_that_is_unknown_comes_as_it_is_and_fails_only_what_reads_it(
    fields: list[str], reason: str
) -> None:
    exchange, failure = answered(fields, b'{"ok": true}')

    assert (exchange.body, failure, exchange.notes) == (b'{"ok": true}', None, {"unknown_coding": 1})
    for read in ("text", "json"):
        with pytest.raises(UnreadableBodyError) as raised:
            getattr(exchange, read)
        assert str(raised.value) == f"the body can't be read: {reason}"


def transferred(fields: str, wire: bytes, *, chunked: bool, at_once: bool) -> tuple[Exchange, str | None]:
    """The exchange of a response with these header lines about codings, and why it failed."""
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(wire), wire) if chunked else wire
    data = b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (fields.encode(), framed)
    reader, exchange = ResponseReader(), Exchange("GET", "http://shop.test/", "shop")
    reader.start(exchange, ROOM)
    failure = None
    for piece in [data] if at_once else [data[at : at + 1] for at in range(len(data))]:
        failure = failure or reader.feed(piece)
    if not failure and not reader.complete:
        failure = reader.end_of_stream()
    return exchange, failure.detail if failure else None


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("fields", "codings", "chunked"),
    [
        ("Transfer-Encoding: gzip, chunked\r\n", ["gzip"], True),
        ("Transfer-Encoding: gzip\r\ntransfer-encoding: Chunked\r\n", ["gzip"], True),
        ("Transfer-Encoding:\r\n x-gzip,\r\n chunked\r\n", ["gzip"], True),
        ("Transfer-Encoding: deflate\r\n", ["deflate"], False),
        ("Content-Encoding: br\r\nTransfer-Encoding: gzip, chunked\r\n", ["br", "gzip"], True),
        ("Transfer-Encoding: gzip, chunked\r\nContent-Encoding: zstd\r\n", ["zstd", "gzip"], True),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", [], True),
        ("Transfer-Encoding: identity\r\n", [], False),
    ],
)
def test_codings_of_the_transfer_are_undone_before_those_of_the_content(
    fields: str, codings: list[str], chunked: bool, at_once: bool
) -> None:
    exchange, failure = transferred(fields, coded(b"ok", codings), chunked=chunked, at_once=at_once)

    assert (exchange.body, failure) == (b"ok", None)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("Transfer-Encoding: x-own\r\n", "x-own"),
        ("Transfer-Encoding: chunked;q=1\r\n", "chunked;q=1"),
        ('Transfer-Encoding: "chunked"\r\n', '"chunked"'),
        ("Transfer-Encoding: chunked, identity\r\n", "chunked"),
        ("Content-Encoding: gzip\r\nTransfer-Encoding: x-own\r\n", "x-own"),
    ],
)
def test_a_body_in_an_unknown_transfer_coding_fails_only_what_reads_it(
    fields: str, name: str, at_once: bool
) -> None:
    exchange, failure = transferred(fields, b"2\r\nok\r\n0\r\n\r\n", chunked=False, at_once=at_once)

    assert (failure, exchange.notes) == (None, {"unknown_coding": 1})
    with pytest.raises(UnreadableBodyError) as raised:
        _ = exchange.text
    assert str(raised.value) == f'the body can\'t be read: the Transfer-Encoding "{name}" is unknown'


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("around", [(), ("gzip",), ("br", "zstd")])
@pytest.mark.parametrize("size", [100_000, 100_001])
def test_the_limit_counts_decoded_bytes(name: str, around: tuple[str, ...], size: int) -> None:
    codings = [name, *around]
    exchange, failure = answered([",".join(codings)], coded(bytes(size), codings), max_body=100_000)

    assert failure == (None if size == 100_000 else "body_too_large: more than 100,000 bytes")
    assert len(exchange.body) <= size


@pytest.mark.parametrize("outer", ["gzip", "br", "zstd"])
def test_a_coding_that_yields_too_much_for_the_next_one_is_too_large(outer: str) -> None:
    padded = gzipped(b"ok") + bytes(5_000_000)
    exchange, failure = answered([f"gzip, {outer}"], coded(padded, [outer]), max_body=100_000)

    assert failure == "body_too_large: more than 100,000 bytes"
    assert len(exchange.body) <= 100_000


@pytest.mark.parametrize(("name", "part"), [("gzip", gzipped(b"")), ("zstd", zstandard(b""))])
def test_members_that_yield_nothing_have_an_end(name: str, part: bytes) -> None:
    _, failure = answered([name], part * (MAX_MEMBERS + 1))

    assert failure == f"decode: the {name} data has more than 10,000 parts"


def test_a_large_body_is_read_piece_by_piece() -> None:
    body = b"".join(b"%d," % number for number in range(100_000))
    for codings in (["br"], ["zstd"], ["gzip", "br"], ["zstd", "deflate"]):
        wire = coded(body, codings)
        exchange, failure = answered([", ".join(codings)], wire + b"\n", places=range(0, len(wire), 1460))
        assert (exchange.body, failure, exchange.notes) == (body, None, {"after_compressed": 1})


def test_a_body_in_an_unknown_coding_has_the_same_limit() -> None:
    _, failure = answered(["compress"], bytes(101), max_body=100)

    assert failure == "body_too_large: more than 100 bytes"
