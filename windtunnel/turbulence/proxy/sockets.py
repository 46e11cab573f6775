"""What proxies do to sockets: pause and go on reading for several reasons at once, end one with a reset."""

from __future__ import annotations

import asyncio
import socket
import struct

PEER_FULL = 1
"""The other side does not take as much as comes."""

PIPELINED = 2
"""A further request came before the one under way has ended."""

HELD = 4
"""A fault holds what came."""

_NO_LINGER = struct.pack("ii", 1, 0)


class Reading:
    """Whether a transport is read. It is not while there is a reason not to."""

    __slots__ = ("_reasons", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._reasons = transport, 0

    def pause(self, reason: int) -> None:
        """Stop for a reason."""
        if not self._reasons and not self._transport.is_closing():
            self._transport.pause_reading()
        self._reasons |= reason

    def resume(self, reason: int) -> None:
        """The reason is gone."""
        if not self._reasons & reason:
            return
        self._reasons &= ~reason
        if not self._reasons and not self._transport.is_closing():
            self._transport.resume_reading()


def reset(transport: asyncio.Transport) -> None:
    """Close at once with a reset: what is not sent yet is dropped, and the other side is told of a failure."""
    if (sock := transport.get_extra_info("socket")) is not None and not transport.is_closing():
        set_reset(sock)
    transport.abort()


def set_reset(sock: socket.socket) -> None:
    """Have the socket end with a reset when it is closed."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    except OSError:  # it is closed already
        return


def send(transport: asyncio.Transport, data: bytes) -> None:
    """Write bytes, unless the connection has ended already: uvloop raises an error for one that is closed."""
    if not transport.is_closing():
        transport.write(data)


def end_writing(transport: asyncio.Transport) -> bool:
    """Tell the other side that nothing follows; False where that can't be told (TLS)."""
    if transport.is_closing() or not transport.can_write_eof():
        return False
    transport.write_eof()
    return True
