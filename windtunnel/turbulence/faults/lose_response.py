"""`lose_response`: the request is sent, and its answer thrown away, as where a connection breaks meanwhile.

forward ── no answer came ────────────────────▶ missed: the exchange is the SUT's
   ▲    └─ answered, this attempt is not hit ──▶ the exchange is the SUT's
   │    └─ answered, hit ─▶ lost ── the last attempt ─▶ an exchange of ours: `closed`
   └──── backoff ◀──────────────── then.retry ──┘
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.exchanges import failed
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings

LOST = "the answer was thrown away on purpose"
MOST_ATTEMPTS = 100

_KEY_NAMES = ("idempotency-key", "x-idempotency-key")
"""The headers with a key, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How often the client sends in all, and whether with the idempotency key of the first attempt."""

    attempts: int = 1
    same_key: bool = True
    backoff_s: float = 0.0


class LoseResponse:
    """Throws answers away. With `then.retry` the client sends the request again, as one does that got none."""

    keys = ("then",)
    main = ""
    passes_on = False

    def __init__(self, then: Again) -> None:
        self._then = then

    @classmethod
    def compile(cls, settings: Settings) -> LoseResponse:
        """See `FaultType.compile`."""
        then = settings.inside("then")
        then.only(("retry",))
        if "retry" not in then:
            return cls(Again())
        retry = then.inside("retry")
        retry.only(("attempts", "same_key", "backoff"))
        return cls(
            Again(
                attempts=retry.whole("attempts", most=MOST_ATTEMPTS),
                same_key=retry.flag("same_key", True),
                backoff_s=retry.duration("backoff", 0.0),
            )
        )

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        if self._then.attempts == 1:
            return "lose their answer"
        key = "the same key" if self._then.same_key else "a new key"
        return f"lose their answer, and are sent again with {key}, {self._then.attempts} times at most"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        sent = 1
        while True:
            exchange = await forward(request)
            if exchange.error is not None:
                case.missed(f"no answer came: {exchange.error}")
                return exchange
            if sent > 1 and not case.hits(request):
                return exchange
            case.applied(f"lost {exchange.status}")
            case.lost(exchange)
            failed(exchange, "closed", LOST, fault=case.name)
            if sent == self._then.attempts:
                return exchange
            case.observe(request, exchange)
            if self._then.backoff_s:
                await case.clock.sleep(self._then.backoff_s)
            request = case.again(request)
            if not self._then.same_key:
                request = _with_new_key(request, case.draw(request.attempt))
            sent += 1


def _with_new_key(request: Request, drawn: float) -> Request:
    """The request with another key, made from a number from 0 to below 1. One without a key stays as it is."""
    name = next((name for name, _ in request.headers if name.lower() in _KEY_NAMES), None)
    if name is None:
        return request
    others = [pair for pair in request.headers if pair[0].lower() != name.lower()]
    key = UUID(int=int(drawn * 2**53) << 75, version=4)
    return request.replace(headers=(*others, (name, str(key))))
