"""The distribution of latencies, overall and for each step, from the aggregate."""

from __future__ import annotations

from collections import defaultdict

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.measure import COMPLETED
from windtunnel.model.load import is_measured
from windtunnel.model.summary import Summary
from windtunnel.report.model import Latency


def latencies(summary: Summary, aggregate: Aggregate) -> tuple[Latency | None, tuple[Latency, ...]]:
    """(of all requests, of each step that has durations, in the order of the summary)."""
    durations: dict[tuple[str, str], _Pair] = defaultdict(_Pair)
    overall = _Pair()
    for request, made in aggregate.requests.items():
        if is_measured(request.phase):
            overall.add(made.duration, failed=request.failed)
    for step, taken in aggregate.steps.items():
        if is_measured(step.phase) and step.outcome in COMPLETED:
            durations[step.scenario, step.step].add(taken.duration, failed=step.outcome != "passed")
    told = [
        pair.latency(scenario=row.scenario, step=row.step, noun="execution")
        for row in summary.steps
        if (pair := durations[row.scenario, row.step]).count
    ]
    return (overall.latency() if overall.count else None), tuple(told)


class _Pair:
    """The durations of successes and of failures. Owned by `latencies`."""

    def __init__(self) -> None:
        self.passed, self.failed = Histogram(), Histogram()

    @property
    def count(self) -> int:
        return self.passed.count + self.failed.count

    def add(self, histogram: Histogram, *, failed: bool) -> None:
        (self.failed if failed else self.passed).merge(histogram)

    def latency(self, *, scenario: str = "", step: str = "", noun: str = "request") -> Latency:
        both = Histogram()
        both.merge(self.passed)
        both.merge(self.failed)
        return Latency(
            scenario=scenario,
            step=step,
            noun=noun,
            distribution=both.to_distribution(),
            passed=tuple(self.passed.buckets()),
            failed=tuple(self.failed.buckets()),
        )
