"""From records to the stories of a few instances, in one pass that keeps only chosen and running instances.

Three kinds are kept: examples of an error group (their ids are known beforehand), for every time threshold that
did not hold the slowest instances (known only at the end: each finished instance is measured, then kept or
forgotten), and for every fault one that it was done to. What a fault was done to shows nothing of the SUT: it is
among no slowest ones. Memory is bounded by the instances in flight, not by the records.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from windtunnel.model.load import is_measured
from windtunnel.model.metric import METRICS, STEPS
from windtunnel.model.record import (
    AssertionRecord,
    InstanceRecord,
    Record,
    RequestFacts,
    RequestRecord,
    StepRecord,
)
from windtunnel.model.summary import ErrorGroup, ThresholdResult

RecordOfInstance = StepRecord | RequestRecord | AssertionRecord | InstanceRecord

# A plain tuple: a tenth of the time of the union, for every record there is.
RECORDS_OF_INSTANCES = (StepRecord, RequestRecord, InstanceRecord, AssertionRecord)

LONGEST_STORY = 400
"""Maximum number of records of one instance; a longer story counts what it omits."""


@dataclass(slots=True)
class InstanceRecords:
    """The records of one instance so far. Owned by `collect`."""

    records: list[RecordOfInstance] = field(default_factory=list)
    left_out: int = 0

    def add(self, record: RecordOfInstance) -> None:
        """Keep one record, up to the maximum; the record of the instance itself is always kept."""
        if len(self.records) < LONGEST_STORY or isinstance(record, InstanceRecord):
            self.records.append(record)
        else:
            self.left_out += 1


Measure = Callable[[InstanceRecords], int]
"""How long the instance took by some metric, in microseconds; -1 when the metric does not apply."""


class Choice(Protocol):
    """Keeps some of the instances that it is shown when they have ended."""

    def consider(self, instance_id: str, instance: InstanceRecords) -> None:
        """Keep the instance, or forget it."""

    def found(self) -> Iterator[tuple[str, InstanceRecords]]:
        """(instance id, records) of those that are kept."""


class Slowest:
    """Keeps the `count` slowest instances by one measure."""

    def __init__(self, measure: Measure, *, count: int = 3) -> None:
        self._measure = measure
        self._count = count
        self._heap: list[tuple[int, str, InstanceRecords]] = []

    def consider(self, instance_id: str, instance: InstanceRecords) -> None:
        """Keep the instance if it is among the slowest so far."""
        value = self._measure(instance)
        if value < 0:
            return
        entry = (value, instance_id, instance)
        if len(self._heap) < self._count:
            heapq.heappush(self._heap, entry)
        elif value > self._heap[0][0]:
            heapq.heapreplace(self._heap, entry)

    def found(self) -> Iterator[tuple[str, InstanceRecords]]:
        """(instance id, records), the slowest first."""
        for _, instance_id, instance in sorted(self._heap, key=lambda entry: (-entry[0], entry[1])):
            yield instance_id, instance


class OneOfEachFault:
    """Keeps the first instance that each of some faults was done to; `of_fault` has its id by the fault's name."""

    def __init__(self, faults: Iterable[str]) -> None:
        self._missing = set(faults)
        self._kept: dict[str, InstanceRecords] = {}
        self.of_fault: dict[str, str] = {}

    @property
    def wanted(self) -> bool:
        """Whether there is a fault without one."""
        return bool(self._missing)

    def consider(self, instance_id: str, instance: InstanceRecords) -> None:
        """Keep the instance if it is the first one for some fault."""
        if not self.wanted:
            return
        for name in self._missing.intersection(filter(None, map(_fault_of, instance.records))):
            self._missing.discard(name)
            self.of_fault[name] = instance_id
            self._kept[instance_id] = instance

    def found(self) -> Iterator[tuple[str, InstanceRecords]]:
        """(instance id, records), in the order in which they ended."""
        yield from self._kept.items()


def _fault_of(record: RecordOfInstance) -> str | None:
    """The fault that was done to what a record tells."""
    return record.request.fault if isinstance(record, RequestRecord) else record.fault


