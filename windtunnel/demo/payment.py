"""The payment service that the checkout depends on: it can be slow, decline, and have too much to do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from windtunnel.demo.state import Bounded
from windtunnel.tasks import cancel_and_wait

PaymentAnswer = Literal["accepted", "declined", "failed"]
"""What became of a payment. `failed`: there is no answer, or one that says nothing of the payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment. `key` is the same for every attempt, `ids` are the headers that follow a request."""

    amount: float = 0.0
    key: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[Payment], Awaitable[PaymentAnswer]]
"""One attempt at a payment, by whatever way the payment service is reached."""


class PaymentService:
    """Answers after `delay_s`, declines a `failure_rate` share, and takes the money of one key once.

    With `places` it works on so many payments at a time; the others wait in a queue of `queue` and those beyond
    fail at once. It does not notice that a caller has given up, and a payment that it has taken before takes as
    long as a new one: so it stays overloaded for as long as callers try again faster than it works.
    """

    def __init__(
        self,
        *,
        delay_s: float,
        failure_rate: float,
        stream: random.Random,
        places: int = 0,
        queue: int = 0,
        capacity: int = 50_000,
    ) -> None:
        self._delay_s = delay_s
        self._failure_rate = failure_rate
        self._stream = stream
        self._places = asyncio.Semaphore(places) if places else None
        self._most = places + queue
        self._running: set[asyncio.Task[PaymentAnswer]] = set()
        self._taken: Bounded[PaymentAnswer] = Bounded(capacity)

    async def charge(self, payment: Payment) -> PaymentAnswer:
        """Take the money. A caller that is cancelled leaves the work to be done."""
        if self._places is None:
            return await self._work(payment)
        if len(self._running) >= self._most:
            return "failed"
        task = asyncio.ensure_future(self._in_turn(payment, self._places))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Leave undone what is still to be done."""
        await cancel_and_wait(self._running)

    async def _in_turn(self, payment: Payment, places: asyncio.Semaphore) -> PaymentAnswer:
        async with places:
            return await self._work(payment)

    async def _work(self, payment: Payment) -> PaymentAnswer:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        taken = self._taken.get(payment.key) if payment.key else None
        if taken is None:
            taken = "accepted" if self._stream.random() >= self._failure_rate else "declined"
            # A declined payment may be tried again.
            if payment.key and taken == "accepted":
                self._taken.put(payment.key, taken)
        return taken
