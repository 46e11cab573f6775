"""The connection of a caller: reads its requests, sends them on one at a time, and passes the answers back.

Each connection of a caller has one to the upstream, opened for its first request. What one side does, the other is
shown: an end, half an end, a reset, less reading than the other writes. So nothing here decides how long
connections live. A request that came before the one under way has ended waits in the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from windtunnel.http.errors import Failure
from windtunnel.turbulence.proxy.bodies import BodyReader, MalformedBodyError, body_reader
from windtunnel.turbulence.proxy.caller_side import CallerSide
from windtunnel.turbulence.proxy.copies import Dial
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.handling import Handling
from windtunnel.turbulence.proxy.heads import (
    LONGEST_HEAD,
    Refusal,
    RequestHead,
    ResponseHead,
    head_end,
    read_request,
    relocated,
)
from windtunnel.turbulence.proxy.sockets import PEER_FULL, PIPELINED, end_writing, send
from windtunnel.turbulence.proxy.traffic import Traffic
from windtunnel.turbulence.proxy.treatment import Answer, Ending
from windtunnel.turbulence.proxy.upstream import Upstream

_MALFORMED = Refusal(status=400, why="the framing of the body is malformed")
_TOO_LONG = Refusal(status=431, why="the head of the request is too long")


class Caller(CallerSide):
    """`_body` reads the body of the request while that is not complete; `_exchange` is what is not answered yet.

    `_input` are bytes that belong to no request yet. `_raw`: no HTTP is read any more; `_tunnel`: bytes of the
    caller still pass then. `_drops_body`: the request was answered by a fault.
    """

    def __init__(self, traffic: Traffic, *, dial: Dial, on_gone: Callable[[Caller], None]) -> None:
        """`dial` makes the upstream of this connection, and begins to open it."""
        super().__init__(traffic)
        self._dial, self._on_gone = dial, on_gone
        self._exchange: Exchange | None = None
        self._head: RequestHead | None = None
        self._body: BodyReader | None = None
        self._handling: Handling | None = None
        self._drops_body = False
        self._input = b""
        self._raw = self._tunnel = self._is_gone = False
        self._half_closed = self._upstream_half_closed = False

    def abort(self) -> None:
        """End at once, both sides. Nothing is done while the connection is being made."""
        if not self.is_made:
            return
        self._drop_upstream()
        self._finish("proxy_closed")
        self._transport.abort()
        if self._is_gone:
            self._on_gone(self)

    def on_switched(self) -> None:
        """A fault was switched on or off."""
        if self._handling is not None:
            self._handling.on_switched()

    def let_go(self) -> None:
        """Send on what a fault holds: no fault is done any more."""
        if self._handling is not None:
            self._handling.let_go()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller connected."""
        super().connection_made(transport)
        self._loop = asyncio.get_running_loop()

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
        self._discards = self._is_gone = True
        if self._handling is None or not self._handling.leave():
            self.gone()

    def pause_writing(self) -> None:
        """The caller does not take all that is written."""
        self.pause_upstream(PEER_FULL)
        if self._handling is not None:
            self._handling.block()

    def resume_writing(self) -> None:
        """The caller takes more."""
        self.resume_upstream(PEER_FULL)
        if self._handling is not None:
            self._handling.unblock()

    # What its upstream calls; see `upstream.Downstream`.

    def on_interim(self, data: bytes) -> None:
        """Pass interim responses on."""
        if self._handling is None or not self._handling.is_dropped:
            self.pass_down(data)

    def on_response(self, head: ResponseHead, data: bytes, end: int, at: int) -> None:
        """Pass the head on, and what came of the body."""
        assert self._head is not None
        if self._handling is None and head.location is None:
            if self._exchange is not None:
                self._exchange.status = self._exchange.upstream_status = head.status
            self.pass_down(data if at == len(data) else data[:at])
            return
        wire, body = data[:end], data[end:at]
        if head.location is not None and self._head.renamed:
            wire = relocated(wire, head.location[0], self._traffic.upstream_url, self._traffic.url)
        if self._handling is not None:
            self._handling.on_response(head, wire)
            self.on_bytes(body)
            return
        if self._exchange is not None:
            self._exchange.status = self._exchange.upstream_status = head.status
        self.pass_down(wire + body)

    def on_bytes(self, data: bytes) -> None:
        """Pass bytes on."""
        if self._handling is not None:
            self._handling.on_bytes(data)
        else:
            self.pass_down(data)

    def on_end(self, *, closes: bool) -> None:
        """The answer is complete."""
        if self._handling is not None:
            self._handling.on_end(closes=closes)
        else:
            self.complete(closes=closes)

    def pass_down(self, data: bytes) -> None:
        """Send bytes of the answer, unless it has ended."""
        if self._discards:
            return
        if self._exchange is not None:
            self._exchange.down += len(data)
        send(self._transport, data)

    def complete(self, *, closes: bool) -> None:
        """The caller was sent the whole answer: go on with the next request."""
        self._finish("")
        if closes or (self._half_closed and not self._input):
            self._close(linger=self._body is not None)
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
        if not self._tunnel or self._half_closed or self._transport.is_closing():
            return False
        if self._handling is None or not self._handling.ends_later(self._show_half_closed):
            self._show_half_closed()
        return True

    def _show_half_closed(self) -> None:
        self._upstream_half_closed = end_writing(self._transport)
        if self._half_closed:
            self._close(linger=False)

    def on_lost(self, failure: Failure) -> None:
        """Show the caller how its upstream ended, or answer 502 where there never was one."""
        if self._handling is None or not self._handling.on_lost(failure):
            self.show_lost(failure)
        else:
            self._upstream = None

    def show_lost(self, failure: Failure) -> None:
        """Show the caller how its upstream ended, after all that is to be shown before."""
        upstream, self._upstream = self._upstream, None
        if self._exchange is not None and upstream is not None and not upstream.is_connected:
            self._answer(
                Refusal(status=502, why=f"the upstream can't be reached: {failure.kind}", error=failure.kind)
            )
        elif failure.kind == "closed":
            self._finish("" if self._tunnel else failure.kind)
            self._close(linger=self._body is not None)
        else:
            self._finish(failure.kind)
            self._reset()

    # What the handling of a request calls; see `handling.Handled`.

    def answer(self, answer: Answer) -> None:
        """Answer in place of the upstream, which sees nothing of the request."""
        head = self._head
        assert head is not None
        self._drops_body = True
        if answer.head:
            self.pass_down(answer.head if head.method == "HEAD" else answer.head + answer.body)
        waits = self._body is not None and head.expects  # the caller may never send the body
        self.cut("close" if answer.ending == "keep" and (waits or head.closes) else answer.ending)
        if answer.ending == "keep" and not self._discards and self._body is None:
            self._go_on()

    def cut(self, ending: Ending) -> None:
        """The exchange has ended, and with it the connection, unless it is kept."""
        self._finish("")
        if ending == "close":
            self._close(linger=self._body is not None)
        elif ending == "reset":
            self._reset()

    def gone(self) -> None:
        """Nothing is left to do."""
        self._finish("caller_gone")
        self._on_gone(self)

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
        exchange = self._traffic.open(head)
        self._head, self._exchange, self._drops_body = head, exchange, False
        wire = head.wire + data[end:at] if at > end else head.wire
        if (treated := self._traffic.treat(exchange, head)) is None:
            self.forward(head, wire)
        else:
            self._handling = Handling(self, self._traffic, exchange, head, treated, self._dial)
            self._handling.begin(wire, is_complete=self._body is None)

    def forward(self, head: RequestHead, wire: bytes) -> None:
        """Send a request on, or what of it is there."""
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
        self._pass_body(data if at == len(data) else data[:at], is_complete=body.ended)
        if not body.ended:
            return
        self._body = None
        self._input = data[at:]
        if self._exchange is None:
            self._go_on()
        elif self._input:
            self._reading.pause(PIPELINED)

    def _pass_body(self, data: bytes, *, is_complete: bool) -> None:
        if self._handling is not None and self._handling.on_request_bytes(data, is_complete=is_complete):
            return
        if self._upstream is not None and not self._drops_body:
            self._write_up(self._upstream, data)

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
            self._close(linger=self._body is not None)

    # Ends.

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that is not sent on, and read no further one."""
        self._exchange = None
        self._traffic.refuse(refusal)
        self._say(refusal, is_head=False)

    def _answer(self, refusal: Refusal) -> None:
        """Answer in place of the upstream, if it has not begun to, and end the connection."""
        exchange = self._exchange
        if exchange is None or exchange.status:
            self._finish(refusal.error)
            self._close(linger=self._body is not None)
            return
        exchange.status = refusal.status
        self._finish(refusal.error)
        self._say(refusal, is_head=self._head is not None and self._head.method == "HEAD")

    def _finish(self, error: str) -> None:
        """The exchange has ended, if there is one."""
        exchange, self._exchange = self._exchange, None
        handling, self._handling = self._handling, None
        if handling is not None:
            handling.drop()
        if exchange is not None:
            exchange.error = exchange.error or error
            self._traffic.close(exchange)
