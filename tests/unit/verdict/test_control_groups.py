"""A control group: instances that no fault on our own requests touches, beside the others of the same time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.turbulent_run import Answer, TurbulentRun, down
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.record import InstanceRecord, Record
from windtunnel.model.resilience import MEASURES, GroupFigures
from windtunnel.turbulence.decision import is_in_control

SHARE = 0.25
RUN = TurbulentRun(service=down(12, 22, Answer(takes_s=0.05))).with_turbulence(control=SHARE)


def groups(run: TurbulentRun, aggregate: Aggregate | None = None) -> dict[str, GroupFigures]:
    return {group.name: group for group in run.judged(aggregate).groups}


def due_in_inject(run: TurbulentRun) -> list[InstanceRecord]:
    return [each for each in run.load() if isinstance(each, InstanceRecord) and each.phase == "inject"]


def test_instances_are_told_apart_by_their_number_alone() -> None:
    found = groups(RUN)

    control = sum(is_in_control(7, SHARE, each.index) for each in due_in_inject(RUN))  # 7 is the seed of the run
    assert (found["control"].instances, found["disturbed"].instances) == (control, 400 - control)
    assert 60 < control < 140


def test_the_seed_of_the_plan_decides_if_it_has_one() -> None:
    other = RUN.with_turbulence(seed=99)

    expected = sum(is_in_control(99, SHARE, each.index) for each in due_in_inject(RUN))
    assert groups(other)["control"].instances == expected


def test_what_happens_to_both_groups_is_no_difference_between_them() -> None:
    found = groups(RUN)

    assert found["control"].passed == found["control"].instances
    assert found["control"].p95_ms == pytest.approx(found["disturbed"].p95_ms, rel=0.01)
    assert MEASURES["behind_control"].value(RUN.judged()) == 0.0


def test_what_happens_to_the_disturbed_alone_is_the_distance_to_the_control_group() -> None:
    records: list[Record] = RUN.records()
    for record in records:
        if isinstance(record, InstanceRecord) and not is_in_control(7, SHARE, record.index) and record.index % 2:
            record.outcome = "failed"

    judged = RUN.judged(RUN.aggregate(records))

    behind = MEASURES["behind_control"].value(judged)
    assert behind is not None
    assert 0.4 < behind < 0.6


def test_workers_count_the_groups_together() -> None:
    body = [*RUN.load(), *RUN.faults(), *RUN.health()]
    ended = [RUN.ended] if RUN.ended is not None else []
    merged = Aggregate.for_judging((), RUN.turbulence)
    for number in range(3):
        part = RUN.aggregate([*RUN.head(), *body[number::3][:50]])
        rest = part.successor()
        rest.write([*body[number::3][50:], *ended])
        merged.merge(part.merge(rest))

    assert groups(RUN, merged) == groups(RUN)


def test_a_plan_without_a_control_group_has_no_groups() -> None:
    assert groups(TurbulentRun()) == {}
    assert replace(TurbulentRun()).aggregate([]).turbulence is None
