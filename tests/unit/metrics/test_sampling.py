"""Which instances a report may show: chosen while records pass, the same however they were split."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import START, instance, lone_request, request, step
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.occurrences import FailureKey
from windtunnel.metrics.sampling import SAMPLE, SLOWEST_OF_SCENARIO, Drawn, Sampling, Slowest, draw, key_of
from windtunnel.metrics.series import InstanceKey
from windtunnel.model.record import FailedCheck, Record, RunStarted, Timings

PASSED = InstanceKey("", "shop", "passed")
SLOW = ["http_req_duration", "http_req_blocked", "step_duration", "instance_duration"]


def began(seed: int = 7) -> RunStarted:
    return RunStarted(t=START, schema_version=1, segment=0, plan_hash="h", seed=seed)


def judging() -> Aggregate:
    return Aggregate.for_judging([parse_threshold(metric, "p(95) < 1ms") for metric in SLOW], None)


def sampling_of(batches: Sequence[Sequence[Record]], *, aggregate: Aggregate | None = None) -> Sampling:
    aggregate = aggregate or judging()
    for batch in batches:
        aggregate.write(batch)
    aggregate.close()
    assert aggregate.sampling is not None
    return aggregate.sampling


def journey(index: int, took_us: int, *, fault: str | None = None, fails: bool = False) -> list[Record]:
    """An instance whose step polls once before it sends its last request."""
    who = f"shop-{index}"
    poll = lone_request(request(wait=took_us // 2, timings=Timings(queue=took_us % 7, wait=took_us // 2)))
    poll.instance_id = who
    failed = [FailedCheck(name="status", expected="200", actual="500")]
    return [
        poll,
        step(
            outcome="failed" if fails else "passed",
            t=START + index,
            who=who,
            duration_us=took_us,
            request=request(500 if fails else 200, wait=took_us),
            checks=list(failed) if fails else [],
            fault=fault,
        ),
        instance(
            index, "failed" if fails else "passed", started=START + index, duration_us=took_us + 5, fault=fault
        ),
    ]


JOURNEYS = st.lists(
    st.builds(
        lambda took_us, fault, fails: (took_us, fault, fails),
        st.integers(0, 50),
        st.sampled_from([None, None, "cut", "delay"]),
        st.booleans(),
    ),
    max_size=40,
)


@given(JOURNEYS, st.lists(st.integers(0, 3), min_size=40, max_size=40), st.randoms())
def test_any_split_over_segments_and_batches_makes_the_same_choice(
    journeys: list[tuple[int, str | None, bool]], places: list[int], order: random.Random
) -> None:
    told = [journey(n, took, fault=fault, fails=fails) for n, (took, fault, fails) in enumerate(journeys)]
    at_once = sampling_of([[began(), *(record for each in told for record in each)]])

    parts = [judging() for _ in range(4)]
    for part in parts:
        part.write([began()])
    for place, each in zip(places, told, strict=False):
        for record in each:
            parts[place].write([record])
            if order.random() < 0.2:
                successor = parts[place].successor()
                whole = pickle.loads(pickle.dumps(parts[place]))
                parts.append(whole)
                parts[place] = successor
    order.shuffle(parts)
    merged = judging()
    for part in parts:
        merged.merge(part)

    assert state(sampling_of([], aggregate=merged)) == state(at_once)


def state(sampling: Sampling) -> object:
    return (
        {key: drawn.kept for key, drawn in sampling.groups.items()},
        {
            name: (each.passed.kept, each.whole.kept, each.slowest.kept)
            for name, each in sampling.scenarios.items()
        },
        {key: slow.kept for key, slow in sampling.slow.items() if slow.kept},
        sampling.faults,
    )


def test_what_is_kept_does_not_grow_with_the_number_of_records() -> None:
    def size(instances: int) -> int:
        dice = random.Random(3)
        told = [journey(n, dice.randrange(1, 10**6), fails=n % 3 == 0) for n in range(instances)]
        return len(pickle.dumps(sampling_of([[began()], *told])))

    assert size(4_000) < size(2_000) * 1.05


def test_a_scenario_keeps_its_slowest_and_a_sample_of_the_passed_ones() -> None:
    durations = random.Random(5).sample(range(1, 10**6), 3_000)
    ended: list[Record] = [instance(n, duration_us=us) for n, us in enumerate(durations)]
    kept = sampling_of([[began(), *ended]]).scenarios["shop"]
    assert [-us for us, _ in kept.slowest.kept] == sorted(durations, reverse=True)[:SLOWEST_OF_SCENARIO]
    assert len(kept.passed.kept) == SAMPLE
    assert all(us == durations[int(who.removeprefix("shop-"))] for _, who, us in kept.passed.kept)


def test_another_seed_draws_others_and_the_same_seed_the_same() -> None:
    ended: list[Record] = [instance(n) for n in range(3_000)]

    def drawn(seed: int) -> set[str]:
        return {who for _, who, _ in sampling_of([[began(seed), *ended]]).scenarios["shop"].passed.kept}

    assert drawn(1) == drawn(1)
    assert len(drawn(1) & drawn(2)) < SAMPLE // 2


def test_draws_are_spread_evenly_over_a_run() -> None:
    lowest = Drawn(1_000)
    for index in range(100_000):
        lowest.add(draw(key_of(8136402), f"checkout-{index}"), f"checkout-{index}")
    tenths = [0] * 10
    for _, who, _ in lowest.kept:
        tenths[int(who.removeprefix("checkout-")) // 10_000] += 1
    assert min(tenths) > 60
    assert max(tenths) < 140


@pytest.mark.parametrize("phase", ["setup", "user_setup", "warmup:first"])
def test_what_is_not_measured_is_no_sample_of_its_scenario(phase: str) -> None:
    assert sampling_of([[began(), instance(1, phase=phase)]]).scenarios == {}


def test_what_failed_may_be_slow_and_is_not_ordinary() -> None:
    found = sampling_of([[began(), instance(1, "failed")]]).scenarios["shop"]
    assert (found.passed.kept, found.slowest.kept) == ([], [(-10_000, "shop-1")])


def test_what_was_cut_short_is_no_sample() -> None:
    assert sampling_of([[began(), instance(1, "interrupted")]]).scenarios == {}


def test_what_a_fault_was_done_to_is_an_example_of_the_fault_alone() -> None:
    found = sampling_of([[began(), *journey(2, 900, fault="cut"), *journey(1, 900, fault="cut", fails=True)]])
    assert found.faults == {"cut": (START + 1, "shop-1")}
    assert (found.groups, found.scenarios) == ({}, {})
    assert not [slow for (metric, _), slow in found.slow.items() if metric == "step_duration"]


def test_what_is_kept_whole_is_ordinary_before_others() -> None:
    ended: list[Record] = [instance(n, whole=n >= 600) for n in range(604)]
    ordinary = sampling_of([[began(), *ended]]).scenarios["shop"].ordinary
    assert len(ordinary) == 10
    assert set(ordinary[:4]) == {"shop-600", "shop-601", "shop-602", "shop-603"}


def test_only_times_that_a_threshold_limits_are_ranked() -> None:
    limits = [parse_threshold("http_req_waiting", "p(95) < 1ms"), parse_threshold("step_duration", "avg > 0ms")]
    assert Sampling.for_judging(limits).times == ("http_req_waiting",)
    assert Sampling.for_judging([parse_threshold("iteration_duration", "p(95) < 1s")]).times == (
        "instance_duration",
    )


def test_the_draws_of_a_group_are_four_of_its_instances() -> None:
    told = [record for n in range(200) for record in journey(n, 5, fails=True)]
    found = sampling_of([[began(), *told]])
    [(key, drawn)] = found.groups.items()
    assert key == FailureKey("", "shop", "browse", "status", "failed")
    lowest = sorted((draw(key_of(7), f"shop-{n}"), f"shop-{n}") for n in range(200))[:4]
    assert [(drawn_at, who) for drawn_at, who, _ in drawn.kept] == lowest


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), max_size=60), st.integers(1, 4))
def test_the_slowest_are_those_with_the_longest_time_of_each(times: list[tuple[int, int]], room: int) -> None:
    slowest = Slowest(room)
    longest: dict[str, int] = {}
    for us, index in times:
        slowest.add_all([us], [instance(index)])
        longest[f"shop-{index}"] = max(us, longest.get(f"shop-{index}", 0))
    ranked = sorted((-us, who) for who, us in longest.items() if us)
    assert slowest.kept == ranked[:room]
