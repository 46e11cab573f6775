"""Opens streams over the network: resolve, connect, shake hands; each with its time, all before the deadline."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Coroutine
from dataclasses import replace
from time import perf_counter
from typing import Any

from windtunnel.figures import offset
from windtunnel.http.connect import connect
from windtunnel.http.errors import MAYBE_PLAIN, Failure, connect_failure, tls_failure
from windtunnel.http.proxy import open_tunnel
from windtunnel.http.resolve import Address, Resolver
from windtunnel.http.stream import Destination
from windtunnel.model.http import AWAITING_TLS, GENERATOR_ERRORS
from windtunnel.model.record import Timings


class Dialer:
    """The `StreamOpener` of TCP, Unix sockets, proxies and TLS."""

    __slots__ = ("_resolver",)

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def open(
        self, receiver: asyncio.Protocol, destination: Destination, *, deadline_s: float, timings: Timings
    ) -> Failure | None:
        """See `StreamOpener.open`."""
        if destination.around is not None:
            opener, bare = destination.around(self), replace(destination, around=None)
            return await opener.open(receiver, bare, deadline_s=deadline_s, timings=timings)
        attempt = _Attempt(destination, self._resolver, timings)
        if await _ended(task := _begin(attempt.run(receiver)), timeout_s=max(0.0, deadline_s - perf_counter())):
            return task.result()
        return Failure("connect_timeout", f"while {attempt.doing}{attempt.doubt}")

    async def probe(self, destination: Destination, *, timeout_s: float) -> Failure | None:
        """Connect to a destination and close the connection again: why that failed, or None."""
        if await _ended(
            task := _begin(_Attempt(destination, self._resolver, Timings()).probe()), timeout_s=timeout_s
        ):
            return task.result()
        return Failure("connect_timeout", f"no answer within {offset(timeout_s)}")


_Opening = asyncio.Task[Failure | None]


def _begin(attempt: Coroutine[Any, Any, Failure | None]) -> _Opening:
    return asyncio.get_running_loop().create_task(attempt)


async def _ended(task: _Opening, *, timeout_s: float) -> bool:
    """Whether an attempt ends in time; otherwise, and when the caller is cancelled, it is cancelled.

    It is not waited for: a deadline is hard, and a name may take long to stop being looked up.
    """
    try:
        await asyncio.wait((task,), timeout=timeout_s)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_retrieve_exception)
    return task.done()


def _retrieve_exception(task: _Opening) -> None:
    """Keep asyncio from reporting an exception of a cancelled attempt."""
    if not task.cancelled():
        task.exception()


class _Attempt:
    """One attempt to open a stream; `doing` says what it is waiting for, `doubt` what may be the reason."""

    __slots__ = ("_destination", "_resolver", "_timings", "doing", "doubt")

    def __init__(self, destination: Destination, resolver: Resolver, timings: Timings) -> None:
        self._destination, self._resolver, self._timings = destination, resolver, timings
        self.doing, self.doubt = "resolving the host name", ""

    async def probe(self) -> Failure | None:
        """Connect and close."""
        try:
            sock = await self._connect()
        except OSError as error:
            return self._connect_failure(error)
        sock.close()
        return None

    async def run(self, receiver: asyncio.Protocol) -> Failure | None:
        """Connect, and make a stream of the socket."""
        try:
            sock = await self._connect()
        except OSError as error:
            return self._connect_failure(error)
        try:
            failure = await self._open_stream(sock, receiver)
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

    async def _open_stream(self, sock: socket.socket, receiver: asyncio.Protocol) -> Failure | None:
        """Make a stream of a connected socket, with a tunnel and TLS if the destination has them."""
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
                await loop.create_unix_connection(lambda: receiver, sock=sock)
            elif tls is None:
                await loop.create_connection(lambda: receiver, sock=sock)
            else:
                self.doing, self.doubt = AWAITING_TLS, f"; {MAYBE_PLAIN}"
                await loop.create_connection(
                    lambda: receiver, sock=sock, ssl=tls, server_hostname=destination.server_name
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
