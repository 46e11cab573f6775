from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.journeys import Finished, Run, get, pause, scenario
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Rate, select
from windtunnel.model.load import ClosedLoad, OpenLoad, Stage
from windtunnel.model.record import Dropped, StepRecord
from windtunnel.testing.scripted import Answer


def stage(duration_s: float, target: float, name: str = "s", **more: Any) -> Stage:
    return Stage(duration_s=duration_s, target=target, name=name, **more)


def starts_of(finished: Finished) -> list[float]:
    """Seconds since the first instance at which each started, by index."""
    instances = sorted(finished.instances, key=lambda instance: instance.index)
    first = min(instance.started for instance in instances)
    return [round(instance.started - first, 3) for instance in instances]


def test_an_open_load_starts_by_the_clock_whether_or_not_earlier_instances_have_ended(run: Run) -> None:
    finished = run(scenario(pause("think", "5s")), load=OpenLoad(rate=2, duration_s=3))

    assert starts_of(finished) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert [instance.duration_us for instance in finished.instances] == [pytest.approx(5_000_000, abs=2)] * 6


def test_an_arrival_without_a_free_slot_is_dropped_written_down_and_never_started(run: Run) -> None:
    finished = run(scenario(pause("think", "900ms")), load=OpenLoad(rate=4, duration_s=2, max_parallel=1))

    dropped = finished.of(Dropped)
    assert [instance.index for instance in finished.instances] == [0, 4]
    assert [drop.index for drop in dropped] == [1, 2, 3, 5, 6, 7]
    assert [round(drop.scheduled - dropped[0].scheduled, 3) for drop in dropped] == [0, 0.25, 0.5, 1, 1.25, 1.5]
    assert {drop.scenario for drop in dropped} == {"journey"}


def test_a_free_slot_is_used_again_with_its_connections(run: Run) -> None:
    finished = run(scenario(get("home")), load=OpenLoad(rate=2, duration_s=5))

    assert {instance.user for instance in finished.instances} == {0}


def test_running_instances_of_an_open_load_have_their_grace_and_no_more(run: Run) -> None:
    load = OpenLoad(rate=1, duration_s=3, graceful_stop_s=2)
    finished = run(scenario(pause("think", "4s")), load=load)

    # The last arrival is at 2 s, the end of the grace at 4 s: the first instance ends just then.
    assert sorted(instance.outcome for instance in finished.instances) == ["interrupted", "interrupted", "passed"]


def test_a_count_ends_an_open_load(run: Run) -> None:
    assert len(run(scenario(get("home")), load=OpenLoad(rate=100, count=7)).instances) == 7


def test_users_follow_the_stages(run: Run) -> None:
    load = ClosedLoad(stages=(stage(4, 4), stage(4, 4), stage(4, 0)))
    finished = run(scenario(pause("think", "1s")), load=load)

    began = min(instance.started for instance in finished.instances) - 0.5
    running = [
        sum(instance.started <= began + at < instance.t for instance in finished.instances)
        for at in (1.2, 2.2, 3.2, 6.2, 9.2, 12.6)
    ]
    assert running == [1, 2, 3, 4, 3, 0]
    assert {instance.outcome for instance in finished.instances} == {"passed"}


def test_a_user_who_is_asked_to_leave_ends_the_instance_first(run: Run) -> None:
    load = ClosedLoad(stages=(stage(1, 1), stage(1, 0)), start=1)
    finished = run(scenario(pause("think", "10s")), load=load)

    assert [instance.outcome for instance in finished.instances] == ["passed"]
    assert finished.instances[0].duration_us == pytest.approx(10_000_000, abs=2)


def test_a_user_comes_back_when_users_are_wanted_again(run: Run) -> None:
    load = ClosedLoad(stages=(stage(2, 0), stage(2, 1), stage(2, 1)), start=1)
    finished = run(scenario(pause("think", "300ms")), load=load)

    assert {instance.user for instance in finished.instances} == {0}
    gaps = [b - a for a, b in zip(starts_of(finished), starts_of(finished)[1:], strict=False)]
    assert max(gaps) > 1.5


