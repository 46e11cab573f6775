"""The course of a run: what a reader sees along the axis of time, and lines of block characters of it.

Every series has one value for each bucket of time; None is a bucket without one. Times of requests and steps are
milliseconds, those of successes alone: failures pile up at time limits and would hide all else.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from windtunnel.metrics.bins import Bins, add_bins, percentiles
from windtunnel.metrics.cells import InstanceCell, StepCell
from windtunnel.metrics.cube import Cube, ScenarioRow, StepRow
from windtunnel.metrics.occurrences import FailureKey
from windtunnel.metrics.series import HealthSeries

MOST_STEPS = 200
"""Steps with a series of their own. All others are taken together."""

LEVELS = "▁▂▃▄▅▆▇█"

Counts = tuple[int, ...]
Values = tuple[float | None, ...]

BandKind = Literal["stage", "phase", "fault"]
"""stage: one of the load; phase and fault: of a run with faults."""

Join = Callable[[Sequence[float]], float]
"""What is made of the values of neighbouring buckets."""

_ACell = TypeVar("_ACell", StepCell, InstanceCell)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseBand:
    """A time that has a name. `from_s` and `to_s` count from the begin of the first bucket."""

    kind: BandKind
    name: str
    level: str = ""
    warmup: bool = False
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCourse:
    """One step, or `folded` ones that are taken together, which have no name.

    `measured` and `warmup` are its cells by the place of the bucket on the axis; the series are over both.
    """

    scenario: str = ""
    step: str = ""
    folded: int = 0
    buckets: int
    measured: Mapping[int, StepCell]
    warmup: Mapping[int, StepCell] = field(default_factory=dict)

    @property
    def count(self) -> Counts:
        """Executions that ended by themselves, without those that a fault of ours was done to."""
        return self._counts(lambda cell: cell.ended)

    @property
    def failed(self) -> Counts:
        """Those of `count` that did not pass."""
        return self._counts(lambda cell: cell.failed + cell.errored)

    @property
    def p50(self) -> Values:
        """The median time of an execution that passed."""
        return self._percentile(50)

    @property
    def p95(self) -> Values:
        """The 95th percentile of the times of executions that passed."""
        return self._percentile(95)

    def _counts(self, of: Callable[[StepCell], int]) -> Counts:
        found = [0] * self.buckets
        for cells in (self.measured, self.warmup):
            for place, cell in cells.items():
                found[place] += of(cell)
        return tuple(found)

    def _percentile(self, percent: float) -> Values:
        bins = [Bins() for _ in range(self.buckets)]
        for cells in (self.measured, self.warmup):
            for place, cell in cells.items():
                add_bins(bins[place], cell.passed_us)
        return tuple(percentiles(each, (percent,))[0] / 1000 if each else None for each in bins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The whole run. `started` is the unix time at which the first bucket begins.

    `noun` is what `rate` (a second), `p50`, `p95` and `p99` speak of: requests, or instances where none was sent.
    `failures` are instances that failed or errored, `requests_failed` requests; `injected` instances failed by a
    fault of ours and are in no other series. `users` are means, `lag` is the highest p99 of a second, `cpu` the
    mean share of one core of a process of ours. `warmup` says of each bucket whether nothing measured ended in it.
    """

    started: float = 0.0
    width_s: float = 1.0
    buckets: int = 0
    noun: Literal["request", "instance"] = "request"
    rate: tuple[float, ...] = ()
    requests: Counts = ()
    requests_failed: Counts = ()
    instances: Counts = ()
    failures: Counts = ()
    injected: Counts = ()
    dropped: Counts = ()
    bytes_received: Counts = ()
    p50: Values = ()
    p95: Values = ()
    p99: Values = ()
    users: Values = ()
    lag: Values = ()
    cpu: Values = ()
    warmup: tuple[bool, ...] = ()
    steps: tuple[StepCourse, ...] = ()
    causes: Mapping[FailureKey, Counts] = field(default_factory=dict)
    bands: tuple[CourseBand, ...] = ()
    cube: Cube = field(default_factory=Cube)


def course_of(cube: Cube, *, order: Iterable[tuple[str, str]] = (), bands: Sequence[CourseBand] = ()) -> Course:
    """The series of a cube. `order` has scenario and step of those that come first; the others follow by name."""
    places = cube.buckets
    steps = _totals(cube.steps, places, StepCell)
    instances = _totals(cube.instances, places, InstanceCell)
    ended = tuple(each.ended for each in instances)
    has_requests = any(each.requests for each in steps)
    times = [each.sent_passed_us for each in steps] if has_requests else [each.passed_us for each in instances]
    p50, p95, p99 = _percentiles(times)
    measured = {number for row, cells in _rows(cube) if not row.warmup for number in cells}
    return Course(
        started=places.start * cube.width_s,
        width_s=cube.width_s,
        buckets=len(places),
        noun="request" if has_requests else "instance",
        rate=tuple(n / cube.width_s for n in ([each.requests for each in steps] if has_requests else ended)),
        requests=tuple(each.requests for each in steps),
        requests_failed=tuple(each.requests_failed for each in steps),
        instances=ended,
        failures=tuple(each.failed + each.errored for each in instances),
        injected=tuple(each.injected for each in instances),
        dropped=tuple(each.dropped for each in instances),
        bytes_received=tuple(each.bytes_received for each in steps),
        p50=p50,
        p95=p95,
        p99=p99,
        users=_users(cube),
        lag=_second_by_second(cube, lambda health: health.lag.max_us / 1000),
        cpu=_second_by_second(cube, lambda health: health.cpu),
        warmup=tuple(number not in measured for number in places),
        steps=tuple(_step_courses(cube, order)),
        causes={
            key: tuple(counts.get(number, 0) for number in places) for key, counts in sorted(cube.causes.items())
        },
        bands=tuple(bands),
        cube=cube,
    )


