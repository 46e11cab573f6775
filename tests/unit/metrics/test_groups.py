"""Groups: their own duration, the tag of what is in them, and what is not counted twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.records import step
from windtunnel.expressions.threshold import parse_selector
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Rate, Trend, select
from windtunnel.metrics.summary import error_groups, step_summaries
from windtunnel.model.manifest import StepRow

ROWS = [
    StepRow(scenario="shop", step="browse", action="http", method="GET"),
    StepRow(scenario="shop", step="checkout", action="group", group="checkout", holds_steps=True),
    StepRow(scenario="shop", step="pay", action="http", method="POST", depth=1, group="checkout"),
    StepRow(scenario="shop", step="loop", action="repeat", depth=1, group="checkout", holds_steps=True),
]


def counted(*records: Any) -> Aggregate:
    aggregate = Aggregate()
    aggregate.write(list(records))
    return aggregate


def test_the_durations_of_groups_and_of_steps_are_told_apart() -> None:
    aggregate = counted(
        step("browse", duration_us=10),
        step("pay", duration_us=20),
        step("loop", action="repeat", duration_us=20),
        step("checkout", action="group", duration_us=30),
    )

    def durations(metric: str, **tags: str) -> list[int]:
        found = select(aggregate, metric, tags, ROWS)
        assert isinstance(found, Trend)
        return sorted({found.histogram.min_us, found.histogram.max_us}) if found.histogram.count else []

    assert durations("group_duration") == [30]
    assert durations("group_duration", group="checkout") == [30]
    assert durations("step_duration") == [10, 20]
    assert durations("step_duration", group="checkout") == [20]


def test_what_is_in_a_group_is_found_by_its_tag() -> None:
    aggregate = counted(step("browse", checks=["a"]), step("pay", checks=["a", "b"]))

    assert select(aggregate, "checks", {"group": "checkout"}, ROWS) == Rate(matches=2, count=2)


@pytest.mark.parametrize("written", ["{group:::checkout::pay}", "{group:checkout::pay}"])
def test_a_group_is_named_as_in_k6_or_without_the_colons(written: str) -> None:
    assert parse_selector(f"group_duration{written}") == ("group_duration", {"group": "checkout::pay"})


def test_a_failure_is_counted_where_it_happened_and_not_once_more_in_every_step_around() -> None:
    aggregate = counted(
        step("pay", outcome="failed", error="timeout"),
        step("checkout", action="group", outcome="failed", error="nested", message="step pay failed"),
    )

    assert [(group.step, group.count) for group in error_groups(aggregate)] == [("pay", 1)]


def test_rows_keep_their_order_and_depth() -> None:
    assert [(row.step, row.depth) for row in step_summaries(counted(), ROWS)] == [
        ("browse", 0),
        ("checkout", 0),
        ("pay", 1),
        ("loop", 1),
    ]
