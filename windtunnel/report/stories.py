"""From records to those of a few chosen instances, and which of them stand side by side.

Memory is bounded by what was chosen: each instance keeps a limited number of records, and says how many it omits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from windtunnel.model.record import InstanceRecord, StepRecord
from windtunnel.report.model import Story
from windtunnel.storage.lines import RecordOfInstance

LONGEST_STORY = 400
"""Maximum number of records of one instance; a longer story counts what it omits."""

SHORTEST_LIMIT = 50
"""The least that this is lowered to where many instances are told."""

MOST_TOLD = 40_000
"""Maximum number of records of all instances that are told, unless that lowers the limit of each too far."""

FAILURES_ALWAYS_TOLD = 20
"""Failed steps of one instance that are told beyond the limit."""


@dataclass(slots=True)
class InstanceRecords:
    """The records of one instance so far, at most `most`. Owned by `collect`."""

    records: list[RecordOfInstance] = field(default_factory=list)
    left_out: int = 0
    most: int = LONGEST_STORY

    def add(self, record: RecordOfInstance) -> None:
        """Keep one record, up to the maximum; that of the instance itself and failed steps beyond it too."""
        kept = len(self.records)
        failed = isinstance(record, StepRecord) and record.outcome in {"failed", "errored"}
        if (
            kept < self.most
            or isinstance(record, InstanceRecord)
            or (failed and kept < self.most + FAILURES_ALWAYS_TOLD)
        ):
            self.records.append(record)
        else:
            self.left_out += 1


def collect(records: Iterable[RecordOfInstance], wanted: Sequence[str]) -> dict[str, InstanceRecords]:
    """The records of the wanted instances by their id, in the order they are asked for, from among `records`.

    Of an instance without a last record the run did not see the end.
    """
    most = max(SHORTEST_LIMIT, min(LONGEST_STORY, MOST_TOLD // max(1, len(wanted))))
    kept = {instance_id: InstanceRecords(most=most) for instance_id in wanted}
    for record in records:
        instance = kept.get(record.instance_id)
        if instance is not None:
            instance.add(record)
    return {instance_id: instance for instance_id, instance in kept.items() if instance.records}


def side_by_side(stories: Sequence[Story]) -> dict[str, str]:
    """For each failing story the passing one of the same scenario that it is shown beside, by their ids.

    It is one that ran the failed step, and of which bodies were kept, if there is any; of several the one that
    began at the time nearest to the failing one.
    """
    passing: dict[str, list[_Passing]] = {}
    for story in stories:
        if story.outcome == "passed" and story.fault is None:
            passing.setdefault(story.scenario, []).append(_Passing.of(story))
    found: dict[str, str] = {}
    for story in stories:
        candidates = passing.get(story.scenario)
        if candidates and story.outcome != "passed":
            nearest = min(candidates, key=lambda each: each.distance(story))
            found[story.instance_id] = nearest.instance_id
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passing:
    """What decides how well a passing story goes with a failing one."""

    instance_id: str
    began_s: float
    passed_steps: frozenset[str]
    has_bodies: bool

    @classmethod
    def of(cls, story: Story) -> _Passing:
        return cls(
            instance_id=story.instance_id,
            began_s=story.began_s,
            passed_steps=frozenset(step.name for step in story.steps if step.outcome == "passed"),
            has_bodies=any(request.response_body for step in story.steps for request in step.requests),
        )

    def distance(self, failing: Story) -> tuple[bool, bool, float, str]:
        took_another_way = failing.failed_step is not None and failing.failed_step not in self.passed_steps
        return took_another_way, not self.has_bodies, abs(self.began_s - failing.began_s), self.instance_id
