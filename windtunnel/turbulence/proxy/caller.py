"""The connection of a caller: reads its requests, sends them on one at a time, and passes the answers back.

Each connection of a caller has one to the upstream, opened for its first request. What one side does, the other is
shown: an end, half an end, a reset, less reading than the other writes. So nothing here decides how long
connections live. A request that came before the one under way has ended waits in the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from windtunnel.http.errors import Failure
from windtunnel.turbulence.proxy.bodies import BodyReader, MalformedBodyError, body_reader
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.heads import (
    LONGEST_HEAD,
    Refusal,
    RequestHead,
    ResponseHead,
    head_end,
    read_request,
)
from windtunnel.turbulence.proxy.sockets import PEER_FULL, PIPELINED, Reading, end_writing, reset
from windtunnel.turbulence.proxy.traffic import Timer, Traffic
from windtunnel.turbulence.proxy.upstream import Upstream

LINGER_S = 2.0
"""How long the rest of a request is read and dropped after the answer to it, so that the answer arrives."""

_MALFORMED = Refusal(status=400, why="the framing of the body is malformed")
_TOO_LONG = Refusal(status=431, why="the head of the request is too long")


class Caller(asyncio.Protocol):
    """`_body` reads the body of the request while that is not complete; `_exchange` is what is not answered yet.

    `_input` are bytes that belong to no request yet. `_raw`: no HTTP is read any more; `_tunnel`: bytes of the
    caller still pass then. `_discards`: nothing that comes matters any more.
    """

    def __init__(
        self, traffic: Traffic, *, dial: Callable[[Caller], Upstream], on_gone: Callable[[Caller], None]
    ) -> None:
        """`dial` makes the upstream of this connection, and begins to open it."""
        self._traffic, self._dial, self._on_gone = traffic, dial, on_gone
        self._upstream: Upstream | None = None
        self._exchange: Exchange | None = None
        self._head: RequestHead | None = None
        self._body: BodyReader | None = None
        self._input = b""
        self._raw = self._tunnel = self._discards = False
        self._half_closed = self._upstream_half_closed = False
        self._is_made = False
        self._timer: Timer | None = None

    def abort(self) -> None:
        """End at once, both sides. Nothing is done while the connection is being made."""
        if not self._is_made:
            return
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None
        self._finish("proxy_closed")
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller connected."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP, so it is one
        self._reading = Reading(self._transport)
        self._is_made = True

    def data_received(self, data: bytes) -> None:
        """Bytes of a request came."""
        if self._discards:
            return
        if self._raw:
            self._pass_up(data)
        elif self._body is not None:
            self._read_body(self._body, data)
        elif self._exchange is not None:
            self._input += data
            self._reading.pause(PIPELINED)
        else:
            self._input = self._input + data if self._input else data
            self._next()

    def eof_received(self) -> bool:
        """The caller sends nothing more; asyncio closes the connection where this returns False."""
        if self._discards:
            return False
        if self._upstream_half_closed:
            return False
        if self._tunnel or (self._exchange is not None and self._body is None):
            self._half_closed = True
            if self._upstream is not None and not self._input:
                self._upstream.end_writing()
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The last call on this object."""
        if self._timer is not None:
            self._timer.cancel()
        if self._upstream is not None:
            if exc is None:
                self._upstream.close()
            else:
                self._upstream.reset()
            self._upstream = None
        self._discards = True
        self._finish("caller_gone")
        self._on_gone(self)

    def pause_writing(self) -> None:
        """The caller does not take all that is written."""
        if self._upstream is not None:
            self._upstream.pause()

    def resume_writing(self) -> None:
        """The caller takes more."""
        if self._upstream is not None:
            self._upstream.resume()

    # What its upstream calls; see `upstream.Downstream`.

    def on_connected(self) -> None:
        """Read on what waited for the connection."""
        self._reading.resume(PEER_FULL)

    def on_full(self) -> None:
        """Read no more."""
        self._reading.pause(PEER_FULL)

    def on_room(self) -> None:
        """Read on."""
        self._reading.resume(PEER_FULL)

    def on_response(self, head: ResponseHead, wire: bytes) -> None:
        """Pass the head on."""
        assert self._head is not None
        if self._exchange is not None and (head.status >= 200 or head.status == 101):
            self._exchange.status = self._exchange.upstream_status = head.status
        if head.location is not None and self._head.renamed:
            wire = self._relocated(head.location, wire)
        self.on_bytes(wire)

    def on_bytes(self, data: bytes) -> None:
        """Pass bytes on."""
        if self._exchange is not None:
            self._exchange.down += len(data)
        self._transport.write(data)

    def on_end(self, *, closes: bool) -> None:
        """The answer is complete: go on with the next request."""
        self._finish("")
        if closes or (self._half_closed and not self._input):
            self._close()
        elif self._body is None:
            self._go_on()

    def on_raw(self, *, tunnel: bool) -> None:
        """Read no HTTP any more."""
        self._raw, self._tunnel = True, tunnel
        if not tunnel and self._exchange is not None:
            self._exchange.error = "protocol"
        if self._input:
            data, self._input = self._input, b""
            self._pass_up(data)
        self._reading.resume(PIPELINED)

    def on_half_closed(self) -> bool:
        """Show the end to the caller, which may go on sending in a tunnel."""
        self._upstream_half_closed = self._tunnel and not self._half_closed and end_writing(self._transport)
        return self._upstream_half_closed

    def on_lost(self, failure: Failure) -> None:
        """Show the caller how its upstream ended, or answer 502 where there never was one."""
        upstream, self._upstream = self._upstream, None
        if self._exchange is not None and upstream is not None and not upstream.is_connected:
            self._answer(
                Refusal(status=502, why=f"the upstream can't be reached: {failure.kind}", error=failure.kind)
            )
        elif failure.kind == "closed":
            self._finish("" if self._tunnel else failure.kind)
            self._close()
        else:
            self._finish(failure.kind)
            self._discards = True
            reset(self._transport)

    # Requests.

    def _next(self) -> None:
        """Read the next request, if all of its head is here."""
        data = self._input.lstrip(b"\r\n")
        found = head_end(data)
        if found is None or found.end() > LONGEST_HEAD:
            self._input = data
            if len(data) > LONGEST_HEAD:
                self._refuse(_TOO_LONG)
            return
        end = found.end()
        head = read_request(data[:end], self._traffic.names)
        if isinstance(head, Refusal):
            self._refuse(head)
            return
        at = end
        if head.body:
            body = self._body = body_reader(head.body, strict=True)
            try:
                at = body.feed(data, end)
            except MalformedBodyError:
                self._refuse(_MALFORMED)
                return
            if body.ended:
                self._body = None
        self._input = data[at:]
        if self._input:
            self._reading.pause(PIPELINED)
        else:
            self._reading.resume(PIPELINED)
        self._head, self._exchange = head, self._traffic.open(head)
        self._forward(head, head.wire + data[end:at] if at > end else head.wire)

    def _forward(self, head: RequestHead, wire: bytes) -> None:
        upstream = self._upstream
        if upstream is None:
            upstream = self._upstream = self._dial(self)
            if self._body is not None:
                self._reading.pause(PEER_FULL)  # until it is connected
        upstream.expect(head.method)
        self._write_up(upstream, wire)

    def _write_up(self, upstream: Upstream, data: bytes) -> None:
        if self._exchange is not None:
            self._exchange.up += len(data)
        upstream.write(data)

    def _read_body(self, body: BodyReader, data: bytes) -> None:
        """Pass on what belongs to the body of the request."""
        try:
            at = body.feed(data, 0)
        except MalformedBodyError:
            if self._upstream is not None:
                self._upstream.reset()
                self._upstream = None
            self._answer(_MALFORMED)
            return
        if self._upstream is not None:
            self._write_up(self._upstream, data if at == len(data) else data[:at])
        if not body.ended:
            return
        self._body = None
        self._input = data[at:]
        if self._exchange is None:
            self._go_on()
        elif self._input:
            self._reading.pause(PIPELINED)

    def _go_on(self) -> None:
        self._head = None
        if self._input:
            self._loop.call_soon(self._read_input)

    def _read_input(self) -> None:
        """Read a request that came early."""
        if self._discards or self._raw or self._exchange is not None:
            return
        self._next()
        if self._exchange is None:
            self._reading.resume(PIPELINED)

    def _pass_up(self, data: bytes) -> None:
        if self._tunnel and self._upstream is not None:
            self._write_up(self._upstream, data)
        else:  # it takes what came for an answer, so that the next one would wait for ever
            self._close()

    # Ends.

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that is not sent on, and read no further one."""
        self._exchange = None
        self._traffic.refuse(refusal)
        self._say(refusal)

    def _answer(self, refusal: Refusal) -> None:
        """Answer in place of the upstream, if it has not begun to, and end the connection."""
        exchange = self._exchange
        if exchange is None or exchange.status:
            self._finish(refusal.error)
            self._close()
            return
        exchange.status = refusal.status
        self._finish(refusal.error)
        self._say(refusal)

    def _say(self, refusal: Refusal) -> None:
        text = f"windtunnel proxy {self._traffic.name}: {refusal.why}\n".encode()
        head = (
            f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        is_head = self._head is not None and self._head.method == "HEAD"
        self._transport.write(head.encode() + (b"" if is_head else text))
        self._close(linger=True)

    def _finish(self, error: str) -> None:
        """The exchange has ended, if there is one."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.error = exchange.error or error
            self._traffic.close(exchange)

    def _close(self, *, linger: bool = False) -> None:
        """Close after what is written. A caller that is still sending would lose its answer by a reset: it is
        read on for a while.
        """
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None
        self._discards = True
        self._reading.resume(PEER_FULL | PIPELINED)
        if (linger or self._body is not None) and end_writing(self._transport):
            self._timer = self._traffic.later(LINGER_S, self._transport.abort)
        else:
            self._transport.close()

    def _relocated(self, where: tuple[int, int], wire: bytes) -> bytes:
        """The head with a Location below the upstream's URL as one below the proxy's, as the caller named it."""
        begin, _ = where
        theirs = self._traffic.upstream_url
        if (
            not wire.startswith(theirs, begin)
            or wire[begin + len(theirs) : begin + len(theirs) + 1] not in b"/?#\r\n"
        ):
            return wire
        return b"".join((wire[:begin], self._traffic.url, wire[begin + len(theirs) :]))
