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

from windtunnel.figures import offset, share
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.turbulence import TurbulenceSeries
from windtunnel.model.manifest import Manifest
from windtunnel.model.resilience import Bound, FaultFigures, PhaseFigures, Resilience
from windtunnel.model.threshold import IMPLIED
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import ResilienceWord
from windtunnel.verdict.resilience_bounds import during_bounds, injected_bound, recover_bound, steady_bounds
from windtunnel.verdict.resilience_course import STILL_BAD, Course, buckets_of, course_of, share_at_the_end
from windtunnel.verdict.resilience_faults import fault_figures, load_began
from windtunnel.verdict.resilience_seconds import Seconds


def judge_resilience(
    turbulence: Turbulence, manifest: Manifest, aggregate: Aggregate, *, unsound: Sequence[str] = ()
) -> Resilience:
    """Judge how a run bore its faults. `unsound` says why the run can't be judged, if anything does."""
    seconds = Seconds(aggregate, turbulence.phases, manifest.steps, turbulence.steady_state or (IMPLIED,))
    faults = fault_figures(turbulence, aggregate)
    course = course_of(seconds, faults, turbulence.judge.hold_s)
    needed = [*steady_bounds(seconds), injected_bound(turbulence, faults)]
    bounds = [*during_bounds(turbulence, aggregate, manifest.steps), recover_bound(turbulence, course)]
    unknown = [
        *unsound,
        *_ended_early(turbulence, aggregate, seconds),
        *(bound.reason for bound in needed if bound.reason),
        *_left_behind(faults),
    ]
    word, reasons = _word(seconds, course, bounds, unknown)
    effects = (aggregate.turbulence or TurbulenceSeries()).effects
    return Resilience(
        word=word,
        headline=reasons[0],
        reasons=reasons,
        seed=manifest.seed if turbulence.seed is None else turbulence.seed,
        bucket_s=float(seconds.bucket),
        phases=_phases(turbulence, seconds),
        faults=faults,
        proxies=[],
        bounds=[*needed, *bounds],
        levels=[],
        groups=[],
        buckets=buckets_of(seconds, course, faults),
        time_to_degrade_s=course.time_to_degrade_s,
        time_to_recover_s=course.time_to_recover_s,
        recovery=course.recovery,
        error_budget_used=None,
        duplicates=effects.duplicates,
        lost=effects.lost,
    )


def _word(
    seconds: Seconds, course: Course, bounds: Sequence[Bound], unknown: Sequence[str]
) -> tuple[ResilienceWord, list[str]]:
    """The word, and why: the deciding reason first."""
    if unknown:
        return "not_judged", list(unknown)
    broken = [bound.reason for bound in bounds if bound.result == "broken" and bound.reason]
    at_the_end = share_at_the_end(seconds)
    if at_the_end is not None and at_the_end < STILL_BAD:
        stuck = (
            "the faults are gone and the load is the same, but the system is stuck: in the last half of recover "
            f"it passed {share(at_the_end)} of the instances a second that it passed before the faults"
        )
        return "metastable", [stuck, *broken]
    if broken:
        return "failed", broken
    unjudged = [bound.reason for bound in bounds if bound.result == "no_data" and bound.reason]
    unjudged += _nothing_known(seconds, course)
    if unjudged:
        return "not_judged", unjudged
    if course.degraded_s is not None:
        return "degraded", [_how_it_degraded(course)]
    return "resilient", ["the system held its steady state throughout"]


def _how_it_degraded(course: Course) -> str:
    degraded = f"the system degraded {offset(course.time_to_degrade_s or 0.0)} after the first fault"
    took_s = course.time_to_recover_s
    if took_s == 0.0:
        return f"{degraded}, and was back in its steady state when the last one ended"
    return f"{degraded}, and recovered {offset(took_s or 0.0)} after the last one ended"


def _nothing_known(seconds: Seconds, course: Course) -> list[str]:
    """Why a system that nothing bad was seen of can't be called resilient."""
    if course.degraded_s is not None:
        return []
    inject = seconds.of_phase("inject")
    if seconds.holds(seconds.steady_state, inject):
        return []
    return [
        "the steady state could not be judged during the faults: too few requests and instances ended in inject"
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


def _phases(turbulence: Turbulence, seconds: Seconds) -> list[PhaseFigures]:
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
