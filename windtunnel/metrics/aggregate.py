"""Everything that is counted while records pass, or when they are read back: the same numbers either way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from windtunnel.metrics.cube import Cube, time_of
from windtunnel.metrics.occurrences import FailureKey, NoteKey, OccurrenceSeries, explain, is_failure
from windtunnel.metrics.segments import SegmentLines
from windtunnel.metrics.series import (
    AssertionKey,
    AssertionSeries,
    HealthSeries,
    InstanceKey,
    InstanceSeries,
    RequestKey,
    RequestSeries,
    StepKey,
    StepSeries,
)
from windtunnel.model.record import (
    MAX_STEPS,
    AssertionRecord,
    Dropped,
    EffectRecord,
    FaultRecord,
    Health,
    InstanceRecord,
    PhaseRecord,
    ProxiedRecord,
    Record,
    RequestFacts,
    RequestRecord,
    RunEnded,
    RunStarted,
    StepRecord,
)
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import FailureOutcome, InstanceOutcome, TurbulencePhase

if TYPE_CHECKING:
    from windtunnel.metrics.turbulence import TurbulenceSeries

BATCH = 128
"""How many steps of one kind are counted together: cheaper than one by one, and done in 0.2 ms."""

SECOND_S = 1.0
"""The width of the windows of a run with faults."""

_OF_THE_WHOLE_RUN = frozenset({PhaseRecord, FaultRecord, ProxiedRecord, EffectRecord})
"""Records that no window counts."""

_Key = TypeVar("_Key")
_Series = TypeVar("_Series", RequestSeries, StepSeries, AssertionSeries, InstanceSeries, OccurrenceSeries)


class Aggregate(SegmentLines):
    """A sink that counts. Aggregates of workers, shards and files merge to what one would have counted.

    Memory depends on the steps of the plan and on the kinds of outcome, never on the number of requests.
    Plain data: it pickles. `last_t` is the unix time of the latest record, infinite without any. `windows` holds,
    for each width in seconds, an aggregate of every window by its number, counted from the first line of the
    segment, or from the begin of the load in a run with faults.

    `injected` counts what is not the SUT's own: steps, requests and failed instances that a fault on our own
    requests was done to. Nothing else here contains them. `phases` are those of a run with faults: the moment of
    the begin and the length in microseconds. A piece of a run, such as a window, has no counts `by_time`.
    """

    def __init__(self, *, widths_s: Iterable[float] = (), by_time: bool = True) -> None:
        super().__init__()
        self.windows = {width_s: defaultdict[int, Aggregate](_piece) for width_s in widths_s}
        self._cube = Cube() if by_time else None
        self._origin = float("-inf")
        self._counts_from_load = False
        self.injected: Aggregate | None = None
        self.phases: dict[TurbulencePhase, tuple[float, int]] = {}
        self.turbulence: TurbulenceSeries | None = None
        self.assertions: defaultdict[AssertionKey, AssertionSeries] = defaultdict(AssertionSeries)
        self.failures: defaultdict[FailureKey, OccurrenceSeries] = defaultdict(OccurrenceSeries)
        self.notes: defaultdict[NoteKey, OccurrenceSeries] = defaultdict(OccurrenceSeries)
        self.dropped: defaultdict[tuple[str, str], int] = defaultdict(int)  # (phase, scenario) -> arrivals
        self.health = HealthSeries()
        self.last_t = float("-inf")
        self._requests: defaultdict[RequestKey, RequestSeries] = defaultdict(RequestSeries)
        self._steps: defaultdict[StepKey, StepSeries] = defaultdict(StepSeries)
        self._instances: defaultdict[InstanceKey, InstanceSeries] = defaultdict(InstanceSeries)
        # What is not counted yet, by all the tags that decide where it is counted.
        self._waiting_steps: defaultdict[tuple[object, ...], list[StepRecord]] = defaultdict(list)
        self._waiting_instances: defaultdict[tuple[str, str, InstanceOutcome], list[InstanceRecord]] = defaultdict(
            list
        )
        self._waiting_requests: defaultdict[RequestKey, list[RequestRecord]] = defaultdict(list)

    @classmethod
    def for_judging(cls, thresholds: Iterable[Threshold], turbulence: Turbulence | None) -> Aggregate:
        """An empty aggregate that can answer these, and how faults were borne."""
        widths = {each.within_s for each in thresholds if each.within_s is not None}
        if turbulence is None:
            return cls(widths_s=sorted(widths))
        aggregate = cls(widths_s=sorted({*widths, SECOND_S}))
        if turbulence.control:
            aggregate._of_turbulence().begin(turbulence)
        return aggregate

    def successor(self) -> Aggregate:
        """An empty aggregate for the records that come after those of this one, in the same segment."""
        successor = Aggregate(widths_s=self.windows)
        successor._origin, successor._counts_from_load = self._origin, self._counts_from_load
        successor.turbulence = self.turbulence and self.turbulence.successor()
        return successor

    @property
    def requests(self) -> Mapping[RequestKey, RequestSeries]:
        """Every request so far: those in the line of their step and those with a line of their own."""
        self._count_waiting()
        return self._requests

    @property
    def steps(self) -> Mapping[StepKey, StepSeries]:
        """Every step so far."""
        self._count_waiting()
        return self._steps

    @property
    def instances(self) -> Mapping[InstanceKey, InstanceSeries]:
        """Every instance so far."""
        self._count_waiting()
        return self._instances

    @property
    def cube(self) -> Cube:
        """Counts by time so far; nothing of a piece of a run."""
        self._count_waiting()
        return self._cube or Cube()

    def write(self, records: Sequence[Record]) -> None:
        """Count records."""
        for record in records:
            if record.t > self.last_t:
                self.last_t = record.t
            if type(record) is StepRecord:
                (self if record.fault is None else self._spoilt(record))._step(record)
            elif type(record) is InstanceRecord:
                (self if record.fault is None else self._spoilt(record))._instance(record)
            else:
                self._other(record)
        if self.windows:
            self._write_windows(records)

    def close(self) -> None:
        """Count what was set aside to be counted together. The aggregate can still be read and merged."""
        self._count_waiting()

    def _write_windows(self, records: Sequence[Record]) -> None:
        for record in records:
            if type(record) is RunStarted:
                self._origin, self._counts_from_load = record.t, False
            elif type(record) is PhaseRecord and not self._counts_from_load:
                self._origin, self._counts_from_load = record.t, True
            if record.t < self._origin or type(record) in _OF_THE_WHOLE_RUN:
                continue  # from before the load, or counted with its own time
            for width_s, windows in self.windows.items():
                windows[int((record.t - self._origin) // width_s)].write((record,))

    def _other(self, record: Record) -> None:
        if type(record) is RequestRecord:
            (self if record.request.fault is None else self._of_injected())._request(record)
        elif type(record) is AssertionRecord:
            (self if record.fault is None else self._of_injected())._assertion(record)
        elif type(record) is Health:
            self.health.add(record)
            if self._cube is not None:
                self._cube.add_health(record)
        elif type(record) is Dropped:
            self.dropped[record.phase, record.scenario] += 1
            if self._cube is not None:
                self._cube.count_dropped(record)
        elif type(record) is RunStarted:
            self.add_first(record)
            if self.turbulence is not None:
                self.turbulence.started(record)
        elif type(record) is RunEnded:
            self.add_last(record)
            if record.users is not None:
                self.health.users.add(record.t, record.users)
                if self._cube is not None:
                    self._cube.add_users(record.t, record.users)
        elif type(record) is PhaseRecord:
            self._of_turbulence().load_began(record.t)
            self._phase(record.name, record.t + record.begin_us / 1e6, record.duration_us)
        elif isinstance(record, FaultRecord | ProxiedRecord | EffectRecord):
            self._of_turbulence().add(record)

    def _phase(self, name: TurbulencePhase, begin: float, length_us: int) -> None:
        """Take the phase of one segment; that of the run begins with the first of them."""
        known = self.phases.get(name)
        self.phases[name] = (begin if known is None else min(begin, known[0])), length_us

    def _of_turbulence(self) -> TurbulenceSeries:
        if self.turbulence is None:
            from windtunnel.metrics.turbulence import TurbulenceSeries

            self.turbulence = TurbulenceSeries()
        return self.turbulence

    def _spoilt(self, record: StepRecord | InstanceRecord) -> Aggregate:
        """Where this is counted, which a fault on our own requests was done to."""
        if self._cube is not None:
            self._cube.count_injected(record)
        return self._of_injected()

    def _of_injected(self) -> Aggregate:
        if self.injected is None:
            self.injected = _piece()
        return self.injected

    def __getstate__(self) -> dict[str, object]:
        self._count_waiting()
        return self.__dict__

    def merge(self, other: Aggregate) -> Aggregate:
        """Add what `other` counted, which keeps it; returns this aggregate."""
        self._count_waiting()
        _merge_series(self._requests, other.requests)
        _merge_series(self._steps, other.steps)
        _merge_series(self.assertions, other.assertions)
        _merge_series(self._instances, other.instances)
        _merge_series(self.failures, other.failures)
        _merge_series(self.notes, other.notes)
        for key, count in other.dropped.items():
            self.dropped[key] += count
        if other.injected is not None:
            self._of_injected().merge(other.injected)
        if self._cube is not None:
            self._cube.merge(other.cube)
        if other.turbulence is not None:
            self._of_turbulence().merge(other.turbulence)
        for name, (begin, length_us) in other.phases.items():
            self._phase(name, begin, length_us)
        self.health.merge(other.health)
        self.last_t = max(self.last_t, other.last_t)
        self.merge_lines(other)
        for width_s, windows in other.windows.items():
            mine = self.windows.setdefault(width_s, defaultdict(_piece))
            for number, window in windows.items():
                mine[number].merge(window)
        return self

    def _step(self, record: StepRecord) -> None:
        request = record.request
        key: tuple[object, ...]
        if request is None:
            key = (record.phase, record.scenario, record.step, record.outcome)
        else:
            # Method, service and "no poll" are the same whenever the line of this step has a request.
            key = (
                record.phase,
                record.scenario,
                record.step,
                record.outcome,
                request.status,
                request.error,
                request.failed,
            )
            if request.notes is not None:
                self._noted(record, request)
        waiting = self._waiting_steps[key]
        waiting.append(record)
        if len(waiting) == BATCH:
            self._count_steps(waiting)
        if record.outcome != "passed" and is_failure(record.outcome) and record.error != "nested":
            cause, said = explain(record.checks, record.error or record.outcome, record.message)
            self._failed(record, record.outcome, step=record.step, cause=cause, said=said)

    def _request(self, record: RequestRecord) -> None:
        key = RequestKey.of(record, record.request)
        if record.request.notes is not None:
            self._noted(record, record.request)
        waiting = self._waiting_requests[key]
        waiting.append(record)
        if len(waiting) == BATCH:
            self._count_requests(key, waiting)

    def _assertion(self, record: AssertionRecord) -> None:
        key = AssertionKey(record.phase, record.scenario, record.name, record.outcome)
        self.assertions[key].add(record)
        if record.outcome != "passed" and is_failure(record.outcome):
            cause, said = explain(record.checks, record.name, record.message)
            self._failed(record, record.outcome, step=record.name, cause=cause, said=said)

    def _instance(self, record: InstanceRecord) -> None:
        key = (record.phase, record.scenario, record.outcome)
        waiting = self._waiting_instances[key]
        waiting.append(record)
        if len(waiting) == BATCH:
            self._count_instances(key, waiting)
        if self.turbulence is not None:
            self.turbulence.ended(record)
        error, step = record.error, record.failed_step
        if error is not None and (step is None or error == MAX_STEPS) and is_failure(record.outcome):
            # It went wrong outside every step, or before a step began: nothing else on record says so.
            self._failed(record, record.outcome, step=step or "", cause=error, said=record.message or error)

    def _failed(
        self,
        record: StepRecord | AssertionRecord | InstanceRecord,
        outcome: FailureOutcome,
        *,
        step: str,
        cause: str,
        said: str,
    ) -> None:
        key = FailureKey(record.phase, record.scenario, step, cause, outcome)
        self.failures[key].add(record.t, record.instance_id, said)
        if self._cube is not None:
            self._cube.count_failure(key, record.t)

    def _noted(self, record: StepRecord | RequestRecord, request: RequestFacts) -> None:
        for kind, count in (request.notes or {}).items():
            self.notes[NoteKey(request.service, kind)].add(record.t, record.instance_id, record.step, count=count)

    def _count_waiting(self) -> None:
        for steps in self._waiting_steps.values():
            self._count_steps(steps)
        for key, requests in self._waiting_requests.items():
            self._count_requests(key, requests)
        for place, instances in self._waiting_instances.items():
            self._count_instances(place, instances)

    def _count_instances(self, key: tuple[str, str, InstanceOutcome], waiting: list[InstanceRecord]) -> None:
        if waiting:
            self._instances[InstanceKey(*key)].add_all(waiting)
            if self._cube is not None:
                waiting.sort(key=time_of)
                self._cube.count_instances(waiting)
            waiting.clear()

    def _count_requests(self, key: RequestKey, waiting: list[RequestRecord]) -> None:
        if waiting:
            self._requests[key].add_all([record.request for record in waiting])
            if self._cube is not None:
                waiting.sort(key=time_of)
                self._cube.count_requests(waiting)
            waiting.clear()

    def _count_steps(self, waiting: list[StepRecord]) -> None:
        """Count steps whose tags are all the same, and forget them."""
        if not waiting:
            return
        cube, sent_us = self._cube, None
        if cube is not None:
            waiting.sort(key=time_of)
        first = waiting[0]
        durations_us = self._steps[StepKey(first.phase, first.scenario, first.step, first.outcome)].add_all(
            waiting
        )
        if first.request is not None:
            requests = [record.request for record in waiting if record.request is not None]
            sent_us = self._requests[RequestKey.of(first, first.request)].add_all(requests)
        if cube is not None:
            cube.count_steps(waiting, durations_us, sent_us)
        waiting.clear()


def _piece() -> Aggregate:
    """An aggregate of a piece of a run."""
    return Aggregate(by_time=False)


def _merge_series(mine: defaultdict[_Key, _Series], theirs: Mapping[_Key, _Series]) -> None:
    for key, series in theirs.items():
        mine[key].merge(series)
