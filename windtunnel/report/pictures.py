"""Pictures of block characters: the run along time, the p95 of each step, where latencies lie.

The terminal and `summary.md` draw the same ones. A blank is a time without data, or without a failure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from windtunnel import figures
from windtunnel.metrics.histogram import Bucket
from windtunnel.metrics.occurrences import FailureKey
from windtunnel.model.summary import ErrorGroup, StepSummary, Summary
from windtunnel.report.course import Course, block, blocks
from windtunnel.report.model import Report

LEAST_BUCKETS, LEAST_ENDED = 5, 20
"""Buckets of time, and requests or instances, without which there is no course to draw."""

MOST_DISTRIBUTIONS = 12
"""Steps whose distributions are drawn: those with the highest p95."""

_RATES = {"request": "http_reqs", "instance": "iterations"}
_LEAST_COLUMNS = 3
_LEAST_SPAN = 4.0
_TICK_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One line of a picture: its name, its figure, and the bar."""

    label: str
    figure: str
    bar: str


def has_course(course: Course) -> bool:
    """Whether there is enough of a course to draw."""
    return course.buckets >= LEAST_BUCKETS and _ended(course) >= LEAST_ENDED


def along_time(summary: Summary, course: Course, *, width: int) -> tuple[Drawn, ...]:
    """The rate, the failures, the p95 and the users of a run along time, each from 0 to its highest value.

    Empty where there is no course. The figures are of the measured load, as everywhere: the rate, the number, the
    highest value. What is drawn has the warm-up too.
    """
    if not has_course(course):
        return ()
    rate = summary.metrics.get(_RATES[course.noun])
    per_second = figures.per_second(rate.rate) if rate and rate.rate is not None else ""
    drawn = [Drawn(label=f"{course.noun}s", figure=per_second, bar=blocks(course.rate, width=width))]
    counted = (
        ("failures", course.failures, summary.run.failed + summary.run.errored),
        ("by a fault", course.injected, sum(course.injected)),
        ("dropped", course.dropped, sum(course.dropped)),
    )
    for label, counts, total in counted:
        if any(counts):
            drawn.append(Drawn(label=label, figure=figures.number(total), bar=_counts(counts, width)))
    highest = _highest(course.p95)
    if highest is not None:
        bar = blocks(course.p95, width=width)
        drawn.append(Drawn(label="p95", figure=f"≤ {figures.duration(highest)}", bar=bar))
    most = _highest(course.users)
    if most is not None and most >= 1:
        bar = blocks(course.users, width=width)
        drawn.append(Drawn(label="users", figure=f"≤ {figures.number(most)}", bar=bar))
    return tuple(drawn)


def _ended(course: Course) -> int:
    """Number of requests, or of instances where none was sent."""
    return sum(course.requests if course.noun == "request" else course.instances)


def _highest(series: Sequence[float | None]) -> float | None:
    return max((value for value in series if value is not None), default=None)


