from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.engine.ids import InstanceIds
from windtunnel.engine.journal import Journal
from windtunnel.engine.load.pacing import arrivals, stage_at, user_changes
from windtunnel.model.load import ClosedLoad, OpenLoad, Segment, Stage
from windtunnel.model.record import InstanceRecord
from windtunnel.redaction import Redactor
from windtunnel.testing.virtual_clock import VirtualClock, run_virtual


def stage(duration_s: float, target: float, name: str = "s", **more: Any) -> Stage:
    return Stage(duration_s=duration_s, target=target, name=name, **more)


def test_a_hundred_a_second_for_a_minute_are_exactly_six_thousand_evenly_spaced() -> None:
    due = list(arrivals(OpenLoad(rate=100, duration_s=60), "seed"))
    assert len(due) == 6000
    assert due[0] == 0.0
    assert max(abs(moment - n / 100) for n, moment in enumerate(due)) < 1e-9


def test_a_count_ends_the_arrivals_before_their_time() -> None:
    assert list(arrivals(OpenLoad(rate=10, count=3), "s")) == [0.0, 0.1, 0.2]
    assert len(list(arrivals(OpenLoad(rate=10, count=3, duration_s=0.15), "s"))) == 2


def test_a_ramp_starts_as_many_as_the_area_under_it() -> None:
    load = OpenLoad(stages=(stage(10, 100), stage(10, 100), stage(20, 0)))
    due = list(arrivals(load, "s"))
    assert len(due) == 500 + 1000 + 1000
    assert sum(moment < 10 for moment in due) == 500
    assert sum(10 <= moment < 20 for moment in due) == 1000
    # Half way up a rise from 0, a quarter of its starts have been.
    assert sum(moment < 5 for moment in due) == 125


@settings(max_examples=60)
@given(
    start=st.integers(0, 50),
    stages=st.lists(st.tuples(st.integers(1, 20), st.integers(0, 50)), min_size=1, max_size=5),
    arrival=st.sampled_from(["uniform", "poisson"]),
)
def test_arrivals_ascend_within_the_load_and_uniform_ones_fill_its_area(
    start: Any, stages: Any, arrival: Any
) -> None:
    load = OpenLoad(stages=tuple(stage(*each) for each in stages), start=start, arrival=arrival)
    due = list(arrivals(load, "seed"))
    assert due == sorted(due)
    assert load.length_s is not None
    assert all(0 <= moment <= load.length_s for moment in due)
    area, value = 0.0, start
    for duration, target in stages:
        area, value = area + duration * (value + target) / 2, target
    if arrival == "uniform":
        assert len(due) == math.ceil(area - 1e-9)
    else:
        assert abs(len(due) - area) <= 6 * math.sqrt(area + 1)


def test_poisson_arrivals_depend_on_the_seed_alone_and_have_the_mean_and_spread_of_their_kind() -> None:
    load = OpenLoad(rate=50, duration_s=400, arrival="poisson")
    due = list(arrivals(load, "a"))
    assert due == list(arrivals(load, "a"))
    assert due != list(arrivals(load, "b"))
    gaps = [later - earlier for earlier, later in itertools.pairwise(due)]
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert mean == pytest.approx(0.02, rel=0.05)
    assert spread == pytest.approx(mean, rel=0.05)


def test_users_come_and_go_in_a_straight_line() -> None:
    load = ClosedLoad(stages=(stage(4, 4), stage(10, 4), stage(2, 2)))
    assert list(user_changes(load)) == [
        (0.5, 1), (1.5, 2), (2.5, 3), (3.5, 4),
        (14.5, 3), (15.5, 2),
    ]  # fmt: skip


def test_users_that_are_there_from_the_start_come_at_once() -> None:
    assert list(user_changes(ClosedLoad(stages=(stage(10, 2),), start=2))) == [(0.0, 1), (0.0, 2)]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 30)), min_size=1, max_size=5), st.integers(0, 9))
def test_users_change_one_at_a_time_and_end_at_the_last_target(stages: Any, start: Any) -> None:
    load = ClosedLoad(stages=tuple(stage(*each) for each in stages), start=start)
    changes = list(user_changes(load))
    numbers = [0, *(users for _, users in changes)]
    assert all(abs(after - before) == 1 for before, after in itertools.pairwise(numbers))
    assert [at for at, _ in changes] == sorted(at for at, _ in changes)
    assert numbers[-1] == stages[-1][1]
    assert max(numbers) <= load.most_at_once


def test_a_moment_belongs_to_the_stage_it_lies_in() -> None:
    load = OpenLoad(stages=(stage(10, 1, "up", warmup=True), stage(5, 1, "peak")))
    stages = [stage_at(load, at) for at in (0, 9.99, 10, 14, 99)]
    assert [stage and stage.phase for stage in stages] == ["warmup:up", "warmup:up", *["peak"] * 3]
    assert stage_at(OpenLoad(rate=1, duration_s=1), 0) is None


@given(st.integers(0, 300), st.integers(1, 9))
def test_segments_share_everything_and_nothing_twice(total: Any, of: Any) -> None:
    segments = [Segment(number=number, of=of) for number in range(of)]
    assert sum(segment.share(total) for segment in segments) == total
    for segment in segments:
        assert segment.share(total) == len(range(segment.number, total, of))


@pytest.mark.parametrize(("early_s", "response_us"), [(0.0003, 0), (0.0, 0), (-0.25, 250_000)])
def test_an_instance_that_a_timer_started_a_little_early_has_no_negative_response_time(
    early_s: float, response_us: int
) -> None:
    async def ended_at_once() -> InstanceRecord:
        clock, told = VirtualClock(), list[Any]()
        journal = Journal(
            [],
            clock=clock,
            redactor=Redactor(),
            bodies=None,
            schedule=lambda _: None,
            on_record=[lambda _ids, record: told.append(record)],
        )
        now = clock.now()
        journal.instance(InstanceIds(phase=""), "errored", scheduled=now + early_s, started=now, steps=0)
        (record,) = told
        assert isinstance(record, InstanceRecord)
        return record

    record = run_virtual(ended_at_once())
    assert (record.duration_us, record.response_time_us) == (0, response_us)
    assert record.scheduled <= record.started
