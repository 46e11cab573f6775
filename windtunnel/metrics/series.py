"""What is counted for one combination of tags: plain numbers and histograms, each mergeable.

Phases, scenarios, steps, services, methods, statuses, errors and outcomes make the series, so their number
depends on the plan and on what can happen, never on how often it happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from windtunnel.metrics.histogram import Histogram
from windtunnel.model.metric import own_metrics
from windtunnel.model.record import (
    AssertionRecord,
    Health,
    InstanceRecord,
    RequestFacts,
    RequestRecord,
    StepRecord,
    Users,
)
from windtunnel.model.vocabulary import ErrorKind, InstanceOutcome, Outcome

LATE_US = 5_000
"""An instance that starts more than this after it was due is late."""

_REQUEST_TIMES = {
    name: (metric.times, metric.opens) for name, metric in own_metrics("request", "trend").items() if metric.times
}
_REQUEST_TOTALS = {
    name: metric.total for name, metric in own_metrics("request", "counter").items() if metric.total
}
_INSTANCE_TIMES = {name: metric.times for name, metric in own_metrics("instance", "trend").items() if metric.times}


class RequestKey(NamedTuple):
    """The tags of a request; `failed` and `poll` as in `RequestFacts`."""

    phase: str
    scenario: str
    step: str
    service: str
    method: str
    status: int
    error: ErrorKind | None
    failed: bool
    poll: bool

    @classmethod
    def of(cls, record: StepRecord | RequestRecord, request: RequestFacts) -> RequestKey:
        """The tags of a request in a record."""
        outcome = request.status, request.error, request.failed, request.poll
        return cls(record.phase, record.scenario, record.step, request.service, request.method, *outcome)


class RequestSeries:
    """Requests of one key: their number, a histogram for each time and a sum for each counter of `METRICS`.

    One that was never sent has none of the times that begin with its first byte. `retries` counts what was sent
    beyond the first attempt; the hops of an attempt are no further ones.
    """

    __slots__ = ("count", "retries", "times", "totals")

    def __init__(self) -> None:
        self.count = self.retries = 0
        self.times = {name: Histogram() for name in _REQUEST_TIMES}
        self.totals = dict.fromkeys(_REQUEST_TOTALS, 0)

    @property
    def duration(self) -> Histogram:
        """Service times."""
        return self.times["http_req_duration"]

    def add_all(self, requests: Sequence[RequestFacts]) -> list[int]:
        """Count requests; the service times of those that were sent."""
        self.count += len(requests)
        again = [each for each in requests if each.resent or each.attempt != 1]
        self.retries += sum([(each.attempt > 1 and not each.hop) + each.resent for each in again])
        for name, total in _REQUEST_TOTALS.items():
            self.totals[name] += total(requests)
        timings = [request.timings_us for request in requests]
        # Few requests open a connection. For the others the times of opening one are 0.
        opened = [each for each in timings if each.connect or each.queue or each.dns or each.tls]
        sent = [request.timings_us for request in requests if request.bytes_sent]
        reused = len(timings) - len(opened)
        found = {name: times(opened if opens else sent) for name, (times, opens) in _REQUEST_TIMES.items()}
        for name, samples in found.items():
            self.times[name].add_all(samples, zeros=reused if _REQUEST_TIMES[name][1] else 0)
        return found["http_req_duration"]

    def merge(self, other: RequestSeries) -> None:
        """Add what `other` counted."""
        self.count += other.count
        self.retries += other.retries
        for name in _REQUEST_TOTALS:
            self.totals[name] += other.totals[name]
        for name in _REQUEST_TIMES:
            self.times[name].merge(other.times[name])


class StepKey(NamedTuple):
    """The tags of a step."""

    phase: str
    scenario: str
    step: str
    outcome: Outcome


class StepSeries:
    """Steps of one key, and the checks in them. `action` is their type.

    `held` of them kept their process from doing anything else, the longest for `held_max_us`.
    """

    __slots__ = ("action", "checks", "checks_failed", "count", "duration", "held", "held_max_us")

    def __init__(self) -> None:
        self.action = ""
        self.count = self.checks = self.checks_failed = self.held = self.held_max_us = 0
        self.duration = Histogram()

    def add_all(self, records: Sequence[StepRecord]) -> list[int]:
        """Count steps, but not the requests in their lines; the duration of each."""
        self.action = records[0].action
        self.count += len(records)
        durations_us = [record.duration_us for record in records]
        self.duration.add_all(durations_us)
        if self.action == "python":
            held_us = [record.held_us for record in records if record.held_us]
            self.held += len(held_us)
            self.held_max_us = max(self.held_max_us, *held_us, 0)
        for record in records:
            if checks := record.checks:
                self.checks += len(checks)
                for check in checks:
                    if type(check) is not str:
                        self.checks_failed += 1
        return durations_us

    def merge(self, other: StepSeries) -> None:
        """Add what `other` counted."""
        self.action = other.action or self.action
        self.count += other.count
        self.checks += other.checks
        self.checks_failed += other.checks_failed
        self.held += other.held
        self.held_max_us = max(self.held_max_us, other.held_max_us)
        self.duration.merge(other.duration)


class AssertionKey(NamedTuple):
    """The tags of an assertion."""

    phase: str
    scenario: str
    name: str
    outcome: Outcome


class AssertionSeries:
    """Assertions of one key, and the checks in them. `own` of them are of values that the user's code checked."""

    __slots__ = ("checks", "checks_failed", "count", "own")

    def __init__(self) -> None:
        self.count = self.checks = self.checks_failed = self.own = 0

    def add(self, record: AssertionRecord) -> None:
        """Count one assertion. One without checks of its own is a single check; a skipped one is none."""
        self.count += 1
        if record.outcome == "skipped":
            return
        failed = sum(type(check) is not str for check in record.checks)
        # It could not even be checked: that is one more check, and it did not hold.
        unchecked = record.outcome != "passed" and not failed
        self.checks += len(record.checks) + unchecked or 1
        self.checks_failed += failed + unchecked
        self.own += record.action == "check"

    def merge(self, other: AssertionSeries) -> None:
        """Add what `other` counted."""
        self.count += other.count
        self.checks += other.checks
        self.checks_failed += other.checks_failed
        self.own += other.own


