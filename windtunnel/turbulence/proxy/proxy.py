"""A proxy before one upstream, in the event loop of a run: TCP or HTTP/1.1, with faults and measures.

    caller ──▶ Listener ──▶ Caller ── Exchange ──▶ Upstream ──▶ the one upstream            http
                       └──▶ Link: Side ◀──▶ Side ─────────────▶                             tcp
                                 └─▶ Traffic: counts, writes a ProxiedRecord of each

It connects to its own upstream and nothing else, whatever a caller sends, and listens on loopback.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from time import perf_counter
from typing import Any

from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.http.dial import Dialer
from windtunnel.http.errors import Failure
from windtunnel.http.resolve import Resolver
from windtunnel.interfaces import Clock
from windtunnel.model.record import Record, Timings
from windtunnel.model.sut import Tls
from windtunnel.model.turbulence import FaultSpec, Phases, ProxySpec
from windtunnel.tasks import cancel_and_wait
from windtunnel.turbulence.proxy.address import destination_of
from windtunnel.turbulence.proxy.caller import Caller
from windtunnel.turbulence.proxy.edges import Edge, Edges
from windtunnel.turbulence.proxy.heads import Names
from windtunnel.turbulence.proxy.link import Link
from windtunnel.turbulence.proxy.listener import Listener
from windtunnel.turbulence.proxy.opening import Opening
from windtunnel.turbulence.proxy.placed import Hit, PlacedFaults
from windtunnel.turbulence.proxy.sockets import set_reset
from windtunnel.turbulence.proxy.traffic import Later, Timer, Traffic
from windtunnel.turbulence.proxy.upstream import Downstream, Upstream

CONNECT_S = 30.0
"""How long the upstream is tried to be connected to."""

DNS_TTL_S = 5.0
"""How long the address of the upstream is remembered: it may come up again under another one."""

_CLOSED = Failure("closed", "by the proxy")


def _later(seconds: float, call: Callable[[], object]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, call)


class EmbeddedProxy:
    """One proxy of a plan. Made before the load, closed after it; belongs to one event loop."""

    def __init__(
        self,
        spec: ProxySpec,
        faults: Sequence[FaultSpec],
        phases: Phases,
        seed: int,
        clock: Clock,
        write: Callable[[Record], None],
        *,
        tls: Tls = Tls(),
        anywhere: bool = False,
        later: Later | None = None,
    ) -> None:
        """`tls` is how an https upstream is verified; `anywhere` allows to listen at more than loopback. `later`
        sets timers, by default those of the event loop.

        Raises ConfigError for an upstream or an address that can't be.
        """
        if not anywhere and spec.is_open_to_others:
            raise ConfigError.of(
                f"proxy {spec.name}: {spec.host} is more than this machine",
                hint='listen at "127.0.0.1:0", or allow it with --allow listen',
                where=spec.where,
            )
        self.spec = spec
        self._destination = destination_of(spec, tls)
        placed = self._placed(faults, phases, seed)
        later = later or _later
        self._traffic = Traffic(name=spec.name, faults=placed, clock=clock, write=write, later=later)
        self._edges = Edges(
            placed.all, proxy=spec.name, clock=clock, later=later, write=write, switched=self._switched
        )
        self._resolver = Resolver(ttl_s=DNS_TTL_S)
        self._dialer = Dialer(self._resolver)
        self._listener: Listener | None = None
        self._connections: set[Caller | Link] = set()
        self._upstreams: set[Upstream] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unserved: set[socket.socket] = set()
        self._emptied = asyncio.Event()
        self._address = (spec.host, spec.port)

    @property
    def address(self) -> str:
        """Host and port that it listens at; a free port is known after `start`."""
        host, port = self._address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def host(self) -> str:
        """The address that it listens at."""
        return self._address[0]

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return self._address[1]

    @property
    def is_closed(self) -> bool:
        """Whether it takes no connection any more."""
        return self._listener is None or self._listener.is_closed

    @property
    def is_idle(self) -> bool:
        """Whether no connection and no task of it is left."""
        return not (self._connections or self._upstreams or self._tasks)

    @property
    def url(self) -> str:
        """The URL that leads to it."""
        return f"{self.spec.protocol}://{self.address}"

    async def start(self) -> None:
        """Bind, and take connections. Raises ConfigError where that can't be, such as for a port in use."""
        try:
            self._listener = Listener(self.spec.host, self.spec.port, self._accept)
            self._address = self._listener.address
            origin = self._destination.origin
            self._traffic.names = Names(own=b":%d" % self._address[1], upstream=origin.authority.encode())
            self._traffic.url, self._traffic.upstream_url = self.url.encode(), str(origin).encode()
            self._listener.start()
        except OSError as error:
            if self._listener is not None:
                self._listener.close()
            raise self._unbound(error) from None

    def reroute(self, origin: str, address: str) -> None:
        """Connect to an address instead where the upstream is at `origin`, a host and a port, from now on."""
        own = self._destination.origin
        if origin == f"{own.host}:{own.port}":
            self._resolver.fix(own.host, own.port, address)

    def begin(self, began: float) -> None:
        """The load begins, at this reading of the clock, from which schedules count."""
        self._traffic.begin(began)
        self._edges.begin(began)

    def end(self) -> None:
        """Do no fault any more, and let go of what is held. It goes on forwarding."""
        self._edges.end()
        self._traffic.end()
        for connection in tuple(self._connections):
            connection.let_go()

    async def close(self) -> None:
        """End every connection and task."""
        self._edges.end()
        self._traffic.end()
        if self._listener is not None:
            self._listener.close()
        for connection in tuple(self._connections):
            connection.abort()
        await cancel_and_wait(tuple(self._tasks))
        self._drop_unmade()
        for connection in tuple(self._connections):  # some were being made
            connection.abort()
        for upstream in tuple(self._upstreams):
            upstream.abort()
        self._emptied.clear()
        if not self.is_idle:
            await self._emptied.wait()

    def _drop_unmade(self) -> None:
        """Forget what was to be connected by tasks that never ran: they were cancelled before their first turn."""
        for sock in self._unserved:
            sock.close()
        self._unserved.clear()
        for connection in tuple(self._connections):
            if not connection.is_made:
                self._forget(connection)
            elif isinstance(connection, Link) and connection.upstream.transport is None:
                connection.failed(_CLOSED)
        for upstream in tuple(self._upstreams):
            if not upstream.is_connected:
                upstream.failed(_CLOSED)

    def _unbound(self, error: OSError) -> ConfigError:
        where = self.spec.where
        if error.errno == errno.EADDRINUSE:
            hint = 'end what listens there, or take a free port: listen: "127.0.0.1:0"'
            return ConfigError.of(f"proxy {self.spec.name}: {self.address} is in use", hint=hint, where=where)
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        return ConfigError.of(f"proxy {self.spec.name}: can't listen at {self.address}: {why}", where=where)

    def _placed(self, faults: Sequence[FaultSpec], phases: Phases, seed: int) -> PlacedFaults:
        try:
            return PlacedFaults(faults, phases, seed=seed, proxy=self.spec.name, protocol=self.spec.protocol)
        except ExpressionError as error:
            where = ".".join(str(each) for each in error.path)
            message = f"proxy {self.spec.name}: {f'{where}: ' if where else ''}{error}"
            raise ConfigError.of(message, hint=error.hint, where=self.spec.where) from None

    def _switched(self, edge: Edge) -> None:
        """A fault was switched on or off."""
        if edge.placed.is_at_connect and edge.placed.closes_port(edge.window) and self._listener is not None:
            if not edge.is_on:
                self._listener.accept()
            elif self._listener.refuse():
                hit = Hit(edge.placed, edge.window, 0.0, waits=False)
                self._traffic.applied(hit, None, "nothing listens at the port")
        for connection in tuple(self._connections):
            connection.on_switched()

    # Connections.

    def _accept(self, sock: socket.socket) -> None:
        refusing = self._traffic.refuses()
        if refusing is not None:
            self._traffic.applied(refusing, None, "reset when it was open")
            set_reset(sock)
            sock.close()
            return
        self._unserved.add(sock)
        if self.spec.protocol == "tcp":
            link = Link(self._traffic, dial=self._dial_side, on_gone=self._forget)
            self._connections.add(link)
            self._run(self._serve(sock, link, link.caller))
        else:
            caller = Caller(self._traffic, dial=self._dial, on_gone=self._forget)
            self._connections.add(caller)
            self._run(self._serve(sock, caller, caller))

    async def _serve(self, sock: socket.socket, connection: Caller | Link, protocol: asyncio.Protocol) -> None:
        """Have the event loop serve a socket. The caller may be gone already."""
        self._unserved.discard(sock)
        opening = Opening()
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: opening, sock)
        except OSError:
            sock.close()
            self._forget(connection)
        except asyncio.CancelledError:
            opening.abandon()
            self._forget(connection)
            raise
        else:
            opening.begin(protocol)

    def _dial(self, downstream: Downstream) -> Upstream:
        upstream = Upstream(downstream, self._forget)
        self._upstreams.add(upstream)
        self._run(self._connect(upstream, upstream.failed))
        return upstream

    def _dial_side(self, link: Link) -> None:
        self._run(self._connect(link.upstream, link.failed))

    async def _connect(self, protocol: asyncio.Protocol, failed: Callable[[Failure], None]) -> None:
        opening = Opening()
        try:
            failure = await self._dialer.open(
                opening, self._destination, deadline_s=perf_counter() + CONNECT_S, timings=Timings()
            )
        except asyncio.CancelledError:
            opening.abandon()
            failed(_CLOSED)
            raise
        if failure is None:
            opening.begin(protocol)
        else:
            failed(failure)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, ended: Caller | Link | Upstream | asyncio.Task[Any]) -> None:
        for kept in (self._connections, self._upstreams, self._tasks):
            kept.discard(ended)
        if self.is_idle:
            self._emptied.set()
