"""Which instances a report shows, chosen while records pass.

What is kept here are candidates: ids and times, never records. Each rule keeps the best `room` instances by an
order that depends on the instance alone, so the candidates are the same however the records are split over
workers, shards and batches, while the run goes on and when it is read back. "Drawn" is at random by the seed of
the run: the instances with the lowest hashes of their ids.

A step that passed costs nothing but a comparison for each `BATCH` of them, and that only where a threshold asks
for its time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from zlib import crc32

from windtunnel.metrics.occurrences import FailureKey
from windtunnel.metrics.series import InstanceKey, RequestKey, StepKey
from windtunnel.model.load import is_measured
from windtunnel.model.metric import METRICS, Metric
from windtunnel.model.record import AssertionRecord, InstanceRecord, RequestRecord, StepRecord
from windtunnel.model.threshold import Threshold
from windtunnel.model.vocabulary import COMPLETED

DRAWN_OF_GROUP = 4
"""Instances that are drawn of a group of failures, beside the first."""

SLOWEST_OF_SCENARIO = 25

ORDINARY = 10
"""Instances of a scenario that are kept as ordinary ones."""

SAMPLE = 100
"""Passed instances that are drawn of a scenario, among which each percentile has one with a duration near it."""

SLOWEST_OF_TIME = 3
"""Instances that are kept of each series of a time that a threshold asks for."""

_MIX = 0x9E3779B1
_MASK = 0xFFFFFFFF

T = TypeVar("T")


class _Named(Protocol):
    @property
    def instance_id(self) -> str: ...


def key_of(seed: int) -> int:
    """What `draw` takes for the seed of a run."""
    return crc32(b"%d" % seed)


def draw(key: int, instance_id: str) -> int:
    """A number of 32 bits that looks random, and is that of this instance in every run of the same seed.

    The checksum alone would be linear in the digits of an index; the product is not.
    """
    return crc32(instance_id.encode("utf-8", "replace"), key) * _MIX & _MASK


def draws(key: int, records: Sequence[InstanceRecord]) -> list[int]:
    """`draw` for the instance of each record, in a third of the time."""
    try:
        return [crc32(each.instance_id.encode(), key) * _MIX & _MASK for each in records]
    except UnicodeEncodeError:
        return [draw(key, each.instance_id) for each in records]


class Drawn:
    """The `room` instances with the lowest draws, each with a duration in microseconds."""

    __slots__ = ("kept", "room")

    def __init__(self, room: int) -> None:
        self.room = room
        self.kept: list[tuple[int, str, int]] = []  # (draw, instance id, duration), ascending

    def add(self, drawn: int, instance_id: str, us: int = 0) -> None:
        """Keep an instance if its draw is low enough."""
        kept = self.kept
        if len(kept) == self.room and drawn > kept[-1][0]:
            return
        position = bisect_left(kept, (drawn, instance_id, 0))
        if position < len(kept) and kept[position][:2] == (drawn, instance_id):
            us = max(us, kept.pop(position)[2])
        kept.insert(position, (drawn, instance_id, us))
        del kept[self.room :]

    def add_all(self, drawn: Sequence[int], records: Sequence[InstanceRecord]) -> None:
        """Keep those of several instances whose draws are low enough."""
        highest = self.kept[-1][0] if len(self.kept) == self.room else _MASK
        if min(drawn) <= highest:
            for each, record in zip(drawn, records, strict=True):
                if each <= highest:
                    self.add(each, record.instance_id, record.duration_us)

    def merge(self, other: Drawn) -> None:
        """Add what `other` kept."""
        for entry in other.kept:
            self.add(*entry)


class Slowest:
    """The `room` instances with the longest times; of one that took several, the longest. A time of 0 is none."""

    __slots__ = ("kept", "room")

    def __init__(self, room: int) -> None:
        self.room = room
        self.kept: list[tuple[int, str]] = []  # (-time, instance id), ascending

    def add_all(self, times: Sequence[int], records: Sequence[_Named]) -> None:
        """Keep those of several instances that are slow enough."""
        floor = self._floor
        if times and max(times) >= floor:
            for us, record in zip(times, records, strict=True):
                if us >= floor:
                    self.add(us, record.instance_id)
                    floor = self._floor

    def add(self, us: int, instance_id: str) -> None:
        """Keep one instance if it is slow enough."""
        known = next((entry for entry in self.kept if entry[1] == instance_id), None)
        if known is not None:
            if known[0] <= -us:
                return
            self.kept.remove(known)
        insort(self.kept, (-us, instance_id))
        del self.kept[self.room :]

    def merge(self, other: Slowest) -> None:
        """Add what `other` kept."""
        for negative, instance_id in other.kept:
            self.add(-negative, instance_id)

    @property
    def _floor(self) -> int:
        return -self.kept[-1][0] if len(self.kept) == self.room else 1


class ScenarioSample:
    """Instances of one scenario that ended in the measured load: some that passed, some of those of which every
    body was kept though they passed, and the slowest.
    """

    __slots__ = ("passed", "slowest", "whole")

    def __init__(self) -> None:
        self.passed, self.whole, self.slowest = Drawn(SAMPLE), Drawn(ORDINARY), Slowest(SLOWEST_OF_SCENARIO)

    @property
    def ordinary(self) -> list[str]:
        """The ids of ordinary ones: first those of which the bodies were kept."""
        drawn = dict.fromkeys(instance_id for _, instance_id, _ in (*self.whole.kept, *self.passed.kept))
        return list(drawn)[:ORDINARY]

    def merge(self, other: ScenarioSample) -> None:
        """Add what `other` kept."""
        self.passed.merge(other.passed)
        self.whole.merge(other.whole)
        self.slowest.merge(other.slowest)


SeriesKey = RequestKey | StepKey | InstanceKey


class Sampling:
    """The candidates of a run or a part of it. Plain data: it pickles, and merges in any order.

    `groups` has the drawn instances of each kind of failure, `scenarios` those of each scenario, `slow` the
    slowest of each series by the `times` of these names, `faults` the time and the id of the first instance that
    each fault was done to. Memory depends on the plan and on what can happen, never on how often it happened.
    """

    def __init__(self, times: Iterable[str] = ()) -> None:
        self.times = tuple(times)
        self._key = key_of(0)
        self.groups: dict[FailureKey, Drawn] = {}
        self.scenarios: dict[str, ScenarioSample] = {}
        self.slow: dict[tuple[str, SeriesKey], Slowest] = {}
        self.faults: dict[str, tuple[float, str]] = {}

    @classmethod
    def for_judging(cls, thresholds: Iterable[Threshold]) -> Sampling:
        """One that keeps what shows why these thresholds do not hold."""
        named = {METRICS[each.metric].same_as or each.metric for each in thresholds if each.op in {"<", "<="}}
        return cls(sorted(name for name in named if METRICS[name].type == "trend"))

    def successor(self) -> Sampling:
        """An empty one for the records that come after these."""
        successor = Sampling(self.times)
        successor._key = self._key
        return successor

    def seeded(self, seed: int) -> None:
        """Draw by this seed from now on."""
        self._key = key_of(seed)

    def failed(self, key: FailureKey, instance_id: str) -> None:
        """Consider an instance with a failure."""
        _at(self.groups, key, lambda: Drawn(DRAWN_OF_GROUP)).add(draw(self._key, instance_id), instance_id)

    def faulted(self, record: StepRecord | RequestRecord | AssertionRecord | InstanceRecord) -> None:
        """Consider the instance of something that a fault was done to."""
        fault = record.request.fault if isinstance(record, RequestRecord) else record.fault
        if fault is not None:
            self._faulted(fault, (record.t, record.instance_id))

    def ended(self, records: Sequence[InstanceRecord]) -> None:
        """Consider instances of one phase, scenario and outcome, at least one."""
        first = records[0]
        key = InstanceKey(first.phase, first.scenario, first.outcome)
        for name, metric in self._asked_for("instance"):
            assert metric.times is not None, f"{name} is a time"
            self._slowest(name, key).add_all(metric.times(records), records)
        if key.outcome not in COMPLETED or not is_measured(key.phase):
            return
        sample = _at(self.scenarios, key.scenario, ScenarioSample)
        sample.slowest.add_all([each.duration_us for each in records], records)
        if key.outcome == "passed":
            sample.passed.add_all(draws(self._key, records), records)
            for each in [each for each in records if each.whole]:
                sample.whole.add(draw(self._key, each.instance_id), each.instance_id)

    def steps(
        self, records: Sequence[StepRecord], durations_us: Sequence[int], sent_us: Sequence[int] | None
    ) -> None:
        """Consider steps that are counted together, at least one, and the requests in their lines.

        `durations_us` are their durations, `sent_us` those of the requests in them that were sent.
        """
        first = records[0]
        for name, _ in self._asked_for("step"):
            key = StepKey(first.phase, first.scenario, first.step, first.outcome)
            self._slowest(name, key).add_all(durations_us, records)
        if sent_us is not None:
            self.requests(records, sent_us)

    def requests(self, records: Sequence[StepRecord] | Sequence[RequestRecord], sent_us: Sequence[int]) -> None:
        """Consider requests that are counted together, each in a line of its own or in that of its step."""
        names = self._asked_for("request")
        made = [each for each in records if each.request is not None] if names else []
        if not made:
            return
        facts = [each.request for each in made if each.request is not None]
        key = RequestKey.of(made[0], facts[0])
        for name, metric in names:
            assert metric.times is not None, f"{name} is a time"
            known = name == "http_req_duration" and len(sent_us) == len(made)
            times = sent_us if known else metric.times([each.timings_us for each in facts])
            self._slowest(name, key).add_all(times, made)

    def merge(self, other: Sampling) -> None:
        """Add what `other` kept."""
        _merge(self.groups, other.groups, lambda: Drawn(DRAWN_OF_GROUP))
        _merge(self.scenarios, other.scenarios, ScenarioSample)
        _merge(self.slow, other.slow, lambda: Slowest(SLOWEST_OF_TIME))
        for fault, found in other.faults.items():
            self._faulted(fault, found)

    def _faulted(self, fault: str, found: tuple[float, str]) -> None:
        self.faults[fault] = min(self.faults.get(fault, found), found)

    def _asked_for(self, subject: str) -> list[tuple[str, Metric]]:
        rows = [(name, METRICS[name]) for name in self.times]
        return [(name, metric) for name, metric in rows if metric.family.subject == subject]

    def _slowest(self, name: str, key: SeriesKey) -> Slowest:
        return _at(self.slow, (name, key), lambda: Slowest(SLOWEST_OF_TIME))


class _Mergeable(Protocol):
    def merge(self, other: Any, /) -> None: ...


M = TypeVar("M", bound=_Mergeable)
K = TypeVar("K")


def _at(kept: dict[K, T], key: K, make: Callable[[], T]) -> T:
    found = kept.get(key)
    if found is None:
        found = kept[key] = make()
    return found


def _merge(mine: dict[K, M], theirs: Mapping[K, M], make: Callable[[], M]) -> None:
    for key, other in theirs.items():
        _at(mine, key, make).merge(other)
