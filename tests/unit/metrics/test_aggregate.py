from __future__ import annotations

import pickle
import random
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.records import START, aggregate_of, assertion, instance, lone_request, request, step
from windtunnel.metrics.aggregate import BATCH, Aggregate
from windtunnel.metrics.measure import Counter, Rate, Trend, select
from windtunnel.metrics.summary import error_groups, metric_summaries, step_summaries
from windtunnel.model.manifest import StepRow
from windtunnel.model.metric import METRICS
from windtunnel.model.record import (
    Checks,
    Dropped,
    FailedCheck,
    Health,
    Record,
    RunEnded,
    RunStarted,
    Timings,
    Users,
)
from windtunnel.model.vocabulary import InstanceOutcome

ROWS = [
    StepRow(scenario="shop", step="browse", action="http", method="GET", service="shop"),
    StepRow(scenario="shop", step="pay", action="http", method="POST", service="shop"),
    StepRow(scenario="shop", step="paid", action="jsonpath", assertion=True),
]


def count_of(aggregate: Aggregate, metric: str) -> int:
    found = select(aggregate, metric)
    assert isinstance(found, Counter)
    return found.total


def a_run_with_everything(count: int = 40) -> list[Record]:
    draw = random.Random(7)
    records: list[Record] = [RunStarted(t=START, schema_version=1, segment=0, plan_hash="h", seed=1)]
    for index in range(count):
        t = START + draw.random() * 10
        bad = draw.random() < 0.3
        facts = request(
            draw.choice([200, 500]), wait=draw.randrange(100, 90_000), bytes_received=draw.randrange(900)
        )
        checks: Checks = (
            ["status", FailedCheck(name="total", expected="1", actual=str(index))] if bad else ["status"]
        )
        outcome: InstanceOutcome = "failed" if bad else "passed"
        records += [
            step("browse", outcome, t=t, who=f"shop-{index}", request=facts, checks=checks),
            step("pay", draw.choice(["passed", "errored", "skipped"]), t=t, who=f"shop-{index}", error="template"),
            lone_request(request(0, sent=0, error="refused")),
            assertion("paid", outcome, checks=checks),
            instance(index, outcome, started=t, duration_us=draw.randrange(1, 10**6)),
            Dropped(t=t, scenario="shop", index=index, scheduled=t),
            Health(
                t=t,
                lag_p99_us=draw.randrange(9_000),
                cpu=draw.random(),
                users=Users(
                    segment=draw.randrange(3),
                    machine=draw.randrange(2),
                    now=draw.randrange(50),
                    most=draw.randrange(50),
                    area_us=draw.randrange(10**6),
                    span_us=draw.randrange(10**6),
                ),
            ),
        ]
    records.append(RunEnded(t=START + 11, reason="completed", counts={}, signal=15, bug="Traceback"))
    return records


def everything_said_of(aggregate: Aggregate) -> object:
    return (
        metric_summaries(aggregate),
        step_summaries(aggregate, ROWS),
        error_groups(aggregate),
        (
            aggregate.started,
            aggregate.last_t,
            aggregate.signal,
            aggregate.bugs,
            aggregate.health.cpu,
        ),
    )


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_records_split_and_merged_in_any_order_give_the_same_summary(shuffle: random.Random, parts: int) -> None:
    records = a_run_with_everything()
    whole = everything_said_of(aggregate_of(records))
    shuffle.shuffle(records)
    pieces = [aggregate_of(records[start::parts]) for start in range(parts)]
    total = Aggregate()
    for piece in pieces:
        total.merge(piece)
    assert everything_said_of(total) == whole


def test_asking_in_the_middle_of_a_run_changes_nothing_about_its_end() -> None:
    records = a_run_with_everything()
    asked = Aggregate()
    for record in records:
        asked.write([record])
        metric_summaries(asked)
    assert everything_said_of(asked) == everything_said_of(aggregate_of(records))


def test_merging_leaves_the_other_aggregate_as_it_was() -> None:
    other = aggregate_of(a_run_with_everything())
    before = everything_said_of(other)
    total = Aggregate().merge(other)
    total.merge(aggregate_of(a_run_with_everything()))
    assert everything_said_of(other) == before


