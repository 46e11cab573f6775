"""`slow_read`: the response is read slowly, so that the SUT has to wait until it can send the rest."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from windtunnel.figures import EXACT, size
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.paced import Pace
from windtunnel.turbulence.settings import Settings
from windtunnel.turbulence.wire import Wire, send_slowly

_BUFFER = 4096
"""Bytes that the system may keep for us; it keeps some more. What does not fit stays with the SUT."""


class SlowRead:
    """Reads at a rate in bytes per second."""

    keys = ("rate",)
    main = "rate"
    passes_on = False

    def __init__(self, rate: float) -> None:
        self._rate = rate

    @classmethod
    def compile(cls, settings: Settings) -> SlowRead:
        """See `FaultType.compile`."""
        return cls(settings.speed("rate"))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"read their response at {size(self._rate, digits=EXACT)}/s"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        return await send_slowly(request, forward, case, lambda receiver: _Reading(receiver, self._rate))


class _Reading(Wire):
    """Hands on what it has read at a rate, and reads on when nothing is left. The end comes after all bytes."""

    def __init__(self, receiver: asyncio.Protocol, rate: float) -> None:
        super().__init__(receiver)
        self._pace = Pace(rate, receiver.data_received, self._emptied)
        self._ends = self._is_aborted = False
        self._lost: tuple[Exception | None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the system keep little."""
        sock = transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):  # then the system keeps more, which only makes the fault weaker
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read no more until these bytes are handed on."""
        self._pace.add(data)
        if len(self._pace) and not self._below.is_closing():
            self._below.pause_reading()

    def eof_received(self) -> None:
        """Hand on the end after all bytes."""
        if len(self._pace):
            self._ends = True
        else:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on the loss after all bytes, unless the connection was closed on our side."""
        if len(self._pace) and not self._is_aborted:
            self._lost = (exc,)
        else:
            super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once."""
        self._pace.drop()
        self._is_aborted = True
        if self._lost is not None:
            lost, self._lost = self._lost[0], None
            super().connection_lost(lost)
        super().abort()

    def _emptied(self) -> None:
        if self._ends:
            self._ends = False
            super().eof_received()
        if self._lost is not None:
            lost, self._lost = self._lost[0], None
            super().connection_lost(lost)
        elif not self._below.is_closing():
            self._below.resume_reading()