def blocks(series: Sequence[float | None], *, width: int = 60, join: Join = max) -> str:
    """A line of at most `width` block characters, from 0 to the highest value; a blank where there is none.

    Neighbours are joined where there are more values: by `max`, or by `sum` if they are counts.
    """
    each = -(-len(series) // width) or 1
    pieces = [series[start : start + each] for start in range(0, len(series), each)]
    known = [[value for value in piece if value is not None] for piece in pieces]
    values = [join(piece) if piece else None for piece in known]
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    return "".join(" " if value is None else block(value / top) for value in values)


def block(share: float) -> str:
    """The block character as high as a share of 1. Nothing has the lowest one: a blank is a time without data."""
    return LEVELS[max(1, min(len(LEVELS), round(share * len(LEVELS)))) - 1]


def _rows(cube: Cube) -> Iterator[tuple[StepRow | ScenarioRow, Mapping[int, object]]]:
    yield from cube.steps.items()
    yield from cube.instances.items()


def _totals(rows: Mapping[Any, Mapping[int, _ACell]], places: range, empty: Callable[[], _ACell]) -> list[_ACell]:
    """What all rows together counted in each bucket."""
    totals = [empty() for _ in places]
    for cells in rows.values():
        for number, cell in cells.items():
            totals[number - places.start].merge(cell)
    return totals


def _percentiles(times: Sequence[Bins]) -> tuple[Values, Values, Values]:
    """The 50th, 95th and 99th percentile of each bucket."""
    found = [percentiles(each, (50, 95, 99)) if each else None for each in times]
    p50, p95, p99 = (tuple(each[place] / 1000 if each else None for each in found) for place in range(3))
    return p50, p95, p99


def _step_courses(cube: Cube, order: Iterable[tuple[str, str]]) -> Iterator[StepCourse]:
    """The steps with the most executions and requests, of the same number the first by name; then all others."""
    places = cube.buckets
    weights: Counter[tuple[str, str]] = Counter()
    for row, cells in cube.steps.items():
        weights[row.scenario, row.step] += sum(cell.ended + cell.requests for cell in cells.values())
    heaviest = sorted(weights, key=lambda each: (-weights[each], each))
    kept, rest = set(heaviest[:MOST_STEPS]), heaviest[MOST_STEPS:]
    for scenario, step in dict.fromkeys([*(each for each in order if each in kept), *sorted(kept)]):
        measured, warmup = (
            _placed([cube.steps.get(StepRow(warm, scenario, step), {})], places) for warm in (False, True)
        )
        yield StepCourse(scenario=scenario, step=step, buckets=len(places), measured=measured, warmup=warmup)
    if rest:
        measured, warmup = (
            _placed([cube.steps.get(StepRow(warm, *each), {}) for each in rest], places) for warm in (False, True)
        )
        yield StepCourse(folded=len(rest), buckets=len(places), measured=measured, warmup=warmup)


def _placed(rows: Sequence[Mapping[int, StepCell]], places: range) -> dict[int, StepCell]:
    """The cells of some rows, added up, by their place on the axis."""
    if len(rows) == 1:
        return {number - places.start: cell for number, cell in sorted(rows[0].items())}
    found: dict[int, StepCell] = {}
    for cells in rows:
        for number, cell in cells.items():
            found.setdefault(number - places.start, StepCell()).merge(cell)
    return dict(sorted(found.items()))


def _second_by_second(cube: Cube, value: Callable[[HealthSeries], float]) -> Values:
    """What is known once a second, which speaks of the second before it, bucket by bucket."""
    known = {number: value(health) for number, health in cube.health.items() if health.count}
    return tuple(_covering(known, cube))


def _users(cube: Cube) -> Values:
    """The sum over all segments; a segment that nothing is known of has none."""
    segments: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for number, health in cube.health.items():
        for segment, mean in health.users.means().items():
            segments[segment][number] = mean
    each = [_covering(known, cube) for known in segments.values()]
    columns = zip(*each, strict=True) if each else [()] * len(cube.buckets)
    found = [[value for value in column if value is not None] for column in columns]
    return tuple(sum(values) if values else None for values in found)


def _covering(known: Mapping[int, float], cube: Cube) -> list[float | None]:
    """The value of each bucket; one without has that of the next one, if that comes within a second."""
    reach = math.ceil(1 / cube.width_s)
    found: list[float | None] = []
    last, value = -reach, None
    for number in reversed(cube.buckets):
        if number in known:
            last, value = number, known[number]
        found.append(value if value is not None and last - number <= reach else None)
    return found[::-1]
