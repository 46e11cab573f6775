from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.records import START, aggregate_of, assertion, instance, lone_request, request, step
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.occurrences import EXAMPLES, LONGEST_EXAMPLE
from windtunnel.metrics.summary import (
    error_groups,
    instances_by_outcome,
    metric_summaries,
    note_groups,
    step_summaries,
)
from windtunnel.model.manifest import StepRow
from windtunnel.model.record import FailedCheck, Record, StepRecord
from windtunnel.model.vocabulary import Outcome

ROWS = [
    StepRow(scenario="shop", step="pay", action="http", method="POST", file="shop.yaml", line=9),
    StepRow(scenario="shop", step="browse", action="http", method="GET"),
    StepRow(scenario="shop", step="rest", action="pause"),
    StepRow(scenario="shop", step="paid", action="jsonpath", assertion=True),
]


def test_steps_stand_in_the_order_of_the_plan_and_one_that_never_ran_has_zeros() -> None:
    summaries = step_summaries(aggregate_of([step("browse", request=request())]), ROWS)
    assert [(row.step, row.count, row.requests) for row in summaries] == [
        ("pay", 0, 0),
        ("browse", 1, 1),
        ("rest", 0, 0),
        ("paid", 0, 0),
    ]
    assert (summaries[0].file, summaries[0].line, summaries[0].latency.max) == ("shop.yaml", 9, 0)


def test_a_step_row_counts_every_outcome_and_its_requests() -> None:
    outcomes: list[Outcome] = ["passed", "passed", "failed", "errored", "skipped", "interrupted"]
    aggregate = aggregate_of(
        [
            *(step("pay", outcome, error="template") for outcome in outcomes),
            lone_request(request(404, poll=True), "pay"),
            lone_request(request(500), "pay"),
        ]
    )
    pay = step_summaries(aggregate, ROWS)[0]
    assert (pay.count, pay.passed, pay.failed, pay.errored, pay.skipped, pay.interrupted) == (6, 2, 1, 1, 1, 1)
    assert (pay.requests, pay.requests_failed) == (2, 1)


def test_the_latency_of_a_step_is_its_own_and_that_of_its_requests_stands_beside_it() -> None:
    aggregate = aggregate_of(
        [
            step("browse", duration_us=9_000, request=request(wait=985)),
            step("rest", duration_us=7_000),
            step("rest", "skipped", duration_us=0),
        ]
    )
    _, browse, rest, _ = step_summaries(aggregate, ROWS)
    assert (browse.latency.count, browse.latency.max) == (1, 9.0)
    assert browse.request_latency is not None
    assert (browse.request_latency.count, browse.request_latency.max) == (1, 1.0)
    assert (rest.latency.count, rest.latency.min, rest.latency.max) == (1, 7.0, 7.0)
    assert rest.request_latency is None


def test_times_of_requests_that_are_those_of_the_step_are_not_told_twice() -> None:
    (browse,) = step_summaries(
        aggregate_of([step("browse", duration_us=1_000, request=request(wait=985))]), [ROWS[1]]
    )
    assert (browse.latency.max, browse.request_latency) == (1.0, None)


@pytest.mark.parametrize(
    ("sent", "retries"),
    [
        ([{}], 0),
        ([{"attempt": 1}, {"attempt": 2}, {"attempt": 3}], 2),
        ([{"hop": True}, {}], 0),
        (
            [
                {"hop": True},
                {"attempt": 1},
                {"attempt": 2, "hop": True},
                {"attempt": 2, "hop": True},
                {"attempt": 2},
            ],
            1,
        ),
        ([{"poll": True}, {"poll": True}, {}], 0),
        ([{"resent": True}], 1),
        ([{"poll": True, "resent": True}, {}], 1),
        ([{"attempt": 1}, {"attempt": 2, "resent": True}], 2),
    ],
    ids=["one", "attempts", "hops", "hops of two attempts", "polls", "resent", "poll resent", "attempt resent"],
)
def test_what_is_sent_beyond_the_first_attempt_is_counted(sent: list[dict[str, Any]], retries: int) -> None:
    alone = aggregate_of([lone_request(request(**fields)) for fields in sent])
    merged = Aggregate()
    for fields in sent:
        merged.merge(aggregate_of([lone_request(request(**fields))]))
    embedded = aggregate_of([step("browse", request=request(**fields)) for fields in sent])

    for aggregate in (alone, merged, embedded):
        assert [row.retries for row in step_summaries(aggregate, [ROWS[1]])] == [retries]


def test_attempts_outside_the_load_are_in_no_row() -> None:
    aggregate = aggregate_of([lone_request(request(attempt=2), phase=phase) for phase in ("setup", "warmup:one")])
    assert [row.retries for row in step_summaries(aggregate, [ROWS[1]])] == [0]


def test_an_assertion_has_a_row_of_its_own() -> None:
    aggregate = aggregate_of([assertion("paid", "passed", ["paid"]), assertion("paid", "skipped")])
    paid = step_summaries(aggregate, ROWS)[3]
    assert (paid.count, paid.passed, paid.skipped) == (2, 1, 1)


