"""The figures of a run with faults: its phases side by side, its proxies, the error budget, how fast it failed."""

from __future__ import annotations

from typing import Literal

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.measure import Rate
from windtunnel.metrics.turbulence import GroupSeries, ProxySeries, TurbulenceSeries
from windtunnel.model.resilience import GroupFigures, PhaseFigures, ProxyFigures
from windtunnel.model.turbulence import Turbulence
from windtunnel.verdict.resilience_seconds import Seconds

LEAST_RETRIES = 20
"""With fewer retries in a second, their share in a tenth of it says little: it is large by chance."""

_OF_FAILURES = frozenset({"http_req_failed"})
_OF_SUCCESS = frozenset({"instances", "iterations", "checks", "assertions"})


def phase_figures(turbulence: Turbulence, seconds: Seconds) -> list[PhaseFigures]:
    """The phases but the warm-up, in their order."""
    found = []
    for name in turbulence.phases.lengths:
        if name == "warmup":
            continue
        piece = seconds.of_phase(name)
        counts = seconds.counts(piece)
        p50, p95, p99 = (us / 1000 for us in counts.durations.percentiles((50, 95, 99)))
        found.append(
            PhaseFigures(
                name=name,
                begin_s=turbulence.phases.begin_s(name),
                end_s=turbulence.phases.end_s(name),
                instances=counts.passed + counts.failed,
                passed=counts.passed,
                injected=counts.injected,
                rate=counts.passed / len(piece) if piece else 0.0,
                requests=counts.requests,
                failed_share=counts.requests_failed / counts.requests if counts.requests else 0.0,
                p50_ms=p50,
                p95_ms=p95,
                p99_ms=p99,
            )
        )
    return found


def proxy_figures(turbulence: Turbulence, aggregate: Aggregate) -> list[ProxyFigures]:
    """What each proxy of the plan saw of the load, in their order."""
    counted = aggregate.turbulence or TurbulenceSeries()
    found = []
    for spec in turbulence.proxies:
        series = counted.proxies.get(spec.name, ProxySeries())
        total = series.attempts()
        steady, inject, recover = (
            _amplification(series, turbulence.phases.begin_s(name), turbulence.phases.end_s(name))
            for name in ("steady", "inject", "recover")
        )
        found.append(
            ProxyFigures(
                name=spec.name,
                requests=total.requests,
                logical=total.logical,
                # A storm can begin with the fault, or go on after it.
                amplification=max((each for each in (inject, recover) if each is not None), default=None),
                amplification_steady=steady,
                in_flight_max=series.in_flight_max,
                retries=total.retries,
                retry_gap_p50_ms=series.gaps.percentile(50) / 1000,
                synchrony=series.synchrony(LEAST_RETRIES),
            )
        )
    return found


def error_budget_used(seconds: Seconds) -> float | None:
    """Failures since the begin of `steady`, as a share of those that the steady state allows: the largest one."""
    whole = range(seconds.of_phase("steady").start, seconds.length)
    used = []
    for threshold in seconds.steady_state:
        measure = seconds.measure(threshold, whole)
        if threshold.aggregate != "rate" or threshold.unit != "%" or not isinstance(measure, Rate):
            continue
        if threshold.metric in _OF_FAILURES and threshold.op in {"<", "<="}:
            allowed, failures = threshold.limit, measure.matches
        elif threshold.metric in _OF_SUCCESS and threshold.op in {">", ">="}:
            allowed, failures = 1 - threshold.limit, measure.count - measure.matches
        else:
            continue
        if allowed > 0 and measure.count:
            used.append(failures / (allowed * measure.count))
    return max(used, default=None)


def group_figures(aggregate: Aggregate) -> list[GroupFigures]:
    """The control group beside the other instances of the same time; none without one."""
    counted = aggregate.turbulence or TurbulenceSeries()
    if not counted.control.count and not counted.disturbed.count:
        return []
    groups: dict[Literal["disturbed", "control"], GroupSeries] = {
        "disturbed": counted.disturbed,
        "control": counted.control,
    }
    return [
        GroupFigures(
            name=name,
            instances=series.count,
            passed=series.passed,
            p95_ms=series.duration.percentile(95) / 1000,
        )
        for name, series in groups.items()
    ]


def fail_fast_ms(aggregate: Aggregate) -> float | None:
    """The 95th percentile of the time that the failed requests of instances due in `inject` took."""
    took = Histogram()
    for key, series in aggregate.requests.items():
        if key.phase == "inject" and key.failed and not key.poll:
            took.merge(series.duration)
    return took.percentile(95) / 1000 if took.count else None


def _amplification(series: ProxySeries, begin_s: float, end_s: float) -> float | None:
    """Requests for each logical one, of those with an id that came within a time."""
    attempts = series.attempts(begin_s, end_s)
    return (attempts.logical + attempts.retries) / attempts.logical if attempts.logical else None
