"""The payment service that the checkout depends on; it can be slow, and it can decline."""

from __future__ import annotations

import asyncio
import random


class PaymentService:
    """A dependency in the same process: answers after `delay_s`, declines a `failure_rate` share."""

    def __init__(self, *, delay_s: float, failure_rate: float, stream: random.Random) -> None:
        self._delay_s = delay_s
        self._failure_rate = failure_rate
        self._stream = stream

    async def charge(self) -> bool:
        """Whether the payment was accepted."""
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        return self._stream.random() >= self._failure_rate
