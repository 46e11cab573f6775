"""What had to hold in a run with faults, and whether it did: one row of evidence each."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from windtunnel.errors import Location
from windtunnel.figures import offset, plural
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Measure, select
from windtunnel.model.manifest import StepRow
from windtunnel.model.resilience import Bound, BoundResult, FaultFigures
from windtunnel.model.summary import ThresholdResult
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import ThresholdWord
from windtunnel.verdict.resilience_course import Course
from windtunnel.verdict.resilience_seconds import Seconds
from windtunnel.verdict.thresholds import evaluate_measure

_RESULTS: dict[ThresholdWord, BoundResult] = {
    "pass": "held",
    "fail": "broken",
    "no_data": "no_data",
    "inconclusive": "no_data",
}


def steady_bounds(seconds: Seconds) -> list[Bound]:
    """The steady state, before the first fault."""
    found = []
    steady = seconds.of_phase("steady")
    for threshold in seconds.steady_state:
        result = seconds.result(threshold, steady)
        bound = _of_threshold("steady_state", result, "before the first fault", threshold.where)
        if not steady:
            reason = "no second of steady could be judged: it is too short; make it some seconds long"
            bound = structs.replace(bound, reason=reason)
        found.append(bound)
    return found


def during_bounds(turbulence: Turbulence, aggregate: Aggregate, rows: Sequence[StepRow]) -> list[Bound]:
    """What the instances that were due in `inject` had to keep to."""
    found = []
    for threshold in turbulence.judge.during:
        measure = due_in_inject(threshold, aggregate, rows)
        result = evaluate_measure(threshold, measure, aggregate.health, turbulence.phases.inject_s)
        found.append(_of_threshold("during", result, "during the faults", threshold.where))
    return found


def due_in_inject(threshold: Threshold, aggregate: Aggregate, rows: Sequence[StepRow]) -> Measure:
    """What a threshold looks at, of all that was due in `inject`, whenever it ended."""
    return select(aggregate, threshold.metric, {"phase": "inject", **threshold.tags}, rows)


def recover_bound(turbulence: Turbulence, course: Course) -> Bound:
    """The time within which the steady state had to be back for good."""
    judge, phases = turbulence.judge, turbulence.phases
    rest_s = max(phases.recover_s, phases.length_s - course.last_end_s)
    within_s = rest_s if judge.within_s is None else judge.within_s
    took_s = course.time_to_recover_s
    nothing_seen = course.recovery == "not_needed" and not any(piece.good for piece in course.pieces)
    held = (course.recovery == "not_needed" and not nothing_seen) or (took_s is not None and took_s <= within_s)
    if course.recovery == "not_needed":
        measured = "no data" if nothing_seen else "not needed: it never degraded"
    elif took_s is None:
        measured = f"not within {offset(rest_s)}"
    else:
        measured = offset(took_s)
    reason = None
    if course.recovery == "unknown":
        measured = "no data"
        reason = "whether the system recovered is unknown: too little ended after the faults; make recover longer"
    elif took_s is None and not held and not nothing_seen:
        reason = f"the system did not recover: {offset(rest_s)} after the last fault ended it was still bad"
    elif not held and took_s is not None:
        reason = f"the system took {offset(took_s)} to recover after the last fault; it has {offset(within_s)}"
    return Bound(
        name="recover",
        condition=f"within {offset(within_s)}, good for {offset(judge.hold_s)}",
        result="held" if held else "no_data" if measured == "no data" else "broken",
        measured=measured,
        reason=reason,
    )


def injected_bound(turbulence: Turbulence, faults: Sequence[FaultFigures]) -> Bound:
    """How often faults had to be done for the run to prove something."""
    applied, least = sum(fault.applied for fault in faults), turbulence.judge.min_injected
    idle = [fault for fault in faults if not fault.applied]
    reasons = [_never_fired(fault) for fault in idle]
    if applied < least:
        done = f"faults were done only {plural(applied, 'time')}" if applied else "no fault was done"
        reasons.append(f"{done}, and min_injected is {least:,}")
    return Bound(
        name="min_injected",
        condition=f"at least {least:,}, each fault at least once",
        result="no_data" if reasons else "held",
        measured=plural(applied, "time"),
        reason="; ".join(reasons) or None,
    )


def _never_fired(fault: FaultFigures) -> str:
    sentence = f'the fault "{fault.name}" never fired'
    if fault.asked:
        return f"{sentence}: it was asked for {plural(fault.asked, 'time')} and could not be done"
    return f"{sentence}: no request came that it had to be done to"


def _of_threshold(name: str, result: ThresholdResult, when: str, where: Location | None) -> Bound:
    word = _RESULTS[result.result]
    reason = None
    if word == "broken":
        reason = f"{result.selector}: {result.condition} did not hold {when}: {result.measured}"
    elif word == "no_data":
        reason = f"{result.selector}: {result.condition} could not be judged {when}: {result.explanation}"
    return Bound(
        name=name,
        condition=f"{result.selector}: {result.condition}",
        result=word,
        measured=result.measured,
        reason=reason,
        file=where.file if where else None,
        line=where.line if where else None,
    )
