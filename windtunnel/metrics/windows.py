"""From counts by time to windows: a few pieces of the measured load, all as wide as each other.

A cube has up to 300 buckets. A window is several of them, so that there is enough in it to take a percentile of.
The first and the last bucket are only partly covered by the load: they are left out where there are enough between
them, and so is what is over at the beginning, where a load starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict, TypeVar

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


class _Times(TypedDict, total=False):
    p50: list[float | None]
    p95: list[float | None]
    intervals: dict[str, tuple[float, float]]


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

    def joined(self, parts: Iterable[Mapping[int, _Cell]], empty: Callable[[], _Cell]) -> list[_Cell]:
        """What all the parts together counted in each window."""
        found = [empty() for _ in range(self.number)]
        for cells in parts:
            for number, cell in cells.items():
                place = (number - self.start) // self.size
                if 0 <= place < self.number:
                    found[place].merge(cell)
        return found


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
    joined = {place: cut.joined([cells], StepCell) for place, cells in steps.items()}
    counted = cut.joined(instances, InstanceCell)
    run = RunWindows(
        number=cut.number,
        width_s=cut.size * cube.width_s,
        started=cut.start * cube.width_s,
        requests=_of_requests([[cells[place] for cells in joined.values()] for place in range(cut.number)]),
        instances=WindowFigures(
            count=[each.passed + each.failed + each.errored for each in counted],
            failed=[each.failed + each.errored for each in counted],
        ),
    )
    return Windows(run=run, steps={place: _of_step(cells) for place, cells in joined.items()})


def _cut(buckets: range, *, requests: int, steps: int) -> _Cut:
    """As many windows as have enough requests, within the limits."""
    if len(buckets) >= FEWEST_WINDOWS + 2:
        buckets = buckets[1:-1]
    wanted = min(MOST_WINDOWS, requests // _REQUESTS_OF_A_WINDOW, _MOST_WINDOWS_OF_STEPS // max(1, steps))
    size = max(1, min(-(-len(buckets) // max(1, wanted)), len(buckets) // FEWEST_WINDOWS))
    number = len(buckets) // size
    return _Cut(start=buckets.stop - number * size, size=size, number=number)


def _of_requests(windows: list[list[StepCell]]) -> WindowFigures:
    return WindowFigures(
        count=[sum(cell.requests for cell in cells) for cells in windows],
        failed=[sum(cell.requests_failed for cell in cells) for cells in windows],
        **_times([[*(c.sent_passed_us for c in cells), *(c.sent_failed_us for c in cells)] for cells in windows]),
    )


def _of_step(windows: list[StepCell]) -> WindowFigures:
    return WindowFigures(
        count=[cell.ended for cell in windows],
        failed=[cell.failed + cell.errored for cell in windows],
        **_times([[cell.passed_us, cell.failed_us] for cell in windows]),
    )


def _times(windows: list[list[Bins]]) -> _Times:
    """Percentiles in milliseconds, None in a window without a time, and the intervals of those of all windows."""
    joined = [_together(parts) for parts in windows]
    total = _together(joined)
    if not total:
        return {}
    each = [percentiles(bins, _IN_WINDOWS) if bins else None for bins in joined]
    counts = [sum(bins.values()) for bins in joined]
    known = {}
    for percent, us in zip(_PERCENTS, percentiles(total, _PERCENTS), strict=True):
        below = [round(count_up_to(bins, us)) for bins in joined]
        ends = of_percentile(
            percent, list(zip(counts, below, strict=True)), lambda share: percentiles(total, (share,))[0]
        )
        if ends is not None:
            known[f"p{percent}"] = (_ms(ends[0]), _ms(ends[1]))
    p50, p95 = ([_ms(found[place]) if found else None for found in each] for place in range(len(_IN_WINDOWS)))
    return {"p50": p50, "p95": p95, "intervals": known}


def _together(parts: Iterable[Bins]) -> Bins:
    found: Bins = {}
    for bins in parts:
        add_bins(found, bins)
    return found


def _ms(us: float) -> float:
    """Milliseconds, to the microsecond."""
    return round(us) / 1000
