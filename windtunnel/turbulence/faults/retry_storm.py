"""`retry_storm`: the client sends a failed request again and again, as one without a retry budget does.

    forward ── answered well ─────────────────────────────▶ the exchange
       ▲    └─ failed ── the last attempt, or no budget ──▶ the exchange
       └─── backoff ◀────────── else

Failed is a request without a complete answer, or answered 429 or 5xx. Every outcome is the SUT's own; what is ours
is that there are so many. The attempts before the last one have records of their own.
"""

from __future__ import annotations

from windtunnel.figures import as_written, plural, share
from windtunnel.interfaces import Request
from windtunnel.model.http import GENERATOR_ERRORS, Exchange
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings

MOST_ATTEMPTS = 100
TOO_MANY_REQUESTS = 429


class RetryStorm:
    """Retries. `budget` is the most retries, as a share of the requests of this process so far."""

    keys = ("attempts", "backoff", "budget")
    main = "attempts"
    passes_on = False

    def __init__(self, attempts: int, backoff_s: float, budget: float | None) -> None:
        self._attempts, self._backoff_s, self._budget = attempts, backoff_s, budget
        self._requests = self._retries = 0

    @classmethod
    def compile(cls, settings: Settings) -> RetryStorm:
        """See `FaultType.compile`."""
        return cls(
            settings.whole("attempts", 3, most=MOST_ATTEMPTS),
            settings.duration("backoff", 0.0),
            settings.share("budget") if "budget" in settings else None,
        )

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        after = f" after {as_written(self._backoff_s)}" if self._backoff_s else " at once"
        most = f", within a budget of {share(self._budget)}" if self._budget is not None else ""
        return f"are sent again{after} when they fail, {self._attempts} times at most{most}"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        self._requests += 1
        sent = 1
        exchange = await forward(request)
        while sent < self._attempts and _failed(exchange):
            if not self._has_budget():
                case.missed("the retry budget is used up")
                break
            self._retries += 1
            case.observe(request, exchange)
            if self._backoff_s:
                await case.clock.sleep(self._backoff_s)
            request = case.again(request)
            exchange = await forward(request)
            sent += 1
        if sent > 1:
            case.applied(f"sent again {plural(sent - 1, 'time')}, then {exchange.error or exchange.status}")
        return exchange

    def _has_budget(self) -> bool:
        return self._budget is None or self._retries + 1 <= self._budget * self._requests


def _failed(exchange: Exchange) -> bool:
    if exchange.error is not None:
        return exchange.error not in GENERATOR_ERRORS
    return exchange.status == TOO_MANY_REQUESTS or exchange.status >= 500
