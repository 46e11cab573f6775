"""`duplicate`: the request is sent twice with the same idempotency key, as by a network or an impatient client.

    one after the other   first ──▶ answer ── gap ── second ──▶ answer
    concurrent            first ──────────▶ answer
                              gap ── second ──────▶ answer

The step receives the answer to the first. That to the second has a record of its own, marked with the fault: that
there is a second one is our doing, and a SUT may well refuse it.
"""

from __future__ import annotations

from windtunnel.figures import as_written
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.tasks import all_of
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings


class Duplicate:
    """Sends a request twice. `gap_s` is from the answer to the first, from its start where it is concurrent."""

    keys = ("gap", "concurrent")
    main = "gap"
    passes_on = False

    def __init__(self, gap_s: float, *, concurrent: bool) -> None:
        self._gap_s, self._concurrent = gap_s, concurrent

    @classmethod
    def compile(cls, settings: Settings) -> Duplicate:
        """See `FaultType.compile`."""
        return cls(settings.duration("gap", 0.0), concurrent=settings.flag("concurrent", False))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        at_once = ", at the same time" if self._concurrent else ""
        gap = f", {as_written(self._gap_s)} apart" if self._gap_s else ""
        return f"are sent twice{at_once}{gap}"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        further = case.again(request)

        async def second() -> Exchange:
            if self._gap_s:
                await case.clock.sleep(self._gap_s)
            return await forward(further)

        if self._concurrent:
            first, other = await all_of([forward(request), second()])
        else:
            first = await forward(request)
            if not first.bytes_sent:
                case.missed(f"it was not sent: {first.error}")
                return first
            other = await second()
        if other.bytes_sent:
            case.applied(f"answered {first.error or first.status} and {other.error or other.status}")
            other.fault = case.name
        else:
            case.missed(f"the second one was not sent: {other.error}")
        case.observe(request, other)
        return first
