"""Counts by time: what ended when, kept while records pass and the same when they are read back.

    Cube ─┬─ steps      row, bucket    ─▶ StepCell      outcomes, requests, bytes, durations in bins
          ├─ instances  row, bucket    ─▶ InstanceCell  outcomes, drops, durations in bins
          ├─ causes     cause, bucket  ─▶ failures
          └─ health     bucket         ─▶ HealthSeries  users, lag, CPU

Bucket n holds what ended in unix time from n * width on, up to (n + 1) * width. Each of the `WIDTHS` is a multiple
of the one before it, so that buckets of one are added up exactly to buckets of the next. A cube has the narrowest
width at which it has at most `MOST_BUCKETS` buckets and `MOST_CELLS` cells: that depends on what is counted alone,
never on its order, nor on how it was split between batches, segments and processes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple, TypeVar

from windtunnel.metrics.cells import InstanceCell, StepCell
from windtunnel.metrics.occurrences import FailureKey
from windtunnel.metrics.series import HealthSeries
from windtunnel.model.load import OUTSIDE_THE_LOAD, WARMUP
from windtunnel.model.record import Dropped, Health, InstanceRecord, RequestFacts, RequestRecord, StepRecord, Users

MOST_BUCKETS = 300
"""Buckets from the first to the last one."""

MOST_CELLS = 20_000
"""Pairs of a step and a bucket in which it ended: 300 buckets of 66 steps, or 100 of 200."""

TICKS = 8
"""Ticks of a second. A power of two, so that the edges of buckets are exact."""

WIDTHS = (
    *(1, 2, 4),  # 1/8, 1/4, 1/2 s
    *(8, 16, 32, 160),  # 1, 2, 4, 20 s
    *(480, 960, 4_800, 14_400),  # 1, 2, 10, 30 min
    *(28_800, 86_400, 691_200),  # 1, 3, 24 h
    *(6_912_000, 69_120_000, 691_200_000, 6_912_000_000),  # 10, 100, … days, for clocks that are far off
)
"""Widths in ticks."""

time_of = attrgetter("t")
"""The unix time of a record."""

_Timed = TypeVar("_Timed", StepRecord, RequestRecord, InstanceRecord)
_ACell = TypeVar("_ACell", StepCell, InstanceCell)


class StepRow(NamedTuple):
    """A step in the measured load, or in warm-up stages."""

    warmup: bool
    scenario: str
    step: str


class ScenarioRow(NamedTuple):
    """A scenario in the measured load, or in warm-up stages."""

    warmup: bool
    scenario: str


def service_times_us(requests: Iterable[RequestFacts]) -> list[int]:
    """The service times of those whose bytes were sent."""
    return [request.timings_us.duration_us for request in requests if request.bytes_sent]


class Cube:
    """Counts by time of the load, its warm-up included but told apart; setups and teardowns are in none.

    Everything is by the number of its bucket. `causes` are failures by what they have in common; the phase of a
    cause is "" in the measured load, else `warmup` or `user_setup`. Merged in any order, the result is the same.
    """

    __slots__ = ("_cells", "_first", "_last", "_level", "causes", "health", "instances", "steps")

    def __init__(self) -> None:
        self.steps: defaultdict[StepRow, dict[int, StepCell]] = defaultdict(dict)
        self.instances: defaultdict[ScenarioRow, dict[int, InstanceCell]] = defaultdict(dict)
        self.causes: defaultdict[FailureKey, Counter[int]] = defaultdict(Counter)
        self.health: dict[int, HealthSeries] = {}
        self._level = self._cells = 0
        self._first, self._last = 1 << 63, -1  # ticks

    @property
    def width_s(self) -> float:
        """The width of a bucket."""
        return self._width / TICKS

    @property
    def buckets(self) -> range:
        """The numbers of all buckets, from the first in which anything was counted to the last."""
        return range(self._first // self._width, self._last // self._width + 1) if self._last >= 0 else range(0)

    @property
    def _width(self) -> int:
        return WIDTHS[self._level]

    def count_steps(
        self, records: Sequence[StepRecord], durations_us: list[int], sent_us: list[int] | None
    ) -> None:
        """Count steps whose tags are all the same, in order of time, and the requests in their lines.

        `sent_us` are the service times of requests that were sent, None of steps without a request.
        """
        first = records[0]
        if first.phase in OUTSIDE_THE_LOAD:
            return
        row = StepRow(first.phase.startswith(WARMUP), first.scenario, first.step)
        for tick, begin, end in self._parts(records):
            cell = self._step(row, tick)
            cell.add_steps(first.outcome, durations_us[begin:end])
            if sent_us is not None:
                requests = [record.request for record in records[begin:end] if record.request is not None]
                every = len(sent_us) == len(records)
                cell.add_requests(requests, sent_us[begin:end] if every else service_times_us(requests))

    def count_requests(self, records: Sequence[RequestRecord]) -> None:
        """Count requests whose tags are all the same, in order of time."""
        first = records[0]
        if first.phase not in OUTSIDE_THE_LOAD:
            row = StepRow(first.phase.startswith(WARMUP), first.scenario, first.step)
            for tick, begin, end in self._parts(records):
                requests = [record.request for record in records[begin:end]]
                self._step(row, tick).add_requests(requests, service_times_us(requests))

    def count_instances(self, records: Sequence[InstanceRecord]) -> None:
        """Count instances whose tags are all the same, in order of time."""
        first = records[0]
        if first.phase not in OUTSIDE_THE_LOAD:
            row = ScenarioRow(first.phase.startswith(WARMUP), first.scenario)
            for tick, begin, end in self._parts(records):
                durations_us = [record.duration_us for record in records[begin:end]]
                self._instance(row, tick).add_instances(first.outcome, durations_us)

    def count_injected(self, record: StepRecord | InstanceRecord) -> None:
        """Count a step that a fault on our own requests was done to, or an instance that failed by one."""
        if record.phase in OUTSIDE_THE_LOAD:
            return
        tick, warmup = self._tick(record.t), record.phase.startswith(WARMUP)
        if isinstance(record, StepRecord):
            self._step(StepRow(warmup, record.scenario, record.step), tick).injected += 1
        else:
            self._instance(ScenarioRow(warmup, record.scenario), tick).injected += 1

    def count_dropped(self, record: Dropped) -> None:
        """Count a dropped arrival."""
        row = ScenarioRow(record.phase.startswith(WARMUP), record.scenario)
        self._instance(row, self._tick(record.t)).dropped += 1

    def count_failure(self, key: FailureKey, t: float) -> None:
        """Count a failure."""
        if key.phase not in OUTSIDE_THE_LOAD:
            key = key._replace(phase=WARMUP if key.phase.startswith(WARMUP) else "")
        elif key.phase != "user_setup":
            return
        self._cause(key, self._tick(t), 1)

    def add_health(self, record: Health) -> None:
        """Count one second of the generator's own state."""
        self._health(self._tick(record.t)).add(record)

    def add_users(self, t: float, users: Users) -> None:
        """Count the users since the last line that told of them."""
        self._health(self._tick(t)).users.add(t, users)

    def merge(self, other: Cube) -> None:
        """Add what `other` counted, which keeps it."""
        while self._level < other._level:
            self._widen()
        if other._last >= 0:
            self._cover(other._first, other._last)
        width = other._width
        for step, cells in other.steps.items():
            for number, cell in cells.items():
                self._step(step, number * width).merge(cell)
        for scenario, counted in other.instances.items():
            for number, ended in counted.items():
                self._instance(scenario, number * width).merge(ended)
        for key, counts in other.causes.items():
            for number, count in counts.items():
                self._cause(key, number * width, count)
        for number, health in other.health.items():
            self._health(number * width).merge(health)

    def coarser(self) -> Cube:
        """The same counts in buckets of the next width."""
        wide = Cube()
        wide.merge(self)
        wide._widen()
        return wide

    # ── Where in time ───────────────────────────────────────────────────────────────────────────────────────────

    def _tick(self, t: float) -> int:
        tick = int(t * TICKS)
        self._cover(tick, tick)
        return tick

    def _parts(self, records: Sequence[_Timed]) -> list[tuple[int, int, int]]:
        """Records in order of time by bucket: a tick in it, where they begin, and where they end."""
        first, last = int(records[0].t * TICKS), int(records[-1].t * TICKS)
        if first < self._first or last > self._last:
            self._cover(first, last)
        width, begin = self._width, 0
        if first // width == last // width:
            return [(first, 0, len(records))]
        parts = []
        while begin < len(records):
            number = int(records[begin].t * TICKS) // width
            end = bisect_left(records, (number + 1) * width / TICKS, begin, key=time_of)
            parts.append((number * width, begin, end))
            begin = end
        return parts

    def _cover(self, first: int, last: int) -> None:
        """Make room for everything between two ticks."""
        self._first, self._last = min(first, self._first), max(last, self._last)
        while self._last // self._width - self._first // self._width >= MOST_BUCKETS:
            self._widen()

    def _widen(self) -> None:
        """Go to the next width."""
        narrow = self._width
        self._level += 1
        ratio = self._width // narrow
        for step, cells in self.steps.items():
            self.steps[step] = _joined(cells, ratio)
        for scenario, counted in self.instances.items():
            self.instances[scenario] = _joined(counted, ratio)
        for counts in self.causes.values():
            before = list(counts.items())
            counts.clear()
            for number, count in before:
                counts[number // ratio] += count
        health, self.health = self.health, {}
        for number, seconds in health.items():
            self._health(number * narrow).merge(seconds)
        self._cells = sum(map(len, self.steps.values()))

    def _step(self, row: StepRow, tick: int) -> StepCell:
        cells = self.steps[row]
        cell = cells.get(tick // self._width)
        if cell is None:
            cell = cells[tick // self._width] = StepCell()
            self._cells += 1
            while self._cells > MOST_CELLS and self._level < len(WIDTHS) - 1:
                self._widen()
                cell = self.steps[row][tick // self._width]
        return cell

    def _instance(self, row: ScenarioRow, tick: int) -> InstanceCell:
        cells = self.instances[row]
        cell = cells.get(tick // self._width)
        if cell is None:
            cell = cells[tick // self._width] = InstanceCell()
        return cell

    def _cause(self, key: FailureKey, tick: int, count: int) -> None:
        self.causes[key][tick // self._width] += count

    def _health(self, tick: int) -> HealthSeries:
        number = tick // self._width
        health = self.health.get(number)
        if health is None:
            health = self.health[number] = HealthSeries()
        return health


def _joined(cells: dict[int, _ACell], ratio: int) -> dict[int, _ACell]:
    """Cells of the next width, which is so many times as wide."""
    joined: dict[int, _ACell] = {}
    for number, cell in cells.items():
        wide = joined.get(number // ratio)
        if wide is None:
            joined[number // ratio] = cell
        else:
            wide.merge(cell)
    return joined
