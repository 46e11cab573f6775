"""Serving the shop: on real sockets, inside a running event loop or as a program of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from aiohttp import web

from windtunnel.demo.payments import create_payments
from windtunnel.demo.settings import ShopSettings
from windtunnel.demo.shop import create_shop

_BACKLOG = 4096  # thousands of users may connect at the same moment
_GRACE_S = 0.2  # what running requests get when the shop closes
_PORT_ATTEMPTS = 20
_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # this machine has no such address, or no such protocol
_ANY = {"", "0.0.0.0", "::"}  # noqa: S104 - recognized here, never bound unless asked for

Address = tuple[socket.AddressFamily, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningShop:
    """Where the shop can be reached; `base_url` has no slash at its end."""

    base_url: str
    port: int


@contextlib.asynccontextmanager
async def serve(settings: ShopSettings, host: str = "localhost", port: int = 0) -> AsyncIterator[RunningShop]:
    """Serve the shop in this event loop while the block lasts; port 0 takes a free one.

    With `payments_port` the payment service is served there as well, and called there unless `payments_url` says
    another place, such as that of a proxy.

    `localhost` means 127.0.0.1 and, where the machine has it, ::1, both on the same port.
    Raises OSError (EADDRINUSE for a taken port) when it can't listen.
    """
    async with contextlib.AsyncExitStack() as stack:
        payments_url = settings.payments_url
        if settings.payments_port is not None:
            application = create_payments(settings)
            own = await stack.enter_async_context(_served(application, host, settings.payments_port))
            payments_url = payments_url or own.base_url
        shop = create_shop(replace(settings, payments_url=payments_url))
        yield await stack.enter_async_context(_served(shop, host, port))


@contextlib.asynccontextmanager
async def _served(application: web.Application, host: str, port: int) -> AsyncIterator[RunningShop]:
    sockets = listen(host, port)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_GRACE_S)
    try:
        await runner.setup()
        for listener in sockets:
            await web.SockSite(runner, listener, backlog=_BACKLOG).start()
        bound_port: int = sockets[0].getsockname()[1]
        yield RunningShop(base_url=_base_url(host, bound_port), port=bound_port)
    finally:
        await runner.cleanup()
        for listener in sockets:
            listener.close()


def run_forever(
    settings: ShopSettings,
    host: str,
    port: int,
    on_ready: Callable[[RunningShop], None],
    *,
    lifeline: int | None = None,
) -> None:
    """Serve the shop until SIGINT or SIGTERM; call from the main thread, outside any event loop.

    `on_ready` is called once, when connections are accepted. With `lifeline`, a file descriptor, the shop also
    stops when that reaches its end. Raises OSError when it can't listen.
    """

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            # Windows has no such handlers; there Ctrl-C ends asyncio.run with KeyboardInterrupt.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(name, stop.set)
        if lifeline is not None:
            _watch(lifeline, stop, loop)
        async with serve(settings, host, port) as shop:
            on_ready(shop)
            await stop.wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(until_stopped())


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of a host, all on one port; 0 takes a free one.

    Raises OSError when the port is taken or none of the addresses exists here.
    """
    addresses = _addresses(host)
    for _ in range(_PORT_ATTEMPTS - 1):
        try:
            return _listen_on(addresses, port)
        except OSError as error:
            # A port that was free for the first address may be taken for the second: then try another.
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _listen_on(addresses, port)


def _addresses(host: str) -> list[Address]:
    if host == "localhost":
        return [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(sockaddr[0])) for family, _, _, _, sockaddr in found))


def _listen_on(addresses: list[Address], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, address in addresses:
            try:
                listener = _listener(family, address, port)
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
                continue
            sockets.append(listener)
            port = listener.getsockname()[1]
        if absent is not None and not sockets:
            raise absent
    except OSError:
        for listener in sockets:
            listener.close()
        raise
    return sockets


def _listener(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere this option would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        # Only a listening socket keeps others from the port: with SO_REUSEADDR two may be bound to it.
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _base_url(host: str, port: int) -> str:
    name = "localhost" if host in _ANY else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def _watch(lifeline: int, stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Set `stop` when the descriptor ends: a pipe from another process ends with that process, however it dies."""

    def read_to_the_end() -> None:
        # os.read, not sys.stdin: a thread inside a buffered reader would hold its lock when Python exits.
        while os.read(lifeline, 1024):
            pass
        with contextlib.suppress(RuntimeError):  # the loop has closed: the shop has stopped anyhow
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=read_to_the_end, name="shop-lifeline", daemon=True).start()
