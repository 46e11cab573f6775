"""From counts by time to windows: a few pieces of the measured load, all as wide as each other.

A cube has up to 300 buckets. A window is several of them, so that there is enough in it to take a percentile of.
The first and the last bucket are only partly covered by the load: they are left out where there are enough between
them, and so is what is over at the beginning, where a load starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from windtunnel.metrics.bins import Bins, add_bins, count_up_to, percentiles
from windtunnel.metrics.cells import InstanceCell, StepCell
from windtunnel.metrics.cube import Cube
from windtunnel.metrics.intervals import FEWEST_WINDOWS, of_percentile
from windtunnel.model.summary import RunWindows, WindowFigures

MOST_WINDOWS = 30
"""More say nothing more about the noise of a run. One with fewer than `FEWEST_WINDOWS` buckets has those."""

_REQUESTS_OF_A_WINDOW = 100
_MOST_WINDOWS_OF_STEPS = 3_000

_PERCENTS = (50, 95, 99)
"""Percentiles that have an interval."""

_IN_WINDOWS = (50, 95)
"""Percentiles that every window has of its own."""

_Cell = TypeVar("_Cell", StepCell, InstanceCell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of a run, and those of its steps by scenario and step."""

    run: RunWindows | None = None
    steps: Mapping[tuple[str, str], WindowFigures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """`number` windows of `size` buckets, the first of which is `start`."""

    start: int
    size: int
    number: int

    def cells(self, cells: Mapping[int, _Cell]) -> Iterator[tuple[int, _Cell]]:
        """The cells in any window, with the place of that."""
        for number, cell in cells.items():
            place = (number - self.start) // self.size
            if 0 <= place < self.number:
                yield place, cell


class _Figures:
    """What is counted in each window."""

    def __init__(self, windows: int) -> None:
        self.count, self.failed = [0] * windows, [0] * windows
        self.times: list[Bins] = [{} for _ in range(windows)]

    def add(self, place: int, count: int, failed: int, *times: Bins) -> None:
        """Count what was in one bucket."""
        self.count[place] += count
        self.failed[place] += failed
        for each in times:
            add_bins(self.times[place], each)

    def known(self) -> WindowFigures:
        """The figures of all windows."""
        total: Bins = {}
        for each in self.times:
            add_bins(total, each)
        if not total:
            return WindowFigures(count=self.count, failed=self.failed)
        found = [percentiles(each, _IN_WINDOWS) if each else None for each in self.times]
        p50, p95 = ([_ms(us[place]) if us else None for us in found] for place in range(len(_IN_WINDOWS)))
        return WindowFigures(
            count=self.count, failed=self.failed, p50=p50, p95=p95, intervals=dict(_intervals(self.times, total))
        )


def _intervals(windows: Sequence[Bins], total: Bins) -> Iterator[tuple[str, tuple[float, float]]]:
    numbers = [sum(bins.values()) for bins in windows]
    for percent, us in zip(_PERCENTS, percentiles(total, _PERCENTS), strict=True):
        below = [round(count_up_to(bins, us)) for bins in windows]
        ends = of_percentile(percent, list(zip(numbers, below, strict=True)))
        if ends is not None:
            low, high = percentiles(total, ends)
            yield f"p{percent}", (_ms(low), _ms(high))


def windows_of(cube: Cube) -> Windows:
    """The windows of the measured load; none where nothing ended in it."""
    steps = {(row.scenario, row.step): cells for row, cells in cube.steps.items() if not row.warmup}
    instances = [cells for row, cells in cube.instances.items() if not row.warmup]
    ended = [number for cells in steps.values() for number in cells]
    ended += [number for cells in instances for number in cells]
    if not ended:
        return Windows()
    requests = sum(cell.requests for cells in steps.values() for cell in cells.values())
    cut = _cut(range(min(ended), max(ended) + 1), requests=requests, steps=len(steps))
    sent, ended_instances = _Figures(cut.number), _Figures(cut.number)
    of_steps = {}
    for row, cells in steps.items():
        of_steps[row] = executed = _Figures(cut.number)
        for place, cell in cut.cells(cells):
            executed.add(place, cell.ended, cell.failed + cell.errored, cell.passed_us, cell.failed_us)
            sent.add(place, cell.requests, cell.requests_failed, cell.sent_passed_us, cell.sent_failed_us)
    for counted in instances:
        for place, ended_ in cut.cells(counted):
            failed = ended_.failed + ended_.errored
            ended_instances.add(place, ended_.passed + failed, failed)
    run = RunWindows(
        number=cut.number,
        width_s=cut.size * cube.width_s,
        started=cut.start * cube.width_s,
        requests=sent.known(),
        instances=ended_instances.known(),
    )
    return Windows(run=run, steps={row: executed.known() for row, executed in of_steps.items()})


def _cut(buckets: range, *, requests: int, steps: int) -> _Cut:
    """As many windows as have enough requests, within the limits."""
    if len(buckets) >= FEWEST_WINDOWS + 2:
        buckets = buckets[1:-1]
    wanted = min(MOST_WINDOWS, requests // _REQUESTS_OF_A_WINDOW, _MOST_WINDOWS_OF_STEPS // max(1, steps))
    size = max(1, min(-(-len(buckets) // max(1, wanted)), len(buckets) // FEWEST_WINDOWS))
    number = len(buckets) // size
    return _Cut(start=buckets.stop - number * size, size=size, number=number)


def _ms(us: float) -> float:
    """Milliseconds, to the microsecond."""
    return round(us) / 1000
