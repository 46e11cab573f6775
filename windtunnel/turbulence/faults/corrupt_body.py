"""`corrupt_body`: some bytes of the request's body are others. Its length stays the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from windtunnel.figures import plural
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings
from windtunnel.turbulence.wire import NO_WIRE, Measured, Wire, over

MOST_BYTES = 10_000


class CorruptBody:
    """Changes bytes, at places that depend on the request alone. The answer to that is not the SUT's failure."""

    keys = ("bytes",)
    main = "bytes"
    passes_on = False

    def __init__(self, count: int) -> None:
        self._count = count

    @classmethod
    def compile(cls, settings: Settings) -> CorruptBody:
        """See `FaultType.compile`."""
        return cls(settings.whole("bytes", 1, most=MOST_BYTES))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"are sent with {plural(self._count, 'byte')} of the body changed"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        if request.body == b"":
            case.missed("it has no body")
            return await forward(request)
        if isinstance(request.body, bytes):
            body = bytearray(request.body)
            for place, mask in self._changes(len(body), case):
                body[place] ^= mask
            changed: Request | None = request.replace(body=bytes(body))
        else:
            changed = over(request, lambda receiver: _Corrupting(receiver, self, case))
        if changed is None:
            case.missed(NO_WIRE)
            return await forward(request)
        exchange = await forward(changed)
        if not exchange.bytes_sent:
            case.missed(f"it was not sent: {exchange.error}")
            return exchange
        case.applied(f"answered {exchange.error or exchange.status}")
        exchange.fault = case.name
        return exchange

    def _changes(self, length: int, case: Case) -> Iterator[tuple[int, int]]:
        """The places in a body, each only once, and what the byte there is XORed with."""
        taken: set[int] = set()
        for number in range(min(self._count, length)):
            drawn = case.draw(number)
            place = int(drawn * length)
            while place in taken:
                place = (place + 1) % length
            taken.add(place)
            yield place, 1 + int(drawn * 2**40) % 255

    def changes(self, length: int, case: Case) -> dict[int, int]:
        """The places in a body, and what the byte there is XORed with."""
        return dict(self._changes(length, case))


class _Corrupting(Wire):
    """Changes bytes of a body on their way, which is read from a file."""

    def __init__(self, receiver: asyncio.Protocol, fault: CorruptBody, case: Case) -> None:
        super().__init__(receiver)
        self._fault, self._case = fault, case
        self._sent = Measured(silent=0)
        self._changes: dict[int, int] | None = None

    def write(self, data: bytes) -> None:
        """Send bytes, with those changed that are to be."""
        sent, before = self._sent, self._sent.total
        sent.add(data)
        if self._changes is None and sent.is_known:
            self._changes = {
                sent.head + place: mask for place, mask in self._fault.changes(sent.body or 0, self._case).items()
            }
        changed = bytearray(data)
        for place, mask in (self._changes or {}).items():
            if before <= place < sent.total:
                changed[place - before] ^= mask
        self._below.write(bytes(changed))
