"""`abort`: the client hangs up while it reads the response, after its head or a share of its body."""

from __future__ import annotations

import asyncio
from typing import Any

from windtunnel.expressions.quantities import parse_percentage
from windtunnel.figures import share
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.exchanges import failed
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings
from windtunnel.turbulence.wire import NO_WIRE, Measured, Wire, over, why_untouched

HEADERS = "headers"


class Abort:
    """Hangs up after a share of the body, 0 for after the head.

    Of a body whose length is not known, the first bytes are read. The last byte of a response never is.
    """

    keys = ("after",)
    main = ""
    passes_on = False

    def __init__(self, after: float) -> None:
        self._after = after

    @classmethod
    def compile(cls, settings: Settings) -> Abort:
        """See `FaultType.compile`."""
        return cls(settings.read("after", _after, 0.5))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"are hung up on after {self._part} of the response"

    @property
    def _part(self) -> str:
        return f"{share(self._after)} of the body" if self._after else "the head"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        wires: list[_Cut] = []

        def make(receiver: asyncio.Protocol) -> Wire:
            wires.append(_Cut(receiver, self._after, has_body=request.endpoint.method.upper() != "HEAD"))
            return wires[-1]

        changed = over(request, make)
        if changed is None:
            case.missed(NO_WIRE)
            return await forward(request)
        exchange = await forward(changed)
        if not any(wire.is_cut for wire in wires):
            case.missed(why_untouched(exchange))
            return exchange
        case.applied(f"after {self._part}")
        return failed(exchange, "closed", "the client hung up on purpose", fault=case.name)


class _Cut(Wire):
    """Hands on the response up to a share of its body, and closes the stream."""

    def __init__(self, receiver: asyncio.Protocol, after: float, *, has_body: bool) -> None:
        super().__init__(receiver)
        self._after, self._has_body = after, has_body
        self._seen = Measured(silent=None)
        self.is_cut = False

    def data_received(self, data: bytes) -> None:
        """Hand on what is before the cut."""
        if self.is_cut:
            return
        before = self._seen.total
        self._seen.add(data)
        most = self._most()
        if most is None or self._seen.total < most:
            self._receiver.data_received(data)
            return
        self.is_cut = True
        if most > before:
            self._receiver.data_received(data[: most - before])
        self._below.abort()

    def _most(self) -> int | None:
        """How many bytes of the response are handed on, None while that is not known."""
        seen = self._seen
        if not seen.is_known:
            return None
        body = seen.body if self._has_body else 0
        if body is None:
            return seen.head + (1 if self._after else 0)
        return min(seen.head + int(body * self._after), seen.head + body - 1)


def _after(value: Any) -> float:
    return 0.0 if value == HEADERS else parse_percentage(value)
