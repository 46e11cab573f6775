"""The course of any run as numbers for SVG: what was sent, what failed, how long it took, what a time is called.

Places and widths are percent of the drawing, heights are pixels, as in `charts.py`. It is what a reader without
the script sees, and what is printed; with the script, charts that can be brushed take its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from windtunnel.figures import duration, number, offset, per_second, plural
from windtunnel.report.course import Course, CourseBand, course_of
from windtunnel.report.time_axis import TimeAxis, TimeTick, time_ticks

MOST_COLUMNS = 100
"""Columns of the drawing: a run with more buckets is drawn in wider ones."""

_LEAST_HEIGHT = 1.5

Percentile = Literal["p50", "p95", "p99"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateColumn:
    """What ended in one bucket: the heights of what did not fail and of what did, one above the other."""

    x: float
    width: float
    passed_y: float
    passed_height: float
    failed_y: float
    failed_height: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyLine:
    """One percentile over time, as the path of a line in a drawing 100 wide."""

    name: Percentile
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTime:
    """A band: where it is, and what it is called. `fits` where there is room for the name."""

    kind: str
    x: float
    width: float
    name: str
    label: str
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseChart:
    """Everything that is drawn. `most` is the highest rate, `slowest` the highest percentile, both in words."""

    columns: tuple[RateColumn, ...]
    lines: tuple[LatencyLine, ...]
    stages: tuple[NamedTime, ...]
    faults: tuple[NamedTime, ...]
    ticks: tuple[TimeTick, ...]
    noun: str
    most: str
    slowest: str
    height: float


def course_chart(course: Course, *, started: float, height: float = 96) -> CourseChart:
    """The drawing of a course that has a bucket. `started` is the unix time from which the axis counts."""
    course = _narrow(course)
    begin_s = course.started - started
    axis = TimeAxis(begin_s, begin_s + course.buckets * course.width_s)
    most = max(course.rate, default=0.0)
    times = {"p50": course.p50, "p95": course.p95, "p99": course.p99}
    slowest = max((value for series in times.values() for value in series if value is not None), default=0.0)
    lines: list[tuple[Percentile, Sequence[float | None]]] = [
        ("p50", course.p50),
        ("p95", course.p95),
        ("p99", course.p99),
    ]
    return CourseChart(
        columns=tuple(_columns(course, begin_s, most or 1.0, height)),
        lines=tuple(LatencyLine(name=name, path=_path(series, slowest or 1.0, height)) for name, series in lines),
        stages=tuple(_named(band, axis, begin_s) for band in course.bands if band.kind != "fault"),
        faults=tuple(_named(band, axis, begin_s) for band in course.bands if band.kind == "fault"),
        ticks=tuple(time_ticks(axis)),
        noun=course.noun,
        most=f"{number(most)} {course.noun}s/s",
        slowest=duration(slowest),
        height=height,
    )


def _narrow(course: Course) -> Course:
    """The course in as many buckets as can be told apart; percentiles are those of the wider ones."""
    bands, begin = course.bands, course.started
    while course.buckets > MOST_COLUMNS:
        course = course_of(course.cube.coarser())
    later_s = begin - course.started
    return replace(
        course,
        bands=tuple(replace(band, from_s=band.from_s + later_s, to_s=band.to_s + later_s) for band in bands),
    )


def _columns(course: Course, begin_s: float, most: float, height: float) -> Iterator[RateColumn]:
    width = 100 / course.buckets
    counts, failures = (
        (course.requests, course.requests_failed)
        if course.noun == "request"
        else (course.instances, course.failures)
    )
    for place, (rate, count, failed) in enumerate(zip(course.rate, counts, failures, strict=True)):
        if not count:
            continue
        tall = height * rate / most
        failed_height = max(_LEAST_HEIGHT, tall * failed / count) if failed else 0.0
        passed_height = max(0.0, min(max(_LEAST_HEIGHT, tall) - failed_height, height - failed_height))
        from_s = begin_s + place * course.width_s
        said = f"{plural(count, course.noun)}, {per_second(rate)}, {number(failed)} failed"
        yield RateColumn(
            x=round(place * width + 0.05 * width, 3),
            width=round(0.9 * width, 3),
            passed_y=round(height - passed_height, 2),
            passed_height=round(passed_height, 2),
            failed_y=round(height - passed_height - failed_height, 2),
            failed_height=round(failed_height, 2),
            label=f"{offset(from_s)} to {offset(from_s + course.width_s)}: {said}",
        )


def _path(series: Sequence[float | None], top: float, height: float) -> str:
    """A line through the middles of the buckets; it is interrupted where one has no value."""
    width, drawn, path = 100 / len(series), False, ""
    for place, value in enumerate(series):
        if value is not None:
            x, y = round((place + 0.5) * width, 2), round(height - (height - 2) * value / top, 1)
            # A lone value is a short dash.
            path += f"L{x} {y}" if drawn else f"M{x} {y}h.3"
        drawn = value is not None
    return path


def _named(band: CourseBand, axis: TimeAxis, begin_s: float) -> NamedTime:
    from_s, to_s = begin_s + band.from_s, begin_s + band.to_s
    x, width = axis.span(from_s, to_s)
    level = f" at {band.level}" if band.level else ""
    return NamedTime(
        kind=band.name if band.kind == "phase" else band.kind,
        x=x,
        width=width,
        name=band.name,
        label=f"{band.name}{level}: {offset(max(0.0, from_s))} to {offset(to_s)}",
        fits=width > 2.0 * len(band.name),
    )
