from __future__ import annotations

import itertools
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.metrics.histogram import RELATIVE_ERROR, Histogram

durations = st.one_of(
    st.integers(0, 1_000),
    st.integers(0, 120_000_000),
    st.integers(0, 2**53),
    st.sampled_from([0, 255, 256, 257]),
)
samples = st.lists(durations, max_size=60)


def merged(*parts: Histogram) -> Histogram:
    total = Histogram()
    for part in parts:
        total.merge(part)
    return total


@settings(max_examples=200)
@given(st.lists(durations, min_size=1, max_size=200), st.floats(0, 100))
def test_a_percentile_is_within_the_stated_error_of_the_nearest_rank(values: list[int], percent: float) -> None:
    rank = max(1, math.ceil(round(percent * len(values) / 100, 6)))
    exact = sorted(values)[rank - 1]
    assert abs(Histogram(values).percentile(percent) - exact) <= exact * RELATIVE_ERROR


def test_the_stated_error_is_at_most_four_parts_in_a_thousand() -> None:
    assert RELATIVE_ERROR <= 0.004


@given(st.lists(durations, min_size=1, max_size=100), st.floats(0, 100))
def test_percentiles_never_leave_the_true_minimum_and_maximum(values: list[int], percent: float) -> None:
    assert min(values) <= Histogram(values).percentile(percent) <= max(values)


@given(samples)
def test_count_sum_minimum_and_maximum_are_exact(values: list[int]) -> None:
    histogram = Histogram(values)
    assert histogram.count == len(values)
    assert histogram.total_us == sum(values)
    assert (histogram.min_us, histogram.max_us) == (min(values, default=0), max(values, default=0))


@given(samples, samples)
def test_merging_gives_what_counting_all_at_once_gives(left: list[int], right: list[int]) -> None:
    assert merged(Histogram(left), Histogram(right)) == Histogram([*left, *right])


@given(samples, samples, samples)
def test_merging_does_not_depend_on_grouping_or_order(a: list[int], b: list[int], c: list[int]) -> None:
    first, second, third = Histogram(a), Histogram(b), Histogram(c)
    assert (
        merged(merged(first, second), third)
        == merged(first, merged(second, third))
        == merged(third, second, first)
    )


@given(samples)
def test_counting_one_by_one_gives_what_counting_all_at_once_gives(values: list[int]) -> None:
    one_by_one = Histogram()
    for value in values:
        one_by_one.add(value)
    assert one_by_one == Histogram(values)


@given(samples)
def test_buckets_are_disjoint_in_order_and_hold_every_sample(values: list[int]) -> None:
    buckets = Histogram(values).buckets()
    assert sum(bucket.count for bucket in buckets) == len(values)
    assert all(low.upper_us <= high.lower_us for low, high in itertools.pairwise(buckets))
    for bucket in buckets:
        inside = sum(bucket.lower_us <= value < bucket.upper_us for value in values)
        assert inside == bucket.count


def test_zeros_that_are_only_counted_weigh_as_much_as_zeros_that_are_given() -> None:
    counted = Histogram()
    counted.add_all([7, 9], zeros=3)
    assert counted == Histogram([0, 0, 0, 7, 9])


def test_merging_leaves_the_other_histogram_as_it_was() -> None:
    other = Histogram([1, 2, 3])
    merged(other, Histogram([4])).add(5)
    assert other == Histogram([1, 2, 3])


def test_memory_is_bounded_by_the_range_of_the_samples_and_not_by_their_number() -> None:
    histogram = Histogram(range(0, 60_000_000, 997))
    assert histogram.count > 60_000
    assert len(histogram.buckets()) <= 2_700


def test_a_hundredth_is_not_pushed_one_rank_up_by_floating_point() -> None:
    assert Histogram(range(1, 101)).percentile(7) == 7.0


def test_a_distribution_is_in_milliseconds() -> None:
    distribution = Histogram([100, 200, 300]).to_distribution()
    assert (distribution.count, distribution.min, distribution.med, distribution.max) == (3, 0.1, 0.2, 0.3)
    assert distribution.avg == pytest.approx(0.2)


def test_a_distribution_of_nothing_is_all_zero() -> None:
    distribution = Histogram().to_distribution()
    assert {distribution.count, distribution.avg, distribution.min, distribution.p999, distribution.max} == {0}


def test_a_histogram_survives_pickling() -> None:
    histogram = Histogram([1, 5_000, 70_000_000])
    assert pickle.loads(pickle.dumps(histogram)) == histogram
