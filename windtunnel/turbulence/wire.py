"""Faults on bytes: a request over a connection of its own, whose stream does something to what goes through it.

    Connection ◀── data_received ── Wire ◀── data_received ── the stream of the loop
        └───────────── write ────────▶ └──────── write ──────────▶

Such a connection is opened for one request and closed afterwards. Cookies and ids are those of the instance.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

from windtunnel.http.endpoint import HttpEndpoint
from windtunnel.http.errors import Failure
from windtunnel.http.stream import Destination, StreamOpener
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.record import Timings
from windtunnel.turbulence.faults.fault import Case, Forward

NO_WIRE = "the request does not go over a connection of ours"

_end_of_head = re.compile(rb"\r?\n\r?\n").search
_content_length = re.compile(rb"\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r?\n", re.IGNORECASE).search
_interim = re.compile(rb"HTTP/1\.\d 1\d\d").match


class Wire(asyncio.Protocol):
    """What is between a connection and its stream. This one changes nothing; each fault is one that does.

    To the loop it is the protocol of the stream, to the receiver it is a `Stream`.
    """

    def __init__(self, receiver: asyncio.Protocol) -> None:
        self._receiver = receiver
        self._below: asyncio.Transport

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is open."""
        self._below = transport  # type: ignore[assignment]  # TCP and TLS transports are this kind
        self._receiver.connection_made(self)  # type: ignore[arg-type]  # it uses no more than a `Stream` has

    def data_received(self, data: bytes) -> None:
        """Bytes of the response."""
        self._receiver.data_received(data)

    def eof_received(self) -> None:
        """The server sends nothing more."""
        self._receiver.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The last call on this object."""
        self._receiver.connection_lost(exc)

    def pause_writing(self) -> None:
        """The system does not take more at this moment."""
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """The system takes more again."""
        self._receiver.resume_writing()

    # What the receiver calls.

    def write(self, data: bytes) -> None:
        """Bytes of the request."""
        self._below.write(data)

    def abort(self) -> None:
        """Close at once."""
        self._below.abort()


class _Opener:
    """A `StreamOpener` around another one, which puts a wire into each stream."""

    def __init__(self, inner: StreamOpener, make: Callable[[asyncio.Protocol], Wire]) -> None:
        self._inner, self._make = inner, make

    async def open(
        self, receiver: asyncio.Protocol, destination: Destination, *, deadline_s: float, timings: Timings
    ) -> Failure | None:
        """See `StreamOpener.open`."""
        wire = self._make(receiver)
        return await self._inner.open(wire, destination, deadline_s=deadline_s, timings=timings)


def over(request: Request, make: Callable[[asyncio.Protocol], Wire]) -> Request | None:
    """The request over a connection of its own with a wire in it; None where it is not sent over one of ours."""
    endpoint = request.endpoint
    if not isinstance(endpoint, HttpEndpoint):
        return None
    destination = replace(endpoint.destination, keeps_open=False, around=lambda inner: _Opener(inner, make))
    return request.replace(endpoint=replace(endpoint, destination=destination))


def why_untouched(exchange: Exchange) -> str:
    """Why a wire did nothing to the bytes of a request that has ended."""
    if exchange.error is None:
        return "it went to another host"
    return f"no answer came: {exchange.error}" if exchange.bytes_sent else f"it was not sent: {exchange.error}"


async def send_slowly(
    request: Request, forward: Forward, case: Case, make: Callable[[asyncio.Protocol], Wire]
) -> Exchange:
    """Send a request over a slow wire, so that its times are ours. One that could not be sent is the SUT's own."""
    opened: list[Wire] = []

    def opening(receiver: asyncio.Protocol) -> Wire:
        opened.append(make(receiver))
        return opened[-1]

    changed = over(request, opening)
    if changed is None:
        case.missed(NO_WIRE)
        return await forward(request)
    exchange = await forward(changed)
    if not opened or not exchange.bytes_sent:
        case.missed(why_untouched(exchange))
        return exchange
    case.applied(f"ended with {exchange.error or exchange.status}")
    exchange.fault = case.name
    return exchange


class Measured:
    """Finds the head and the length of the body in the bytes of a message as they come.

    `head` is the number of bytes of the head, interim responses with it, 0 while it is not complete. `body` is
    that of the body, None where the head does not say it; `silent` is what it is for a head without a word of one.
    """

    def __init__(self, *, silent: int | None) -> None:
        self._begin = b""
        self._skipped = 0
        self.total = self.head = 0
        self.body = self._silent = silent

    @property
    def is_known(self) -> bool:
        """Whether the head is complete."""
        return self.head > 0

    def add(self, data: bytes) -> None:
        """More bytes of the message."""
        self.total += len(data)
        if self.is_known:
            return
        self._begin += data
        while (found := _end_of_head(self._begin)) is not None:
            head = self._begin[: found.end()]
            if _interim(head):
                self._begin, self._skipped = self._begin[found.end() :], self._skipped + found.end()
                continue
            self.head = self._skipped + found.end()
            length = _content_length(head)
            chunked = b"transfer-encoding" in head.lower()
            self.body = None if chunked else int(length[1]) if length is not None else self._silent
            self._begin = b""
            return
