"""`metrics.prom`: every metric in OpenMetrics 1.0, over the whole run and for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import get_args

from windtunnel.model.resilience import PhaseFigures, Resilience
from windtunnel.model.summary import Distribution, MetricSummary, StepSummary
from windtunnel.model.verdict import EXIT_CODES
from windtunnel.model.vocabulary import ResilienceWord
from windtunnel.report.model import Report
from windtunnel.report.text import printable
from windtunnel.report.wording import honest

_QUANTILES = (("0.5", "med"), ("0.9", "p90"), ("0.95", "p95"), ("0.99", "p99"), ("0.999", "p999"))
_OF_PHASES: tuple[tuple[str, str, Callable[[PhaseFigures], float]], ...] = (
    ("passed_per_second", "", lambda phase: phase.rate),
    ("failed_ratio", "ratio", lambda phase: phase.failed_share),
    ("p95_seconds", "seconds", lambda phase: phase.p95_ms / 1000),
)
"""(name, unit, value) of the figures of each phase."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(report: Report) -> str:
    """The file as text. A metric without data is skipped."""
    summary = honest(report.summary)
    lines: list[str] = []
    for name, metric in summary.metrics.items():
        lines += _metric(f"windtunnel_{name}", metric)
    steps = [row for row in summary.steps if row.latency.count]
    if steps:
        lines += _head("windtunnel_step_latency_seconds", "summary", "seconds")
    for row in steps:
        lines += _summary("windtunnel_step_latency_seconds", row.latency, _labels(row))
    lines += _of_requests([row for row in steps if row.request_latency])
    lines += _retries([row for row in summary.steps if row.retries])
    if summary.turbulence:
        lines += _resilience(summary.turbulence)
    lines += _states("windtunnel_verdict", summary.verdict, EXIT_CODES)
    return "\n".join([*lines, "# EOF"]) + "\n"


def _metric(name: str, metric: MetricSummary) -> Iterator[str]:
    if metric.distribution is not None:
        if metric.distribution.count:
            yield from _head(f"{name}_seconds", "summary", "seconds")
            yield from _summary(f"{name}_seconds", metric.distribution, "")
    elif metric.type == "rate":
        if metric.rate is not None:
            yield from _head(f"{name}_ratio", "gauge", "ratio")
            yield f"{name}_ratio {_number(metric.rate)}"
    elif metric.type == "counter":
        yield from _head(name, "counter")
        yield f"{name}_total {metric.count}"
    elif metric.value is not None:
        yield from _head(name, "gauge")
        yield f"{name} {_number(metric.value)}"


def _head(name: str, kind: str, unit: str | None = None) -> list[str]:
    return [f"# TYPE {name} {kind}", *([f"# UNIT {name} {unit}"] if unit else [])]


def _summary(name: str, distribution: Distribution, labels: str) -> Iterator[str]:
    for quantile, field in _QUANTILES:
        inner = ",".join(part for part in (labels, f'quantile="{quantile}"') if part)
        yield f"{name}{{{inner}}} {_number(getattr(distribution, field) / 1000)}"
    outer = f"{{{labels}}}" if labels else ""
    yield f"{name}_count{outer} {distribution.count}"
    yield f"{name}_sum{outer} {_number(distribution.avg * distribution.count / 1000)}"


def _of_requests(rows: Sequence[StepSummary]) -> Iterator[str]:
    """The times of single requests of a step, where they are not those of the step."""
    if rows:
        yield from _head("windtunnel_step_request_latency_seconds", "summary", "seconds")
    for row in rows:
        if row.request_latency is not None:
            yield from _summary("windtunnel_step_request_latency_seconds", row.request_latency, _labels(row))


def _retries(rows: Sequence[StepSummary]) -> Iterator[str]:
    """The attempts beyond the first, of the steps that have any."""
    if rows:
        yield from _head("windtunnel_step_retries", "counter")
    for row in rows:
        yield f"windtunnel_step_retries_total{{{_labels(row)}}} {row.retries}"


def _resilience(judged: Resilience) -> Iterator[str]:
    """How the faults were borne: the word, the times, the phases side by side, each fault and each proxy."""
    yield from _states("windtunnel_resilience", judged.word, get_args(ResilienceWord))
    for name, seconds in (("degrade", judged.time_to_degrade_s), ("recover", judged.time_to_recover_s)):
        if seconds is not None:
            yield from _head(f"windtunnel_time_to_{name}_seconds", "gauge", "seconds")
            yield f"windtunnel_time_to_{name}_seconds {_number(seconds)}"
    for name, unit, read in _OF_PHASES:
        family = f"windtunnel_phase_{name}"
        yield from _head(family, "gauge", unit)
        yield from (f'{family}{{phase="{phase.name}"}} {_number(read(phase))}' for phase in judged.phases)
    # A name can come twice, a line of a family not.
    faults = list({fault.name: fault for fault in judged.faults}.values())
    for name in ("asked", "applied"):
        yield from _head(f"windtunnel_fault_{name}", "counter")
        for fault in faults:
            yield f"windtunnel_fault_{name}_total{{{_label('fault', fault.name)}}} {getattr(fault, name)}"
    proxies = list({proxy.name: proxy for proxy in judged.proxies}.values())
    if proxies:
        yield from _head("windtunnel_proxy_requests", "counter")
    for proxy in proxies:
        yield f"windtunnel_proxy_requests_total{{{_label('proxy', proxy.name)}}} {proxy.requests}"
    counted = [proxy for proxy in proxies if proxy.amplification is not None]
    if counted:
        yield from _head("windtunnel_proxy_amplification_ratio", "gauge", "ratio")
    for proxy in counted:
        label = _label("proxy", proxy.name)
        yield f"windtunnel_proxy_amplification_ratio{{{label}}} {_number(proxy.amplification or 0.0)}"


def _states(name: str, true: str, words: Iterable[str]) -> Iterator[str]:
    yield from _head(name, "stateset")
    yield from (f'{name}{{{name}="{word}"}} {int(word == true)}' for word in words)


def _label(name: str, value: str) -> str:
    return f'{name}="{printable(value, limit=200).translate(_ESCAPES)}"'


def _labels(row: StepSummary) -> str:
    return ",".join((_label("scenario", row.scenario), _label("step", row.step)))


def _number(value: float) -> str:
    return f"{value:.9g}"
