"""The mix of scenarios follows the weights exactly, in an order that the seed decides."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.engine.load.mix import Mix, smooth_weighted_order


def test_the_smooth_order_spreads_the_heavy_one_instead_of_running_it_in_a_row() -> None:
    assert smooth_weighted_order([5, 1, 1]) == (0, 0, 1, 0, 2, 0, 0)


def test_weights_are_shares_so_a_common_factor_changes_nothing() -> None:
    assert smooth_weighted_order([10, 30]) == smooth_weighted_order([1, 3])


@given(st.lists(st.integers(min_value=1, max_value=20), min_size=1, max_size=6), st.integers())
def test_every_block_holds_exactly_the_weights(weights: list[int], seed: int) -> None:
    mix = Mix(weights, seed)
    block = len(smooth_weighted_order(weights))

    for start in (0, block, 7 * block):
        drawn = Counter(mix.scenario(index) for index in range(start, start + block))
        assert all(drawn[i] * sum(weights) == weights[i] * block for i in range(len(weights)))


@given(st.permutations(range(40)))
def test_the_scenario_of_an_index_does_not_depend_on_who_asks_first(order: list[int]) -> None:
    asked_in_order = Mix([3, 2, 1], seed=7)
    expected = [asked_in_order.scenario(index) for index in range(40)]
    asked_at_random = Mix([3, 2, 1], seed=7)

    assert {index: asked_at_random.scenario(index) for index in order} == dict(enumerate(expected))


def test_another_seed_gives_another_order() -> None:
    orders = {tuple(Mix([3, 2, 1], seed).scenario(index) for index in range(60)) for seed in range(5)}

    assert len(orders) == 5


@pytest.mark.parametrize("index", [0, 1, 99])
def test_one_scenario_runs_always(index: int) -> None:
    assert Mix([4], seed=1).scenario(index) == 0
