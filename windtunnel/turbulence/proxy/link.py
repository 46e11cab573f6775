"""A connection through a TCP proxy: two sides, and the bytes of each for the other.

    caller ── bytes ──────────────────────▶ upstream
    caller ◀── Flow: later, slower, cut ─── upstream

What faults do is asked anew for each piece that comes, and when one is switched on or off: a connection that lives
long is met by what is on now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from windtunnel.http.errors import Failure, connection_lost
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.flow import Flow
from windtunnel.turbulence.proxy.placed import Hit
from windtunnel.turbulence.proxy.sockets import HELD, PEER_FULL, Reading, end_writing, reset, send
from windtunnel.turbulence.proxy.traffic import Timer, Traffic
from windtunnel.turbulence.proxy.treatment import Treatment
from windtunnel.turbulence.schedule import Window

_NOTHING = Treatment()


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

    def pause(self, reason: int) -> None:
        """Read nothing for a reason."""
        if self.reading is not None:
            self.reading.pause(reason)

    def resume(self, reason: int) -> None:
        """The reason is gone."""
        if self.reading is not None:
            self.reading.resume(reason)


class Link:
    """Both sides, each of which is shown what the other does. Nothing is read before both are connected."""

    def __init__(self, traffic: Traffic, *, dial: Callable[[Link], None], on_gone: Callable[[Link], None]) -> None:
        """`dial` begins to connect the side of the upstream, `on_gone` is told when both are gone."""
        self._traffic, self._dial, self._on_gone = traffic, dial, on_gone
        self.caller, self.upstream = Side(self), Side(self)
        self._exchange: Exchange | None = None
        self._open = 0
        self._pieces = 0
        self._numbers: dict[str, int] = {}
        self._flow: Flow | None = None
        self._waiting: list[tuple[Side, bytes]] = []
        self._timer: Timer | None = None
        self._told: set[tuple[str, float]] = set()
        self._cut: tuple[Hit, int] | None = None
        self._is_half = self._has_failed = False

    @property
    def is_made(self) -> bool:
        """Whether the caller is connected."""
        return self.caller.transport is not None

    def failed(self, failure: Failure) -> None:
        """The upstream can't be connected to: the caller is shown a reset."""
        if self._has_failed:
            return
        self._has_failed = True
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

    def on_switched(self) -> None:
        """A fault was switched on or off."""
        if self._exchange is not None and self._open == 2 and self.upstream.transport is not None:
            self._treat()

    def let_go(self) -> None:
        """Pass on what a fault holds: no fault is done any more."""
        self._release()
        if self._flow is not None:
            self._flow.hurry()

    # What its sides tell.

    def on_connected(self, side: Side) -> None:
        """One side is connected."""
        if side is self.caller:
            self._open = 2
            self._exchange = self._traffic.open(None)
            side.pause(HELD)
            self._dial(self)
        elif self._exchange is None:
            assert side.transport is not None
            side.transport.abort()
        else:
            self._release()
            self._treat()

    def on_bytes(self, side: Side, data: bytes) -> None:
        """Pass bytes on, as far as faults let them."""
        treatment = self._treat()
        if self._exchange is None:
            return
        if treatment.held or self._other(side).transport is None:
            self._waiting.append((side, data))
            side.pause(HELD)
        elif side is self.caller:
            self._exchange.up += len(data)
            self._write(self.upstream, data)
        elif not self._is_half:
            self._pass_down(data, treatment)

    def on_end(self, side: Side) -> bool:
        """Show one side that the other sends nothing more. Returns whether the connection goes on."""
        other = self._other(side)
        if other.transport is None or other.ended:
            return False
        if side is self.upstream and self._flow is not None and not self._flow.is_empty:
            self._flow.end(lambda: self._end_writing(other))
            return True
        return self._end_writing(other)

    def on_lost(self, side: Side, exc: Exception | None) -> None:
        """One side is gone: so goes the other, after what it is still to get."""
        self._open -= 1
        other, flow = self._other(side), self._flow
        if side is self.upstream and exc is None and flow is not None and not flow.is_empty:
            flow.end(lambda: self._end(other, None))
        else:
            self._end(other, exc)
        self._leave()

    def on_full(self, side: Side) -> None:
        """One side does not take all that is written: the other is not read."""
        self._other(side).pause(PEER_FULL)
        if side is self.caller and self._flow is not None:
            self._flow.block()

    def on_room(self, side: Side) -> None:
        """One side takes more."""
        self._other(side).resume(PEER_FULL)
        if side is self.caller and self._flow is not None:
            self._flow.unblock()

    # What faults do.

    def _treat(self) -> Treatment:
        """What is done at this moment. What ends the connection, or holds it, is done here."""
        exchange = self._exchange
        if exchange is None:
            return _NOTHING
        self._pieces += 1
        found = self._traffic.treat_connection(self._numbers, self._pieces)
        if found is None:
            self._cut = None
            if self._flow is not None:
                self._flow.pace()
            return _NOTHING
        treatment, hits = found
        for hit in hits:
            if treatment.limit is None or hit.placed.kind.passes_on:
                self._tell(hit, delay_s=treatment.delay_s)
        if treatment.answer is not None:
            self._reset_both()
        elif treatment.held:
            self._hold(hits[-1].window)
        elif treatment.half and not self._is_half:
            self._is_half = True
            self._end_writing(self.caller)
        self._limit(treatment.limit, hits[-1])
        if self._flow is not None or treatment.rate or treatment.piece or treatment.delay_s:
            self._paced(treatment)
        return treatment

    def _hold(self, window: Window) -> None:
        for side in (self.caller, self.upstream):
            side.pause(HELD)
        if self._timer is None:
            held_s = max(0.0, window.end_s - self._traffic.elapsed_s)
            self._timer = self._traffic.later(held_s, self._release)

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for side in (self.caller, self.upstream):
            side.resume(HELD)
        for side, data in waiting:
            self.on_bytes(side, data)

    def _limit(self, limit: int | None, hit: Hit) -> None:
        """Set after how many bytes the connection is closed, counted from when the fault hit it first."""
        if limit is None or self._exchange is None:
            self._cut = None
        elif self._cut is None or _key(self._cut[0]) != _key(hit):
            self._cut = hit, self._exchange.down + limit

    def _paced(self, treatment: Treatment) -> None:
        if self._flow is None:
            self._flow = Flow(
                clock=self._traffic.clock,
                later=self._traffic.later,
                send=self._send_down,
                full=lambda: self.upstream.pause(HELD),
                room=lambda: self.upstream.resume(HELD),
            )
        self._flow.pace(rate=treatment.rate, piece=treatment.piece, gap_s=treatment.gap_s)

    def _pass_down(self, data: bytes, treatment: Treatment) -> None:
        if self._flow is not None:
            self._flow.put(data, delay_s=treatment.delay_s)
        else:
            self._send_down(data)

    def _send_down(self, data: bytes) -> None:
        if self._exchange is None:
            return
        if self._cut is not None:
            data = data[: self._cut[1] - self._exchange.down]
        self._exchange.down += len(data)
        self._write(self.caller, data)
        if self._cut is not None and self._exchange.down >= self._cut[1]:
            self._tell(self._cut[0])
            self._finish("")
            self._close_both()

    def _close_both(self) -> None:
        for side in (self.caller, self.upstream):
            if side.transport is not None:
                side.transport.close()

    def _reset_both(self) -> None:
        self._finish("")
        for side in (self.caller, self.upstream):
            if side.transport is not None:
                reset(side.transport)

    def _tell(self, hit: Hit, *, delay_s: float = 0.0) -> None:
        """Put a fault on record, once a connection and window."""
        key = _key(hit)
        if key not in self._told:
            self._told.add(key)
            self._traffic.applied(hit, self._exchange, delay_s=delay_s)

    # Ends.

    def _end(self, side: Side, exc: Exception | None) -> None:
        """Show a side how the other ended."""
        self._finish("" if exc is None else connection_lost(exc).kind)
        if side.transport is not None:
            if exc is None:
                side.transport.close()
            else:
                reset(side.transport)

    def _finish(self, error: str) -> None:
        exchange, self._exchange = self._exchange, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if exchange is not None:
            exchange.error = error
            self._traffic.close(exchange)

    def _leave(self) -> None:
        if not self._open:
            if self._flow is not None:
                self._flow.drop()
            self._on_gone(self)

    def _write(self, side: Side, data: bytes) -> None:
        if side.transport is not None and not side.transport.is_closing():
            send(side.transport, data)

    def _end_writing(self, side: Side) -> bool:
        return side.transport is not None and end_writing(side.transport)

    def _other(self, side: Side) -> Side:
        return self.upstream if side is self.caller else self.caller


def _key(hit: Hit) -> tuple[str, float]:
    return hit.placed.spec.name, hit.window.begin_s
