"""`drop_connection`: the connection is closed before the request is sent, or after it, before the response."""

from __future__ import annotations

import asyncio

from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.exchanges import failed
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings
from windtunnel.turbulence.wire import NO_WIRE, Measured, Wire, over, why_untouched

BEFORE, AFTER = "before", "after"


class DropConnection:
    """Closes the connection. Before the request: the SUT sees a connection on which nothing comes."""

    keys = ("at",)
    main = ""
    passes_on = False

    def __init__(self, at: str) -> None:
        self._at = at

    @classmethod
    def compile(cls, settings: Settings) -> DropConnection:
        """See `FaultType.compile`."""
        return cls(settings.choice("at", (BEFORE, AFTER), BEFORE))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"lose their connection {self._at} the request is sent"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        wires: list[_Dropped] = []

        def make(receiver: asyncio.Protocol) -> Wire:
            wires.append(_Dropped(receiver, sends=self._at == AFTER))
            return wires[-1]

        changed = over(request, make)
        if changed is None:
            case.missed(NO_WIRE)
            return await forward(request)
        exchange = await forward(changed)
        if not any(wire.is_dropped for wire in wires):
            case.missed(why_untouched(exchange))
            return exchange
        case.applied(f"{self._at} the request")
        if self._at == BEFORE:
            exchange.bytes_sent = 0
            exchange.timings.send = exchange.timings.wait = 0
        return failed(
            exchange, "closed", f"the connection was closed on purpose {self._at} the request", fault=case.name
        )


class _Dropped(Wire):
    """Closes the stream at the first bytes of the request, or at its last one. No response is handed on."""

    def __init__(self, receiver: asyncio.Protocol, *, sends: bool) -> None:
        super().__init__(receiver)
        self._sends = sends
        self._sent = Measured(silent=0)
        self.is_dropped = False

    def write(self, data: bytes) -> None:
        """Send what is to be sent."""
        if self.is_dropped:
            return
        sent = self._sent
        if self._sends:
            sent.add(data)
            self._below.write(data)
        if not self._sends or (sent.is_known and sent.body is not None and sent.total >= sent.head + sent.body):
            self.is_dropped = True
            self._below.close()  # after what is written

    def data_received(self, data: bytes) -> None:
        """Drop the response."""
