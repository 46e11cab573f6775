"""The changes since the baseline: one sentence, the figures of the run, then the steps that changed most.

A change is told with the interval that the noise within both runs allows, and in spreads between their windows of
time; never as better or worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from windtunnel import figures
from windtunnel.model.summary import Change, Comparison
from windtunnel.report.wording import NO_VALUE, TIMES

NOISE = "Two runs of the same code can differ by 10% or more; only a threshold that names the baseline decides."
"""Shown with every comparison, because a small change can be noise."""

NOTHING_IN_COMMON = "The two runs have no figure in common."

INTERVAL = "95% interval"
SPREADS = "Spreads"
"""Heads of columns."""

SAME, FROM_NONE = "=", "from none"
POINTS = " points"

_OF_THE_RUN = (
    ("instances", "rate", "instances passed"),
    ("http_req_failed", "rate", "failed requests"),
    ("http_req_duration", "p(50)", "p50 latency"),
    ("http_req_duration", "p(95)", "p95 latency"),
    ("http_req_duration", "p(99)", "p99 latency"),
    ("http_reqs", "rate", "requests"),
)
"""(metric, aggregate, label) of the figures that are shown of a whole run."""

_FIRST = (("http_req_duration", "p(95)"), ("instances", "rate"))
"""What the sentence is about: the first of them that both runs have."""

_OF_A_STEP = ("http_req_duration", "step_duration")
"""The times of a step, of which the last one that is known is shown: what a user waits for."""

_MANY_TIMES = 10.0
_UNMOVED = 0.005
_OUTSIDE_BY_CHANCE = 0.05
_MANY_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A line of the table. `step` is empty for the whole run; it is the user's text, `what` is not.

    `interval` and `spreads` are `NO_VALUE` where they are unknown.
    """

    what: str
    step: str
    before: str
    now: str
    change: str
    interval: str = NO_VALUE
    spreads: str = NO_VALUE


def has_intervals(rows: Sequence[ChangeRow]) -> bool:
    """Whether anything is known of the windows; otherwise two columns would be empty."""
    return any(row.interval != NO_VALUE or row.spreads != NO_VALUE for row in rows)


def change_rows(comparison: Comparison, *, most_steps: int) -> list[ChangeRow]:
    """The figures of the whole run, then the p95 of the steps that changed most, either way.

    Of the steps first come those whose interval is without 0, then those that have one: of many steps the largest
    change is that of the noisiest.
    """
    of_run = {(each.metric, each.aggregate): each for each in comparison.changes if not each.step}
    rows = [
        _row(name, of_run[metric, aggregate])
        for metric, aggregate, name in _OF_THE_RUN
        if (metric, aggregate) in of_run
    ]
    steps = [each for each in _steps(comparison) if _has_moved(each)]
    steps.sort(key=lambda each: (not _is_outside(each), each.low is None, -abs(each.relative or 0.0)))
    return [*rows, *(_row("p95", each) for each in steps[:most_steps])]


def first_sentence(comparison: Comparison) -> str:
    """`p95 latency differs by +12% (95% interval -3% to +28%), 1.4 times the spread between windows.`

    Empty where the two runs have no such figure.
    """
    of_run = {(each.metric, each.aggregate): each for each in comparison.changes if not each.step}
    change = next((of_run[key] for key in _FIRST if key in of_run), None)
    if change is None:
        return ""
    name = next(label for *key, label in _OF_THE_RUN if tuple(key) == (change.metric, change.aggregate))
    row = _row(name, change)
    interval = f" ({INTERVAL} {row.interval})" if row.interval != NO_VALUE else ""
    if row.change == SAME:
        return f"{name}: no difference{interval}."
    by = f" by {row.change}" if row.change != FROM_NONE else ""
    times = f", {row.spreads} times the spread between windows" if row.spreads != NO_VALUE else ""
    return f"{name} differs{by}{interval}{times}."