def test_an_aggregate_survives_pickling() -> None:
    aggregate = aggregate_of(a_run_with_everything())
    assert everything_said_of(pickle.loads(pickle.dumps(aggregate))) == everything_said_of(aggregate)


def test_memory_does_not_grow_with_the_number_of_requests() -> None:
    def series_of(count: int) -> tuple[int, int]:
        records = [step(who=f"shop-{n}", request=request(wait=500)) for n in range(count)]
        aggregate = aggregate_of(records)
        waiting = sum(map(len, aggregate._waiting_steps.values()))
        assert waiting < BATCH
        return len(aggregate.requests), len(aggregate.steps)

    assert series_of(10) == series_of(3 * BATCH + 1) == (1, 1)


def rate(records: list[Record], metric: str) -> tuple[int, int]:
    measure = select(aggregate_of(records), metric)
    assert isinstance(measure, Rate)
    return measure.matches, measure.count


def trend(records: list[Record], metric: str) -> tuple[int, int]:
    measure = select(aggregate_of(records), metric)
    assert isinstance(measure, Trend)
    return measure.histogram.count, measure.histogram.total_us


def test_a_duration_is_send_and_wait_and_receive_of_every_request_whose_bytes_were_sent() -> None:
    hang = request(0, wait=30_000_000, error="timeout")
    assert trend([step(request=request(wait=1_000)), step(request=hang)], "http_req_duration") == (2, 30_001_030)


def test_a_request_that_was_never_sent_is_counted_but_has_no_duration() -> None:
    records: list[Record] = [lone_request(request(0, sent=0, error="refused"))]
    assert trend(records, "http_req_duration") == (0, 0)
    assert trend(records, "http_req_waiting") == (0, 0)
    assert count_of(aggregate_of(records), "http_reqs") == 1


def test_connecting_counts_a_reused_connection_as_zero() -> None:
    fresh = request(timings=Timings(queue=7, dns=3, connect=400, tls=900, send=1, wait=2))
    records: list[Record] = [step(request=fresh), step(request=request()), step(request=request())]
    assert trend(records, "http_req_connecting") == (3, 400)
    assert trend(records, "http_req_tls_handshaking") == (3, 900)
    assert trend(records, "http_req_blocked") == (3, 10)


def test_requests_count_whether_they_stand_in_their_step_or_alone() -> None:
    records: list[Record] = [step(request=request()), lone_request(request()), step(requests=1)]
    assert count_of(aggregate_of(records), "http_reqs") == 2


def test_polls_before_the_last_are_requests_but_nobody_judges_them() -> None:
    records: list[Record] = [
        lone_request(request(404, poll=True)),
        lone_request(request(404, poll=True)),
        lone_request(request(200)),
    ]
    assert rate(records, "http_req_failed") == (0, 1)
    assert count_of(aggregate_of(records), "http_reqs") == 3
    assert trend(records, "http_req_duration")[0] == 3


def test_checks_include_those_of_assertions_and_assertions_are_the_subset() -> None:
    wrong = FailedCheck(name="total", expected="1", actual="2")
    records: list[Record] = [step(checks=["status", wrong]), assertion("paid", "passed", ["paid"])]
    assert rate(records, "checks") == (2, 3)
    assert rate(records, "assertions") == (1, 1)


def test_an_assertion_that_could_not_be_evaluated_is_a_check_that_did_not_hold() -> None:
    assert rate([assertion("paid", "failed", message="no response")], "assertions") == (0, 1)
    assert rate([assertion("paid", "errored", ["first"])], "assertions") == (1, 2)


def test_a_skipped_assertion_is_no_check_at_all() -> None:
    assert rate([assertion("paid", "skipped")], "assertions") == (0, 0)


def test_failed_and_errored_instances_did_not_pass_and_interrupted_ones_are_not_counted() -> None:
    records: list[Record] = [instance(n, outcome) for n, outcome in enumerate(get_args(InstanceOutcome))]
    assert rate(records, "instances") == (1, 3)
    assert rate(records, "iterations") == rate(records, "instances")
    assert trend(records, "instance_duration")[0] == 3