def test_pace_spaces_the_instances_of_a_user_and_a_late_one_starts_at_once(run: Run) -> None:
    answers = iter([Answer(latency_s=0.2), Answer(latency_s=3.0), Answer(latency_s=0.2), Answer(latency_s=0.2)])
    load = ClosedLoad(parallel=1, count=4, pace_s=1.0)
    finished = run(scenario(get("home")), answers=lambda sent: next(answers), load=load)

    assert starts_of(finished) == [0.0, 1.0, 4.0, 5.0]
    assert {instance.response_time_us - instance.duration_us for instance in finished.instances} == {0}


def test_a_pause_between_instances_does_not_outlast_the_load(run: Run) -> None:
    finished = run(scenario(get("home")), load=ClosedLoad(parallel=3, duration_s=5, pace_s=60.0))

    assert len(finished.instances) == 3
    assert finished.ending.t - finished.instances[0].t == pytest.approx(5, abs=0.1)


def test_records_carry_the_stage_in_which_their_instance_was_due(run: Run) -> None:
    load = OpenLoad(stages=(stage(2, 2, "ramp", warmup=True), stage(2, 2, "peak")))
    finished = run(scenario(pause("think", "3s"), get("late")), load=load)

    assert [instance.phase for instance in finished.instances] == [*["warmup:ramp"] * 2, *["peak"] * 4]
    assert {step.phase for step in finished.of(StepRecord)} == {"warmup:ramp", "peak"}


def test_warm_up_is_outside_every_metric_and_the_implied_threshold(run: Run) -> None:
    load = OpenLoad(stages=(stage(2, 2, "ramp", warmup=True), stage(2, 2, "peak")), start=2)
    status = iter([500, 500, 500, 500, 200, 200, 200, 200])
    finished = run(scenario(get("home")), answers=lambda sent: Answer(status=next(status)), load=load)

    aggregate = Aggregate()
    aggregate.write(finished.records)
    passed = select(aggregate, "instances")
    failed = select(aggregate, "http_req_failed")
    assert [instance.outcome for instance in finished.instances] == [*["failed"] * 4, *["passed"] * 4]
    assert isinstance(passed, Rate)
    assert isinstance(failed, Rate)
    assert (passed.matches, passed.count) == (4, 4)
    assert (failed.matches, failed.count) == (0, 4)


def test_a_scenario_with_a_load_of_its_own_runs_beside_the_others(run: Run) -> None:
    often = scenario(get("a"), id="often")
    rare = scenario(get("b"), id="rare", load=OpenLoad(rate=1, duration_s=2), start_after_s=3.0)
    finished = run(often, rare, load=OpenLoad(rate=2, duration_s=4))

    began = min(instance.started for instance in finished.instances)
    starts = {
        name: [(i.index, round(i.started - began, 3)) for i in finished.instances if i.scenario == name]
        for name in ("often", "rare")
    }
    # Two tracks share the indexes: even ones and odd ones.
    assert starts["often"] == [(2 * n, n / 2) for n in range(8)]
    assert starts["rare"] == [(1, 3.0), (3, 4.0)]


def test_a_frozen_server_shows_in_the_open_model_and_hides_in_the_closed_one(run: Run) -> None:
    """A server that freezes 500 ms in every 4 s: whoever is due meanwhile waits for the rest of it."""

    def answer(sent: Any) -> Answer:
        into = asyncio.get_running_loop().time() % 4.0
        return Answer(latency_s=0.5 - into + 0.001 if into < 0.5 else 0.001)

    def p99_ms(load: Any) -> float:
        times = sorted(i.response_time_us for i in run(scenario(get("a")), answers=answer, load=load).instances)
        return times[int(len(times) * 0.99)] / 1000

    assert 450 < p99_ms(OpenLoad(rate=100, duration_s=40)) < 510
    assert p99_ms(ClosedLoad(parallel=1, duration_s=40)) < 10
