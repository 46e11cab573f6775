"""How the shop behaves: how slow, how faulty, how long an order takes to ship."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from windtunnel.figures import given


def _require_duration(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be 0 or more, not {given(value)}")


def _require_rate(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be between 0 and 1, not {given(value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A lognormal delay: half of the answers take less than `median_s`; `sigma` 0 makes all take just that.

    The long tail ends at `cap_s`, so that one unlucky draw can't look like an outage.
    """

    median_s: float
    sigma: float = 0.4
    cap_s: float = 0.1

    def __post_init__(self) -> None:
        _require_duration("median_s", self.median_s)
        _require_duration("sigma", self.sigma)
        _require_duration("cap_s", self.cap_s)

    def draw(self, stream: random.Random) -> float:
        """One delay in seconds, at most `cap_s`."""
        # exp(log(median) + N(0, sigma)) = median * exp(N(0, sigma)), which also allows a median of 0.
        return min(self.cap_s, self.median_s * math.exp(stream.gauss(0.0, self.sigma)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """What each route takes before it answers; `/health`, `/redirect` and `/api/slow` add nothing."""

    home: Latency = Latency(median_s=0.001)
    products: Latency = Latency(median_s=0.003)
    product: Latency = Latency(median_s=0.002)
    search: Latency = Latency(median_s=0.006, sigma=0.5)
    login: Latency = Latency(median_s=0.008)
    me: Latency = Latency(median_s=0.001)
    cart: Latency = Latency(median_s=0.003)
    checkout: Latency = Latency(median_s=0.004)
    order: Latency = Latency(median_s=0.002)
    photo: Latency = Latency(median_s=0.005)
    graphql: Latency = Latency(median_s=0.003)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """Everything that can be set about the shop. Raises ValueError for what can't be meant.

    `latency_scale` multiplies every drawn latency; 0 answers at once. `failure_rate` is the share of
    answers that are 503 instead, `payment_failure_rate` that of payments which are declined (both 0 to 1).
    `payment_delay_s` is how long the payment service takes, `ship_after_s` how long an order is pending.
    For `freeze_s` in every `freeze_every_s` it answers nothing at all, and then everything at once.
    `capacity` bounds the memory: so many sessions, orders and idempotency keys are remembered, each.
    """

    seed: int = 1
    latencies: Latencies = field(default_factory=Latencies)
    latency_scale: float = 1.0
    failure_rate: float = 0.0
    payment_delay_s: float = 0.02
    payment_failure_rate: float = 0.0
    ship_after_s: float = 0.1
    freeze_s: float = 0.0
    freeze_every_s: float = 4.0
    capacity: int = 50_000

    def __post_init__(self) -> None:
        _require_duration("latency_scale", self.latency_scale)
        _require_duration("payment_delay_s", self.payment_delay_s)
        _require_duration("ship_after_s", self.ship_after_s)
        _require_duration("freeze_s", self.freeze_s)
        _require_duration("freeze_every_s", self.freeze_every_s)
        _require_rate("failure_rate", self.failure_rate)
        _require_rate("payment_failure_rate", self.payment_failure_rate)
        if self.freeze_s and self.freeze_s >= self.freeze_every_s:
            raise ValueError(f"freeze_s must be less than freeze_every_s, {given(self.freeze_every_s)}")
        if self.capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {self.capacity}")