def test_failures_are_grouped_by_cause_with_the_most_frequent_first() -> None:
    wrong = FailedCheck(name="status", expected="200", actual="503")
    aggregate = aggregate_of(
        [
            step("pay", "failed", t=START + 1, who="shop-1", checks=["total", wrong]),
            step("browse", "failed", t=START + 2, who="shop-2", error="timeout", message="after 30 s"),
            step("browse", "failed", t=START + 3, who="shop-3", error="timeout", message="after 31 s"),
            *(instance(index) for index in range(4)),
        ]
    )
    timeouts, status = error_groups(aggregate)
    assert (timeouts.cause, timeouts.count, timeouts.share, timeouts.example) == ("timeout", 2, 0.5, "after 30 s")
    assert (timeouts.first_t, timeouts.last_t, timeouts.instances) == (START + 2, START + 3, ["shop-2", "shop-3"])
    assert (status.cause, status.step, status.example) == ("status", "pay", "expected 200 but got 503")


def test_one_cause_in_several_stages_is_one_group_and_that_of_a_section_another() -> None:
    def failed(t: float, phase: str) -> StepRecord:
        return replace(step(outcome="failed", error="timeout", t=START + t, who=f"shop-{t}"), phase=phase)

    groups = error_groups(
        aggregate_of([failed(3, "recover"), failed(1, "inject"), failed(2, "user_setup"), failed(0, "warmup:up")])
    )
    assert [(group.phase, group.count, group.instances) for group in groups] == [
        ("", 2, ["shop-1", "shop-3"]),
        ("user_setup", 1, ["shop-2"]),
    ]


@pytest.mark.parametrize(
    ("error", "cause"),
    [("refused", "refused"), ("extract", "status"), (None, "status")],
    ids=["a transport error comes first", "another error comes after the check", "no error at all"],
)
def test_the_cause_is_what_went_wrong_first(error: str | None, cause: str) -> None:
    failed = FailedCheck(name="status", expected="200", actual="refused")
    (group,) = error_groups(aggregate_of([step(outcome="failed", error=error, checks=[failed])]))
    assert group.cause == cause


def test_a_group_names_the_first_few_instances_by_time_and_each_once() -> None:
    records = [
        step(outcome="failed", error="reset", t=START + n % 10, who=f"shop-{n % 10}") for n in range(99, 0, -1)
    ]
    (group,) = error_groups(aggregate_of(records))
    assert group.count == 99
    assert group.instances == [f"shop-{n}" for n in range(EXAMPLES)]


def test_an_example_is_cut_to_a_bounded_length() -> None:
    (group,) = error_groups(aggregate_of([step(outcome="errored", error="template", message="x" * 10**5)]))
    assert len(group.example) == LONGEST_EXAMPLE


def test_an_instance_that_went_wrong_outside_every_step_is_a_group_of_its_own() -> None:
    outside = instance(outcome="errored", error="template", message="no variable x")
    inside = instance(1, "failed", error="timeout", failed_step="pay")
    (group,) = error_groups(aggregate_of([outside, inside]))
    assert (group.step, group.cause, group.outcome, group.example) == ("", "template", "errored", "no variable x")


def test_a_failed_assertion_is_a_group_with_its_name() -> None:
    (group,) = error_groups(aggregate_of([assertion("paid", "failed", message="no response")]))
    assert (group.step, group.cause, group.example) == ("paid", "paid", "no response")


def test_every_metric_is_in_the_summary_even_when_nothing_was_counted() -> None:
    summaries = metric_summaries(Aggregate())
    assert summaries["http_req_duration"].distribution is not None
    assert (summaries["instances"].rate, summaries["http_reqs"].rate, summaries["vus"].value) == (None, None, None)


def test_counters_have_a_rate_per_second_of_the_measured_time() -> None:
    aggregate = aggregate_of(
        [
            *(lone_request(request(bytes_received=500)) for _ in range(30)),
            instance(started=START, duration_us=10_000_000),
        ]
    )
    summaries = metric_summaries(aggregate)
    assert summaries["http_reqs"].rate == pytest.approx(3)
    assert summaries["data_received"].count == 15_000
    assert summaries["data_received"].rate == pytest.approx(1_500)


def test_instances_are_told_by_outcome() -> None:
    outcomes = instances_by_outcome(aggregate_of([instance(0), instance(1), instance(2, "interrupted")]))
    assert (outcomes["passed"], outcomes["interrupted"], outcomes["failed"]) == (2, 1, 0)


def test_notes_on_responses_are_counted_by_service_and_name_the_first_instances() -> None:
    records: list[Record] = [
        step("login", t=START + 2, who="shop-1", request=request(notes={"cookie_domain": 2})),
        step("login", t=START + 1, who="shop-0", request=request(notes={"cookie_domain": 1, "bare_line_feed": 1})),
        lone_request(request(service="pay", notes={"bare_line_feed": 1}), "pay", phase="setup"),
        step("browse", request=request()),
    ]
    told = [(note.service, note.message, note.step, note.instances) for note in note_groups(aggregate_of(records))]
    assert told == [
        ("pay", "1 response: lines end in a bare line feed", "pay", ["shop-0"]),
        ("shop", "3 cookies refused: Domain is not that of the server", "login", ["shop-0", "shop-1"]),
        ("shop", "1 response: lines end in a bare line feed", "login", ["shop-0"]),
    ]


def test_notes_are_the_same_however_the_records_were_split() -> None:
    records = [
        step("login", t=START + n, who=f"shop-{n}", request=request(notes={"cookie_size": n})) for n in range(1, 9)
    ]
    apart = Aggregate()
    for record in reversed(records):
        apart.merge(aggregate_of([record]))
    assert note_groups(apart) == note_groups(aggregate_of(records))
