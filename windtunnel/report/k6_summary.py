"""`ci/load-performance.json`: the summary under the keys of k6's `--summary-export`, which GitLab compares."""

from __future__ import annotations

import json
from typing import Any

from windtunnel.model.metric import METRICS
from windtunnel.model.summary import MetricSummary
from windtunnel.report.model import Report
from windtunnel.report.wording import honest


def render(report: Report) -> str:
    """The file as text; times are milliseconds, as in k6."""
    summary = honest(report.summary)
    metrics: dict[str, Any] = {}
    for name, metric in summary.metrics.items():
        if METRICS[name].in_k6 and (keys := _keys(metric)):
            metrics[name] = keys
    iterations = summary.metrics.get("iterations")
    if iterations is not None:
        # A counter in k6, where a run has no share of passed instances.
        seconds = summary.run.duration_s
        metrics["iterations"] = {"count": iterations.count, "rate": iterations.count / seconds if seconds else 0.0}
    return json.dumps({"metrics": metrics}, indent=2) + "\n"


def _keys(metric: MetricSummary) -> dict[str, float] | None:
    if metric.distribution is not None:
        d = metric.distribution
        if not d.count:
            return None
        return {
            "avg": d.avg,
            "min": d.min,
            "med": d.med,
            "max": d.max,
            "p(90)": d.p90,
            "p(95)": d.p95,
            "p(99)": d.p99,
        }
    if metric.type == "rate":
        fails = metric.count - metric.matches
        return (
            {"value": metric.rate, "passes": metric.matches, "fails": fails} if metric.rate is not None else None
        )
    if metric.type == "counter":
        return {"count": metric.count, "rate": metric.rate or 0.0}
    return None if metric.value is None else {"value": metric.value, "max": metric.max or metric.value}
