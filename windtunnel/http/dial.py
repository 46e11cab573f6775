"""Opens connections: resolve, connect, shake hands; each with its time, all before the deadline."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from windtunnel.http.connection import Connection
from windtunnel.http.errors import Failure, connect_failure, tls_failure
from windtunnel.http.origin import Origin
from windtunnel.http.resolve import Address, Resolver
from windtunnel.model.record import Timings

__all__ = ["Destination", "dial", "knock"]

_NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EHOSTUNREACH})
"""How a machine without IPv6 says so."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Destination:
    """An origin and how to talk to it. The transport makes one of each, so that identity is equality."""

    origin: Origin
    tls: ssl.SSLContext | None = None


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


async def knock(origin: Origin, *, resolver: Resolver, timeout_s: float) -> Failure | None:
    """Open a TCP connection and close it again: why that failed, or None."""
    task = asyncio.get_running_loop().create_task(_knock(origin, resolver))
    try:
        await asyncio.wait((task,), timeout=timeout_s)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_discard)
    return task.result() if task.done() else Failure("connect_timeout", f"no answer within {timeout_s:g} s")


async def _knock(origin: Origin, resolver: Resolver) -> Failure | None:
    try:
        sock, _ = await _connect(await resolver.resolve(origin.host, origin.port))
    except OSError as error:
        return connect_failure(error)
    sock.close()
    return None


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

    async def run(self, connection: Connection) -> Failure | None:
        origin, tls, timings = self._destination.origin, self._destination.tls, self._timings
        began = perf_counter()
        try:
            addresses = await self._resolver.resolve(origin.host, origin.port)
            resolved = perf_counter()
            timings.dns = _microseconds(began, resolved)
            self.doing = "connecting"
            sock, address = await _connect(addresses)
        except OSError as error:
            return connect_failure(error)
        self._resolver.prefer(origin.host, origin.port, address)
        connected = perf_counter()
        timings.connect = _microseconds(resolved, connected)
        if tls is not None:
            self.doing = "waiting for the TLS handshake"
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection, sock=sock, ssl=tls, server_hostname=origin.host if tls is not None else None
            )
        except OSError as error:
            sock.close()
            return tls_failure(error) if tls is not None else connect_failure(error)
        except BaseException:
            sock.close()
            raise
        if tls is not None:
            timings.tls = _microseconds(connected, perf_counter())
        return None


async def _connect(addresses: Sequence[Address]) -> tuple[socket.socket, Address]:
    """A connected socket to the first address that takes one. Raises the OSError that tells most."""
    loop = asyncio.get_running_loop()
    errors: list[tuple[Address, OSError]] = []
    for address in addresses:
        sock: socket.socket | None = None
        try:
            sock = socket.socket(address.family, socket.SOCK_STREAM)
            sock.setblocking(False)
            await loop.sock_connect(sock, address.sockaddr)
        except OSError as error:
            if sock is not None:
                sock.close()
            errors.append((address, error))
        except BaseException:
            if sock is not None:
                sock.close()
            raise
        else:
            return sock, address
    # "No IPv6 here" is true of many machines and explains nothing when an IPv4 address was refused as well.
    telling = [error for address, error in errors if not _is_missing_ipv6(address, error)]
    raise (telling or [error for _, error in errors])[0]


def _is_missing_ipv6(address: Address, error: OSError) -> bool:
    return address.family == socket.AF_INET6 and error.errno in _NO_IPV6


def _microseconds(began: float, ended: float) -> int:
    return int((ended - began) * 1e6)