def test_a_response_time_counts_from_the_moment_an_instance_was_due() -> None:
    late: list[Record] = [instance(duration_us=10_000, response_time_us=25_000)]
    assert trend(late, "instance_response_time") == (1, 25_000)
    assert trend(late, "iteration_duration") == (1, 10_000)


def test_skipped_and_interrupted_steps_have_no_step_duration() -> None:
    records: list[Record] = [step(outcome=outcome) for outcome in ("passed", "failed", "skipped", "interrupted")]
    assert trend(records, "step_duration") == (2, 4_000)


def test_setup_and_warmup_are_outside_every_metric() -> None:
    for phase in ("setup", "teardown", "health", "token", "warmup"):
        aggregate = aggregate_of(
            [
                step(phase=phase, request=request(500), checks=["status"]),
                lone_request(request(), phase=phase),
                instance(outcome="failed", phase=phase),
                Dropped(t=START, scenario="shop", index=1, scheduled=START, phase=phase),
            ]
        )
        assert metric_summaries(aggregate) == metric_summaries(Aggregate())


def test_every_metric_a_threshold_may_name_can_be_measured() -> None:
    kinds = {metric: type(select(Aggregate(), metric)).__name__.lower() for metric in METRICS}
    assert kinds == {metric: kind.type for metric, kind in METRICS.items()}


def test_the_mean_number_of_users_does_not_depend_on_how_many_processes_share_them() -> None:
    def mean(*area_us: int) -> float | None:
        lines = [
            Health(t=START + 1, users=Users(segment=segment, now=1, most=3, area_us=each, span_us=2_500_000))
            for segment, each in enumerate(area_us)
        ]
        return metric_summaries(aggregate_of(lines))["vus"].avg

    assert mean(5_250_000) == mean(3_500_000, 1_750_000) == mean(1_750_000, 1_750_000, 1_750_000) == 2.1


def test_a_line_takes_back_what_one_before_counted_beyond_the_end_of_the_load() -> None:
    lines = [
        Health(t=START + 5, users=Users(now=3, most=3, area_us=15_000_000, span_us=5_000_000)),
        Health(t=START + 6, users=Users(now=3, most=3, area_us=-4_980_000, span_us=-1_660_000)),
    ]
    read = [msgspec.json.decode(msgspec.json.encode(each), type=Health) for each in lines]

    assert read == lines
    assert metric_summaries(aggregate_of(read))["vus"].avg == 3.0


def test_users_are_those_last_seen_their_mean_over_time_and_the_most_at_once() -> None:
    def line(t: float, segment: int, machine: int, now: int, most: int, mean: int, seconds: int) -> Record:
        users = Users(
            segment=segment, machine=machine, now=now, most=most, area_us=mean * seconds, span_us=seconds * 10**6
        )
        users.area_us *= 10**6
        return Health(t=START + t, users=users)

    records = [
        line(1, 0, 0, now=3, most=7, mean=2, seconds=1),
        line(2, 0, 0, now=5, most=8, mean=4, seconds=1),
        line(2, 1, 0, now=3, most=9, mean=3, seconds=2),
        line(2, 2, 1, now=1, most=2, mean=1, seconds=2),
        RunEnded(t=START + 3, reason="completed", counts={}, users=Users(segment=1, now=2, most=9)),
    ]

    summaries = metric_summaries(aggregate_of(records))

    vus = summaries["vus"]
    assert (vus.value, vus.avg, vus.max) == (5 + 2 + 1, 3.0 + 3.0 + 1.0, 9 + 2)
    assert (summaries["vus_max"].value, summaries["vus_max"].avg) == (11, None)


def test_lines_of_an_earlier_version_tell_no_users() -> None:
    vus = metric_summaries(aggregate_of([Health(t=START, in_flight=9)]))["vus"]
    assert (vus.value, vus.avg, vus.max) == (None, None, None)
