"""A connection through a TCP proxy: two sides, and the bytes of each for the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from windtunnel.http.errors import Failure, connection_lost
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.sockets import PEER_FULL, Reading, end_writing, reset
from windtunnel.turbulence.proxy.traffic import Traffic


class Side(asyncio.Protocol):
    """One end of a link. `ended`: it sends nothing more."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.transport: asyncio.Transport | None = None
        self.reading: Reading | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self.transport = transport  # type: ignore[assignment]  # TCP, so it is one
        assert self.transport is not None
        self.reading = Reading(self.transport)
        self._link.on_connected(self)

    def data_received(self, data: bytes) -> None:
        """Bytes for the other side."""
        self._link.on_bytes(self, data)

    def eof_received(self) -> bool:
        """The peer sends nothing more; asyncio closes the connection where this returns False."""
        self.ended = True
        return self._link.on_end(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The last call on this object."""
        self._link.on_lost(self, exc)

    def pause_writing(self) -> None:
        """The peer does not take all that is written."""
        self._link.on_full(self)

    def resume_writing(self) -> None:
        """The peer takes more."""
        self._link.on_room(self)


class Link:
    """Both sides, each of which is shown what the other does. Nothing is read before both are connected."""

    def __init__(self, traffic: Traffic, *, dial: Callable[[Link], None], on_gone: Callable[[Link], None]) -> None:
        """`dial` begins to connect the side of the upstream. `on_gone` is told when both are gone."""
        self._traffic, self._dial, self._on_gone = traffic, dial, on_gone
        self.caller, self.upstream = Side(self), Side(self)
        self._exchange: Exchange | None = None
        self._open = 0

    def failed(self, failure: Failure) -> None:
        """The upstream can't be connected to: the caller is shown a reset."""
        if self.upstream.transport is not None:
            return
        self._finish(failure.kind)
        self._open -= 1
        if self.caller.transport is not None:
            reset(self.caller.transport)
        self._leave()

    def abort(self) -> None:
        """End at once, both sides."""
        self._finish("proxy_closed")
        for side in (self.caller, self.upstream):
            if side.transport is not None:
                side.transport.abort()

    def on_connected(self, side: Side) -> None:
        """One side is connected."""
        if side is self.caller:
            self._open = 2
            self._exchange = self._traffic.open(None)
            assert side.reading is not None
            side.reading.pause(PEER_FULL)
            self._dial(self)
        elif self._exchange is None:
            assert side.transport is not None
            side.transport.abort()
        elif self.caller.reading is not None:
            self.caller.reading.resume(PEER_FULL)

    def on_bytes(self, side: Side, data: bytes) -> None:
        """Pass bytes on."""
        exchange = self._exchange
        if exchange is None:
            return
        if side is self.caller:
            exchange.up += len(data)
        else:
            exchange.down += len(data)
        self._write(self._other(side), data)

    def on_end(self, side: Side) -> bool:
        """Show one side that the other sends nothing more. Returns whether the connection goes on."""
        other = self._other(side)
        if other.transport is None or other.ended:
            return False
        return end_writing(other.transport)

    def on_lost(self, side: Side, exc: Exception | None) -> None:
        """One side is gone: so goes the other."""
        self._open -= 1
        self._finish("" if exc is None else connection_lost(exc).kind)
        other = self._other(side)
        if other.transport is not None:
            if exc is None:
                other.transport.close()
            else:
                reset(other.transport)
        self._leave()

    def on_full(self, side: Side) -> None:
        """One side does not take all that is written: the other is not read."""
        if (reading := self._other(side).reading) is not None:
            reading.pause(PEER_FULL)

    def on_room(self, side: Side) -> None:
        """One side takes more."""
        if (reading := self._other(side).reading) is not None:
            reading.resume(PEER_FULL)

    def _write(self, side: Side, data: bytes) -> None:
        if side.transport is not None:
            side.transport.write(data)

    def _other(self, side: Side) -> Side:
        return self.upstream if side is self.caller else self.caller

    def _finish(self, error: str) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.error = error
            self._traffic.close(exchange)

    def _leave(self) -> None:
        if not self._open:
            self._on_gone(self)
