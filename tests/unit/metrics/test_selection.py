from __future__ import annotations

import pytest

from tests.support.records import START, aggregate_of, assertion, instance, lone_request, request, step
from windtunnel.metrics.measure import Counter, Rate, Trend, measured_span_s, select
from windtunnel.model.manifest import StepRow
from windtunnel.model.record import FailedCheck, Record

ROWS = [
    StepRow(
        scenario="shop",
        step="browse",
        action="http",
        method="GET",
        service="shop",
        tags={"team": "a", "kind": "read"},
    ),
    StepRow(
        scenario="shop",
        step="pay",
        action="http",
        method="POST",
        service="bank",
        tags={"team": "a", "kind": "write"},
    ),
    StepRow(scenario="shop", step="paid", action="jsonpath", assertion=True, tags={"team": "a", "kind": "proof"}),
]
RECORDS: list[Record] = [
    step("browse", request=request(200, wait=1), checks=["status"]),
    step(
        "browse",
        "failed",
        request=request(503, wait=2),
        checks=[FailedCheck(name="status", expected="200", actual="503")],
    ),
    step("pay", request=request(201, wait=4, method="POST", service="bank"), checks=["status"]),
    lone_request(request(0, wait=8, error="timeout"), "pay"),
    assertion("paid", "passed", ["paid"]),
    instance(),
]


def waited(tags: dict[str, str]) -> int:
    """The sum of the waits of the requests picked out: each is another power of two, so that it names them."""
    measure = select(aggregate_of(RECORDS), "http_req_waiting", tags, ROWS)
    assert isinstance(measure, Trend)
    return measure.histogram.total_us


@pytest.mark.parametrize(
    ("tags", "sum_of_waits"),
    [
        ({}, 15),
        ({"step": "browse"}, 3),
        ({"name": "pay"}, 12),
        ({"scenario": "shop"}, 15),
        ({"scenario": "other"}, 0),
        ({"service": "bank"}, 4),
        ({"method": "POST"}, 4),
        ({"status": "503"}, 2),
        ({"status": "0"}, 8),
        ({"error": "timeout"}, 8),
        ({"expected_response": "true"}, 5),
        ({"expected_response": "false"}, 10),
        ({"kind": "write"}, 12),
        ({"team": "a", "kind": "read", "status": "200"}, 1),
        ({"team": "b"}, 0),
        ({"colour": "red"}, 0),
    ],
)
def test_tags_pick_out_requests(tags: dict[str, str], sum_of_waits: int) -> None:
    assert waited(tags) == sum_of_waits


@pytest.mark.parametrize(
    ("tags", "matches", "count"),
    [
        ({}, 3, 4),
        ({"step": "browse"}, 1, 2),
        ({"step": "paid"}, 1, 1),
        ({"service": "bank"}, 1, 1),
        ({"kind": "proof"}, 1, 1),
        ({"team": "a"}, 3, 4),
    ],
)
def test_tags_pick_out_checks_of_steps_and_assertions(tags: dict[str, str], matches: int, count: int) -> None:
    assert select(aggregate_of(RECORDS), "checks", tags, ROWS) == Rate(matches=matches, count=count)


@pytest.mark.parametrize(("tags", "count"), [({"team": "a"}, 1), ({"kind": "read"}, 0), ({"scenario": "shop"}, 1)])
def test_an_instance_has_the_tags_that_all_its_steps_share(tags: dict[str, str], count: int) -> None:
    assert select(aggregate_of(RECORDS), "instances", tags, ROWS) == Rate(matches=count, count=count)


def test_a_phase_outside_the_load_can_be_asked_for_by_name() -> None:
    aggregate = aggregate_of([lone_request(request(), phase="setup"), lone_request(request())])
    assert select(aggregate, "http_reqs", {"phase": "setup"}) == Counter(total=1, samples=1)


def test_a_metric_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        select(aggregate_of([]), "http_req_durations")


def test_the_measured_time_runs_from_the_first_start_to_the_last_end() -> None:
    aggregate = aggregate_of(
        [
            instance(0, started=START, duration_us=4_000_000),
            instance(1, "interrupted", started=START + 2, duration_us=8_000_000),
            instance(2, started=START - 60, duration_us=1_000_000, phase="warmup"),
        ]
    )
    assert measured_span_s(aggregate) == pytest.approx(10)
    assert measured_span_s(aggregate_of([])) == 0
