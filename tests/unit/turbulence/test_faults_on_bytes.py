"""Faults on bytes, whatever the pieces are in which these come."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.testing.virtual_clock import run_virtual
from windtunnel.turbulence.faults.abort import _Cut
from windtunnel.turbulence.faults.drop_connection import _Dropped
from windtunnel.turbulence.paced import Pace
from windtunnel.turbulence.wire import Measured

BODIES = st.binary(max_size=60)
CUTS = st.lists(st.integers(0, 200), max_size=8)


def pieces(message: bytes, cuts: list[int]) -> list[bytes]:
    """The message in pieces, none of which is empty."""
    places = sorted({0, len(message), *(each for each in cuts if each < len(message))})
    return [message[begin:end] for begin, end in pairwise(places)]


class Ends(asyncio.Protocol):
    """What a connection hears, and the transport that it is over."""

    def __init__(self) -> None:
        self.heard = self.sent = b""
        self.ended = ""

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.ended = "aborted"

    def close(self) -> None:
        self.ended = "closed"


def connected(wire: Any, ends: Ends) -> Any:
    wire._below = ends
    return wire


@given(
    BODIES,
    CUTS,
    st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"]),
)
def test_a_message_is_measured_the_same_in_any_pieces(body: bytes, cuts: list[int], before: bytes) -> None:
    head = before + b"HTTP/1.1 200 OK\r\nX: 1\r\ncontent-LENGTH: %d\r\n\r\n" % len(body)
    measured = Measured(silent=None)
    for piece in pieces(head + body, cuts):
        measured.add(piece)
    assert (measured.is_known, measured.head, measured.body) == (True, len(head), len(body))
    assert measured.total == len(head) + len(body)


@pytest.mark.parametrize(
    ("head", "silent", "body"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0),
        (b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\n", None, None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None, None),
        (b"HTTP/1.1 200 OK\nContent-Length: 7\n\n", None, 7),
    ],
)
def test_the_length_of_a_body_that_the_head_does_not_say(
    head: bytes, silent: int | None, body: int | None
) -> None:
    measured = Measured(silent=silent)
    measured.add(head)
    assert (measured.head, measured.body) == (len(head), body)


@given(BODIES, CUTS, st.floats(0, 1), st.booleans())
def test_a_response_is_cut_at_its_share_and_never_complete(
    body: bytes, cuts: list[int], after: float, is_head: bool
) -> None:
    head, ends = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), Ends()
    wire = connected(_Cut(ends, after, has_body=not is_head), ends)
    for piece in pieces(head + (b"" if is_head else body), cuts):
        wire.data_received(piece)
    length = 0 if is_head else len(body)
    assert len(ends.heard) == min(len(head) + int(length * after), len(head) + length - 1)
    assert (head + body).startswith(ends.heard)
    assert (ends.ended, wire.is_cut) == ("aborted", True)


def test_a_response_of_unknown_length_is_cut_in_its_first_bytes() -> None:
    ends = Ends()
    wire = connected(_Cut(ends, 0.5, has_body=True), ends)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for piece in (head, b"5\r\nhello\r\n0\r\n\r\n", b"more"):
        wire.data_received(piece)
    assert (ends.heard, ends.ended) == (head + b"5", "aborted")


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5), st.integers(1, 2_000))
def test_bytes_go_through_in_order_and_at_their_rate(data: list[bytes], rate: int) -> None:
    taken: list[tuple[float, bytes]] = []
    emptied: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pace = Pace(
            rate,
            lambda piece: taken.append((loop.time(), piece)),
            lambda: emptied.append(loop.time()),
        )
        for piece in data:
            pace.add(piece)
        await asyncio.sleep(len(b"".join(data)) / rate + 1)

    run_virtual(main())
    whole = b"".join(data)
    assert b"".join(piece for _, piece in taken) == whole
    passed = 0
    for at_s, piece in taken:
        passed += len(piece)
        assert passed <= 1 + rate * at_s + 1e-6
    assert emptied[-1] == taken[-1][0] <= (len(whole) + 1) / rate + 0.05


@given(BODIES, CUTS, st.booleans())
def test_a_connection_is_dropped_before_the_first_byte_or_after_the_last(
    body: bytes, cuts: list[int], after: bool
) -> None:
    message, ends = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body, Ends()
    wire = connected(_Dropped(ends, sends=after), ends)
    for piece in pieces(message, cuts):
        assert (ends.ended == "") == (after or not wire.is_dropped)
        wire.write(piece)
    wire.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    assert (ends.sent, ends.ended, ends.heard) == (message if after else b"", "closed", b"")
