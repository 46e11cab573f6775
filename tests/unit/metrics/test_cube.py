from __future__ import annotations

import pickle
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.records import START, aggregate_of, instance, lone_request, request, step
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.bins import RELATIVE_ERROR, Bins, Durations, percentiles
from windtunnel.metrics.cube import MOST_BUCKETS, MOST_CELLS, TICKS, WIDTHS, Cube
from windtunnel.metrics.histogram import RELATIVE_ERROR as HISTOGRAM_ERROR
from windtunnel.metrics.histogram import Histogram
from windtunnel.model.load import is_measured
from windtunnel.model.record import Dropped, FailedCheck, Health, Record, RunEnded, RunStarted, Users
from windtunnel.model.vocabulary import InstanceOutcome, Outcome


def plain(value: object) -> object:
    """Everything in it, as data that compares."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, Durations):
        return dict(value.bins)
    slots = getattr(type(value), "__slots__", None)
    if slots is None or isinstance(value, tuple | Histogram):
        return value
    return {name: plain(getattr(value, name)) for name in slots}


def contents(cube: Cube) -> object:
    return cube.width_s, cube.buckets, plain(cube)


PHASES = ["", "", "", "peak", "warmup:ramp", "setup", "teardown", "user_setup", "token"]


@st.composite
def runs(draw: st.DrawFn) -> list[Record]:
    """Records of everything that a cube counts, over a time of any length and from clocks that differ."""
    seed = draw(st.integers(0, 2**32))
    span_s = draw(st.sampled_from([0.0, 0.2, 5.0, 40.0, 200.0, 4_000.0, 10.0**6]))
    pick = random.Random(seed)
    records: list[Record] = [RunStarted(t=START, schema_version=1, segment=0, plan_hash="h", seed=1)]
    for index in range(draw(st.integers(1, 120))):
        records += _something(pick, index, START + pick.random() * span_s)
    last = Users(segment=1, now=0, most=3, area_us=-5_000, span_us=-1_000)
    return [*records, RunEnded(t=START + span_s, reason="completed", counts={}, users=last)]


def _something(pick: random.Random, index: int, t: float) -> Iterator[Record]:
    phase, who = pick.choice(PHASES), f"shop-{index}"
    bad, fault = pick.random() < 0.3, "slow" if pick.random() < 0.1 else None
    facts = request(
        pick.choice([200, 500]),
        wait=pick.randrange(60_000),
        sent=pick.choice([0, 100]),
        bytes_received=index,
    )
    yield step(
        "browse",
        "failed" if bad else "passed",
        t=t,
        who=who,
        request=facts,
        duration_us=pick.randrange(10**6),
        phase=phase,
        fault=fault,
        checks=[FailedCheck(name="total", expected="1", actual="2")] if bad else [],
    )
    yield step("pay", pick.choice(get_args(Outcome)), t=t, who=who, error="template", phase=phase)
    lone = lone_request(request(pick.choice([200, 404]), poll=pick.random() < 0.2), "pay", phase=phase)
    lone.t = t
    yield lone
    yield instance(
        index,
        pick.choice(get_args(InstanceOutcome)),
        t=t,
        duration_us=pick.randrange(10**6),
        phase=phase,
        fault=fault,
    )
    if pick.random() < 0.2:
        yield Dropped(t=t, scenario="shop", index=index, scheduled=t, phase=pick.choice(["", "warmup:ramp"]))
    if pick.random() < 0.2:
        users = Users(
            segment=pick.randrange(3),
            machine=pick.randrange(2),
            now=pick.randrange(9),
            most=9,
            area_us=pick.randrange(10**6),
            span_us=pick.randrange(10**6),
        )
        yield Health(t=t, lag_p99_us=pick.randrange(9_000), cpu=round(pick.random(), 3), users=users)


@given(runs(), st.randoms(use_true_random=False), st.integers(1, 7), st.integers(1, 5))
def test_a_cube_is_the_same_however_its_records_were_batched_and_shared_out(
    records: list[Record], pick: random.Random, batch: int, segments: int
) -> None:
    whole = contents(aggregate_of(records).cube)
    shared: list[list[Record]] = [[] for _ in range(segments)]
    for record in records:
        pick.choice(shared).append(record)
    parts = [_in_batches(part, batch) for part in shared]
    total = Aggregate()
    for counted in pick.sample(parts, len(parts)):
        total.merge(counted)
    assert contents(total.cube) == whole
    read_back = Aggregate()
    for part in shared:
        for start in range(0, len(part), batch):
            read_back.write(part[start : start + batch])
    assert contents(read_back.cube) == whole


def _in_batches(records: Sequence[Record], batch: int) -> Aggregate:
    aggregate = Aggregate()
    for start in range(0, len(records), batch):
        aggregate.write(records[start : start + batch])
        if start % 3 == 0:
            _ = aggregate.cube  # asking in the middle changes nothing
    return aggregate


@settings(max_examples=40)
@given(runs(), runs(), runs())
def test_merging_is_associative_and_commutative(
    first: list[Record], second: list[Record], third: list[Record]
) -> None:
    def merged(*of: Sequence[Record]) -> Cube:
        total = Cube()
        for records in of:
            total.merge(aggregate_of(records).cube)
        return total

    left, right = merged(first, second), aggregate_of(third).cube
    left.merge(right)
    inner = merged(second, third)
    outer = aggregate_of(first).cube
    outer.merge(inner)
    assert contents(left) == contents(outer) == contents(merged(third, first, second))
    assert contents(right) == contents(aggregate_of(third).cube)


@given(runs())
def test_sums_over_all_buckets_are_the_totals_of_the_aggregate(records: list[Record]) -> None:
    aggregate = aggregate_of(records)
    found: Counter[tuple[object, ...]] = Counter()
    for row, cells in aggregate.cube.steps.items():
        for cell in cells.values():
            for outcome in ("passed", "failed", "errored", "skipped", "interrupted"):
                found[row.warmup, row.step, outcome] += getattr(cell, outcome)
            found[row.warmup, row.step, "requests"] += cell.requests
            found[row.warmup, row.step, "requests failed"] += cell.requests_failed
            found[row.warmup, row.step, "bytes"] += cell.bytes_received
            found[row.warmup, row.step, "injected"] += cell.injected
    for scenario, ended in aggregate.cube.instances.items():
        for each in ended.values():
            for outcome in ("passed", "failed", "errored", "interrupted", "dropped", "injected"):
                found[scenario.warmup, outcome] += getattr(each, outcome)
    for key, counts in aggregate.cube.causes.items():
        found["cause", key.step, key.cause, key.outcome] += sum(counts.values())
    assert +found == +_totals(aggregate)


def _totals(aggregate: Aggregate) -> Counter[tuple[object, ...]]:
    def in_warmup(phase: str) -> bool | None:
        return False if is_measured(phase) else True if phase.startswith("warmup") else None

    totals: Counter[tuple[object, ...]] = Counter()
    for key, taken in aggregate.steps.items():
        totals[in_warmup(key.phase), key.step, key.outcome] += taken.count
    for sent, made in aggregate.requests.items():
        warmup = in_warmup(sent.phase)
        totals[warmup, sent.step, "requests"] += made.count
        totals[warmup, sent.step, "requests failed"] += made.count if sent.failed and not sent.poll else 0
        totals[warmup, sent.step, "bytes"] += made.totals["data_received"]
    for who, ended in aggregate.instances.items():
        totals[in_warmup(who.phase), who.outcome] += ended.count
    for (phase, _), count in aggregate.dropped.items():
        totals[in_warmup(phase), "dropped"] += count
    for cause, failed in aggregate.failures.items():
        if cause.phase not in ("setup", "teardown", "token"):
            totals["cause", cause.step, cause.cause, cause.outcome] += failed.count
    if aggregate.injected is not None:
        for key, taken in aggregate.injected.steps.items():
            totals[in_warmup(key.phase), key.step, "injected"] += taken.count
        for who, ended in aggregate.injected.instances.items():
            totals[in_warmup(who.phase), "injected"] += ended.count
    for key_of_total in [each for each in totals if each[0] is None]:
        del totals[key_of_total]
    return totals


@given(runs())
def test_every_width_is_reached_only_when_the_one_before_has_too_many_buckets(records: list[Record]) -> None:
    cube = aggregate_of(records).cube
    width = WIDTHS.index(round(cube.width_s * TICKS))
    assert len(cube.buckets) <= MOST_BUCKETS
    if width:
        narrower = WIDTHS[width - 1]
        times = [r.t for r in records if not isinstance(r, RunStarted) and _is_on_the_axis(r)]
        assert int(max(times) * TICKS) // narrower - int(min(times) * TICKS) // narrower >= MOST_BUCKETS


def _is_on_the_axis(record: Record) -> bool:
    phase = getattr(record, "phase", "")
    failed_user_setup = phase == "user_setup" and getattr(record, "outcome", "") in ("failed", "errored")
    return is_measured(phase) or phase.startswith("warmup") or failed_user_setup


def test_each_width_is_a_multiple_of_the_one_before() -> None:
    assert [*WIDTHS] == sorted(set(WIDTHS))
    assert [wide % narrow for narrow, wide in pairwise(WIDTHS)] == [0] * (len(WIDTHS) - 1)


def test_a_run_with_very_many_steps_has_wider_buckets_rather_than_more_memory() -> None:
    many = [step(f"step {n}", t=START + n % 300) for n in range(MOST_CELLS)]
    cube = aggregate_of([*many, *(step(each.step, t=each.t + 1) for each in many)]).cube
    assert sum(map(len, cube.steps.values())) <= MOST_CELLS
    assert sum(cell.passed for cells in cube.steps.values() for cell in cells.values()) == 2 * MOST_CELLS


def test_clocks_that_are_ages_apart_have_room() -> None:
    cube = aggregate_of([step(t=0.0), step(t=START), step(t=253_402_300_799.0)]).cube
    assert len(cube.buckets) <= MOST_BUCKETS
    assert sum(cell.passed for cells in cube.steps.values() for cell in cells.values()) == 3


def test_a_cube_survives_pickling() -> None:
    cube = aggregate_of([step(request=request()), instance(0, "failed")]).cube
    assert contents(pickle.loads(pickle.dumps(cube))) == contents(cube)


@settings(max_examples=200)
@given(
    st.lists(st.integers(0, 10**9) | st.integers(0, 300), min_size=1, max_size=200), st.lists(st.floats(0, 100))
)
def test_percentiles_of_bins_are_within_the_stated_error_of_those_of_the_histogram(
    samples: list[int], percents: list[float]
) -> None:
    durations, more = Durations(), Durations()
    durations.add(samples[::2])
    more.add(samples[1::2])
    durations.merge(more)
    percents.sort()
    exact = Histogram(samples).percentiles(percents)
    found = percentiles(durations.bins, percents)
    # A sample lies within the error of either.
    near = [true * (RELATIVE_ERROR + 2 * HISTOGRAM_ERROR) + 1e-9 for true in exact]
    assert [abs(f - t) <= most for f, t, most in zip(found, exact, near, strict=True)] == [True] * len(percents)


def test_percentiles_of_bins_without_samples_are_0() -> None:
    assert percentiles(Bins(), [50, 95]) == [0.0, 0.0]
