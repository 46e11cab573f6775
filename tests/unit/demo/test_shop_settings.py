from __future__ import annotations

import random
import statistics

import msgspec
import pytest

from windtunnel.demo.settings import Behaviour, Latencies, Latency, ShopSettings


def test_half_of_the_latencies_are_below_the_median() -> None:
    stream = random.Random(1)
    latency = Latency(median_s=0.01, sigma=0.5, cap_s=1.0)
    assert statistics.median(latency.draw(stream) for _ in range(2000)) == pytest.approx(0.01, rel=0.05)


def test_no_latency_exceeds_its_cap() -> None:
    stream = random.Random(1)
    latency = Latency(median_s=0.01, sigma=3.0, cap_s=0.05)
    assert max(latency.draw(stream) for _ in range(1000)) == 0.05


def test_without_spread_every_latency_is_the_median() -> None:
    latency = Latency(median_s=0.01, sigma=0.0)
    assert latency.draw(random.Random(1)) == 0.01


def test_by_default_nothing_fails() -> None:
    settings = ShopSettings()
    assert (settings.failure_rate, settings.payment_failure_rate) == (0.0, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_rate": 1.5},
        {"failure_rate": float("nan")},
        {"payment_failure_rate": -0.1},
        {"payment_delay_s": -1.0},
        {"latency_scale": float("inf")},
        {"ship_after_s": -0.1},
        {"capacity": 0},
        {"payment_places": -1},
        {"payment_queue": -1},
        {"payments_port": 70000},
        {"payments_url": "payments:9000"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ShopSettings(**wrong)  # type: ignore[arg-type]  # the point is what does not fit


@pytest.mark.parametrize("wrong", [{"payment_timeout_s": -1.0}, {"retry": "always"}])
def test_a_behaviour_that_cannot_be_meant_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Behaviour(**wrong)  # type: ignore[arg-type]  # the point is what does not fit


def test_the_shop_can_do_without_what_is_right() -> None:
    assert Behaviour().without() == Behaviour()
    wrong = Behaviour().without("idempotency", "budget", "breaker", "timeout")
    assert wrong == Behaviour(idempotency=False, retry="storm", breaker=False, payment_timeout_s=30)
    assert Behaviour().without("retries") == Behaviour(retry="none")


def test_settings_travel_as_json() -> None:
    behaviour = Behaviour().without("breaker")
    latencies = Latencies(home=Latency(median_s=0.5))
    settings = ShopSettings(seed=9, latencies=latencies, failure_rate=0.25, behaviour=behaviour)
    assert msgspec.json.decode(msgspec.json.encode(settings), type=ShopSettings) == settings
