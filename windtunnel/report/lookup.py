"""Finds single instances in the records of a run: by id, by correlation id, the failed ones by time.

Any number of records is searched in bounded memory; only lines of the instance that is looked for are decoded.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from windtunnel.model.manifest import Manifest
from windtunnel.model.record import InstanceRecord
from windtunnel.report.stories import InstanceRecords
from windtunnel.storage.lines import RECORDS_OF_INSTANCES, LineDecoder, RecordOfInstance, field, lines_with
from windtunnel.storage.reader import RunIdentity

_INSTANCE = b'{"type":"instance",'
"""How the line of an instance that ended begins."""

_NOT_PASSED = (field("outcome", "failed"), field("outcome", "errored"))

_UNDER_FAULT = b'"fault":'

_FIRST_ONES = 1_000
"""Instances of a record file that are looked at for ids to name in a message."""

_SEARCHED, _LOOKED_AT = 100_000, 500
"""Instances of a record file among which those that passed are looked for, and how many of these are looked at."""

_BESIDE = 4
"""Instances that passed, of which one is compared; what differs between them says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The records of one instance, at least one, and the record file that holds them.

    `damaged` counts the lines with its id that are no records.
    """

    records: InstanceRecords
    segment: Path
    damaged: int = 0

    @property
    def instance_id(self) -> str:
        """The id of the instance."""
        return self.records.records[0].instance_id

    @property
    def ended(self) -> InstanceRecord | None:
        """The record of its end, if the run lived to see it."""
        last = self.records.records[-1]
        return last if isinstance(last, InstanceRecord) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The failed instances of a run: how many, how many more a fault of ours made fail, the id that was asked for.

    `first_by_fault` is the id of the first of those that a fault made fail.
    """

    count: int
    by_fault: int
    instance_id: str | None
    first_by_fault: str | None = None


class Lookup:
    """Finds instances in the record files of a run."""

    def __init__(self, segments: Iterable[Path], manifest: Manifest) -> None:
        self._segments = tuple(segments)
        self._decoder = LineDecoder(RunIdentity.of(manifest).run_ids)

    def instance(self, instance_id: str) -> Found | None:
        """The instance with this id, also one that did not end. Raises EvidenceError for an unreadable file."""
        return self._found("instance_id", instance_id, self._segments)

    def correlated(self, correlation_id: str) -> Found | None:
        """The instance with this correlation id. Raises EvidenceError for an unreadable file."""
        return self._found("correlation_id", correlation_id, self._segments)

    def _found(self, key: str, value: str, segments: Iterable[Path]) -> Found | None:
        """The records with this value. One instance is in one record file."""
        for segment in segments:
            if found := self._records(segment, key, [value]):
                return found[0]
        return None

    def _records(self, segment: Path, key: str, values: Sequence[str]) -> list[Found]:
        """The instances with these values that a record file has, in the order of the values."""
        instances: dict[str, InstanceRecords] = {}
        missing = set(values)
        damaged_before = self._decoder.damaged
        for line in lines_with(segment, *(field(key, value) for value in values)):
            record = self._decoder.record(line)
            if not isinstance(record, RECORDS_OF_INSTANCES) or (value := getattr(record, key)) not in missing:
                continue
            instances.setdefault(value, InstanceRecords()).add(record)
            if isinstance(record, InstanceRecord):
                missing.discard(value)
                if not missing:
                    break
        damaged = self._decoder.damaged - damaged_before
        return [
            Found(records=instances[value], segment=segment, damaged=damaged)
            for value in values
            if value in instances
        ]

    def failed(self, number: int) -> Failed:
        """The failed instances, and the id of number `number` from 1 by the time of its end.

        Those that failed by a fault that was done on purpose are counted apart. Memory grows with `number` alone.
        """
        count = by_fault = 0
        first_by_fault: tuple[float, str] | None = None
        latest: list[_Latest] = []  # the `number` first ones; at the top the last of them
        for record in self._failed():
            if record.fault is not None:
                by_fault += 1
                first_by_fault = min(
                    first_by_fault or (record.t, record.instance_id), (record.t, record.instance_id)
                )
                continue
            count += 1
            entry = _Latest((record.t, count), record.instance_id)
            if len(latest) < number:
                heapq.heappush(latest, entry)
            elif latest[0] < entry:
                heapq.heapreplace(latest, entry)
        asked = latest[0].instance_id if 0 < number == len(latest) else None
        return Failed(
            count=count,
            by_fault=by_fault,
            instance_id=asked,
            first_by_fault=first_by_fault[1] if first_by_fault else None,
        )

    def _failed(self) -> Iterator[InstanceRecord]:
        """The records of instances that failed or errored, file by file."""
        for segment in self._segments:
            for line in lines_with(segment, *_NOT_PASSED):
                if line.startswith(_INSTANCE):
                    record = self._decoder.record(line)
                    if isinstance(record, InstanceRecord) and record.outcome in {"failed", "errored"}:
                        yield record

    def passing_beside(self, found: Found) -> list[Found]:
        """Some of the first instances of the same scenario that passed without a fault, all of one record file.

        Those that were kept whole come before others, its own record file before others.
        """
        first = found.records.records[0]
        for segment in (found.segment, *(each for each in self._segments if each != found.segment)):
            passed = list(islice(self._passing(segment, first), _LOOKED_AT))
            ids = [each.instance_id for each in sorted(passed, key=lambda each: not each.whole)[:_BESIDE]]
            if ids:
                return self._records(segment, "instance_id", ids)
        return []

    def _passing(self, segment: Path, like: RecordOfInstance) -> Iterator[InstanceRecord]:
        """Instances that passed, of the scenario and the phase of a record."""
        scenario, passed = field("scenario", like.scenario), field("outcome", "passed")
        for line in islice(lines_with(segment, _INSTANCE), _SEARCHED):
            if scenario not in line or passed not in line or _UNDER_FAULT in line:
                continue
            record = self._decoder.record(line)
            if isinstance(record, InstanceRecord) and record.outcome == "passed" and record.fault is None:
                same = (record.scenario, record.phase) == (like.scenario, like.phase)
                if same and record.instance_id != like.instance_id:
                    yield record

    def some_ids(self) -> list[str]:
        """The id of an instance of each scenario that is among the first ones, for a message."""
        found: dict[str, str] = {}
        for segment in self._segments:
            for line in islice(lines_with(segment, _INSTANCE), _FIRST_ONES):
                record = self._decoder.record(line)
                if isinstance(record, InstanceRecord):
                    found.setdefault(record.scenario, record.instance_id)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class _Latest:
    """An entry of a heap that has the latest one at its top."""

    when: tuple[float, int]
    instance_id: str

    def __lt__(self, other: _Latest) -> bool:
        return self.when > other.when
