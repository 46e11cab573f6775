"""Two runs side by side: every figure that both have, with how far the noise within them explains a difference.

Nothing here says worse or better: two runs of the same code differ too, and what differs between runs alone (the
machine, its neighbours, the data) is in no window of either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import replace

from windtunnel import figures
from windtunnel.metrics.intervals import FEWEST_WINDOWS
from windtunnel.model.summary import (
    Baseline,
    Change,
    Comparison,
    Distribution,
    MetricSummary,
    RunWindows,
    WindowFigures,
    WindowSpan,
    is_timed,
)
from windtunnel.model.vocabulary import ChangeUnit
from windtunnel.verdict.difference import Difference, Time, of_rates, of_shares, of_times

_COMPARED = {"med": ("p(50)", "p50"), "p95": ("p(95)", "p95"), "p99": ("p(99)", "p99")}
"""What is compared of times, by its name in a summary: that in a threshold, and that of its interval."""

_SAME_LENGTH = 0.1
"""By how much the lengths of two runs may differ before it is told."""

_WORK = ("iterations", "http_reqs")
"""Metrics that count what was measured."""

_Pair = tuple[WindowFigures, WindowFigures]
"""The windows of a figure, before and now."""

_Place = tuple[str, str]
"""Scenario and step."""

_THE_RUN = ("", "")

_Kept = TypeVar("_Kept", RunWindows, WindowFigures)


def compare(before: Baseline, now: Baseline) -> Comparison:
    """The changes; figures that only one of the two runs has are skipped."""
    return Comparison(
        run_id=before.run_id,
        verdict=before.verdict,
        commit=before.run.commit,
        started=before.run.started,
        notes=list(_notes(before, now)),
        changes=[*_changes_of_run(before, now), *_changes_of_steps(before, now)],
        windows_before=_span(before.windows),
        windows_now=_span(now.windows),
    )


def _span(windows: RunWindows | None) -> WindowSpan | None:
    return None if windows is None else WindowSpan(number=windows.number, width_s=windows.width_s)


def _notes(before: Baseline, now: Baseline) -> Iterator[str]:
    """What limits the comparison."""
    if before.verdict not in {"pass", "fail"}:
        yield f"the baseline's own verdict is {before.verdict}"
    if different := list(_differently_run(before, now)):
        yield f"run differently: {'; '.join(different)}"
    if before.run.shard != now.run.shard:
        yield "one of the two runs is a shard"
    yield from _without_intervals(before, now)


def _differently_run(before: Baseline, now: Baseline) -> Iterator[str]:
    was, is_ = before.run, now.run
    if was.load != is_.load:
        yield f"load {was.load}, now {is_.load}"
    elif was.plan_hash and is_.plan_hash and was.plan_hash != is_.plan_hash:
        yield "other files, data or thresholds"
    if was.seed is not None and was.seed != is_.seed:
        yield f"seed {was.seed}, now {is_.seed}"
    lengths = sorted((was.duration_s, is_.duration_s))
    if lengths[0] and lengths[1] > lengths[0] * (1 + _SAME_LENGTH):
        yield f"duration {figures.offset(was.duration_s)}, now {figures.offset(is_.duration_s)}"


def _without_intervals(before: Baseline, now: Baseline) -> Iterator[str]:
    """Why a comparison has no intervals."""
    for whose, run in (("the baseline", before), ("this run", now)):
        if run.windows is None and any(run.metrics[name].count for name in _WORK if name in run.metrics):
            yield f"no intervals: the summary of {whose} is of a version without windows of time"
        elif run.windows is None:
            yield f"no intervals: nothing was measured in {whose}"
        elif run.windows.number < FEWEST_WINDOWS:
            known = f"{figures.plural(run.windows.number, 'window')} of {figures.offset(run.windows.width_s)}"
            yield f"no intervals: {whose} has {known}, and {FEWEST_WINDOWS} are needed; run it for longer"


def _changes_of_run(before: Baseline, now: Baseline) -> Iterator[Change]:
    for name, metric in now.metrics.items():
        earlier = before.metrics.get(name)
        if earlier is not None and earlier.type == metric.type:
            yield from _changes_of_metric(name, earlier, metric, _both(before.windows, now.windows))


def _changes_of_metric(
    name: str, before: MetricSummary, now: MetricSummary, windows: tuple[RunWindows, RunWindows] | None
) -> Iterator[Change]:
    requests = windows and (windows[0].requests, windows[1].requests)
    instances = windows and (windows[0].instances, windows[1].instances)
    if before.distribution is not None and now.distribution is not None:
        sent = requests if name == "http_req_duration" else None
        yield from _changes_of_times(name, before.distribution, now.distribution, sent)
    elif before.rate is not None and now.rate is not None:
        change = _change(name, "rate", "share" if now.type == "rate" else "per_second", before.rate, now.rate)
        if name == "instances":
            change = _with_shares(change, instances, passed=True)
        elif name == "http_req_failed":
            change = _with_shares(change, requests)
        elif name == "http_reqs" and requests is not None:
            difference = of_rates(change.before, change.now, requests[0].count, requests[1].count)
            change = _with(change, difference)
        yield change


def _changes_of_steps(before: Baseline, now: Baseline) -> Iterator[Change]:
    earlier = {(row.scenario, row.step): row for row in before.steps}
    for row in now.steps:
        place = row.scenario, row.step
        was = earlier.get(place)
        if was is None or not was.count or not row.count or not is_timed(row.action, row.requests):
            continue
        windows = _both(was.windows, row.windows)
        yield from _changes_of_times("step_duration", was.of_executions, row.of_executions, windows, place)
        # Where requests have times of their own the windows, which are those of the step, don't speak of them.
        sent = windows if was.request_latency is None and row.request_latency is None else None
        yield from _changes_of_times("http_req_duration", was.of_requests, row.of_requests, sent, place)
        before_failed, now_failed = ((each.failed + each.errored) / each.count for each in (was, row))
        yield _with_shares(_change("failed", "rate", "share", before_failed, now_failed, place), windows)


def _both(before: _Kept | None, now: _Kept | None) -> tuple[_Kept, _Kept] | None:
    return None if before is None or now is None else (before, now)


def _changes_of_times(
    metric: str,
    before: Distribution | None,
    now: Distribution | None,
    windows: _Pair | None,
    place: _Place = _THE_RUN,
) -> Iterator[Change]:
    if not (before and now and before.count and now.count):
        return
    for field, (aggregate, of_windows) in _COMPARED.items():
        change = _change(metric, aggregate, "ms", getattr(before, field), getattr(now, field), place)
        if windows is not None:
            was, is_ = (
                Time(value=value, interval=each.intervals.get(of_windows), windows=_of_windows(each, of_windows))
                for value, each in zip((change.before, change.now), windows, strict=True)
            )
            change = _with(change, of_times(was, is_))
        yield change


def _of_windows(windows: WindowFigures, percentile: str) -> list[float | None]:
    return {"p50": windows.p50, "p95": windows.p95}.get(percentile, [])


def _with_shares(change: Change, windows: _Pair | None, *, passed: bool = False) -> Change:
    """The change of a share of failures, or of those that passed."""
    if windows is None:
        return change
    before, now = ([(of, of - failed if passed else failed) for of, failed in _counted(each)] for each in windows)
    return _with(change, of_shares(change.before, change.now, before, now))


def _counted(windows: WindowFigures) -> Iterator[tuple[int, int]]:
    """How many there were and failed. A file that someone else wrote may have other numbers of them."""
    for of, failed in zip(windows.count, windows.failed, strict=False):
        yield of, min(failed, of)


def _with(change: Change, difference: Difference) -> Change:
    return replace(change, low=difference.low, high=difference.high, spreads=difference.spreads)


def _change(
    metric: str, aggregate: str, unit: ChangeUnit, before: float, now: float, place: _Place = _THE_RUN
) -> Change:
    relative = now / before - 1 if before else None
    if relative is not None and not math.isfinite(relative):
        relative = None  # from next to nothing
    return Change(
        metric=metric,
        aggregate=aggregate,
        unit=unit,
        before=before,
        now=now,
        relative=relative,
        scenario=place[0],
        step=place[1],
    )
