"""What a few samples can say of a condition."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.measure import Counter, Rate, Trend
from windtunnel.metrics.series import HealthSeries
from windtunnel.model.record import Health
from windtunnel.verdict.significance import OF_THE_WHOLE, surely_broken, tail

FEW_FAIL = parse_threshold("http_req_failed", "rate < 1%")
MOST_PASS = parse_threshold("instances", "rate > 99%")
FAST = parse_threshold("http_req_duration", "p(95) < 100ms")


def exact(least: int, of: int, share: Fraction) -> float:
    return float(sum(comb(of, each) * share**each * (1 - share) ** (of - each) for each in range(least, of + 1)))


@given(st.integers(1, 200), st.floats(0.001, 0.5), st.data())
def test_the_tail_is_that_of_the_binomial_distribution(of: int, share: float, data: st.DataObject) -> None:
    least = data.draw(st.integers(min(of, int(of * share) + 1), of))

    assert tail(least, of, share) == pytest.approx(exact(least, of, Fraction(share)), rel=1e-4)


@pytest.mark.parametrize(
    ("failed", "of", "broken"),
    [
        (0, 100, False),
        (1, 100, False),
        (5, 100, False),
        (6, 100, True),
        (1, 1, False),
        (2, 3, True),
        (80, 100, True),
    ],
)
def test_a_share_is_broken_where_chance_does_not_explain_it(failed: int, of: int, broken: bool) -> None:
    assert surely_broken(FEW_FAIL, Rate(matches=failed, count=of), HealthSeries()) is broken
    assert surely_broken(MOST_PASS, Rate(matches=of - failed, count=of), HealthSeries()) is broken


def test_a_time_alone_needs_less_than_one_of_many() -> None:
    measure = Rate(matches=5, count=100)

    assert surely_broken(FEW_FAIL, measure, HealthSeries()) is False
    assert surely_broken(FEW_FAIL, measure, HealthSeries(), OF_THE_WHOLE) is True


def test_no_failure_is_by_chance_where_none_is_allowed() -> None:
    every = parse_threshold("instances", "rate == 100%"), parse_threshold("instances", "rate >= 100%")

    assert surely_broken(every[1], Rate(matches=99, count=100), HealthSeries()) is True
    assert surely_broken(every[0], Rate(matches=99, count=100), HealthSeries()) is None


@pytest.mark.parametrize(("slow", "of", "broken"), [(0, 20, False), (2, 20, False), (6, 20, True), (3, 3, True)])
def test_a_percentile_is_broken_where_too_many_samples_are_beyond_it(slow: int, of: int, broken: bool) -> None:
    measure = Trend(histogram=Histogram([300_000] * slow + [20_000] * (of - slow)))

    assert surely_broken(FAST, measure, HealthSeries()) is broken


def test_the_lag_of_the_generator_is_not_held_against_the_service() -> None:
    late = HealthSeries()
    late.add(Health(t=1.0, lag_p99_us=250_000))
    measure = Trend(histogram=Histogram([300_000] * 20))

    assert surely_broken(FAST, measure, late) is False
    assert surely_broken(FAST, measure, HealthSeries()) is True


def test_there_is_no_chance_in_a_sum_or_a_mean() -> None:
    reqs, mean = parse_threshold("http_reqs", "count < 5"), parse_threshold("http_req_duration", "avg < 1ms")

    assert surely_broken(reqs, Counter(total=9, samples=9), HealthSeries()) is None
    assert surely_broken(mean, Trend(histogram=Histogram([9_000])), HealthSeries()) is None
