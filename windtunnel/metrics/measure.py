"""From an aggregate to one metric: which series belong to it, and what they add up to.

A selector's tags are compared with a series' own (phase, scenario, step, service, method, status, error,
expected_response) and with the user's, which are in the plan and are constants of a step: no record carries
them. Phases that are not the load are in no metric, unless a selector asks for one by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.series import InstanceKey, InstanceSeries, RequestKey, RequestSeries, StepKey, StepSeries
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import StepRow
from windtunnel.model.metric import ASSERTIONS, METRICS, STEPS, Family, Metric
from windtunnel.model.vocabulary import MetricType, Outcome

COMPLETED: frozenset[Outcome] = frozenset({"passed", "failed", "errored"})
"""Outcomes of steps and instances that ended by themselves. A skipped one never began; an interrupted one was cut
short by the end of the run, so its outcome is unknown."""


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
    """A value that goes up and down: the last one, the mean over time, the highest; all None without a sample."""

    value: float | None
    avg: float | None
    max: float | None


Measure = Trend | Rate | Counter | Gauge


def select(
    aggregate: Aggregate, metric: str, tags: Mapping[str, str] | None = None, rows: Sequence[StepRow] = ()
) -> Measure:
    """The value of `metric{tags}`. `rows` are the steps of the plan, which carry the user's tags.

    Raises KeyError for a metric that does not exist.
    """
    row = METRICS[metric]
    return _BY_TYPE[row.type](_Selection(aggregate, tags or {}, rows), row.same_as or metric, row)


def combined(measures: Sequence[Measure]) -> Measure:
    """The measures of one metric in several pieces of time, at least one, as that of all of them together."""
    first = measures[0]
    if isinstance(first, Trend):
        total = Histogram()
        for each in measures:
            if isinstance(each, Trend):
                total.merge(each.histogram)
        return Trend(histogram=total)
    if isinstance(first, Rate):
        rates = [each for each in measures if isinstance(each, Rate)]
        return Rate(matches=sum(each.matches for each in rates), count=sum(each.count for each in rates))
    if isinstance(first, Counter):
        sums = [each for each in measures if isinstance(each, Counter)]
        return Counter(total=sum(each.total for each in sums), samples=sum(each.samples for each in sums))
    gauges = [each for each in measures if isinstance(each, Gauge) and each.value is not None]
    averages = [each.avg for each in gauges if each.avg is not None]
    return Gauge(
        value=gauges[-1].value if gauges else None,
        avg=sum(averages) / len(averages) if averages else None,
        max=max((each.max for each in gauges if each.max is not None), default=None),
    )


def measured_span_s(aggregate: Aggregate) -> float:
    """Seconds from the first start of an instance of the load to the last end; 0 when none ended."""
    instances = [series for key, series in aggregate.instances.items() if is_measured(key.phase)]
    if not instances:
        return 0.0
    return max(each.last_end for each in instances) - min(each.first_start for each in instances)


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

    def step_durations(self, family: Family) -> Iterator[Histogram]:
        """Durations of completed steps of a family. A step that is not in the plan counts as one of `STEPS`."""
        for key, series in self._steps():
            row = self._rows.get((key.scenario, key.step, False))
            if key.outcome in COMPLETED and (family.includes(row) if row else family is STEPS):
                yield series.duration

    def checks(self, family: Family) -> Rate:
        """Checks of assertions, and of steps too unless the family is that of assertions alone."""
        held = count = 0
        for assertion, checked in self.aggregate.assertions.items():
            constants = self._constants(assertion.scenario, assertion.name, assertion=True)
            own = {**constants, "scenario": assertion.scenario, "step": assertion.name}
            if self._picks(assertion.phase, own):
                held += checked.checks - checked.checks_failed
                count += checked.checks
        for _, series in self._steps() if family is not ASSERTIONS else ():
            held += series.checks - series.checks_failed
            count += series.checks
        return Rate(matches=held, count=count)

    def instances(self) -> Iterator[tuple[InstanceKey, InstanceSeries]]:
        """(key, series) of every completed instance."""
        for key, series in self.aggregate.instances.items():
            own = {**self._scenarios.get(key.scenario, {}), "scenario": key.scenario}
            if key.outcome in COMPLETED and self._picks(key.phase, own):
                yield key, series

    def _steps(self) -> Iterator[tuple[StepKey, StepSeries]]:
        for key, series in self.aggregate.steps.items():
            constants = self._constants(key.scenario, key.step)
            if self._picks(key.phase, {**constants, "scenario": key.scenario, "step": key.step}):
                yield key, series

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


def _trend(selection: _Selection, name: str, metric: Metric) -> Trend:
    found: Iterable[Histogram]
    if metric.family.subject == "request":
        found = (series.times[name] for _, series in selection.requests())
    elif metric.family.subject == "instance":
        found = (series.times[name] for _, series in selection.instances())
    elif metric.family.subject == "step":
        found = selection.step_durations(metric.family)
    else:
        found = (selection.aggregate.health.lag,)
    total = Histogram()
    for histogram in found:
        total.merge(histogram)
    return Trend(histogram=total)


def _rate(selection: _Selection, name: str, metric: Metric) -> Rate:
    if metric.family.subject == "check":
        return selection.checks(metric.family)
    assert metric.matches is not None, f"{name} does not say what matches"
    found = selection.requests() if metric.family.subject == "request" else selection.instances()
    judged = [(matches, series.count) for key, series in found if (matches := metric.matches(key)) is not None]
    return Rate(
        matches=sum(count for matches, count in judged if matches), count=sum(count for _, count in judged)
    )


def _counter(selection: _Selection, name: str, metric: Metric) -> Counter:
    if metric.family.subject == "drop":
        count = selection.dropped()
        return Counter(total=count, samples=count)
    found = [series for _, series in selection.requests()]
    return Counter(total=sum(series.totals[name] for series in found), samples=sum(each.count for each in found))


def _gauge(selection: _Selection, _name: str, metric: Metric) -> Gauge:
    users = selection.aggregate.health.users
    if not users:
        return Gauge(value=None, avg=None, max=None)
    if not metric.latest:
        return Gauge(value=users.most, avg=None, max=users.most)
    return Gauge(value=users.now, avg=users.mean, max=users.most)


_BY_TYPE: Mapping[MetricType, Callable[[_Selection, str, Metric], Measure]] = {
    "trend": _trend,
    "rate": _rate,
    "counter": _counter,
    "gauge": _gauge,
}
