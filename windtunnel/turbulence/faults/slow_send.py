"""`slow_send`: the request is sent slowly, its head and its body, as by a client with a weak connection."""

from __future__ import annotations

import asyncio

from windtunnel.figures import EXACT, size
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.paced import Pace
from windtunnel.turbulence.settings import Settings
from windtunnel.turbulence.wire import Wire, send_slowly


class SlowSend:
    """Sends at a rate in bytes per second."""

    keys = ("rate",)
    main = "rate"
    passes_on = False

    def __init__(self, rate: float) -> None:
        self._rate = rate

    @classmethod
    def compile(cls, settings: Settings) -> SlowSend:
        """See `FaultType.compile`."""
        return cls(settings.speed("rate"))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"are sent at {size(self._rate, digits=EXACT)}/s"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        return await send_slowly(request, forward, case, lambda receiver: _Sending(receiver, self._rate))


class _Sending(Wire):
    """Writes at a rate. The receiver hears that the system takes no more until all is written."""

    def __init__(self, receiver: asyncio.Protocol, rate: float) -> None:
        super().__init__(receiver)
        self._pace = Pace(rate, self._put, self._emptied)
        self._is_full = False

    def write(self, data: bytes) -> None:
        """Keep bytes until it is their turn."""
        self._pace.add(data)
        if len(self._pace) and not self._is_full:
            self._is_full = True
            self._receiver.pause_writing()

    def pause_writing(self) -> None:
        """The rate is lower than what the system takes; a pause of its own changes nothing."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def abort(self) -> None:
        """Close at once."""
        self._pace.drop()
        super().abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The last call."""
        self._pace.drop()
        super().connection_lost(exc)

    def _put(self, piece: bytes) -> None:
        if not self._below.is_closing():
            self._below.write(piece)

    def _emptied(self) -> None:
        if self._is_full:
            self._is_full = False
            self._receiver.resume_writing()
