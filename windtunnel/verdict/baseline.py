"""A baseline: the limits of thresholds that follow from it.

Two runs of the same code differ too, by 10 % and more in a p95. So a difference decides nothing by itself; a
threshold that names the baseline does: `http_req_duration: p(95) < baseline * 1.3`.
"""

from __future__ import annotations

from windtunnel.errors import Problem
from windtunnel.figures import EXACT, number
from windtunnel.model.metric import METRICS
from windtunnel.model.summary import Baseline, BaselineStep, Distribution
from windtunnel.model.threshold import Threshold

_PERCENTILES = {0.0: "min", 50.0: "med", 90.0: "p90", 95.0: "p95", 99.0: "p99", 99.9: "p999", 100.0: "max"}
"""The percentiles that a summary keeps."""

_OF_ONE_STEP = frozenset({"step", "scenario"})


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
