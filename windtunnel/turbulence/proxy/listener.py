"""The socket that callers connect to. Where it refuses, the kernel says so, and the port stays ours."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Any

BACKLOG = 1024
RETRY_S = 0.1
"""How long it waits to accept again when the process has no descriptor left."""

_AT_A_TIME = 64
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """Binds at once; accepts from `start` on. `accept` takes each socket, and owns it."""

    def __init__(self, host: str, port: int, accept: Callable[[socket.socket], None]) -> None:
        """Raises OSError, also socket.gaierror."""
        self._take_socket = accept
        self._refuses = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._socket = _bound(host, port)

    @property
    def is_closed(self) -> bool:
        """Whether it takes connections no more, or not yet."""
        return self._loop is None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    def start(self) -> None:
        """Take connections. Raises OSError when the port is taken meanwhile."""
        self._socket.listen(BACKLOG)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._take)

    def refuse(self) -> bool:
        """Let the kernel refuse connections, until `accept`. Returns whether it can (Linux)."""
        if self._loop is None or self._refuses:
            return self._refuses
        self._stop_reading()
        try:
            # The socket keeps its port, and nothing else can listen at it.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.accept()
            return False
        self._refuses = True
        return True

    def accept(self) -> None:
        """Take connections again."""
        if self._loop is None:
            return
        self._refuses = False
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.listen(BACKLOG)
        self._loop.add_reader(self._socket, self._take)

    def close(self) -> None:
        """Take no connection any more."""
        self._stop_reading()
        self._loop = None
        self._socket.close()

    def _take(self) -> None:
        for _ in range(_AT_A_TIME):
            try:
                sock, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED and self._loop is not None:
                    self._stop_reading()
                    self._retry = self._loop.call_later(RETRY_S, self._again)
                    return
                raise
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._take_socket(sock)

    def _stop_reading(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._loop is not None:
            self._loop.remove_reader(self._socket)

    def _again(self) -> None:
        self._retry = None
        if self._loop is not None:
            self._loop.add_reader(self._socket, self._take)


def _bound(host: str, port: int) -> socket.socket:
    """A socket whose port was asked for by number, also a free one: else it would lose it when it refuses."""
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )[0]
    if port:
        return _socket_at(family, address)
    with _socket_at(family, address) as any_port:
        return _socket_at(family, any_port.getsockname())


def _socket_at(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock
