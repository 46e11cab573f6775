"""How the shop behaves: how slow, how faulty, how long an order takes to ship."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from windtunnel.figures import given

Retry = Literal["none", "careful", "storm"]
"""How the shop tries a payment again: not at all, within a budget and at random moments, or at once and always."""

Virtue = Literal["idempotency", "retries", "budget", "breaker", "timeout"]
"""What the shop does right unless it is told to do without it."""

VIRTUES: tuple[Virtue, ...] = get_args(Virtue)

PAYMENTS_URL = "PAYMENTS_URL"
"""The variable of the environment that says where the payment service is."""

CALLER_GIVES_UP_S = 2.0
"""How long the journeys of the demo wait for a checkout."""


def _require_duration(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be 0 or more, not {given(value)}")


def _require_rate(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be between 0 and 1, not {given(value)}")


def _require_port(name: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= 65535:
        raise ValueError(f"{name} must be from 0 to 65535, not {value}")


def _require_url(name: str, value: str) -> None:
    if value and not value.lower().startswith(("http://", "https://")):
        raise ValueError(f"{name} must begin with http:// or https://, not {given(value)}")


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
class Behaviour:
    """How the shop treats those who call it and what it calls: right in every way unless it is set otherwise.

    `idempotency`: an Idempotency-Key that comes again gets the same order. `breaker`: a payment service that fails
    is left alone for a while. `payment_timeout_s` of 0 waits for ever.
    """

    idempotency: bool = True
    retry: Retry = "careful"
    breaker: bool = True
    payment_timeout_s: float = CALLER_GIVES_UP_S / 4

    def __post_init__(self) -> None:
        _require_duration("payment_timeout_s", self.payment_timeout_s)
        if self.retry not in get_args(Retry):
            raise ValueError(f"retry must be none, careful or storm, not {given(self.retry)}")

    def without(self, *virtues: Virtue) -> Behaviour:
        """The same without some of what is right."""
        wrong = {
            "idempotency": replace(self, idempotency=False),
            "retries": replace(self, retry="none"),
            "budget": replace(self, retry="storm"),
            "breaker": replace(self, breaker=False),
            "timeout": replace(self, payment_timeout_s=CALLER_GIVES_UP_S * 15),
        }
        return wrong[virtues[0]].without(*virtues[1:]) if virtues else self


PAYMENT_S = 0.1
PAYMENT_PLACES = 4
"""A payment service of its own takes so long for a payment and works on so many at a time: 40 a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """Everything that can be set about the shop. Raises ValueError for what can't be meant.

    `latency_scale` multiplies every drawn latency; 0 answers at once. `failure_rate` is the share of
    answers that are 503 instead, `payment_failure_rate` that of payments which are declined (both 0 to 1).
    `payment_delay_s` is how long the payment service takes, `ship_after_s` how long an order is pending.
    `payments_url` is where the payment service is called over HTTP, `payments_port` where the shop serves one for
    that (0 takes a free one); with neither it is part of the shop, and answers however long it takes. With
    `payment_places` it works on so many payments at a time, while up to `payment_queue` wait.
    For `freeze_s` in every `freeze_every_s` it answers nothing at all, and then everything at once.
    `capacity` bounds the memory: so many sessions, orders and idempotency keys are remembered, each.
    """

    seed: int = 1
    latencies: Latencies = field(default_factory=Latencies)
    latency_scale: float = 1.0
    failure_rate: float = 0.0
    payment_delay_s: float = 0.02
    payment_failure_rate: float = 0.0
    payment_places: int = 0
    payment_queue: int = 100
    payments_url: str = ""
    payments_port: int | None = None
    behaviour: Behaviour = Behaviour()
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
        _require_port("payments_port", self.payments_port)
        _require_url("payments_url", self.payments_url)
        for name, count in (("payment_places", self.payment_places), ("payment_queue", self.payment_queue)):
            if count < 0:
                raise ValueError(f"{name} must be 0 or more, not {count}")
        if self.freeze_s and self.freeze_s >= self.freeze_every_s:
            raise ValueError(f"freeze_s must be less than freeze_every_s, {given(self.freeze_every_s)}")
        if self.capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {self.capacity}")

    def serving_payments(self, port: int) -> ShopSettings:
        """The same with a payment service on a port, which can be overloaded as a real one can."""
        return replace(self, payments_port=port, payment_delay_s=PAYMENT_S, payment_places=PAYMENT_PLACES)
