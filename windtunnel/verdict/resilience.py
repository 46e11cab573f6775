"""The judge of a run with faults: one word for how the system bore them, and the evidence.

not_judged   the run proves nothing: it ended early, the generator was too slow, the steady state did not hold
             before the faults, a fault never fired, or there was too little to judge by
metastable   the faults are gone and the load is the same, and the system is stuck all the same
failed       something that had to hold did not
degraded     that held, but the steady state did not hold throughout
resilient    the steady state held throughout

The first that applies is the word.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from windtunnel.errors import Location
from windtunnel.figures import offset, share
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.turbulence import TurbulenceSeries
from windtunnel.model.manifest import Manifest
from windtunnel.model.resilience import Bound, FaultFigures, Resilience
from windtunnel.model.threshold import IMPLIED
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import ResilienceWord
from windtunnel.verdict.resilience_bounds import during_bounds, injected_bound, recover_bound, steady_bounds
from windtunnel.verdict.resilience_course import STILL_BAD, Course, buckets_of, course_of, rate_afterwards
from windtunnel.verdict.resilience_faults import fault_figures, held_back, load_began, seed_of
from windtunnel.verdict.resilience_figures import (
    error_budget_used,
    fail_fast_ms,
    group_figures,
    phase_figures,
    proxy_figures,
)
from windtunnel.verdict.resilience_limits import levels_of, limit_bounds, told_of_levels, unaffected_bound
from windtunnel.verdict.resilience_seconds import Seconds, touched


def judge_resilience(
    turbulence: Turbulence,
    manifest: Manifest,
    aggregate: Aggregate,
    *,
    unsound: Sequence[str] = (),
    doubts: Sequence[str] = (),
) -> Resilience:
    """Judge how a run bore its faults. `unsound` says why the run can't be judged, if anything does; `doubts` why
    no good word can be given, while what failed has failed all the same.
    """
    rows, judge = manifest.steps, turbulence.judge
    faults = fault_figures(turbulence, manifest, aggregate)
    seconds = Seconds(
        aggregate,
        turbulence.phases,
        rows,
        turbulence.steady_state or (IMPLIED,),
        held_back(turbulence, aggregate, faults),
    )
    course = course_of(seconds, faults, judge.hold_s)
    figures = _figures(turbulence, manifest, aggregate, seconds, course, faults)
    needed = [*steady_bounds(seconds), injected_bound(turbulence, faults)]
    bounds = [
        *during_bounds(turbulence, aggregate, rows),
        recover_bound(turbulence, course),
        *(unaffected_bound(scenario, seconds, aggregate, rows) for scenario in judge.unaffected),
        *limit_bounds(judge, figures),
    ]
    unknown = [
        *unsound,
        *_ended_early(turbulence, aggregate, seconds),
        *(bound.reason for bound in needed if bound.reason),
        *_left_behind(faults),
    ]
    word, reasons = _word(figures, seconds, bounds, unknown, doubts)
    if word == "degraded" and course.relapsed_s is not None:
        later = offset(course.relapsed_s - course.last_end_s)
        reasons.append(f"the system left its steady state once more, {later} after the last fault ended")
    return replace(
        figures,
        word=word,
        headline=reasons[0],
        reasons=[*reasons, *told_of_levels(figures.levels)],
        bounds=[_placed(bound, judge.places.get(bound.name)) for bound in (*needed, *bounds)],
    )


def _placed(bound: Bound, where: Location | None) -> Bound:
    """The bound with the place of its key, unless it has one of its own."""
    return bound if bound.file or where is None else replace(bound, file=where.file, line=where.line)


def _figures(
    turbulence: Turbulence,
    manifest: Manifest,
    aggregate: Aggregate,
    seconds: Seconds,
    course: Course,
    faults: list[FaultFigures],
) -> Resilience:
    """Everything that was measured, before it is judged."""
    effects = (aggregate.turbulence or TurbulenceSeries()).effects
    return Resilience(
        word="not_judged",
        headline="",
        reasons=[],
        seed=seed_of(turbulence, manifest),
        bucket_s=float(seconds.bucket),
        phases=phase_figures(turbulence, seconds),
        faults=faults,
        proxies=proxy_figures(turbulence, aggregate),
        bounds=[],
        levels=levels_of(faults, turbulence.judge.during or seconds.steady_state, seconds),
        groups=group_figures(aggregate),
        buckets=buckets_of(seconds, course, faults),
        time_to_degrade_s=course.time_to_degrade_s,
        time_to_recover_s=course.time_to_recover_s,
        recovery=course.recovery,
        error_budget_used=error_budget_used(seconds),
        duplicates=effects.duplicates,
        lost=effects.lost,
        fail_fast_ms=fail_fast_ms(aggregate),
        rate_afterwards=rate_afterwards(seconds),
    )


def _word(
    figures: Resilience, seconds: Seconds, bounds: Sequence[Bound], unknown: Sequence[str], doubts: Sequence[str]
) -> tuple[ResilienceWord, list[str]]:
    """The word, and why: the deciding reason first."""
    if unknown:
        return "not_judged", list(unknown)
    broken = [bound.reason for bound in bounds if bound.result == "broken" and bound.reason]
    if figures.rate_afterwards is not None and figures.rate_afterwards < STILL_BAD:
        left = share(figures.rate_afterwards)
        stuck = (
            "the faults are gone and the load is the same, but the system is stuck: in the last half of recover "
            f"it passed {left} of the instances a second that it passed before the faults"
        )
        return "metastable", [stuck, *broken]
    if broken:
        return "failed", broken
    unjudged = [*doubts, *(bound.reason for bound in bounds if bound.result == "no_data" and bound.reason)]
    unjudged += _nothing_known(figures, seconds)
    if unjudged:
        return "not_judged", unjudged
    if figures.time_to_degrade_s is not None:
        return "degraded", [_how_it_degraded(figures)]
    return "resilient", ["the system held its steady state throughout"]


def _how_it_degraded(figures: Resilience) -> str:
    degraded = f"the system degraded {offset(figures.time_to_degrade_s or 0.0)} after the first fault"
    took_s = figures.time_to_recover_s
    if took_s == 0.0:
        return f"{degraded}, and was back in its steady state when the last one ended"
    return f"{degraded}, and recovered {offset(took_s or 0.0)} after the last one ended"


def _nothing_known(figures: Resilience, seconds: Seconds) -> list[str]:
    """Why a system that nothing bad was seen of can't be called resilient."""
    if figures.time_to_degrade_s is not None:
        return []
    bands = [touched(band.begin_s, band.end_s) for fault in figures.faults for band in fault.bands]
    if seconds.keeps(*bands):
        return []
    return [
        "the steady state could not be judged while faults were on: too little ended that no fault was done to"
    ]


def _ended_early(turbulence: Turbulence, aggregate: Aggregate, seconds: Seconds) -> list[str]:
    """The load ended before its phases did: no row of data was left, for example."""
    if not aggregate.segments_ended:
        return []
    took_s = aggregate.first_ended - load_began(aggregate, turbulence.phases)
    # The last arrival comes one interval before the end.
    slack_s = max(1.0, 3 / seconds.usual_per_second if seconds.usual_per_second else 0.0)
    if took_s >= turbulence.phases.length_s - slack_s:
        return []
    return [f"the load ended after {offset(max(took_s, 0.0))} of {offset(turbulence.phases.length_s)}"]


def _left_behind(faults: Sequence[FaultFigures]) -> list[str]:
    return [
        f'the fault "{fault.name}" was never taken back, so nothing is known of the time after it'
        for fault in faults
        if fault.left_behind
    ]
