"""The changes since the baseline: the figures of the run, then the steps that changed most."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel import figures
from windtunnel.model.summary import Change, Comparison
from windtunnel.report.wording import TIMES

NOISE = "Two runs of the same code can differ by 10% or more; only a threshold that names the baseline decides."
"""Shown with every comparison, because a small change can be noise."""

_OF_THE_RUN = (
    ("instances", "rate", "instances passed"),
    ("http_req_failed", "rate", "failed requests"),
    ("http_req_duration", "p(50)", "p50 latency"),
    ("http_req_duration", "p(95)", "p95 latency"),
    ("http_req_duration", "p(99)", "p99 latency"),
    ("http_reqs", "rate", "requests"),
)
"""(metric, aggregate, label) of the figures that are shown of a whole run."""

_OF_A_STEP = ("http_req_duration", "step_duration")
"""The times of a step, of which the last one that is known is shown: what a user waits for."""

_MANY_TIMES = 10.0
_UNMOVED = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A line of the table. `step` is empty for the whole run; it is the user's text, `what` is not."""

    what: str
    step: str
    before: str
    now: str
    change: str


def change_rows(comparison: Comparison, *, most_steps: int) -> list[ChangeRow]:
    """The figures of the whole run, then the p95 of the steps that changed most, either way."""
    of_run = {(each.metric, each.aggregate): each for each in comparison.changes if not each.step}
    rows = [
        _row(name, of_run[metric, aggregate])
        for metric, aggregate, name in _OF_THE_RUN
        if (metric, aggregate) in of_run
    ]
    times = {
        (each.scenario, each.step): each
        for metric in _OF_A_STEP
        for each in comparison.changes
        if each.step and (each.metric, each.aggregate) == (metric, "p(95)")
    }
    steps = [each for each in times.values() if _has_moved(each)]
    steps.sort(key=lambda each: -abs(each.relative or 0.0))
    return [*rows, *(_row("p95", each) for each in steps[:most_steps])]


def baseline_name(comparison: Comparison) -> str:
    """`run 2026…-7f3a9c (commit 9f31c07d2b8e, 2026-11-22 20:15:12 UTC)`: text to be escaped."""
    known = [f"commit {comparison.commit[:12]}"] if comparison.commit else []
    known += [when] if (when := figures.clock_time(comparison.started)) else []
    return f"run {comparison.run_id}" + (f" ({', '.join(known)})" if known else "")


def _row(what: str, change: Change) -> ChangeRow:
    say = {"ms": figures.duration, "share": figures.share, "per_second": figures.per_second}[change.unit]
    return ChangeRow(
        what=what, step=change.step, before=say(change.before), now=say(change.now), change=_moved(change)
    )


def _has_moved(change: Change) -> bool:
    return abs(change.now / change.before - 1 if change.before else change.now) >= _UNMOVED


def _moved(change: Change) -> str:
    """`+12%`, `-3%`, or the factor; for shares the difference in points; `=` without a change."""
    if change.unit == "share":
        points = (change.now - change.before) * 100
        return f"{figures.signed(points)} points" if abs(points) >= _UNMOVED else "="
    if change.relative is None:
        return "from none" if change.now else "="
    if change.relative + 1 >= _MANY_TIMES:
        return f"{TIMES}{figures.number(change.relative + 1)}"
    return f"{figures.signed(change.relative * 100)}%" if abs(change.relative) >= _UNMOVED else "="
