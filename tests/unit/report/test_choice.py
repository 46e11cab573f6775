"""Which instances a report shows of those that it could: bounded, and something of everything first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import sample_run
from tests.support.records import START, instance, request, step
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import FailedCheck, Record, RunStarted, Timings
from windtunnel.model.summary import Summary
from windtunnel.model.threshold import Threshold
from windtunnel.report.choice import MOST, Choice, choose
from windtunnel.verdict.conclude import conclude


def judged(records: Sequence[Record], *limits: Threshold) -> tuple[Summary, Aggregate]:
    aggregate = Aggregate.for_judging(limits, None)
    aggregate.write([RunStarted(t=START, schema_version=1, segment=0, plan_hash="h", seed=7), *records])
    manifest = sample_run.manifest(thresholds=list(limits), steps=[])
    return conclude(manifest, aggregate, Evidence(finished=True, intact=True), None), aggregate


def chosen(records: Sequence[Record], *limits: Threshold, most: int = MOST) -> Choice:
    return choose(*judged(records, *limits), [], most=most)


def failing(index: int, cause: str = "status", *, scenario: str = "shop", name: str = "pay") -> list[Record]:
    check = FailedCheck(name=cause, expected="1", actual="2")
    who = f"{scenario}-{index}"
    ended = instance(index, "failed", scenario=scenario)
    ended.instance_id = who
    return [
        step(name, "failed", who=who, scenario=scenario, checks=[check], t=START + index),
        ended,
    ]


def passing(index: int, *, scenario: str = "shop", duration_us: int = 10_000) -> list[Record]:
    ended = instance(index, scenario=scenario, duration_us=duration_us)
    ended.instance_id = f"{scenario}-{index}"
    return [ended]


def all_of(*told: list[Record]) -> list[Record]:
    return [record for records in told for record in records]


def test_a_group_is_shown_by_its_first_and_four_others() -> None:
    choice = chosen(all_of(*(failing(n) for n in range(100))))
    assert choice.errors_shown_by[0][0] == "shop-0"
    assert len(choice.errors_shown_by[0]) == 5


def test_a_scenario_is_shown_by_its_percentiles_ordinary_ones_and_the_slowest() -> None:
    choice = chosen(all_of(*(passing(n, duration_us=1_000 + n) for n in range(1_000))))
    why = Counter(choice.why.values())
    assert why["one of the 25 slowest of its scenario"] >= 20
    assert why["an ordinary one of its scenario"] >= 5
    near = {why: int(who.removeprefix("shop-")) for who, why in choice.why.items() if why.startswith("near")}
    assert near == {
        "near p50 of its scenario": pytest.approx(500, abs=60),
        "near p90 of its scenario": pytest.approx(900, abs=60),
        "near p99 of its scenario": pytest.approx(990, abs=30),
    }


@given(
    scenarios=st.integers(1, 12),
    causes=st.integers(1, 60),
    each=st.integers(1, 6),
    most=st.integers(1, 80),
)
def test_there_are_never_more_than_there_is_room_for(scenarios: int, causes: int, each: int, most: int) -> None:
    told = [
        failing(n * causes + cause, f"cause {cause}", scenario=f"s{number}")
        for number in range(scenarios)
        for cause in range(causes)
        for n in range(each)
    ]
    records = all_of(*told, *(passing(10**6 + n, scenario=f"s{n % scenarios}") for n in range(30)))
    choice = chosen(records, most=most)
    assert len(choice.why) <= most
    assert choice.featured <= len(choice.why)
    linked = {each for ids in (*choice.shown_by.values(), *choice.errors_shown_by.values()) for each in ids}
    assert linked <= set(choice.why)


def test_each_group_gets_its_first_before_any_gets_a_second() -> None:
    told = [failing(cause * 100 + n, f"cause {cause:02}") for cause in range(40) for n in range(10)]
    choice = chosen(all_of(*told), most=45)
    assert set(choice.errors_shown_by) == set(range(40))


def test_the_page_itself_shows_the_first_of_twenty_groups_at_most() -> None:
    choice = chosen(all_of(*(failing(cause, f"cause {cause:02}") for cause in range(40))))
    assert choice.featured == 20
    assert len(choice.errors_shown_by) == 40


def test_a_passing_instance_of_each_scenario_that_failed_has_room() -> None:
    told = [failing(cause, f"cause {cause:02}") for cause in range(40)]
    choice = chosen(all_of(*told, *(passing(1_000 + n) for n in range(50))), most=10)
    assert "an ordinary one of its scenario" in choice.why.values()


def test_long_journeys_leave_room_for_fewer_and_short_ones_for_all() -> None:
    long = [record for n in range(200) for record in [*[step(who=f"shop-{n}")] * 300, *failing(n, f"cause {n}")]]
    short = all_of(*(failing(n, f"cause {n}") for n in range(200)))
    assert (len(chosen(long).why), len(chosen(short).why)) == (66, 200)


def shown(records: Sequence[Record], selector: str, condition: str = "max < 1us") -> tuple[str, ...]:
    """The instances that show why the one threshold of the plan did not hold."""
    summary, aggregate = judged(records, parse_threshold(selector, condition))
    position = next(n for n, each in enumerate(summary.thresholds) if each.origin == "plan")
    return choose(summary, aggregate, []).shown_by[position]


def timed(index: int, *, took_us: int, phase: str = "", name: str = "pay", status: int = 200) -> list[Record]:
    sent = request(status, wait=took_us, timings=Timings(queue=took_us, wait=took_us))
    who = f"shop-{index}"
    ended = instance(index, duration_us=took_us, phase=phase)
    return [step(name, who=who, duration_us=took_us, request=sent, phase=phase), ended]


TIMES = ["http_req_duration", "http_req_blocked", "step_duration", "instance_duration", "iteration_duration"]


@pytest.mark.parametrize("metric", TIMES)
def test_a_time_that_was_too_long_is_shown_by_the_slowest(metric: str) -> None:
    records = all_of(*(timed(n, took_us=1_000 + n) for n in range(400)))
    assert shown(records, metric) == (
        "shop-399",
        "shop-398",
        "shop-397",
    )


@pytest.mark.parametrize("metric", TIMES)
def test_what_is_not_measured_is_not_among_the_slowest(metric: str) -> None:
    outside = [timed(n, took_us=9_000, phase=phase) for n, phase in enumerate(["setup", "user_setup", "warmup:a"])]
    records = all_of(*outside, timed(5, took_us=5, phase="peak"))
    assert shown(records, metric) == ("shop-5",)


def test_a_threshold_with_tags_is_shown_by_what_they_pick() -> None:
    records = all_of(
        timed(1, took_us=900, name="list"),
        timed(2, took_us=900, status=500),
        timed(3, took_us=500),
        timed(4, took_us=5),
    )
    assert shown(records, "http_req_waiting{step:pay,status:200}") == ("shop-3", "shop-4")


def test_a_threshold_that_holds_or_asks_for_more_has_no_slowest() -> None:
    records = all_of(*(timed(n, took_us=1_000) for n in range(5)))
    limits = [parse_threshold("http_req_duration", each) for each in ("max < 1s", "max > 1s")]
    assert chosen(records, *limits).shown_by == {}


def test_a_threshold_on_failures_is_shown_by_one_of_each_of_its_groups() -> None:
    records = all_of(*(failing(n, "status") for n in range(9)), *(failing(n, "body") for n in range(10, 14)))
    told = shown(records, "checks", "rate > 99%")
    assert (told[0], told[1], len(told)) == ("shop-0", "shop-10", 3)
