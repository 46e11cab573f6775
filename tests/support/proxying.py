"""A proxy between a caller and an upstream that a test plays itself, byte by byte, over real sockets of loopback.

    async with proxied() as line:
        caller = await line.call()
        await caller.send(b"GET / HTTP/1.1\\r\\n\\r\\n")
        upstream = await line.taken()
        assert await upstream.until(b"\\r\\n\\r\\n") == …

Every wait is for an event. Timers of the proxy fire when the test says so.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvloop

from windtunnel.model.record import FaultRecord, ProxiedRecord, Record
from windtunnel.model.sut import Tls
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Phases, ProxySpec, Schedule
from windtunnel.model.vocabulary import FaultEvent, FaultPattern, ProxyProtocol
from windtunnel.turbulence.proxy.proxy import EmbeddedProxy

PATIENCE_S = 20.0
"""A wait that takes longer is a failure."""

PHASES = Phases(steady_s=10.0, inject_s=60.0, recover_s=30.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(path: str = "/", *headers: str) -> bytes:
    """A request without a body."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: shop.test", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request with a body."""
    lines = [f"POST {path} HTTP/1.1", "Host: shop.test", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def in_loop(main: Callable[[], Coroutine[Any, Any, None]], *, patience_s: float = PATIENCE_S) -> None:
    """Run a test to its end in each event loop, or fail it when it waits for what does not come."""
    asyncio.run(asyncio.wait_for(main(), patience_s))
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(main(), patience_s))
    finally:
        loop.close()


class Wire:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def exactly(self, data: bytes) -> None:
        """Wait for these bytes, and no others before them."""
        assert await self.reader.readexactly(len(data)) == data

    async def read(self, count: int) -> bytes:
        return await self.reader.readexactly(count)

    async def until(self, end: bytes = b"\r\n\r\n") -> bytes:
        return await self.reader.readuntil(end)

    async def rest(self) -> bytes:
        """All until the end. Raises ConnectionResetError where that is a reset."""
        return await self.reader.read(-1)

    async def is_reset(self) -> bool:
        """Whether the connection ends with a reset."""
        try:
            await self.reader.read(-1)
        except ConnectionResetError:
            return True
        return False

    def half_close(self) -> None:
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Timers:
    """The time and the timers of a proxy: both move when the test says so."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._set = asyncio.Event()
        self.pending: list[_Timer] = []

    def now(self) -> float:
        return self._now

    def unix(self, now: float | None = None) -> float:
        return 1_800_000_000.0 + (self._now if now is None else now)

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    def later(self, seconds: float, call: Callable[[], object]) -> _Timer:
        timer = _Timer(self._now + seconds, call, self)
        self.pending.append(timer)
        self._set.set()
        return timer

    async def set_for(self, *seconds: float) -> None:
        """Wait until there are timers that are due after these times."""
        expected = Counter(round(self._now + each, 6) for each in seconds)
        while not expected <= Counter(round(each.at, 6) for each in self.pending):
            self._set.clear()
            await self._set.wait()

    async def set_any(self) -> None:
        """Wait until there is a timer for less than ten seconds."""
        while not any(each.at < self._now + 10 for each in self.pending):
            self._set.clear()
            await self._set.wait()

    def pass_s(self, seconds: float) -> None:
        """Let time pass, with every timer that is due at its moment."""
        end = self._now + seconds
        while due := [timer for timer in self.pending if timer.at <= end + 1e-9]:
            timer = min(due, key=lambda each: each.at)
            self.pending.remove(timer)
            self._now = max(self._now, timer.at)
            timer.call()
        self._now = end


@dataclass(eq=False)
class _Timer:
    at: float
    call: Callable[[], object]
    owner: Timers

    def cancel(self) -> None:
        if self in self.owner.pending:
            self.owner.pending.remove(self)


