"""Which requests a fault is done to: the same ones whatever the order and the number of processes."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.faulty import Load, fault, send_all, with_load
from windtunnel.turbulence.decision import Asked, decide, draw, is_in_control, number

PARTS = st.lists(st.text() | st.integers(), max_size=5)


@given(st.integers(0, 2**53 - 1), PARTS)
def test_a_number_is_from_0_to_below_1_and_always_the_same(seed: int, parts: list[str | int]) -> None:
    assert 0 <= number(seed, *parts) < 1
    assert number(seed, *parts) == number(seed, *parts)


@given(PARTS, PARTS)
def test_other_parts_lead_to_another_number(one: list[str | int], other: list[str | int]) -> None:
    same = list(map(repr, one)) == list(map(repr, other))
    assert (number(1, *one) == number(1, *other)) == same


def test_numbers_do_not_change_between_versions() -> None:
    """A plan with its seed is replayed years later."""
    asked = Asked(scenario="checkout", index=7, step="pay", occurrence=1, attempt=2)
    assert (decide(42, "lost", asked), draw(42, "lost", asked, 1)) == (0.3779792898361889, 0.9995597121653819)


def test_numbers_are_spread_evenly() -> None:
    tenths = Counter(int(number(3, "x", index) * 10) for index in range(20_000))
    assert set(tenths) == set(range(10))
    assert all(1_800 < count < 2_200 for count in tenths.values())


def hit(load: Load) -> set[tuple[str, str, int, int]]:
    return {(each.instance_id, each.step, each.occurrence, each.attempt) for each in load.records}


def load_of(indexes: list[int], *, at_once: bool) -> Load:
    async def instance(load: Load, index: int) -> None:
        client = load.instance(index)
        for occurrence, step in itertools.product((1, 2), ("browse", "pay")):
            await client.send(load.request(step, occurrence=occurrence))

    async def test(load: Load) -> None:
        if at_once:
            await asyncio.gather(*[instance(load, index) for index in indexes])
        else:
            for index in indexes:
                await instance(load, index)

    return with_load(test, fault("status", code=503, probability=0.3), seed=42)


def test_one_process_or_four_do_the_same_faults_to_the_same_requests() -> None:
    everything = list(range(200))
    alone = load_of(everything, at_once=False)
    assert hit(load_of(everything[::-1], at_once=True)) == hit(alone)
    assert set.union(*[hit(load_of(everything[worker::4], at_once=True)) for worker in range(4)]) == hit(alone)
    assert 0.25 < len(alone.records) / 800 < 0.35


def test_every_decision_is_on_record_and_below_the_probability() -> None:
    records = load_of(list(range(100)), at_once=False).records
    assert records
    for each in records:
        asked = Asked(
            scenario=each.scenario,
            index=int(each.instance_id.rpartition("-")[2]),
            step=each.step,
            occurrence=each.occurrence,
            attempt=each.attempt,
        )
        assert each.decision == decide(42, "status", asked) < 0.3


def test_another_seed_hits_other_requests() -> None:
    half = fault("status", code=503, probability=0.5)
    requests: list[dict[str, int]] = [{}] * 60
    first, second = (send_all(half, requests=requests, seed=seed)[1] for seed in (1, 2))
    assert hit(first) != hit(second)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_the_control_group_is_a_share_of_the_instances_by_their_index(share: float) -> None:
    members = [index for index in range(5_000) if is_in_control(9, share, index)]
    assert len(members) / 5_000 == pytest.approx(share, abs=0.02)

    async def test(load: Load) -> None:
        for index in range(50):
            await load.instance(index).send(load.request())

    load = with_load(test, fault("status", code=503), control=share, seed=9)
    spared = {index for index in range(50) if f"shop-{index}" not in {each.instance_id for each in load.records}}
    assert spared == {index for index in members if index < 50}
