"""What a connection of a caller does with its two transports: stops and goes on reading, ends one or both."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from windtunnel.turbulence.proxy.heads import Refusal
from windtunnel.turbulence.proxy.sockets import PEER_FULL, PIPELINED, Reading, end_writing, reset, send
from windtunnel.turbulence.proxy.traffic import Timer, Traffic
from windtunnel.turbulence.proxy.upstream import Upstream

LINGER_S = 2.0
"""How long the rest of a request is read and dropped after the answer to it, so that the answer arrives."""


class CallerSide(asyncio.Protocol):
    """`_upstream` is None while there is none. `_discards`: nothing that the caller sends matters any more."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._upstream: Upstream | None = None
        self._discards = self.is_made = False
        self._timer: Timer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller connected."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP, so it is one
        self._reading = Reading(self._transport)
        self.is_made = True

    def end_answers(self) -> None:
        """Tell the caller that nothing follows; what it still sends is dropped."""
        self._discards = True
        end_writing(self._transport)

    def on_connected(self) -> None:
        """Read on what waited for the connection."""
        self._reading.resume(PEER_FULL)

    def on_full(self) -> None:
        """Read no more."""
        self._reading.pause(PEER_FULL)

    def on_room(self) -> None:
        """Read on."""
        self._reading.resume(PEER_FULL)

    def pause(self, reason: int) -> None:
        """Read nothing for a reason."""
        self._reading.pause(reason)

    def resume(self, reason: int) -> None:
        """The reason is gone."""
        self._reading.resume(reason)

    def pause_upstream(self, reason: int) -> None:
        """Read nothing from the upstream for a reason."""
        if self._upstream is not None:
            self._upstream.pause(reason)

    def resume_upstream(self, reason: int) -> None:
        """The reason is gone."""
        if self._upstream is not None:
            self._upstream.resume(reason)

    def _drop_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.close()

    def _reset(self) -> None:
        """Reset the caller; the upstream sees an end."""
        self._drop_upstream()
        self._discards = True
        reset(self._transport)

    def _close(self, *, linger: bool) -> None:
        """Close after what is written. A caller that is still sending would lose its answer by a reset: with
        `linger` it is read on for a while.
        """
        self._drop_upstream()
        self._discards = True
        self._reading.resume(PEER_FULL | PIPELINED)
        if linger and end_writing(self._transport):
            self._timer = self._traffic.later(LINGER_S, self._transport.abort)
        else:
            self._transport.close()

    def _say(self, refusal: Refusal, *, is_head: bool) -> None:
        """Answer a request with an error of ours, and close."""
        text = f"windtunnel proxy {self._traffic.name}: {refusal.why}\n".encode()
        head = (
            f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        send(self._transport, head.encode() + (b"" if is_head else text))
        self._close(linger=True)