def time_axis(course: Course, *, width: int) -> str:
    """The line below: `0 s` at its begin, the length of the run at its end, and where a warm-up ended."""
    each = -(-course.buckets // width) or 1
    columns = -(-course.buckets // each)
    end = figures.offset(course.buckets * course.width_s)
    if columns < len(end) + 5:
        return f"0 to {end}"
    begin = "0 s"
    warm = next((band.to_s for band in course.bands if band.warmup and band.to_s > 0), None)
    if warm is not None:
        until = round(warm / course.width_s / each)
        label = next((text for text in ("warm-up", "warm") if len(text) <= until), "")
        begin = f"{label:<{until}}|{figures.offset(warm)}"
    return f"{begin}{end:>{columns - len(begin)}}" if len(begin) + len(end) < columns else begin[:columns]


def p95_of_steps(course: Course, rows: Sequence[StepSummary], *, width: int) -> dict[tuple[str, str], str]:
    """The p95 of steps along time, by scenario and step; nothing of one that passed at two times or fewer."""
    if not has_course(course):
        return {}
    wanted = {(row.scenario, row.step) for row in rows if row.latency.count}
    found: dict[tuple[str, str], str] = {}
    for step in course.steps:
        if (step.scenario, step.step) in wanted:
            bar = blocks(step.p95, width=width).rstrip()
            if len(bar.replace(" ", "")) >= _LEAST_COLUMNS:
                found[step.scenario, step.step] = bar
    return found


def cause_along_time(course: Course, group: ErrorGroup, *, width: int) -> str:
    """When failures with one cause happened; empty where there is no course."""
    key = FailureKey(group.phase, group.scenario, group.step, group.cause, group.outcome)
    counts = course.causes.get(key, ())
    return _counts(counts, width) if has_course(course) and any(counts) else ""


def _counts(counts: Sequence[int], width: int) -> str:
    """Counts, with a blank where there was none: one of a thousand is seen beside nothing."""
    return blocks([count or None for count in counts], width=width, join=sum)


# ── distributions ────────────────────────────────────────────────────────────────────────────────────────────────


def distributions(report: Report, *, width: int) -> tuple[tuple[Drawn, ...], str]:
    """(a line a step on one logarithmic axis of time, the axis). The figure of each is its p95.

    Steps that send requests, or all steps where none does: pauses would push everything else to one side.
    """
    senders = {(row.scenario, row.step) for row in report.summary.steps if row.requests}
    sending = [each for each in report.steps if (each.scenario, each.step) in senders]
    chosen = sorted(sending or report.steps, key=lambda each: -each.distribution.p95)[:MOST_DISTRIBUTIONS]
    drawn = [each for each in report.steps if each in chosen and each.distribution.count]
    if not drawn:
        return (), ""
    low = max(1.0, min(each.distribution.min for each in drawn) * 1000)
    high = max(low * _LEAST_SPAN, max(each.distribution.max for each in drawn) * 1000 * 1.001)
    axis = _LogAxis(low_us=low, high_us=high, width=width)
    several = len({each.scenario for each in drawn}) > 1
    lines: list[Drawn] = []
    for each in drawn:
        label = f"{each.scenario} {each.step}" if several else each.step
        p95 = f"p95 {figures.duration(each.distribution.p95)}"
        if each.passed:
            lines.append(Drawn(label=label, figure=p95, bar=axis.bar(each.passed)))
        if each.failed:
            name = f"{label} failed"
            figure = figures.number(sum(bucket.count for bucket in each.failed))
            lines.append(Drawn(label=name, figure=figure, bar=axis.bar(each.failed)))
    return tuple(lines), axis.ticks()


@dataclass(frozen=True, slots=True, kw_only=True)
class _LogAxis:
    low_us: float
    high_us: float
    width: int

    def column(self, us: float) -> int:
        share = math.log(max(us, self.low_us) / self.low_us) / math.log(self.high_us / self.low_us)
        return min(self.width - 1, max(0, int(share * self.width)))

    def bar(self, buckets: Sequence[Bucket]) -> str:
        """As high as the share of the largest column; a blank where nothing is."""
        counts = [0] * self.width
        for bucket in buckets:
            counts[self.column((bucket.lower_us + bucket.upper_us - 1) / 2)] += bucket.count
        top = max(counts) or 1
        return "".join(block(count / top) if count else " " for count in counts).rstrip()

    def ticks(self) -> str:
        """Round values below the columns where they begin: decades, or also 2 and 5 where there are few."""
        decades = range(math.floor(math.log10(self.low_us)), math.ceil(math.log10(self.high_us)) + 1)
        steps = (1, 2, 5) if self.high_us / self.low_us < 1_000 else (1,)
        line = ""
        for us in (10.0**decade * step for decade in decades for step in steps):
            if not self.low_us <= us <= self.high_us:
                continue
            column, label = self.column(us), f"|{figures.duration(us / 1000)}"
            if column + len(label) <= self.width and (not line or column >= len(line) + _TICK_GAP):
                line = f"{line:<{column}}{label}"
        return line or f"|{figures.duration(self.low_us / 1000)}"
