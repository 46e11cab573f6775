"""How the shop calls its payment service: how long it waits, whether it tries again, and when it stops calling."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

import msgspec

from windtunnel.demo.payment import Ask, Payment, PaymentAnswer
from windtunnel.demo.settings import Behaviour, Retry
from windtunnel.tasks import within

ATTEMPTS: dict[Retry, int] = {"none": 1, "careful": 3, "storm": 5}
"""How often each way of retrying calls for one payment, at most."""

PAUSE_S = 0.1
"""A careful retry waits up to so long, up to twice as long before the next: at random, so that they don't meet."""

BUDGET_SHARE = 0.1
BUDGET_MOST = 5.0
"""Careful retries are a tenth of the payments, and a handful at once where there were none for a while."""

BREAKER_FAILURES = 5
BREAKER_REST_S = 1.0
"""The breaker opens after so many failures in a row, and lets one call try after so long."""

_EVENTS_KEPT = 10_000


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the shop's log; `at` is unix seconds on the shop's clock."""

    at: float
    event: str


class ShopLog:
    """What the shop saw happen to its payment service, as JSON lines: the truth to hold a verdict against.

    `outage_began` at the first attempt that failed, `outage_ended` at the first that was answered after it,
    `breaker_opened` and `breaker_closed`.
    """

    def __init__(self, unix: Callable[[], float]) -> None:
        self._unix = unix
        self._outage = False
        self.events: deque[Event] = deque(maxlen=_EVENTS_KEPT)

    def attempt(self, *, failed: bool) -> None:
        """An attempt at a payment has ended."""
        if failed != self._outage:
            self._outage = failed
            self.add("outage_began" if failed else "outage_ended")

    def add(self, event: str) -> None:
        """Something happened now."""
        self.events.append(Event(at=self._unix(), event=event))

    def lines(self) -> bytes:
        """The events in their order, one JSON object a line."""
        return b"".join(msgspec.json.encode(event) + b"\n" for event in self.events)


class Breaker:
    """Refuses calls after failures in a row; after a rest one call may try, and its success ends that."""

    def __init__(self, clock: Callable[[], float], log: ShopLog) -> None:
        self._clock = clock
        self._log = log
        self._failures = 0
        self._rests_until: float | None = None
        self._probing = False

    def lets_through(self) -> bool:
        """Whether a call may be made now. One that may must be told to `ended`."""
        if self._rests_until is None:
            return True
        if self._probing or self._clock() < self._rests_until:
            return False
        self._probing = True
        return True

    def ended(self, *, failed: bool) -> None:
        """A call ended. One that began before the breaker opened counts like the one that tries."""
        self._failures = self._failures + 1 if failed else 0
        if failed and (self._probing or self._failures >= BREAKER_FAILURES):
            if self._rests_until is None:
                self._log.add("breaker_opened")
            self._probing = False
            self._rests_until = self._clock() + BREAKER_REST_S
        elif self._probing and not failed:
            self._probing, self._rests_until = False, None
            self._log.add("breaker_closed")


class PaymentCalls:
    """Payments as the shop makes them, well or badly: see `Behaviour`."""

    def __init__(
        self, ask: Ask, behaviour: Behaviour, *, stream: random.Random, log: ShopLog, clock: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._behaviour = behaviour
        self._stream = stream
        self._log = log
        self._breaker = Breaker(clock, log) if behaviour.breaker else None
        self._budget = BUDGET_MOST

    async def pay(self, payment: Payment) -> PaymentAnswer:
        """Make one payment, in as many attempts as may be made."""
        self._budget = min(BUDGET_MOST, self._budget + BUDGET_SHARE)
        attempts = ATTEMPTS[self._behaviour.retry]
        for attempt in range(1, attempts + 1):
            if self._breaker is not None and not self._breaker.lets_through():
                break
            answer = await self._attempt(payment)
            if answer != "failed":
                return answer
            if attempt == attempts or not await self._may_try_again(attempt):
                break
        return "failed"

    async def _attempt(self, payment: Payment) -> PaymentAnswer:
        try:
            answer = await within(self._behaviour.payment_timeout_s or None, self._ask(payment))
        except asyncio.TimeoutError:
            answer = "failed"
        self._log.attempt(failed=answer == "failed")
        if self._breaker is not None:
            self._breaker.ended(failed=answer == "failed")
        return answer

    async def _may_try_again(self, attempt: int) -> bool:
        if self._behaviour.retry != "careful":
            return True
        if self._budget < 1:
            return False
        self._budget -= 1
        await asyncio.sleep(self._stream.uniform(0, PAUSE_S * 2 ** (attempt - 1)))
        return True
