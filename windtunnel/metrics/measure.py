"""From an aggregate to one metric: which series belong to it, and what they add up to.

A selector's tags are compared with a series' own (phase, scenario, step, service, method, status, error,
expected_response) and with the user's, which stand in the plan and are constants of a step: no record carries
them. Phases that are not the load are in no metric, unless a selector asks for one by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.series import InstanceSeries, RequestKey, RequestSeries, StepKey, StepSeries
from windtunnel.model.load import WARMUP
from windtunnel.model.manifest import StepRow

_OUTSIDE = frozenset({"setup", "user_setup", "teardown", "health", "token"})

COMPLETED = frozenset({"passed", "failed", "errored"})
"""Outcomes of what came to an end of its own. Skipped is never begun, interrupted is cut short by the end of
the run: nobody knows what it would have come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Durations."""

    histogram: Histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many of `count` things are so."""

    matches: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A sum, of so many samples (`total` counts bytes where `samples` counts requests)."""

    total: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A value that goes up and down: the last one and the highest. Both None when nobody ever looked."""

    value: float | None
    max: float | None


Measure = Trend | Rate | Counter | Gauge


def select(
    aggregate: Aggregate, metric: str, tags: Mapping[str, str] | None = None, rows: Sequence[StepRow] = ()
) -> Measure:
    """What `metric{tags}` comes to. `rows` are the steps of the plan, which carry the user's tags.

    Raises KeyError for a metric that does not exist.
    """
    return MEASURES[metric](_Selection(aggregate, tags or {}, rows))


def measured_span_s(aggregate: Aggregate) -> float:
    """Seconds from the first start of an instance of the load to the last end; 0 when none ended."""
    instances = [series for key, series in aggregate.instances.items() if is_measured(key.phase)]
    if not instances:
        return 0.0
    return max(each.last_end for each in instances) - min(each.first_start for each in instances)


def is_measured(phase: str) -> bool:
    """Whether a phase belongs to the load that is measured: warm-up stages and what is beside the load do not."""
    return phase not in _OUTSIDE and not phase.startswith(WARMUP)


def scenario_tags(rows: Sequence[StepRow]) -> dict[str, dict[str, str]]:
    """The user's tags of each scenario: those that all of its steps share."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        shared = found.get(row.scenario, row.tags)
        found[row.scenario] = {tag: value for tag, value in shared.items() if row.tags.get(tag) == value}
    return found


class _Selection:
    """The series of an aggregate that a selector's tags pick out."""

    def __init__(self, aggregate: Aggregate, tags: Mapping[str, str], rows: Sequence[StepRow]) -> None:
        self.aggregate = aggregate
        self._tags = {"step" if tag == "name" else tag: value for tag, value in tags.items()}
        self._rows = {(row.scenario, row.step, row.assertion): row for row in rows}
        self._scenarios = scenario_tags(rows)

    def requests(self) -> Iterator[tuple[RequestKey, RequestSeries]]:
        for key, series in self.aggregate.requests.items():
            own = {
                "service": key.service,
                "method": key.method,
                "status": str(key.status),
                "error": key.error or "",
                "expected_response": "false" if key.failed else "true",
            }
            constants = self._constants(key.scenario, key.step)
            if self._picks(key.phase, {**constants, "scenario": key.scenario, "step": key.step, **own}):
                yield key, series

    def steps(self) -> Iterator[tuple[StepKey, StepSeries, StepRow | None]]:
        """(key, series, the row of the plan) of every step."""
        for key, series in self.aggregate.steps.items():
            constants = self._constants(key.scenario, key.step)
            if self._picks(key.phase, {**constants, "scenario": key.scenario, "step": key.step}):
                yield key, series, self._rows.get((key.scenario, key.step, False))

    def assertion_checks(self) -> Rate:
        held = count = 0
        for key, series in self.aggregate.assertions.items():
            constants = self._constants(key.scenario, key.name, assertion=True)
            if self._picks(key.phase, {**constants, "scenario": key.scenario, "step": key.name}):
                held += series.checks - series.checks_failed
                count += series.checks
        return Rate(matches=held, count=count)

    def instances(self) -> Iterator[tuple[str, InstanceSeries]]:
        """(outcome, series) of every completed instance."""
        for key, series in self.aggregate.instances.items():
            own = {**self._scenarios.get(key.scenario, {}), "scenario": key.scenario}
            if key.outcome in COMPLETED and self._picks(key.phase, own):
                yield key.outcome, series

    def dropped(self) -> int:
        return sum(
            count
            for (phase, scenario), count in self.aggregate.dropped.items()
            if self._picks(phase, {**self._scenarios.get(scenario, {}), "scenario": scenario})
        )

    def _constants(self, scenario: str, step: str, *, assertion: bool = False) -> dict[str, str]:
        row = self._rows.get((scenario, step, assertion))
        if row is None:  # a step that the plan did not know
            return self._scenarios.get(scenario, {})
        return {"group": row.group, **row.tags, "service": row.service, "method": row.method}

    def _picks(self, phase: str, tags: Mapping[str, str]) -> bool:
        if "phase" not in self._tags and not is_measured(phase):
            return False
        return all((phase if tag == "phase" else tags.get(tag)) == wanted for tag, wanted in self._tags.items())


