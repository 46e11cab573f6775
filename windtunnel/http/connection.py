"""One connection: writes a request, hands what arrives to the reader, keeps the times. The hot path.

OPENING ──stream open──▶ IDLE ◀──request / complete response──▶ BUSY
   └───────────┴───────── failure, end of the stream, close ───────┴──▶ CLOSED
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Container
from enum import Enum
from time import perf_counter

from windtunnel.http.deadlines import NEVER, Deadlines
from windtunnel.http.errors import Failure, connection_lost
from windtunnel.http.response import ResponseReader
from windtunnel.http.stream import Destination, Stream
from windtunnel.http.upload import PATIENCE_S, Upload
from windtunnel.model.http import Exchange
from windtunnel.model.record import Timings


class ConnectionState(Enum):
    """What a connection is doing; see the drawing above. A closed one stays closed."""

    OPENING = "opening"
    IDLE = "idle"
    BUSY = "busy"
    CLOSED = "closed"


_IDLE, _BUSY, _CLOSED = ConnectionState.IDLE, ConnectionState.BUSY, ConnectionState.CLOSED

BY_THE_CLIENT = Failure("closed", "by the client")
"""The end of a request whose connection was closed on our side."""

_GONE = Failure("closed", "before the request was sent")

_MOST_ENDS = 256
"""How many ends of connections are looked at in one turn."""


class Outbox:
    """Requests that are written together, once a turn of the event loop. Belongs to one event loop.

    A send changes into the kernel and, on one machine, wakes the server; both drop what the processor has cached.
    Sends one after another, after everything else of their turn, cost about half of sends between decisions
    (docs/decisions/0007-hot-path.md). A request alone in its turn is written some microseconds later; its time
    counts from then.

    `_ends` knows which connections the server has closed, also when their ends are not read yet: the event loop
    can be told of an end later than the next request is written. One look serves all requests of a turn.
    """

    __slots__ = ("_ends", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[tuple[Connection, bytes]] = []
        self._ends: select.epoll | None = None

    def watch(self, stream: asyncio.BaseTransport | Stream) -> int:
        """Look at the end of a stream from now on. Returns its descriptor, -1 if it has none to watch."""
        sock = stream.get_extra_info("socket") if hasattr(stream, "get_extra_info") else None
        if sock is None or not hasattr(select, "epoll"):
            return -1
        descriptor: int = sock.fileno()
        try:
            if self._ends is None:
                self._ends = select.epoll()
            self._ends.register(descriptor, select.EPOLLRDHUP)
        except OSError:  # out of descriptors, for instance
            return -1
        return descriptor

    def put(self, connection: Connection, wire: bytes, loop: asyncio.AbstractEventLoop) -> None:
        """Have `connection.write(wire)` called in the next turn of its loop."""
        waiting = self._waiting
        if not waiting:
            loop.call_soon(self._send)
        waiting.append((connection, wire))

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        if self._ends is not None and (ended := self._ends.poll(0, _MOST_ENDS)):
            closed = {descriptor for descriptor, _ in ended}
            waiting = [each for each in waiting if not each[0].is_gone(closed)]
        for connection, wire in waiting:
            connection.write(wire)


class Connection(asyncio.Protocol):
    """Carries one request at a time, over a stream that another opens. Owned by one pool.

    `reader` has the facts about the last response that are not in its exchange.

    Times are `perf_counter` seconds: `_write_started_s` first byte handed to the stream (0 while the request waits
    in the outbox), `_sent_s` last byte handed to the system (0 before the first request), `_first_s` first byte of
    the response (0 while there is none). `_descriptor` is what the outbox watches.
    """

    __slots__ = (
        "_deadlines",
        "_descriptor",
        "_destination",
        "_exchange",
        "_first_s",
        "_loop",
        "_on_lost",
        "_outbox",
        "_sent_s",
        "_stream",
        "_upload",
        "_waiter",
        "_write_blocked",
        "_write_started_s",
        "deadline_s",
        "reader",
        "slot_s",
        "state",
    )

    def __init__(
        self,
        destination: Destination,
        *,
        deadlines: Deadlines,
        outbox: Outbox,
        on_lost: Callable[[Connection], None],
        strict: bool = False,
    ) -> None:
        self._destination = destination
        self._deadlines, self._outbox, self._on_lost = deadlines, outbox, on_lost
        self.reader = ResponseReader(strict=strict)
        self._exchange: Exchange | None = None
        self._stream: Stream | None = None
        self._write_blocked = False
        self._upload: Upload | None = None
        self._descriptor = -1
        self._write_started_s = self._sent_s = self._first_s = 0.0
        self.state = ConnectionState.OPENING
        self.deadline_s = self.slot_s = NEVER

    def __repr__(self) -> str:
        exchange = self._exchange
        request = f": {exchange.method} {exchange.url}" if exchange is not None else ""
        return f"<Connection to {self._destination}, {self.state.value}{request}>"

    def request(
        self, exchange: Exchange, wire: bytes, upload: Upload | None, deadline_s: float, max_body: int
    ) -> asyncio.Future[None]:
        """Send `wire` and the upload behind it.

        The future is done when the exchange has ended, well or not. It never raises by itself.
        """
        self._upload = upload
        self.reader.start(exchange, max_body)
        self._exchange = exchange
        waiter = self._waiter = self._loop.create_future()
        self._write_started_s = self._first_s = 0.0
        self.deadline_s = deadline_s
        if self.slot_s > deadline_s:
            self._deadlines.watch(self)
        if self.state is _IDLE:
            self.state = _BUSY
            self._outbox.put(self, wire, self._loop)
        else:
            self._end(perf_counter(), _GONE)
        return waiter

    def is_gone(self, closed: Container[int]) -> bool:
        """Whether it was used before and is among the closed descriptors; then its request ends, unwritten."""
        if not self._sent_s or self._descriptor not in closed:
            return False
        if self._exchange is not None:
            self._end(perf_counter(), _GONE)
        return True

    def write(self, wire: bytes) -> None:
        """Write the request, unless it ended while it waited in the outbox."""
        exchange = self._exchange
        if exchange is None:
            return
        assert self._stream is not None
        exchange.bytes_sent += len(wire)
        self._write_started_s = perf_counter()
        self._stream.write(wire)
        self._sent_s = perf_counter()
        if self._upload is not None:
            if self._upload.waits:
                self._loop.call_later(PATIENCE_S, self._send_body, self._upload)
            else:
                self._send_body(self._upload)

    def _send_body(self, upload: Upload) -> None:
        """Send the next piece of the body, unless another call does that already or the request has ended."""
        if upload is not self._upload or self._write_blocked:
            return
        upload.waits = False
        assert self._exchange is not None
        assert self._stream is not None
        piece = upload.read()
        if upload.left and not piece:
            self._end(perf_counter(), Failure("bad_request", "the file got shorter while it was being sent"))
            return
        self._exchange.bytes_sent += len(piece)
        self._stream.write(piece)
        self._sent_s = perf_counter()
        if not upload.left:
            self._upload = None
        elif not self._write_blocked:
            self._loop.call_soon(self._send_body, upload)

    def close(self) -> None:
        """Drop the connection at once, also one that is still being opened. A request under way ends `closed`."""
        if self._exchange is not None:
            self._end(perf_counter(), BY_THE_CLIENT)
        else:
            self._drop()

    def expire(self, now: float) -> None:
        """The deadline of the request under way has passed."""
        if self._exchange is not None:
            self._end(now, Failure("timeout"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open, over TLS after the handshake."""
        self._loop = asyncio.get_running_loop()
        self._stream = transport  # type: ignore[assignment]  # TCP and TLS transports are this kind
        if self.state is _CLOSED:  # while the stream was being opened
            self._drop()
        else:
            self.state = _IDLE
            self._descriptor = self._outbox.watch(transport)

    def data_received(self, data: bytes) -> None:
        """The clock is read before anything else is done."""
        now = perf_counter()
        if self._exchange is None:
            self._drop()  # no request is under way: the server may not send anything
            return
        if not self._first_s:
            if self._sent_s and not self._write_started_s:
                self._end(now, _GONE)  # no answer to a request that is not written yet
                return
            self._first_s = now
        failure = self.reader.feed(data)
        if failure is not None or self.reader.complete:
            self._end(now, failure)
        elif self._upload is not None and self._upload.waits and self.reader.continues:
            self._send_body(self._upload)

    def eof_received(self) -> None:
        """The server sends nothing more; asyncio closes the connection when this returns."""
        now = perf_counter()
        self.state = _CLOSED
        if self._exchange is not None:
            self._end(now, self.reader.end_of_stream())

    def connection_lost(self, exc: Exception | None) -> None:
        """The last call on this object."""
        now = perf_counter()
        self.state = _CLOSED
        self._deadlines.forget(self)
        if self._exchange is not None:
            # Some versions of asyncio report the end of a TLS connection only here.
            self._end(now, self.reader.end_of_stream() if exc is None else connection_lost(exc))
        self._on_lost(self)

    def pause_writing(self) -> None:
        """The system does not take all of a large request at once."""
        self._write_blocked = True

    def resume_writing(self) -> None:
        """The system has taken nearly all of a large request."""
        self._write_blocked = False
        self._sent_s = perf_counter()
        if self._upload is not None and not self._upload.waits:
            self._send_body(self._upload)

    def _end(self, now: float, failure: Failure | None) -> None:
        """Complete the exchange and wake its sender; the connection stays open only after a clean end."""
        exchange = self._exchange
        assert exchange is not None
        self._exchange = None
        self.deadline_s = NEVER
        exchange.ended = now
        exchange.bytes_received = self.reader.received
        if self._write_started_s:
            self._keep_times(exchange.timings, now)
        if failure is not None:
            exchange.error, exchange.error_detail = failure.kind, failure.detail
            self.reader.give_up()
            self._drop()
        elif self._write_blocked or self._upload is not None or not self.reader.reusable:
            self._drop()
        elif self.state is _BUSY:
            self.state = _IDLE
        self._upload = None
        if not self._waiter.done():
            self._waiter.set_result(None)

    def _keep_times(self, timings: Timings, now: float) -> None:
        first = self._first_s
        if self._write_blocked:  # the end came before all of a large request was taken
            self._sent_s = first or now
        sent = self._sent_s
        timings.send = int((sent - self._write_started_s) * 1e6)
        if first:
            timings.wait = int((first - sent) * 1e6) if first > sent else 0
            timings.receive = int((now - first) * 1e6)
        else:
            timings.wait = int((now - sent) * 1e6)

    def _drop(self) -> None:
        self.state = _CLOSED
        if self._stream is not None:
            self._stream.abort()
