"""Hands a connection to its protocol when the event loop has made all of it.

uvloop takes over a socket only after `connection_made` and one more turn: a transport that is closed before would
leave a socket object behind, which closes its number later, whatever has that number then. So nothing can close a
transport before `begin`. What comes meanwhile is kept, for a turn or two.
"""

from __future__ import annotations

import asyncio


class Opening(asyncio.Protocol):
    """The protocol of a connection until it is open."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._data: list[bytes] = []
        self._has_ended = self._is_lost = self._is_abandoned = False
        self._lost_by: Exception | None = None

    def begin(self, protocol: asyncio.Protocol) -> None:
        """The connection is open: it belongs to this protocol from now on."""
        transport = self._transport
        assert transport is not None, "the event loop has made it"
        if not self._is_lost:
            transport.set_protocol(protocol)
            if self._data and not transport.is_closing():
                transport.resume_reading()
        protocol.connection_made(transport)
        for data in self._data:
            protocol.data_received(data)
        if self._has_ended and not protocol.eof_received():
            transport.close()
        if self._is_lost:
            protocol.connection_lost(self._lost_by)

    def abandon(self) -> None:
        """It is not needed any more."""
        self._is_abandoned = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is nearly open."""
        self._transport = transport  # type: ignore[assignment]  # TCP and TLS transports are this kind
        if self._is_abandoned:
            self.abandon()

    def data_received(self, data: bytes) -> None:
        """Keep what comes."""
        assert self._transport is not None
        if not self._data:
            self._transport.pause_reading()
        self._data.append(data)

    def eof_received(self) -> bool:
        """Keep the end, and the connection open."""
        self._has_ended = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep why it is gone."""
        self._is_lost, self._lost_by = True, exc
