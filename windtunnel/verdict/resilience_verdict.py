"""What the judgement of a run with faults adds to its verdict, and what its thresholds speak of.

A threshold without a `phase` speaks of the time without faults: of what ended in `steady`, and of what began in
`recover` after the recovery. The time between is the judge's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import Manifest
from windtunnel.model.metric import GENERATOR, METRICS
from windtunnel.model.resilience import NOT_JUDGED, Resilience
from windtunnel.model.summary import ThresholdResult
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.verdict import Finding
from windtunnel.verdict.resilience import judge_resilience
from windtunnel.verdict.resilience_faults import load_began
from windtunnel.verdict.resilience_seconds import Seconds
from windtunnel.verdict.thresholds import in_every_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Borne:
    """How a run bore its faults: the judgement, its findings and warnings, and the seconds without faults."""

    resilience: Resilience
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    aggregate: Aggregate
    seconds: Seconds
    undisturbed: tuple[range, ...]

    def evaluate(self, threshold: Threshold) -> ThresholdResult | None:
        """The result of a threshold over the time without faults; None for one that does not speak of it."""
        if "phase" in threshold.tags or METRICS[threshold.metric].family is GENERATOR:
            return None
        if threshold.within_s is None:
            result = self.seconds.result(threshold, *self.undisturbed)
        else:
            result = self._in_every_window(threshold, threshold.within_s)
        if result.result != "fail" or result.reason is None:
            return result
        when = "before the faults or after the recovery" if len(self.undisturbed) > 1 else "before the faults"
        return replace(result, reason=f"{result.reason}, {when}")

    def _in_every_window(self, threshold: Threshold, width_s: float) -> ThresholdResult:
        numbers = [
            number
            for piece in self.undisturbed
            for number in range(math.ceil(piece.start / width_s), math.floor(piece.stop / width_s))
        ]
        return in_every_window(threshold, self.aggregate, self.seconds.rows, width_s, numbers)


def faults_borne(
    turbulence: Turbulence,
    manifest: Manifest,
    aggregate: Aggregate,
    *,
    known: Sequence[Finding],
    doubts: Sequence[Finding],
) -> Borne:
    """Judge a run with faults. `known` are the findings that say already why it can't be judged; those of them
    that are `doubts` leave what failed as it is.
    """
    sentences = [sentence for _, sentence in known]
    resilience = judge_resilience(
        turbulence,
        manifest,
        aggregate,
        unsound=[sentence for word, sentence in known if (word, sentence) not in doubts],
        doubts=[sentence for _, sentence in doubts],
    )
    new = [reason for reason in resilience.reasons if reason not in sentences]
    findings: list[Finding] = []
    if resilience.word in {"failed", "metastable"}:
        findings = [("fail", reason) for reason in new]
    elif resilience.word == "not_judged":
        findings = [("inconclusive", f"{NOT_JUDGED}{reason}") for reason in new]
    seconds = Seconds(aggregate, turbulence.phases, manifest.steps, ())
    return Borne(
        resilience=resilience,
        findings=tuple(findings),
        warnings=tuple(new) if resilience.word == "degraded" else (),
        aggregate=aggregate,
        seconds=seconds,
        undisturbed=_undisturbed(resilience, seconds, load_began(aggregate, turbulence.phases)),
    )


def _undisturbed(resilience: Resilience, seconds: Seconds, began: float) -> tuple[range, ...]:
    """The seconds of `steady`, and those in which all that ended began after the recovery."""
    steady = seconds.of_phase("steady")
    if resilience.recovery in {"never", "unknown"}:
        return (steady,)
    ended_s = max((band.end_s for fault in resilience.faults for band in fault.bands), default=steady.stop)
    well = math.ceil(ended_s + (resilience.time_to_recover_s or 0.0) - 1e-9)
    calm = max(well, seconds.of_phase("recover").start)
    later = range(calm, len(seconds.windows))
    mixed = [number for number in later if _earliest_start(seconds.windows[number]) < began + calm]
    after = range(mixed[-1] + 1 if mixed else calm, len(seconds.windows))
    return (steady, after) if after else (steady,)


def _earliest_start(window: Aggregate) -> float:
    """When the first of the instances began that ended in a second; infinite without any."""
    return min(
        (series.first_start for key, series in window.instances.items() if is_measured(key.phase)),
        default=math.inf,
    )
