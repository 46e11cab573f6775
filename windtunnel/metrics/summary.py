"""From an aggregate to the tables of a summary."""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import get_args

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.measure import COMPLETED, Counter, Measure, Rate, Trend, measured_span_s, select
from windtunnel.metrics.occurrences import FailureKey, OccurrenceSeries
from windtunnel.metrics.windows import Windows
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import StepRow
from windtunnel.model.metric import METRICS
from windtunnel.model.note import sentence
from windtunnel.model.summary import ErrorGroup, MetricSummary, NoteGroup, StepSummary, is_timed
from windtunnel.model.vocabulary import SectionPhase

_SECTIONS: Mapping[str, SectionPhase] = {phase: phase for phase in get_args(SectionPhase)}
"""The phases of the sections of a scenario, whose failures are told beside those of the load."""


_UNKNOWN = Windows()


def metric_summaries(aggregate: Aggregate) -> dict[str, MetricSummary]:
    """Every metric over the whole load, also those that nothing was counted for."""
    span_s = measured_span_s(aggregate)
    return {metric: _summarise(select(aggregate, metric), span_s) for metric in METRICS}


def step_summaries(
    aggregate: Aggregate, rows: Sequence[StepRow], windows: Windows = _UNKNOWN
) -> list[StepSummary]:
    """A row for every step and assertion of the plan, in its order; one that never ran has zeros.

    After them, scenario by scenario, come those that only turned up in the run, as the steps of Python code do.
    `windows` are those of the same aggregate.
    """
    known = {(row.scenario, row.step, row.assertion) for row in rows}
    found = [row for row in _rows_found(aggregate) if (row.scenario, row.step, row.assertion) not in known]
    scenarios = dict.fromkeys([*(row.scenario for row in rows), *(row.scenario for row in found)])
    order = {scenario: position for position, scenario in enumerate(scenarios)}
    in_order = sorted((*rows, *found), key=lambda row: order[row.scenario])
    return [_step_summary(aggregate, row, windows) for row in in_order]


def _rows_found(aggregate: Aggregate) -> list[StepRow]:
    """The names in the records, sorted; no other order is known."""
    steps = {
        (key.scenario, key.step, False): series.action
        for key, series in aggregate.steps.items()
        if is_measured(key.phase)
    }
    assertions = {
        (key.scenario, key.name, True): "assert" for key in aggregate.assertions if is_measured(key.phase)
    }
    return [
        StepRow(scenario=scenario, step=step, action=action, assertion=assertion)
        for (scenario, step, assertion), action in sorted((steps | assertions).items())
    ]


def error_groups(aggregate: Aggregate, rows: Sequence[StepRow] = ()) -> list[ErrorGroup]:
    """Failures by cause, the most frequent first, of the measured load and of what is done around it: setups,
    user_setups and teardowns. `rows` have the places of their steps.
    """
    measured = sum(instances_by_outcome(aggregate).values())
    # A user_setup is that of an instance in any stage, a warm-up included; other sections are part of none.
    in_all = sum(series.count for key, series in aggregate.instances.items() if key.phase not in _SECTIONS)
    places = {(row.phase, row.scenario, row.step): row for row in rows}
    found: defaultdict[FailureKey, OccurrenceSeries] = defaultdict(OccurrenceSeries)
    for key, series in aggregate.failures.items():
        if key.phase in _SECTIONS or is_measured(key.phase):
            # One cause is one group, in whatever stages of the load it was seen.
            found[key._replace(phase=_SECTIONS.get(key.phase, ""))].merge(series)
    groups = []
    for key, series in found.items():
        section = _SECTIONS.get(key.phase)
        place = places.get((section or "", key.scenario, key.step))
        instances = {None: measured, "user_setup": in_all}.get(section, 0)
        groups.append(
            ErrorGroup(
                scenario=key.scenario,
                step=key.step,
                cause=key.cause,
                outcome=key.outcome,
                count=series.count,
                share=series.count / instances if instances else 0.0,
                first_t=series.first_t,
                last_t=series.last_t,
                example=series.example,
                instances=series.instances,
                phase=section or "",
                file=place.file if place else None,
                line=place.line if place else None,
            )
        )
    return sorted(groups, key=lambda group: (-group.count, group.first_t, group.scenario, group.step, group.cause))


def note_groups(aggregate: Aggregate) -> list[NoteGroup]:
    """What was odd about responses, in all phases: service by service, the most frequent first."""
    groups = [
        NoteGroup(
            service=key.service,
            kind=key.kind,
            count=series.count,
            message=sentence(key.kind, series.count),
            first_t=series.first_t,
            step=series.example,
            instances=series.instances,
        )
        for key, series in aggregate.notes.items()
    ]
    return sorted(groups, key=lambda group: (group.service, -group.count, group.kind))


def instances_by_outcome(aggregate: Aggregate) -> Tally[str]:
    """How many instances of the load passed, failed, errored and were interrupted."""
    tally: Tally[str] = Tally()
    for key, series in aggregate.instances.items():
        if is_measured(key.phase):
            tally[key.outcome] += series.count
    return tally


def _summarise(measure: Measure, span_s: float) -> MetricSummary:
    if isinstance(measure, Trend):
        distribution = measure.histogram.to_distribution()
        return MetricSummary(type="trend", count=distribution.count, distribution=distribution)
    if isinstance(measure, Rate):
        rate = measure.matches / measure.count if measure.count else None
        return MetricSummary(type="rate", count=measure.count, matches=measure.matches, rate=rate)
    if isinstance(measure, Counter):
        per_second = measure.total / span_s if span_s > 0 else None
        return MetricSummary(type="counter", count=measure.total, rate=per_second)
    return MetricSummary(type="gauge", value=measure.value, avg=measure.avg, max=measure.max)


def _step_summary(aggregate: Aggregate, row: StepRow, windows: Windows) -> StepSummary:
    outcomes: Tally[str] = Tally()
    requests = requests_failed = retries = 0
    steps, sent = Histogram(), Histogram()
    if row.assertion:
        for assertion, checked in aggregate.assertions.items():
            if (assertion.scenario, assertion.name) == (row.scenario, row.step) and is_measured(assertion.phase):
                outcomes[assertion.outcome] += checked.count
    else:
        for step, taken in aggregate.steps.items():
            if (step.scenario, step.step) == (row.scenario, row.step) and is_measured(step.phase):
                outcomes[step.outcome] += taken.count
                if step.outcome in COMPLETED:
                    steps.merge(taken.duration)
        for request, made in aggregate.requests.items():
            if (request.scenario, request.step) == (row.scenario, row.step) and is_measured(request.phase):
                requests += made.count
                retries += made.retries
                requests_failed += made.count if request.failed and not request.poll else 0
                sent.merge(made.duration)
    latency, request_latency = steps.to_distribution(), sent.to_distribution()
    timed = not row.assertion and is_timed(row.action, requests)
    return StepSummary(
        scenario=row.scenario,
        step=row.step,
        action=row.action,
        count=sum(outcomes.values()),
        passed=outcomes["passed"],
        failed=outcomes["failed"],
        errored=outcomes["errored"],
        skipped=outcomes["skipped"],
        interrupted=outcomes["interrupted"],
        requests=requests,
        requests_failed=requests_failed,
        retries=retries,
        latency=latency,
        request_latency=request_latency if requests and request_latency != latency else None,
        windows=windows.steps.get((row.scenario, row.step)) if timed else None,
        depth=row.depth,
        file=row.file,
        line=row.line,
    )
