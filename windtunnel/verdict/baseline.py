"""A baseline: how the figures of a run differ from it, and the limits that follow from it.

Two runs of the same code differ too, by 10 % and more in a p95. So a difference decides nothing by itself; a
threshold that names the baseline does: `http_req_duration: p(95) < baseline * 1.3`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from windtunnel.errors import Problem
from windtunnel.figures import EXACT, number
from windtunnel.model.metric import METRICS
from windtunnel.model.summary import Baseline, BaselineStep, Change, Comparison, Distribution, MetricSummary
from windtunnel.model.threshold import Threshold
from windtunnel.model.vocabulary import ChangeUnit

_PERCENTILES = {0.0: "min", 50.0: "med", 90.0: "p90", 95.0: "p95", 99.0: "p99", 99.9: "p999", 100.0: "max"}
"""The percentiles that a summary keeps."""

_COMPARED = {"med": "p(50)", "p95": "p(95)", "p99": "p(99)"}
_OF_ONE_STEP = frozenset({"step", "scenario"})


def compare(before: Baseline, now: Baseline) -> Comparison:
    """The changes; figures that only one of the two runs has are skipped."""
    return Comparison(
        run_id=before.run_id,
        verdict=before.verdict,
        commit=before.run.commit,
        started=before.run.started,
        notes=list(_notes(before, now)),
        changes=[*_changes_of_run(before, now), *_changes_of_steps(before, now)],
    )


def limit_against(threshold: Threshold, baseline: Baseline) -> float | None:
    """The limit that follows from the baseline, in the threshold's own unit; None when it has no such figure."""
    value = _figure(threshold, baseline)
    if value is None or threshold.baseline_times is None:
        return None
    return value * threshold.baseline_times + threshold.baseline_plus


def baseline_objection(threshold: Threshold) -> Problem | None:
    """The problem of a threshold that compares with a figure no summary has; None for any other."""
    if threshold.baseline_times is None:
        return None
    named = f"{threshold.selector}: {threshold.text}"
    if threshold.percentile is not None and threshold.percentile not in _PERCENTILES:
        message = f"{named}: a baseline has no p({number(threshold.percentile, digits=EXACT)})"
        return Problem(message=message, where=threshold.where, hint="use p(50), p(90), p(95), p(99) or p(99.9)")
    of_step = threshold.metric == "http_req_duration" and "step" in threshold.tags
    if threshold.within_s is not None or (
        threshold.tags and not (of_step and set(threshold.tags) <= _OF_ONE_STEP)
    ):
        hint = "use a metric over the whole load, or http_req_duration{step:NAME}"
        return Problem(message=f"{named}: a baseline does not have this value", where=threshold.where, hint=hint)
    return None


def _figure(threshold: Threshold, baseline: Baseline) -> float | None:
    if threshold.tags:
        rows = [row for row in baseline.steps if _is_of(row, threshold) and row.requests]
        times = rows[0].of_requests if len(rows) == 1 else None
        return None if times is None else _of_distribution(times, threshold)
    metric = baseline.metrics.get(threshold.metric)
    if metric is None:
        return None
    if metric.distribution is not None:
        return _of_distribution(metric.distribution, threshold)
    if threshold.aggregate == "count":
        counts_all = metric.type != "rate" or METRICS[threshold.metric].counts_all
        return float(metric.count if counts_all else metric.matches)
    if threshold.aggregate == "avg":
        return metric.avg
    return (
        metric.rate
        if threshold.aggregate == "rate"
        else metric.max
        if threshold.aggregate == "max"
        else metric.value
    )


def _is_of(row: BaselineStep, threshold: Threshold) -> bool:
    return row.step == threshold.tags.get("step") and row.scenario == threshold.tags.get("scenario", row.scenario)


def _of_distribution(distribution: Distribution, threshold: Threshold) -> float | None:
    if threshold.aggregate == "count":
        return float(distribution.count)
    if not distribution.count:
        return None
    percentile = threshold.percentile
    name = threshold.aggregate if percentile is None else _PERCENTILES.get(percentile)
    return None if name is None else float(getattr(distribution, name)) * 1000


def _notes(before: Baseline, now: Baseline) -> Iterator[str]:
    """What limits the comparison."""
    if before.verdict not in {"pass", "fail"}:
        yield f"the baseline's own verdict is {before.verdict}"
    if before.run.load != now.run.load:
        yield f"the load was different: {before.run.load}"
    if before.run.shard != now.run.shard:
        yield "one of the two runs is a shard"


def _changes_of_run(before: Baseline, now: Baseline) -> Iterator[Change]:
    for name, metric in now.metrics.items():
        earlier = before.metrics.get(name)
        if earlier is not None and earlier.type == metric.type:
            yield from _changes_of_metric(name, earlier, metric)


def _changes_of_metric(name: str, before: MetricSummary, now: MetricSummary) -> Iterator[Change]:
    if before.distribution is not None and now.distribution is not None:
        yield from _changes_of_times(name, before.distribution, now.distribution)
    elif before.rate is not None and now.rate is not None:
        unit: ChangeUnit = "share" if now.type == "rate" else "per_second"
        yield _change(name, "rate", unit, before.rate, now.rate)


def _changes_of_steps(before: Baseline, now: Baseline) -> Iterator[Change]:
    earlier = {(row.scenario, row.step): row for row in before.steps}
    for row in now.steps:
        was = earlier.get((row.scenario, row.step))
        if was is None or not was.count or not row.count:
            continue
        place = {"scenario": row.scenario, "step": row.step}
        yield from _changes_of_times("step_duration", was.of_executions, row.of_executions, **place)
        yield from _changes_of_times("http_req_duration", was.of_requests, row.of_requests, **place)
        before_failed, now_failed = ((each.failed + each.errored) / each.count for each in (was, row))
        yield _change("failed", "rate", "share", before_failed, now_failed, **place)


def _changes_of_times(
    metric: str, before: Distribution | None, now: Distribution | None, **place: str
) -> Iterator[Change]:
    if before and now and before.count and now.count:
        for field, aggregate in _COMPARED.items():
            yield _change(metric, aggregate, "ms", getattr(before, field), getattr(now, field), **place)


def _change(metric: str, aggregate: str, unit: ChangeUnit, before: float, now: float, **place: str) -> Change:
    relative = now / before - 1 if before else None
    if relative is not None and not math.isfinite(relative):
        relative = None  # from next to nothing
    return Change(
        metric=metric, aggregate=aggregate, unit=unit, before=before, now=now, relative=relative, **place
    )