def remarks(comparison: Comparison, rows: Sequence[ChangeRow]) -> list[str]:
    """What the numbers in these rows rest on, then what they don't say."""
    return [*_windows(comparison, rows), *_by_chance(comparison), NOISE]


def baseline_name(comparison: Comparison) -> str:
    """`run 2026…-7f3a9c (commit 9f31c07d2b8e, 2026-11-22 20:15:12 UTC)`: text to be escaped."""
    known = [f"commit {comparison.commit[:12]}"] if comparison.commit else []
    known += [when] if (when := figures.clock_time(comparison.started)) else []
    return f"run {comparison.run_id}" + (f" ({', '.join(known)})" if known else "")


def _steps(comparison: Comparison) -> Sequence[Change]:
    """The p95 of each step that both runs have."""
    times = {
        (each.scenario, each.step): each
        for metric in _OF_A_STEP
        for each in comparison.changes
        if each.step and (each.metric, each.aggregate) == (metric, "p(95)")
    }
    return list(times.values())


def _windows(comparison: Comparison, rows: Sequence[ChangeRow]) -> Iterator[str]:
    before, now = comparison.windows_before, comparison.windows_now
    if not before or not now or not has_intervals(rows):
        return
    counted = f"{before.number} windows of {figures.offset(before.width_s)}"
    if before != now:
        counted += f" before, {now.number} of {figures.offset(now.width_s)} now"
    yield (
        f"Intervals and spreads (standard deviations between windows of time) are from {counted}. "
        "They know the noise within each run, not what differs from run to run."
    )
    if any(row.interval == NO_VALUE for row in rows):
        yield "A figure without an interval has too few samples, or varies too much from window to window."


def _by_chance(comparison: Comparison) -> Iterator[str]:
    """Of many intervals some are beside the truth."""
    known = [each for each in _steps(comparison) if each.low is not None]
    if len(known) >= _MANY_STEPS:
        outside, chance = sum(map(_is_outside, known)), len(known) * _OUTSIDE_BY_CHANCE
        yield (
            f"The interval of {outside} of {figures.plural(len(known), 'step')} is without 0; by chance alone "
            f"about {figures.number(round(chance))} would be."
        )


def _is_outside(change: Change) -> bool:
    return change.low is not None and change.high is not None and not change.low <= 0 <= change.high


def _row(what: str, change: Change) -> ChangeRow:
    say = {"ms": figures.duration, "share": figures.share, "per_second": figures.per_second}[change.unit]
    return ChangeRow(
        what=what,
        step=change.step,
        before=say(change.before),
        now=say(change.now),
        change=_moved(change),
        interval=_interval(change),
        spreads=NO_VALUE if change.spreads is None else figures.number(change.spreads, digits=2),
    )


def _has_moved(change: Change) -> bool:
    return abs(change.now / change.before - 1 if change.before else change.now) >= _UNMOVED


def _moved(change: Change) -> str:
    """`+12%`, `-3%`, or the factor; for shares the difference in points; `=` without a change."""
    if change.unit == "share":
        points = (change.now - change.before) * 100
        return f"{figures.signed(points)}{POINTS}" if abs(points) >= _UNMOVED else SAME
    if change.relative is None:
        return FROM_NONE if change.now else SAME
    return _relative(change.relative, digits=3) if abs(change.relative) >= _UNMOVED else SAME


def _interval(change: Change) -> str:
    """`-3% to +28%`; of a share `-0.2 to +1.1`, in points."""
    if change.low is None or change.high is None:
        return NO_VALUE
    if change.unit == "share":
        low, high = (figures.signed(end * 100, digits=2) for end in (change.low, change.high))
    else:
        low, high = (_relative(end, digits=2) for end in (change.low, change.high))
    return f"{low} to {high}"


def _relative(share: float, *, digits: int) -> str:
    if share + 1 >= _MANY_TIMES:
        return f"{TIMES}{figures.number(share + 1, digits=digits)}"
    return f"{figures.signed(share * 100, digits=digits)}%"
