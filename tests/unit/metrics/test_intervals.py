"""How well a run knows its figures: intervals over windows cover the truth as often as they say."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.metrics.intervals import (
    FEWEST_WINDOWS,
    Shares,
    of_percentile,
    of_rate,
    of_share,
    student,
)
from windtunnel.verdict.difference import Time, of_shares, of_times

PAIRS = 150
WINDOWS = st.lists(
    st.integers(0, 1000).flatmap(lambda of: st.tuples(st.just(of), st.integers(0, of))), max_size=40
)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (9, 2.2622), (18, 2.1009), (58, 2.0017), (1e6, 1.96)],
)
def test_the_quantile_of_student_is_that_of_the_tables(freedom: float, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, rel=0.001)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_degrees_of_freedom_never_widen_an_interval(one: float, other: float) -> None:
    few, many = sorted((one, other))
    assert student(few) >= student(many) * (1 - 1e-4)


@given(WINDOWS)
def test_a_share_lies_in_its_interval_and_the_interval_between_0_and_1(windows: list[tuple[int, int]]) -> None:
    found = of_share(windows)
    total = sum(of for of, _ in windows)
    if found is None:
        assert len(windows) < FEWEST_WINDOWS or not total
    else:
        assert 0 <= found[0] <= sum(each for _, each in windows) / total <= found[1] <= 1
        assert found[0] < found[1], "nothing is certain"


@given(st.lists(st.integers(0, 10**9), max_size=40))
def test_a_mean_lies_in_the_interval_of_a_rate(counts: list[int]) -> None:
    found = of_rate(counts)
    if found is None:
        assert len(counts) < FEWEST_WINDOWS or not any(counts)
    else:
        assert 0 <= found[0] <= 1 <= found[1]


@given(WINDOWS, st.sampled_from([50, 95, 99]))
def test_the_interval_of_a_percentile_is_looked_up_on_both_sides_of_it(
    windows: list[tuple[int, int]], percent: float
) -> None:
    found = of_percentile(percent, windows)
    assert found is None or 0 < found[0] < percent < found[1] < 100


def test_where_nothing_ever_fails_no_failure_at_all_is_not_certain() -> None:
    found = of_share([(100, 0)] * 10)
    assert found is not None
    low, high = found
    assert (low, round(high, 4)) == (0.0, 0.0038)


def test_what_is_beyond_the_largest_sample_is_unknown() -> None:
    windows = [(5, 5)] * 10
    assert of_percentile(99, windows) is None
    assert of_percentile(50, [(5, 2), (5, 3)] * 5) is not None


def test_a_percentile_is_less_certain_where_what_is_slow_is_in_some_windows_alone() -> None:
    def width(windows: list[tuple[int, int]]) -> float:
        found = of_percentile(75, windows)
        assert found is not None
        return found[1] - found[0]

    evenly, in_some = [(100, 75)] * 30, [(100, 90)] * 20 + [(100, 45)] * 10
    random.Random(1).shuffle(in_some)
    assert width(in_some) > 2 * width(evenly)


# ── Simulated services: seeds are fixed, so each of these is one number that never changes ─────────────────────

Sample = Callable[[random.Random, bool], float]


def smooth(draw: random.Random, stalled: bool) -> float:
    return math.exp(0.6 * draw.gauss(0, 1))


def two_kinds(draw: random.Random, stalled: bool) -> float:
    """6 % of requests take six times as long: the 95th percentile is next to a gap."""
    return math.exp(0.3 * draw.gauss(0, 1)) * (6 if draw.random() < 0.06 else 1)


def stalls(draw: random.Random, stalled: bool) -> float:
    """Half of the requests of a tenth of the windows wait for something."""
    return math.exp(0.3 * draw.gauss(0, 1)) * (5 if stalled and draw.random() < 0.5 else 1)


def simulated(
    draw: random.Random,
    sample: Sample,
    *,
    windows: int = 30,
    requests: int = 40,
    lasting: float,
    slower: float = 1,
) -> tuple[Time, Shares]:
    """The p95 of a run, and how many requests of each window take more than 2.

    What the service does drifts by 10 % and is forgotten after `lasting` windows.
    """
    memory = math.exp(-1 / lasting) if lasting else 0.0
    drift, pieces = draw.gauss(0, 1), []
    for _ in range(windows):
        stalled = draw.random() < 0.1
        pieces.append([slower * math.exp(0.1 * drift) * sample(draw, stalled) for _ in range(requests)])
        drift = memory * drift + math.sqrt(1 - memory * memory) * draw.gauss(0, 1)
    everything = sorted(each for piece in pieces for each in piece)

    def value_at(percent: float) -> float:
        return everything[max(1, math.ceil(round(percent * len(everything) / 100, 6))) - 1]

    p95 = value_at(95)
    ends = of_percentile(95, [(len(piece), sum(each <= p95 for each in piece)) for piece in pieces])
    found = None if ends is None else (value_at(ends[0]), value_at(ends[1]))
    own = [sorted(piece)[math.ceil(0.95 * len(piece)) - 1] for piece in pieces]
    return Time(value=p95, interval=found, windows=own), [(len(p), sum(each > 2 for each in p)) for p in pieces]


def seen(runs: Sequence[tuple[tuple[Time, Shares], tuple[Time, Shares]]]) -> tuple[float, float]:
    """In which share of pairs the interval of the p95, and that of a share of requests, has 0 in it."""
    times = shares = 0
    for (before, shares_before), (now, shares_now) in runs:
        time = of_times(before, now)
        was, is_ = (
            sum(found for _, found in each) / sum(of for of, _ in each) for each in (shares_before, shares_now)
        )
        share = of_shares(was, is_, shares_before, shares_now)
        assert share.low is not None
        assert share.high is not None
        times += time.low is None or time.high is None or time.low <= 0 <= time.high
        shares += share.low <= 0 <= share.high
    return times / len(runs), shares / len(runs)


@pytest.mark.parametrize("sample", [smooth, two_kinds, stalls])
@pytest.mark.parametrize("lasting", [0, 2])
def test_two_runs_of_one_service_differ_by_more_than_their_interval_in_5_of_100_at_most(
    sample: Sample, lasting: float
) -> None:
    draw = random.Random(f"{sample.__name__} {lasting}")
    times, shares = seen(
        [
            (simulated(draw, sample, lasting=lasting), simulated(draw, sample, lasting=lasting))
            for _ in range(PAIRS)
        ]
    )
    assert times >= 0.94
    assert shares >= 0.93


def test_a_slow_drift_that_lasts_for_a_tenth_of_a_run_is_covered_too() -> None:
    draw = random.Random(3)
    runs = [(simulated(draw, smooth, lasting=3), simulated(draw, smooth, lasting=3)) for _ in range(PAIRS)]
    assert min(seen(runs)) >= 0.92


@pytest.mark.parametrize(("requests", "missed"), [(40, 0.5), (200, 0.1)])
def test_a_change_of_20_percent_in_the_p95_is_seen_with_enough_requests(requests: int, missed: float) -> None:
    draw = random.Random(20)

    def run(slower: float) -> tuple[Time, Shares]:
        return simulated(draw, smooth, requests=requests, lasting=0, slower=slower)

    assert seen([(run(1), run(1.2)) for _ in range(40)])[0] <= missed


def test_a_drift_as_long_as_the_run_is_in_no_window_which_is_why_two_runs_decide_nothing() -> None:
    draw = random.Random(9)
    runs = [
        (simulated(draw, smooth, lasting=30), simulated(draw, smooth, lasting=30, requests=40)) for _ in range(60)
    ]
    assert seen(runs)[0] < 0.94
