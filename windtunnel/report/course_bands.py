"""What times of a run are called: its warm-up, the phases of a run with faults, and each fault that was on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.cube import Cube
from windtunnel.model.load import OUTSIDE_THE_LOAD, is_measured
from windtunnel.model.manifest import Manifest
from windtunnel.model.resilience import Resilience
from windtunnel.model.summary import Summary
from windtunnel.report.course import CourseBand
from windtunnel.verdict.resilience_faults import load_began

MOST_FAULTS = 20
"""Faults whose times are named; the table of faults has all of them."""


def course_bands(aggregate: Aggregate, manifest: Manifest, summary: Summary) -> list[CourseBand]:
    """The bands of a course, in seconds from the begin of its first bucket."""
    cube = aggregate.cube
    if not cube.buckets:
        return []
    found = list(_warmup(cube))
    if manifest.turbulence is not None and summary.turbulence is not None:
        later_s = load_began(aggregate, manifest.turbulence.phases) - cube.buckets.start * cube.width_s
        found += _under_faults(summary.turbulence, later_s)
    else:
        found += _stages(aggregate, cube.buckets.start * cube.width_s)
    return found


def _stages(aggregate: Aggregate, begin_t: float) -> Iterator[CourseBand]:
    """The named stages of the measured load.

    An instance belongs to the stage in which it was due: a stage ends where the next one of its scenario begins,
    the last one with its last instance. Several scenarios with stages of one name have it together.
    """
    spans: dict[str, tuple[float, float]] = {}
    for scenario in dict.fromkeys(key.scenario for key in aggregate.instances):
        begins: dict[str, float] = {}
        last_end = begin_t
        for key, series in aggregate.instances.items():
            if key.scenario == scenario and key.phase not in OUTSIDE_THE_LOAD:
                begins[key.phase] = min(series.first_start, begins.get(key.phase, series.first_start))
                last_end = max(last_end, series.last_end)
        edges = [*sorted((begin, phase) for phase, begin in begins.items()), (last_end, "")]
        for (begin, phase), (end, _) in pairwise(edges):
            known = spans.get(phase, (begin, end))
            spans[phase] = min(begin, known[0]), max(end, known[1])
    for phase, (begin, end) in sorted(spans.items(), key=lambda each: (each[1], each[0])):
        if phase and is_measured(phase):
            yield CourseBand(kind="stage", name=phase, from_s=max(0.0, begin - begin_t), to_s=end - begin_t)


def _warmup(cube: Cube) -> Iterator[CourseBand]:
    """From the first bucket in which warm-up was counted to the last one in which nothing else was."""
    warm, measured = (
        {
            number
            for rows in (cube.steps, cube.instances)
            for row, cells in rows.items()
            if row.warmup is warmup
            for number in cells
        }
        for warmup in (True, False)
    )
    if warm:
        first, last = min(warm), max(warm - measured, default=min(warm))
        start = cube.buckets.start
        yield CourseBand(
            kind="stage",
            name="warm-up",
            warmup=True,
            from_s=(first - start) * cube.width_s,
            to_s=(last + 1 - start) * cube.width_s,
        )


def _under_faults(judged: Resilience, later_s: float) -> Iterator[CourseBand]:
    """`later_s` is how long after the begin of the first bucket the load began."""
    for phase in judged.phases:
        yield CourseBand(kind="phase", name=phase.name, from_s=later_s + phase.begin_s, to_s=later_s + phase.end_s)
    for fault in judged.faults[:MOST_FAULTS]:
        for band in fault.bands:
            yield CourseBand(
                kind="fault",
                name=fault.name,
                level=band.level,
                from_s=later_s + band.begin_s,
                to_s=later_s + band.end_s,
            )