def _trend(histograms: Iterator[Histogram]) -> Trend:
    total = Histogram()
    for histogram in histograms:
        total.merge(histogram)
    return Trend(histogram=total)


def _request_trend(part: Callable[[RequestSeries], Histogram]) -> Callable[[_Selection], Trend]:
    return lambda selection: _trend(part(series) for _, series in selection.requests())


def _instance_trend(part: Callable[[InstanceSeries], Histogram]) -> Callable[[_Selection], Trend]:
    return lambda selection: _trend(part(series) for _, series in selection.instances())


def _step_duration(selection: _Selection) -> Trend:
    """Steps that hold others are left out: their time is that of the steps inside."""
    return _trend(
        series.duration
        for key, series, row in selection.steps()
        if key.outcome in COMPLETED and not (row and row.holds_steps)
    )


def _group_duration(selection: _Selection) -> Trend:
    return _trend(
        series.duration
        for key, series, row in selection.steps()
        if key.outcome in COMPLETED and row and row.action == "group"
    )


def _request_counter(part: Callable[[RequestSeries], int]) -> Callable[[_Selection], Counter]:
    def count(selection: _Selection) -> Counter:
        found = [series for _, series in selection.requests()]
        return Counter(total=sum(map(part, found)), samples=sum(series.count for series in found))

    return count


def _failed_requests(selection: _Selection) -> Rate:
    """Polls before the last are part of waiting: nobody judges them."""
    judged = [(key, series.count) for key, series in selection.requests() if not key.poll]
    return Rate(matches=sum(count for key, count in judged if key.failed), count=sum(n for _, n in judged))


def _checks(selection: _Selection) -> Rate:
    steps = [series for _, series, _ in selection.steps()]
    assertions = selection.assertion_checks()
    held = sum(series.checks - series.checks_failed for series in steps)
    return Rate(matches=held + assertions.matches, count=sum(series.checks for series in steps) + assertions.count)


def _instances(selection: _Selection) -> Rate:
    ended = [(outcome, series.count) for outcome, series in selection.instances()]
    return Rate(matches=sum(n for outcome, n in ended if outcome == "passed"), count=sum(n for _, n in ended))


def _dropped(selection: _Selection) -> Counter:
    count = selection.dropped()
    return Counter(total=count, samples=count)


def _users(selection: _Selection) -> Gauge:
    health = selection.aggregate.health
    return Gauge(value=health.in_flight, max=health.in_flight_max) if health.count else Gauge(value=None, max=None)


def _most_users(selection: _Selection) -> Gauge:
    users = _users(selection)
    return Gauge(value=users.max, max=users.max)


MEASURES: Mapping[str, Callable[[_Selection], Measure]] = {
    "http_reqs": _request_counter(lambda series: series.count),
    "http_req_failed": _failed_requests,
    "http_req_duration": _request_trend(lambda series: series.duration),
    "http_req_blocked": _request_trend(lambda series: series.blocked),
    "http_req_connecting": _request_trend(lambda series: series.connecting),
    "http_req_tls_handshaking": _request_trend(lambda series: series.tls),
    "http_req_sending": _request_trend(lambda series: series.sending),
    "http_req_waiting": _request_trend(lambda series: series.waiting),
    "http_req_receiving": _request_trend(lambda series: series.receiving),
    "data_sent": _request_counter(lambda series: series.bytes_sent),
    "data_received": _request_counter(lambda series: series.bytes_received),
    "checks": _checks,
    "assertions": lambda selection: selection.assertion_checks(),
    "instances": _instances,
    "iterations": _instances,
    "instance_duration": _instance_trend(lambda series: series.duration),
    "iteration_duration": _instance_trend(lambda series: series.duration),
    "instance_response_time": _instance_trend(lambda series: series.response_time),
    "step_duration": _step_duration,
    "group_duration": _group_duration,
    "dropped_iterations": _dropped,
    "vus": _users,
    "vus_max": _most_users,
    "generator_lag": lambda selection: _trend(iter((selection.aggregate.health.lag,))),
}
"""Every metric, in the order of a summary."""
