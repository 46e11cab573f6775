"""The closed model: so many users, so many instances, for so long."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections import Counter

import pytest

from tests.support.journeys import Run, facts_of, get, pause, scenario
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.model.load import ClosedLoad
from windtunnel.model.record import Health
from windtunnel.testing.scripted import Answer, json_answer
from windtunnel.testing.virtual_clock import EPOCH


def test_the_count_is_the_total_over_all_users(run: Run) -> None:
    finished = run(scenario(pause("think", "1s")), load=ClosedLoad(parallel=7, count=100))

    assert sorted(record.index for record in finished.instances) == list(range(100))
    assert {record.user for record in finished.instances} == set(range(7))
    assert finished.ending.counts["instance"] == 100
    assert finished.ending.reason == "completed"
    assert finished.evidence.finished


def test_there_are_never_more_users_than_instances(run: Run) -> None:
    finished = run(scenario(pause("think", "1s")), load=ClosedLoad(parallel=50, count=3))

    assert {record.user for record in finished.instances} == {0, 1, 2}


def test_a_user_runs_one_instance_after_another(run: Run) -> None:
    finished = run(scenario(pause("think", "2s")), load=ClosedLoad(parallel=3, count=9))

    starts = Counter(round(record.started - EPOCH) for record in finished.instances)
    assert starts == {0: 3, 2: 3, 4: 3}


def test_a_duration_ends_arrivals_and_lets_running_instances_finish(run: Run) -> None:
    finished = run(scenario(pause("think", "4s")), load=ClosedLoad(parallel=2, duration_s=10))

    assert len(finished.instances) == 6
    assert {record.outcome for record in finished.instances} == {"passed"}
    assert finished.records[-1].t - EPOCH == pytest.approx(12, abs=0.1)


def test_count_and_duration_end_the_run_by_whichever_comes_first(run: Run) -> None:
    by_count = run(scenario(pause("think", "1s")), load=ClosedLoad(count=3, duration_s=100))
    by_time = run(scenario(pause("think", "1s")), load=ClosedLoad(count=100, duration_s=3))

    assert len(by_count.instances) == 3
    assert len(by_time.instances) == 3


def test_an_instance_that_outlives_the_graceful_stop_is_interrupted(run: Run) -> None:
    load = ClosedLoad(duration_s=1, graceful_stop_s=5)
    finished = run(scenario(get("first"), pause("sleep", "100s"), get("never")), load=load)

    (instance,) = finished.instances
    assert instance.outcome == "interrupted"
    assert [(step.step, step.outcome) for step in finished.steps] == [
        ("first", "passed"),
        ("sleep", "interrupted"),
    ]
    assert instance.t - EPOCH == pytest.approx(6, abs=0.1)
    assert finished.ending.reason == "completed"


def test_a_crowd_enters_fifty_users_at_a_time_and_its_load_still_ends_on_time(run: Run) -> None:
    finished = run(
        scenario(pause("think", "900ms")), load=ClosedLoad(parallel=120, duration_s=5, graceful_stop_s=9)
    )

    entered = Counter(
        round(min(record.started for record in finished.instances if record.user == user) - EPOCH, 3)
        for user in range(120)
    )
    assert entered == {0.0: 50, 0.01: 50, 0.02: 20}
    assert max(record.started for record in finished.instances) - EPOCH < 5


def ask(shutdown: Shutdown, *times: float) -> None:
    for at in times:
        asyncio.get_running_loop().call_later(
            at, lambda: shutdown.request(Stop(reason="interrupted by SIGINT", signal=signal.SIGINT))
        )


def test_a_signal_stops_arrivals_and_gives_running_instances_three_seconds(run: Run) -> None:
    finished = run(
        scenario(pause("think", "2s")),
        load=ClosedLoad(parallel=2, count=1000),
        during=lambda shutdown: ask(shutdown, 5),
    )

    assert Counter(record.outcome for record in finished.instances) == {"passed": 6}
    assert finished.ending.signal == signal.SIGINT
    assert finished.ending.reason == "interrupted by SIGINT"
    assert finished.evidence.finished


def test_what_outlives_the_grace_of_a_signal_is_interrupted(run: Run) -> None:
    finished = run(
        scenario(pause("think", "60s")), load=ClosedLoad(count=1), during=lambda shutdown: ask(shutdown, 5)
    )

    assert [record.outcome for record in finished.instances] == ["interrupted"]
    assert finished.instances[0].t - EPOCH == pytest.approx(8, abs=0.1)


def test_a_second_signal_stops_at_once(run: Run) -> None:
    finished = run(
        scenario(pause("think", "60s")), load=ClosedLoad(count=1), during=lambda shutdown: ask(shutdown, 5, 6)
    )

    assert finished.instances[0].t - EPOCH == pytest.approx(6, abs=0.1)


def test_a_signal_during_the_graceful_stop_shortens_it(run: Run) -> None:
    finished = run(
        scenario(pause("think", "60s")),
        load=ClosedLoad(duration_s=1, graceful_stop_s=30),
        during=lambda shutdown: ask(shutdown, 10),
    )

    assert finished.instances[0].t - EPOCH == pytest.approx(13, abs=0.1)


def test_the_mix_follows_the_weights_exactly(run: Run) -> None:
    finished = run(
        scenario(get("a"), id="heavy", weight=3),
        scenario(get("b"), id="light", weight=1),
        load=ClosedLoad(parallel=5, count=400),
    )

    assert Counter(record.scenario for record in finished.instances) == {"heavy": 300, "light": 100}


def test_the_same_seed_runs_the_same_scenarios_and_draws_the_same_values(run: Run) -> None:
    drawn = scenario(get("roll", "/?n={{ random_int(1, 1000000) }}"), id="dice")
    other = scenario(get("b"), id="other")
    load = ClosedLoad(parallel=3, count=20)

    def rolls(seed: int) -> dict[str, str]:
        finished = run(drawn, other, load=load, seed=seed)
        return {step.instance_id: facts_of(step).url for step in finished.steps}

    assert rolls(7) == rolls(7)
    assert rolls(7) != rolls(8)


def test_two_runs_with_one_seed_never_share_a_trace(run: Run) -> None:
    first, second = (run(scenario(get("a")), load=ClosedLoad(count=5), seed=3) for _ in range(2))

    traces = {record.correlation_id for finished in (first, second) for record in finished.instances}
    assert len(traces) == 10


def test_a_flow_that_never_waits_does_not_keep_the_loop_to_itself(run: Run) -> None:
    flow = scenario({"type": "set", "name": "s", "variables": {"x": 1}})
    finished = run(flow, load=ClosedLoad(parallel=1, count=10_000), during=lambda shutdown: soon(shutdown))

    assert len(finished.instances) < 10_000


def soon(shutdown: Shutdown) -> None:
    loop = asyncio.get_running_loop()

    def later(turns: int) -> None:
        if turns:
            loop.call_soon(later, turns - 1)
        else:
            shutdown.request(Stop(reason="enough"))

    later(50)


def test_health_is_sampled_once_a_second(run: Run) -> None:
    finished = run(scenario(pause("think", "10s")), load=ClosedLoad(parallel=4, count=4))

    samples = finished.of(Health)
    assert len(samples) == pytest.approx(10, abs=1)
    assert {sample.in_flight for sample in samples[:-1]} == {4}
    assert all(sample.lag_max_us == 0 for sample in samples)


def test_nothing_is_sent_when_no_service_accepts_a_connection(run: Run) -> None:
    finished = run(scenario(get("home")), refused="connection refused")

    assert finished.transport.sent == []
    assert finished.ending.reason == "unreachable"
    assert finished.ending.unreachable == "connection refused"


def test_a_slow_service_takes_its_time_in_the_records(run: Run) -> None:
    finished = run(scenario(get("slow")), answers=lambda sent: Answer(latency_s=1.5))

    assert finished.steps[0].duration_us == pytest.approx(1_500_000, abs=2)
    assert finished.instances[0].duration_us == pytest.approx(1_500_000, abs=2)


def test_an_instance_leaves_no_cycle_for_the_garbage_collector(run: Run) -> None:
    flow = scenario(get("list", extract={"first": "$[0]"}), get("roll", "/?n={{ random_int(1, 6) }}"))
    answers = json_answer([1, 2])
    run(flow, answers=lambda sent: answers, load=ClosedLoad(count=1))
    gc.collect()
    gc.disable()
    try:
        run(flow, answers=lambda sent: answers, load=ClosedLoad(count=1))
        few = gc.collect()
        run(flow, answers=lambda sent: answers, load=ClosedLoad(count=200))
        many = gc.collect()
    finally:
        gc.enable()

    assert many <= few + 20


def test_a_run_that_takes_longer_than_it_may_starts_nothing_more_and_says_so(run: Run) -> None:
    finished = run(scenario(pause("think", "2s")), load=ClosedLoad(parallel=2, count=100), max_duration_s=5)

    assert len(finished.instances) == 6
    assert {record.outcome for record in finished.instances} == {"passed"}, "they had 3 s to end"
    assert finished.records[-1].t - EPOCH == pytest.approx(6, abs=0.1)
    assert finished.ending.capped
    assert finished.ending.reason == "the load did not end within the maximum duration of 5 s"


def test_a_run_that_is_through_in_time_is_not_capped(run: Run) -> None:
    finished = run(scenario(pause("think", "2s")), load=ClosedLoad(parallel=2, count=4), max_duration_s=5)

    assert not finished.ending.capped
    assert finished.ending.reason == "completed"