class InstanceKey(NamedTuple):
    """The tags of an instance."""

    phase: str
    scenario: str
    outcome: InstanceOutcome


class InstanceSeries:
    """Instances of one key. `elapsed_us` sums end - start by the time stamps, to hold against the durations."""

    __slots__ = ("count", "elapsed_us", "first_start", "last_end", "late", "times")

    def __init__(self) -> None:
        self.count = self.late = self.elapsed_us = 0
        self.times = {name: Histogram() for name in _INSTANCE_TIMES}
        self.first_start, self.last_end = float("inf"), float("-inf")

    @property
    def duration(self) -> Histogram:
        """Durations from the start of an instance to its end."""
        return self.times["instance_duration"]

    def add_all(self, records: Sequence[InstanceRecord]) -> None:
        """Count instances."""
        self.count += len(records)
        for name, times in _INSTANCE_TIMES.items():
            self.times[name].add_all(times(records))
        self.late += sum([each.response_time_us - each.duration_us > LATE_US for each in records])
        starts = [record.started for record in records]
        ends = [record.t for record in records]
        # Whole microseconds: their sum does not depend on the order.
        self.elapsed_us += sum([round((end - start) * 1e6) for end, start in zip(ends, starts, strict=True)])
        self.first_start = min(self.first_start, *starts)
        self.last_end = max(self.last_end, *ends)

    def merge(self, other: InstanceSeries) -> None:
        """Add what `other` counted."""
        self.count += other.count
        self.late += other.late
        self.elapsed_us += other.elapsed_us
        for name in _INSTANCE_TIMES:
            self.times[name].merge(other.times[name])
        self.first_start = min(self.first_start, other.first_start)
        self.last_end = max(self.last_end, other.last_end)


