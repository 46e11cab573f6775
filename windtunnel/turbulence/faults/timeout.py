"""`timeout`: the client waits for the response for a shorter time than it has, and then gives up."""

from __future__ import annotations

from windtunnel.figures import as_written
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings


class Timeout:
    """Sends the request with a deadline of its own. An answer before that is the SUT's: the fault was missed."""

    keys = ("after",)
    main = "after"
    passes_on = False

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s

    @classmethod
    def compile(cls, settings: Settings) -> Timeout:
        """See `FaultType.compile`."""
        return cls(settings.positive("after"))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"are given up after {as_written(self._after_s)}"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        if self._after_s >= request.timeout_s:
            case.missed(f"its own deadline is {as_written(request.timeout_s)}")
            return await forward(request)
        exchange = await forward(request.replace(timeout_s=self._after_s))
        if exchange.error not in ("timeout", "connect_timeout"):
            case.missed(f"it ended before: {exchange.error or exchange.status}")
            return exchange
        case.applied(f"after {as_written(self._after_s)}")
        exchange.error_detail = f"given up on purpose after {as_written(self._after_s)}"
        exchange.fault = case.name
        return exchange
