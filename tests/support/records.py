"""Records by hand, with everything that a test does not speak of left at something harmless."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.record import (
    AssertionRecord,
    Checks,
    InstanceRecord,
    Record,
    RequestFacts,
    RequestRecord,
    StepRecord,
    Timings,
)
from windtunnel.model.vocabulary import InstanceOutcome, Outcome

START = 1_700_000_000.0


def aggregate_of(records: Iterable[Record]) -> Aggregate:
    aggregate = Aggregate()
    aggregate.write(list(records))
    return aggregate


def request(status: int = 200, *, wait: int = 1_000, sent: int = 100, **fields: Any) -> RequestFacts:
    timings = fields.pop("timings", Timings(send=10, wait=wait, receive=5) if sent else Timings())
    defaults: dict[str, Any] = {
        "method": "GET",
        "url": "http://shop/",
        "service": "shop",
        "failed": status >= 400 or not status,
    }
    return RequestFacts(status=status, bytes_sent=sent, timings_us=timings, **{**defaults, **fields})


def step(
    name: str = "browse", outcome: Outcome = "passed", *, t: float = START, who: str = "shop-0", **fields: Any
) -> StepRecord:
    defaults: dict[str, Any] = {"scenario": "shop", "action": "http", "duration_us": 2_000}
    return StepRecord(
        t=t, instance_id=who, correlation_id="c", step=name, outcome=outcome, **{**defaults, **fields}
    )


def lone_request(facts: RequestFacts, name: str = "browse", *, phase: str = "") -> RequestRecord:
    return RequestRecord(
        t=START, instance_id="shop-0", correlation_id="c", scenario="shop", step=name, request=facts, phase=phase
    )


def assertion(
    name: str, outcome: Outcome, checks: Checks | None = None, message: str | None = None
) -> AssertionRecord:
    return AssertionRecord(
        t=START,
        instance_id="shop-0",
        correlation_id="c",
        scenario="shop",
        name=name,
        outcome=outcome,
        checks=checks or [],
        message=message,
    )


def instance(
    index: int = 0,
    outcome: InstanceOutcome = "passed",
    *,
    started: float = START,
    duration_us: int = 10_000,
    **fields: Any,
) -> InstanceRecord:
    defaults: dict[str, Any] = {
        "scenario": "shop",
        "scheduled": started,
        "response_time_us": duration_us,
        "t": started + duration_us / 1e6,
    }
    return InstanceRecord(
        instance_id=f"shop-{index}",
        correlation_id="c",
        index=index,
        user=0,
        outcome=outcome,
        started=started,
        duration_us=duration_us,
        **{**defaults, **fields},
    )