class HealthSeries:
    """The generator's own state, second by second."""

    __slots__ = ("_cpu_ppm", "count", "lag", "lag_max_us", "late_max_us", "memory_max", "users", "usual_lag")

    def __init__(self) -> None:
        self.count = self._cpu_ppm = self.memory_max = 0
        self.lag = Histogram()  # the p99 of every second
        self.usual_lag = Histogram()  # the median of every second
        self.lag_max_us = self.late_max_us = 0
        self.users = UserSeries()

    @property
    def cpu(self) -> float:
        """Mean share of one core."""
        return self._cpu_ppm / self.count / 1e6 if self.count else 0.0

    def add(self, record: Health) -> None:
        """Count one second."""
        self.count += 1
        self._cpu_ppm += round(record.cpu * 1e6)
        self.memory_max = max(self.memory_max, record.memory)
        self.lag.add(record.lag_p99_us)
        self.usual_lag.add(record.lag_p50_us)
        self.lag_max_us = max(self.lag_max_us, record.lag_max_us)
        self.late_max_us = max(self.late_max_us, record.late_max_us)
        if record.users is not None:
            self.users.add(record.t, record.users)

    def merge(self, other: HealthSeries) -> None:
        """Add what `other` counted."""
        self.count += other.count
        self._cpu_ppm += other._cpu_ppm
        self.memory_max = max(self.memory_max, other.memory_max)
        self.lag.merge(other.lag)
        self.usual_lag.merge(other.usual_lag)
        self.lag_max_us = max(self.lag_max_us, other.lag_max_us)
        self.late_max_us = max(self.late_max_us, other.late_max_us)
        self.users.merge(other.users)


class UserSeries:
    """Users that run and instances in flight: of each segment its number, of each machine the most at a time."""

    __slots__ = ("_area_us", "_last", "_most", "_span_us")

    def __init__(self) -> None:
        self._last: dict[int, tuple[float, int]] = {}  # segment -> (t, the latest number)
        self._area_us: defaultdict[int, int] = defaultdict(int)  # segment -> the number summed over time
        self._span_us: defaultdict[int, int] = defaultdict(int)  # segment -> that time
        self._most: dict[int, int] = {}  # machine -> the most at the same time

    def __bool__(self) -> bool:
        return bool(self._last)

    @property
    def now(self) -> int:
        """The number at the end of the load, or the latest one known."""
        return sum(number for _, number in self._last.values())

    @property
    def mean(self) -> float:
        """The mean over the time of the load, rounded once: the same however many segments there are."""
        above, below = 0, 1
        for segment, (_, number) in self._last.items():
            area_us, span_us = self._area_us[segment], self._span_us[segment]
            if span_us <= 0:
                area_us, span_us = number, 1
            above, below = above * span_us + area_us * below, below * span_us
        return above / below

    def means(self) -> dict[int, float]:
        """The mean of each segment."""
        return {
            segment: self._area_us[segment] / self._span_us[segment] if self._span_us[segment] > 0 else number
            for segment, (_, number) in self._last.items()
        }

    @property
    def most(self) -> int:
        """The most at the same time; of several machines the sum, whose moments may differ."""
        return sum(self._most.values())

    def add(self, t: float, users: Users) -> None:
        """Count what one line says."""
        self._add(users.segment, (t, users.now), users.area_us, users.span_us)
        self._most[users.machine] = max(self._most.get(users.machine, 0), users.most)

    def merge(self, other: UserSeries) -> None:
        """Add what `other` counted."""
        for segment, last in other._last.items():
            self._add(segment, last, other._area_us[segment], other._span_us[segment])
        for machine, most in other._most.items():
            self._most[machine] = max(self._most.get(machine, 0), most)

    def _add(self, segment: int, last: tuple[float, int], area_us: int, span_us: int) -> None:
        self._last[segment] = max(self._last.get(segment, last), last)
        self._area_us[segment] += area_us
        self._span_us[segment] += span_us
