"""The counts by time as the page's script reads them: sparse, and each place as its distance from the one before.

    series   how many buckets further, count, …
    cells    how many buckets further, number of bins, (how many bins further, count) …, …

Buckets count from the first one of the cube, bins from the lowest one that has a sample anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from windtunnel.metrics.bins import Bins, upper_us
from windtunnel.metrics.cells import StepCell
from windtunnel.metrics.cube import Cube, StepRow
from windtunnel.metrics.occurrences import FailureKey
from windtunnel.model.summary import Summary
from windtunnel.report.course import Course, course_of
from windtunnel.report.wording import requests_beside

MOST_ENTRIES = 90_000
"""Bins with samples in all cells of a page; with more of them it has wider buckets than the run kept."""

FEWEST_BUCKETS = 30
"""Time is not told in fewer of them to keep a page small."""

COUNTS = ("passed", "failed", "errored", "skipped", "interrupted")
BINS = ("passed_us", "failed_us", "sent_passed_us", "sent_failed_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCube:
    """What the script reads of a cube: `axis` belongs to the document, `counts` is a part of its own."""

    axis: dict[str, Any]
    counts: dict[str, Any]


def page_cube(course: Course, summary: Summary, *, most_entries: int = MOST_ENTRIES) -> PageCube:
    """The counts of the steps and errors of a summary, in its order; the requests of all as one.

    An assertion has none, nor has a step that never ended.
    """
    cube, users, lag = course.cube, course.users, course.lag
    beside = {
        (row.scenario, row.step)
        for row in summary.steps
        if requests_beside(row, summary.soundness.lag_p99_ms) is not None
    }
    while _entries(cube, beside) > most_entries and len(cube.buckets) > FEWEST_BUCKETS:
        cube = cube.coarser()
        wide = course_of(cube)
        users, lag = wide.users, wide.lag
    packing = _Packing(cube)
    rows = [cube.steps.get(StepRow(False, row.scenario, row.step)) for row in summary.steps]
    measured, warmup = (
        _together([cells for row, cells in cube.steps.items() if row.warmup is warm]) for warm in (False, True)
    )
    counts = {
        "steps": [
            None if cells is None else packing.step(cells, with_requests=(row.scenario, row.step) in beside)
            for row, cells in zip(summary.steps, rows, strict=True)
        ],
        "requests": packing.requests(measured),
        "warmup": packing.requests(warmup),
        "instances": packing.instances(),
        "causes": [
            packing.series(cube.causes.get(FailureKey(g.phase, g.scenario, g.step, g.cause, g.outcome), {}))
            for g in summary.errors
        ],
        "users": [value if value is None else round(value, 2) for value in users],
        "lag": lag,
    }
    axis = {
        "width_s": cube.width_s,
        "buckets": len(cube.buckets),
        "first_bucket_unix": cube.buckets.start * cube.width_s,
        "bins": packing.edges,
    }
    return PageCube(axis=axis, counts=counts)


def _entries(cube: Cube, beside: Collection[tuple[str, str]]) -> int:
    """Bins with samples in all cells that the page has; those of all requests together are few beside them."""
    return sum(
        len(getattr(cell, name))
        for row, cells in cube.steps.items()
        for cell in cells.values()
        for name in (BINS if (row.scenario, row.step) in beside else BINS[:2])
    )


def _together(rows: Sequence[Mapping[int, StepCell]]) -> dict[int, StepCell]:
    """The cells of several steps as those of one."""
    found: dict[int, StepCell] = {}
    for cells in rows:
        for number, cell in cells.items():
            found.setdefault(number, StepCell()).merge(cell)
    return found


class _Packing:
    """Makes flat lists of a cube. `edges` are the lower bounds of all bins, and the end of the last."""

    def __init__(self, cube: Cube) -> None:
        self._cube, self._first = cube, cube.buckets.start
        lowers = {
            lower
            for cells in cube.steps.values()
            for cell in cells.values()
            for name in BINS
            for lower in getattr(cell, name)
        }
        self.edges = _edges(min(lowers), max(lowers)) if lowers else [0, 1]
        self._places = {lower: place for place, lower in enumerate(self.edges)}

    def step(self, cells: Mapping[int, StepCell], *, with_requests: bool) -> dict[str, Any]:
        """One step. Where its requests take as long as itself, their times are not told apart."""
        found = self._counts(cells, COUNTS) | {"latency": self._latency(cells, "passed_us", "failed_us")}
        return found | self.requests(cells) if with_requests else found

    def requests(self, cells: Mapping[int, StepCell]) -> dict[str, Any]:
        """The requests of one step, or of all together."""
        found = self._counts(cells, ("requests", "requests_failed"))
        return found | {"requests_latency": self._latency(cells, "sent_passed_us", "sent_failed_us")}

    def instances(self) -> dict[str, list[int]]:
        """Of all scenarios together; without warm-up, as in the key figures."""
        cells = [cells for row, cells in self._cube.instances.items() if not row.warmup]
        found = {}
        for name in ("passed", "failed", "errored", "interrupted", "dropped"):
            counts: dict[int, int] = {}
            for by_bucket in cells:
                for number, cell in by_bucket.items():
                    counts[number] = counts.get(number, 0) + getattr(cell, name)
            found[name] = self.series(counts)
        return found

    def series(self, counts: Mapping[int, int]) -> list[int]:
        flat: list[int] = []
        before = self._first
        for number, count in sorted(counts.items()):
            if count:
                flat += (number - before, count)
                before = number
        return flat

    def _counts(self, cells: Mapping[int, StepCell], names: Sequence[str]) -> dict[str, Any]:
        return {
            name: self.series({number: getattr(cell, name) for number, cell in cells.items()}) for name in names
        }

    def _latency(self, cells: Mapping[int, StepCell], passed: str, failed: str) -> dict[str, list[int]]:
        return {
            word: self._cells({number: getattr(cell, name) for number, cell in cells.items()})
            for word, name in (("passed", passed), ("failed", failed))
        }

    def _cells(self, cells: Mapping[int, Bins]) -> list[int]:
        flat: list[int] = []
        before = self._first
        for number, bins in sorted(cells.items()):
            if bins:
                flat += (number - before, len(bins))
                before = number
                places = sorted((self._places[lower], count) for lower, count in bins.items())
                for (last, _), (place, count) in pairwise([(0, 0), *places]):
                    flat += (place - last, count)
        return flat


def _edges(lowest: int, highest: int) -> list[int]:
    edges = [lowest]
    while edges[-1] <= highest:
        edges.append(upper_us(edges[-1]))
    return edges