def choose_failing(groups: Sequence[ErrorGroup], *, each: int = 5, total: int = 40) -> list[str]:
    """Ids of examples for the error groups, in their order.

    Room is given to the first of every group, then to the second of every group, and so on.
    """
    chosen: dict[str, int] = {}
    for rank in range(each):
        for position, group in enumerate(groups):
            if rank < len(group.instances) and len(chosen) < total:
                chosen.setdefault(group.instances[rank], position)
    return sorted(chosen, key=chosen.__getitem__)


def collect(
    records: Iterable[Record], wanted: Sequence[str], choices: Sequence[Choice]
) -> tuple[dict[str, InstanceRecords], dict[str, InstanceRecords]]:
    """(the wanted instances in the order they were asked for, the chosen ones), by id.

    Reads no further than it must: when only wanted ids are looked for, until the last of them has ended.
    """
    missing = set(wanted)
    kept: dict[str, InstanceRecords] = {}
    open_: dict[str, InstanceRecords] = {}
    for record in records:
        if not isinstance(record, RECORDS_OF_INSTANCES):
            continue
        instance_id = record.instance_id
        if not choices and instance_id not in missing:
            continue
        instance = open_.get(instance_id)
        if instance is None:
            instance = open_[instance_id] = InstanceRecords()
        instance.add(record)
        if not isinstance(record, InstanceRecord):
            continue
        del open_[instance_id]
        for choice in choices:
            choice.consider(instance_id, instance)
        if instance_id in missing:
            missing.discard(instance_id)
            kept[instance_id] = instance
            if not missing and not choices:
                break
    # A run that did not finish: some of the wanted have no last line.
    kept.update((instance_id, instance) for instance_id, instance in open_.items() if instance_id in missing)
    ordered = {instance_id: kept[instance_id] for instance_id in wanted if instance_id in kept}
    return ordered, dict(entry for choice in choices for entry in choice.found())


def slowest_for(result: ThresholdResult) -> Slowest | None:
    """The collector of the instances that show why a time threshold did not hold; None for another threshold."""
    too_slow = result.result in {"fail", "inconclusive"} and result.operator in {"<", "<="}
    if not too_slow or not set(result.tags) <= set(_TAGS):
        return None
    metric = METRICS[result.metric]
    tags = result.tags
    if metric.family is STEPS:
        return Slowest(lambda instance: max((r.duration_us for r in _steps(instance, tags)), default=-1))
    times = metric.times
    if times is None:
        return None
    if metric.family.subject == "instance":
        return Slowest(lambda instance: max(times(list(_instances(instance, tags))), default=-1))
    return Slowest(lambda instance: max(times([f.timings_us for f in _requests(instance, tags)]), default=-1))


_TAGS = ("scenario", "step", "name", "service", "method", "status", "error")


def _instances(instance: InstanceRecords, tags: Mapping[str, str]) -> Iterator[InstanceRecord]:
    for record in instance.records:
        if not isinstance(record, InstanceRecord) or record.fault is not None or not is_measured(record.phase):
            continue
        if tags.get("scenario", record.scenario) == record.scenario:
            yield record


def _steps(instance: InstanceRecords, tags: Mapping[str, str]) -> Iterator[StepRecord]:
    for record in instance.records:
        if isinstance(record, StepRecord) and record.fault is None and _same_step(record, tags):
            yield record


def _requests(instance: InstanceRecords, tags: Mapping[str, str]) -> Iterator[RequestFacts]:
    for record in instance.records:
        if isinstance(record, (StepRecord, RequestRecord)) and _same_step(record, tags):
            facts = record.request
            if facts is not None and facts.fault is None and facts.bytes_sent and _same_request(facts, tags):
                yield facts


def _same_step(record: StepRecord | RequestRecord, tags: Mapping[str, str]) -> bool:
    return (
        is_measured(record.phase)
        and tags.get("scenario", record.scenario) == record.scenario
        and tags.get("step", record.step) == record.step
        and tags.get("name", record.step) == record.step
    )


def _same_request(facts: RequestFacts, tags: Mapping[str, str]) -> bool:
    return (
        tags.get("service", facts.service) == facts.service
        and tags.get("method", facts.method) == facts.method
        and tags.get("status", str(facts.status)) == str(facts.status)
        and tags.get("error", facts.error or "") == (facts.error or "")
    )
