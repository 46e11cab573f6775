"""The byte stream under a connection: where it goes, how it is opened, what can be done with it.

    StreamOpener.open(receiver, destination)      resolve ▶ connect ▶ (CONNECT to a proxy) ▶ (TLS handshake)
          ├─ opened ──▶ receiver.connection_made(stream), later data_received, eof_received, connection_lost
          └─ failed ──▶ the Failure is returned

A connection knows nothing below `Stream`. What shall happen to bytes on their way, such as sending them slowly, is
an opener around another one, which hands the receiver a stream around the one that it was handed: for every
connection (`HttpTransport`), or for one destination.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from windtunnel.http.errors import Failure
from windtunnel.model.origin import Origin
from windtunnel.model.record import Timings
from windtunnel.model.sut import Proxy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Destination:
    """An origin and how to reach it. The transport makes one of each, so that identity is equality.

    `socket` is the path of a Unix socket to connect to in place of the origin, `server_name` the host that the
    server's certificate must be for. Without `keeps_open` every connection carries one request. `around` puts an
    opener around the one that connects, for this destination alone.
    """

    origin: Origin
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    socket: str | None = None
    proxy: Proxy | None = None
    keeps_open: bool = True
    around: Callable[[StreamOpener], StreamOpener] | None = None

    def __str__(self) -> str:
        if self.socket is not None:
            return f"http+unix://{self.socket}"
        return f"{self.origin} through the proxy {self.proxy}" if self.proxy else str(self.origin)

    @property
    def forwarder(self) -> Proxy | None:
        """The proxy that reads the requests, and expects whole URLs in them (RFC 9112, 3.2.2)."""
        return self.proxy if self.tls is None else None


class Stream(Protocol):
    """An open stream of bytes. The transports of asyncio, TCP, Unix or TLS, are such streams as they are."""

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until the system takes them. Does not raise."""

    def abort(self) -> None:
        """Close at once. What is not sent yet is dropped; `connection_lost` follows."""


class StreamOpener(Protocol):
    """Opens streams."""

    async def open(
        self, receiver: asyncio.Protocol, destination: Destination, *, deadline_s: float, timings: Timings
    ) -> Failure | None:
        """Open a stream to the destination for `receiver`, and fill in dns, connect and tls of `timings`.

        Returns why that failed, or None. After a cancellation the stream may be open: abort it.
        """
