"""Opens connections: resolve, connect, shake hands; each with its time, all before the deadline."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass
from time import perf_counter

from windtunnel.figures import offset
from windtunnel.http.connect import connect
from windtunnel.http.connection import Connection
from windtunnel.http.errors import Failure, connect_failure, tls_failure
from windtunnel.http.proxy import open_tunnel
from windtunnel.http.resolve import Address, Resolver
from windtunnel.model.http import GENERATOR_ERRORS
from windtunnel.model.origin import Origin
from windtunnel.model.record import Timings
from windtunnel.model.sut import Proxy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Destination:
    """An origin and how to talk to it. The transport makes one of each, so that identity is equality.

    `socket` is the path of a Unix socket that is connected to in place of the origin, `server_name` the host that
    the server must prove to be. Without `keeps_open` every connection carries one request.
    """

    origin: Origin
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    socket: str | None = None
    proxy: Proxy | None = None
    keeps_open: bool = True

    def __str__(self) -> str:
        if self.socket is not None:
            return f"http+unix://{self.socket}"
        return f"{self.origin} through the proxy {self.proxy}" if self.proxy else str(self.origin)

    @property
    def forwarder(self) -> Proxy | None:
        """The proxy that reads the requests, and wants whole URLs in them (RFC 9112, 3.2.2)."""
        return self.proxy if self.tls is None else None


async def dial(
    connection: Connection, destination: Destination, *, resolver: Resolver, deadline_s: float, timings: Timings
) -> Failure | None:
    """Connect `connection` to the destination, filling in dns, connect and tls of `timings`.

    Returns why that failed, or None. After a cancellation the connection may be open: close it.
    """
    attempt = _Attempt(destination, resolver, timings)
    task = asyncio.get_running_loop().create_task(attempt.run(connection))
    try:
        await asyncio.wait((task,), timeout=max(0.0, deadline_s - perf_counter()))
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_discard)
    if task.done():
        return task.result()
    return Failure("connect_timeout", f"while {attempt.doing}")


async def probe(destination: Destination, *, resolver: Resolver, timeout_s: float) -> Failure | None:
    """Open a connection to where a destination is reached, and close it again: why that failed, or None."""
    attempt = _Attempt(destination, resolver, Timings())
    task = asyncio.get_running_loop().create_task(attempt.probe())
    try:
        await asyncio.wait((task,), timeout=timeout_s)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_discard)
    return task.result() if task.done() else Failure("connect_timeout", f"no answer within {offset(timeout_s)}")


def _discard(task: asyncio.Task[Failure | None]) -> None:
    """Look at what became of an abandoned attempt, so that asyncio does not complain that nobody did."""
    if not task.cancelled():
        task.exception()


class _Attempt:
    """One try to open a connection; `doing` says what it is waiting for."""

    __slots__ = ("_destination", "_resolver", "_timings", "doing")

    def __init__(self, destination: Destination, resolver: Resolver, timings: Timings) -> None:
        self._destination, self._resolver, self._timings = destination, resolver, timings
        self.doing = "resolving the host name"

    async def probe(self) -> Failure | None:
        """Connect and hang up."""
        try:
            sock = await self._connect()
        except OSError as error:
            return self._connect_failure(error)
        sock.close()
        return None

    async def run(self, connection: Connection) -> Failure | None:
        """Connect, open a tunnel where there must be one, shake hands; `connection` is told when it is open."""
        try:
            sock = await self._connect()
        except OSError as error:
            return self._connect_failure(error)
        try:
            failure = await self._hand_over(sock, connection)
        except BaseException:
            sock.close()
            raise
        if failure is not None:
            sock.close()
        return failure

    async def _connect(self) -> socket.socket:
        destination, timings = self._destination, self._timings
        began = perf_counter()
        addresses: tuple[Address, ...]
        if destination.socket is not None:
            addresses = (Address(family=socket.AF_UNIX, sockaddr=destination.socket),)
            resolved = began
        else:
            host, port = self._endpoint()
            addresses = await self._resolver.resolve(host, port)
            resolved = perf_counter()
            timings.dns = _microseconds(began, resolved)
        self.doing = "connecting"
        sock, address = await connect(addresses)
        if len(addresses) > 1:
            self._resolver.prefer(*self._endpoint(), address)
        timings.connect = _microseconds(resolved, perf_counter())
        return sock

    async def _hand_over(self, sock: socket.socket, connection: Connection) -> Failure | None:
        """Let the connection have the socket, over TLS where that is wanted."""
        loop, destination, tls = asyncio.get_running_loop(), self._destination, self._destination.tls
        began = perf_counter()
        try:
            if tls is not None and destination.proxy is not None:
                self.doing = "waiting for the proxy"
                failure = await open_tunnel(sock, destination.origin, destination.proxy)
                if failure is not None:
                    return failure
                self._timings.connect += _microseconds(began, perf_counter())
                began = perf_counter()
            if destination.socket is not None:
                await loop.create_unix_connection(lambda: connection, sock=sock)
            elif tls is None:
                await loop.create_connection(lambda: connection, sock=sock)
            else:
                self.doing = "waiting for the TLS handshake"
                await loop.create_connection(
                    lambda: connection, sock=sock, ssl=tls, server_hostname=destination.server_name
                )
                self._timings.tls = _microseconds(began, perf_counter())
        except OSError as error:
            return tls_failure(error) if tls is not None else self._connect_failure(error)
        return None

    def _endpoint(self) -> tuple[str, int]:
        destination = self._destination
        if destination.proxy is not None:
            return destination.proxy.host, destination.proxy.port
        return destination.origin.host, destination.origin.port

    def _connect_failure(self, error: OSError) -> Failure:
        if self._destination.socket is not None and error.errno == errno.ENOENT:
            return Failure("refused", "nothing listens at this socket")
        failure = connect_failure(error)
        if self._destination.proxy is not None and failure.kind not in GENERATOR_ERRORS:
            return Failure("proxy", f"{self._destination.proxy}: {failure.detail or failure.kind}")
        return failure


def _microseconds(began: float, ended: float) -> int:
    return int((ended - began) * 1e6)
