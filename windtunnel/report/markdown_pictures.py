"""The pictures of `summary.md`: the run along time, the steps with their p95 along time, where latencies lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from windtunnel import figures
from windtunnel.model.summary import Distribution, StepSummary, Summary
from windtunnel.report.course import Course
from windtunnel.report.model import Report
from windtunnel.report.pictures import Drawn, along_time, distributions, p95_of_steps, time_axis
from windtunnel.report.text import NO_BREAK, code, fenced, folded, printable, shortened, table
from windtunnel.report.wording import (
    NO_VALUE,
    OF_REQUESTS,
    failing,
    has_retries,
    instances_line,
    requests_beside,
)

_WIDTH, _WIDTH_BESIDE_STEPS = 64, 52
"""Columns of a bar: with its name and its figure 92, as more would be hidden in a comment."""

_BAR = 16
_LONGEST_LABEL = 24
_SHOWN_STEPS = 15
"""Steps of a table that is shown; a longer one is folded."""


def course_picture(summary: Summary, course: Course) -> Iterator[str]:
    """Requests, failures, p95 and users along time; nothing for a run too short to have a course."""
    if drawn := along_time(summary, course, width=_WIDTH):
        yield _picture(drawn, time_axis(course, width=_WIDTH))


def latency_picture(report: Report) -> Iterator[str]:
    """How the times of steps are distributed, on one axis."""
    drawn, axis = distributions(report, width=_WIDTH_BESIDE_STEPS)
    if not drawn or sum(each.distribution.count for each in report.steps) < _SHOWN_STEPS:
        return
    yield "### Latencies"
    yield _picture(drawn, axis)


def _picture(drawn: Sequence[Drawn], axis: str) -> str:
    """Lines with the same columns, and the axis below the bars."""
    labels = [shortened(printable(each.label), _LONGEST_LABEL) for each in drawn]
    label_width = max(map(len, labels))
    figure_width = max(len(each.figure) for each in drawn)
    lines = [
        f"{label:<{label_width}}  {each.figure:>{figure_width}}  {each.bar}"
        for label, each in zip(labels, drawn, strict=True)
    ]
    return fenced("\n".join([*lines, f"{'':<{label_width}}  {'':<{figure_width}}  {axis}"]))


def steps_table(summary: Summary, course: Course) -> Iterator[str]:
    """A row a step with its p95 along time; folded when it is long."""
    if not summary.steps:
        yield "_No step ended._"
        return
    bars = p95_of_steps(course, summary.steps, width=_BAR)
    retried = has_retries(summary)
    several = len({row.scenario for row in summary.steps}) > 1
    rows = [
        cells for row in summary.steps for cells in _rows(row, summary, bars, retried=retried, several=several)
    ]
    head = ("Step", "Count", "Failed", *(["Retries"] if retried else []), "p50", "p90", "p95", "p99", "Max")
    alignment = "|".join((":--", *(["--:"] * (len(head) - 1))))
    if bars:
        head, alignment = (*head, "p95 over time"), f"{alignment}|:--"
    yield "### Steps"
    yield f"{instances_line(summary).capitalize()}."
    whole = table(head, alignment, rows)
    yield whole if len(rows) <= _SHOWN_STEPS else folded([figures.plural(len(summary.steps), "step")], whole)


def _rows(
    row: StepSummary, summary: Summary, bars: dict[tuple[str, str], str], *, retried: bool, several: bool
) -> Iterator[tuple[str, ...]]:
    name = f"{code(row.scenario)} {code(row.step)}" if several else code(row.step)
    # Blanks at the beginning of a cell are not shown; these are.
    name = "&emsp;" * row.depth + name + (f" ({row.skipped:,} skipped)" if row.skipped else "")
    bad = failing(row)
    again = [figures.number(row.retries)] if retried else []
    bar = [_bar(bars.get((row.scenario, row.step), ""))] if bars else []
    yield (
        *(name, figures.number(row.count), f"**{bad:,}**" if bad else "0"),
        *(*again, *_times(row.latency), *bar),
    )
    if sent := requests_beside(row, summary.soundness.lag_p99_ms):
        label = "&emsp;" * (row.depth + 1) + OF_REQUESTS
        counts = (figures.number(row.requests), figures.number(row.requests_failed))
        yield (label, *counts, *([""] if retried else []), *_times(sent), *([""] if bars else []))


def _bar(bar: str) -> str:
    """A bar in a cell, where blanks at its begin would be cut off."""
    return f"`{bar.replace(' ', NO_BREAK)}`" if bar else ""


def _times(latency: Distribution) -> list[str]:
    times = (latency.med, latency.p90, latency.p95, latency.p99, latency.max)
    return [figures.duration(ms) if latency.count else NO_VALUE for ms in times]