@dataclass(kw_only=True)
class Line:
    """A proxy with both of its ends. `upstreams` are the connections that came out of it, not taken yet."""

    proxy: EmbeddedProxy
    timers: Timers
    upstreams: asyncio.Queue[Wire]
    records: asyncio.Queue[ProxiedRecord]
    faults: list[FaultRecord]
    upstream_authority: str
    upstream_wires: list[Wire]
    wires: list[Wire] = field(default_factory=list)

    async def call(self) -> Wire:
        """Connect to the proxy."""
        host, port = self.proxy.host, self.proxy.port
        wire = Wire(*await asyncio.open_connection(host, port))
        self.wires.append(wire)
        return wire

    async def taken(self) -> Wire:
        """The next connection that the upstream accepted."""
        return await self.upstreams.get()

    async def record(self) -> ProxiedRecord:
        return await self.records.get()


@asynccontextmanager
async def proxied(
    *faults: FaultSpec,
    protocol: ProxyProtocol = "http",
    upstream: str = "",
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    trusted: Tls = Tls(),
    phases: Phases = PHASES,
    seed: int = 1,
) -> AsyncIterator[Line]:
    """A proxy before an upstream on loopback, over TLS with `tls`; before `upstream` if that is given.

    An exception that the event loop met in a callback fails the test.
    """
    loop, errors = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    taken: asyncio.Queue[Wire] = asyncio.Queue()
    wires: list[Wire] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wires.append(wire := Wire(reader, writer))
        taken.put_nowait(wire)
        if proxy.is_closed:
            writer.transport.abort()

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    address = server.sockets[0].getsockname()
    authority = f"[{host}]:{address[1]}" if ":" in host else f"{'localhost' if tls else host}:{address[1]}"
    scheme = {"http": "https://" if tls else "http://", "tcp": ""}[protocol]
    records: asyncio.Queue[ProxiedRecord] = asyncio.Queue()
    told: list[FaultRecord] = []

    def write(record: Record) -> None:
        if isinstance(record, ProxiedRecord):
            records.put_nowait(record)
        elif isinstance(record, FaultRecord):
            told.append(record)

    timers = Timers()
    proxy = EmbeddedProxy(
        ProxySpec(name="payments", protocol=protocol, host=host, upstream=upstream or f"{scheme}{authority}"),
        faults,
        phases,
        seed,
        timers,
        write,
        tls=trusted,
        later=timers.later,
    )
    await proxy.start()
    line = Line(
        proxy=proxy,
        timers=timers,
        upstreams=taken,
        records=records,
        faults=told,
        upstream_authority=authority,
        upstream_wires=wires,
    )
    try:
        yield line
    finally:
        await proxy.close()
        assert proxy.is_idle, "a connection or a task is left"
        server.close()
        for _ in range(5):  # connections that the upstream is about to accept
            await asyncio.sleep(0)
        for wire in [*wires, *line.wires]:
            wire.writer.transport.abort()
        await _ended([*wires, *line.wires])
        loop.set_exception_handler(None)
        assert errors == []


async def _ended(wires: Sequence[Wire]) -> None:
    for wire in wires:
        try:
            await wire.writer.wait_closed()
        except OSError:
            continue


EVERYTHING = FaultTarget(proxy="payments")
INJECT_S = PHASES.begin_s("inject")


def fault(
    type: str,
    settings: Mapping[str, Any] | None = None,
    *,
    name: str = "",
    on: FaultTarget = EVERYTHING,
    probability: float = 1.0,
    pattern: FaultPattern = "window",
    schedule: Mapping[str, Any] | None = None,
    length_s: float | None = None,
) -> FaultSpec:
    """A fault in the proxy, on throughout the phase `inject` unless it says otherwise."""
    return FaultSpec(
        name=name or type,
        type=type,
        on=on,
        probability=probability,
        settings=settings or {},
        schedule=Schedule(
            pattern=pattern,
            settings=schedule or {},
            length=None if length_s is None else Amount(seconds=length_s),
        ),
    )


def told(line: Line, event: FaultEvent = "applied") -> list[str]:
    """The faults that are on record for this."""
    return [record.name for record in line.faults if record.event == event]
