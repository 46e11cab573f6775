"""How a system bore its faults: the section `turbulence` of `summary.json`.

Times are milliseconds where their name says so, else seconds since the load began.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from windtunnel.model.vocabulary import FaultPattern, ResilienceWord, TurbulencePhase, Unit

NOT_JUDGED = "how the faults were borne was not judged: "
"""Begins a reason of the verdict; a reason of the judgement follows."""

BoundResult = Literal["held", "broken", "no_data"]
"""How one bound of the judge went."""

Recovery = Literal["not_needed", "recovered", "never", "unknown"]
"""Whether the system came back to its steady state after the last fault. not_needed: it never left it; unknown:
too little ended afterwards to tell.
"""


class PhaseFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One phase, side by side with the others.

    `injected` failed by a fault on our own requests, and are in none of the other figures. `rate` is passed
    instances per second, `failed_share` that of requests.
    """

    name: TurbulencePhase
    begin_s: float
    end_s: float
    instances: int
    passed: int
    injected: int
    rate: float
    requests: int
    failed_share: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Band(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A time in which a fault was on."""

    begin_s: float
    end_s: float
    level: str = ""


class FaultFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault: what it does to what, when, and how often it was asked for and done. `what` is in words.

    `file` and `line` are its place in the plan.
    """

    name: str
    kind: str
    what: str
    pattern: FaultPattern
    asked: int
    applied: int
    bands: list[Band] = []
    left_behind: bool = False
    file: str | None = None
    line: int | None = None


class ProxyFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an embedded proxy saw.

    `amplification` is attempts per logical request, None where no request carried an id. `synchrony` is
    the largest share of the retries of a second in one tenth of it.
    """

    name: str
    requests: int
    logical: int
    amplification: float | None = None
    amplification_steady: float | None = None
    in_flight_max: int = 0
    retries: int = 0
    retry_gap_p50_ms: float = 0.0
    synchrony: float | None = None


class Bound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that had to hold. `name` is such as `steady_state`, `during`, `recover`, `duplicates`;
    `condition`, `measured` and `reason` are in words.
    """

    name: str
    condition: str
    result: BoundResult
    measured: str
    reason: str | None = None
    file: str | None = None
    line: int | None = None


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One level of a fault, and whether what had to hold while it was on did; None where too little was seen."""

    fault: str
    level: str
    held: bool | None
    measured: str


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of time. `good` is None where it has too few samples to be judged, or is a single bad one and there
    are such before the faults too. `faults` were on in it.
    """

    begin_s: float
    end_s: float
    phase: TurbulencePhase
    passed: int
    failed: int
    injected: int
    p95_ms: float
    good: bool | None
    faults: list[str]


class GroupFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The instances that faults on our own requests could touch, or those that they could not.

    Both are those that were due in `inject`; `p95_ms` is that of their durations.
    """

    name: Literal["disturbed", "control"]
    instances: int
    passed: int
    p95_ms: float


class Resilience(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement of a run with faults. `headline` is one sentence; `reasons` say why, the deciding one first.

    `time_to_degrade_s` counts from the first fault, None where the system did not degrade; `time_to_recover_s`
    from the end of the last fault, None where it never did or needed none, as `recovery` says. `error_budget_used`
    is failures ÷ those that the steady state allows over the run, None without such a condition. `fail_fast_ms` is
    the 95th percentile of the time that requests of the phase `inject` took to fail, None if none did.
    `rate_afterwards` is that of passed instances in the last half of `recover`, as a share of the steady one.
    """

    word: ResilienceWord
    headline: str
    reasons: list[str]
    seed: int
    bucket_s: float
    phases: list[PhaseFigures]
    faults: list[FaultFigures]
    proxies: list[ProxyFigures]
    bounds: list[Bound]
    levels: list[Level]
    groups: list[GroupFigures]
    buckets: list[Bucket]
    time_to_degrade_s: float | None
    time_to_recover_s: float | None
    recovery: Recovery = "not_needed"
    error_budget_used: float | None
    duplicates: int | None
    lost: int | None
    fail_fast_ms: float | None = None
    rate_afterwards: float | None = None

    def phase(self, name: TurbulencePhase) -> PhaseFigures | None:
        """The figures of a phase, None where there are none."""
        return next((each for each in self.phases if each.name == name), None)


class ResilienceMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the judgement that a limit can be set on.

    `says` is what it is, in a sentence for people. `value` is in `unit`: microseconds, a share, or a plain number.
    It is None where nothing is known, and infinite for what never happened.
    """

    says: str
    unit: Unit
    value: Callable[[Resilience], float | None]


def _time_to_degrade(judged: Resilience) -> float:
    return math.inf if judged.time_to_degrade_s is None else judged.time_to_degrade_s * 1e6


def _time_to_recover(judged: Resilience) -> float | None:
    if judged.recovery == "unknown":
        return None
    if judged.time_to_recover_s is None:
        return math.inf if judged.recovery == "never" else 0.0
    return judged.time_to_recover_s * 1e6


def _passed_during(judged: Resilience) -> float | None:
    inject = judged.phase("inject")
    return inject.passed / inject.instances if inject is not None and inject.instances else None


def _p95_during(judged: Resilience) -> float | None:
    inject = judged.phase("inject")
    return inject.p95_ms * 1000 if inject is not None and inject.requests else None


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _behind_control(judged: Resilience) -> float | None:
    shares = {each.name: each.passed / each.instances for each in judged.groups if each.instances}
    return shares["control"] - shares["disturbed"] if len(shares) > 1 else None


MEASURES: Mapping[str, ResilienceMeasure] = {
    "time_to_degrade": ResilienceMeasure(
        says="Time from the first fault until the steady state did not hold.", unit="us", value=_time_to_degrade
    ),
    "time_to_recover": ResilienceMeasure(
        says="Time from the end of the last fault until the steady state held again; 0 if it always did.",
        unit="us",
        value=_time_to_recover,
    ),
    "error_budget": ResilienceMeasure(
        says="Failures over the run, as a share of those that the steady state allows.",
        unit="%",
        value=lambda judged: judged.error_budget_used,
    ),
    "passed_during": ResilienceMeasure(
        says="Share of the instances that ended in inject and passed.", unit="%", value=_passed_during
    ),
    "p95_during": ResilienceMeasure(
        says="95th percentile of the time of requests that ended in inject.", unit="us", value=_p95_during
    ),
    "fail_fast": ResilienceMeasure(
        says="95th percentile of the time that requests of inject took to fail.",
        unit="us",
        value=lambda judged: None if judged.fail_fast_ms is None else judged.fail_fast_ms * 1000,
    ),
    "rate_afterwards": ResilienceMeasure(
        says="Passed instances per second in the last half of recover, as a share of those in steady.",
        unit="%",
        value=lambda judged: judged.rate_afterwards,
    ),
    "retry_amplification": ResilienceMeasure(
        says="Requests for each logical request, at the proxy that saw most.",
        unit="",
        value=lambda judged: _largest(proxy.amplification for proxy in judged.proxies),
    ),
    "synchrony": ResilienceMeasure(
        says="Largest share of the retries of a second that came in one tenth of it.",
        unit="%",
        value=lambda judged: _largest(proxy.synchrony for proxy in judged.proxies),
    ),
    "in_flight": ResilienceMeasure(
        says="The most requests in a proxy at the same time.",
        unit="",
        value=lambda judged: _largest(float(proxy.in_flight_max) for proxy in judged.proxies),
    ),
    "duplicates": ResilienceMeasure(
        says="Effects beyond one for each idempotency key.", unit="", value=lambda judged: judged.duplicates
    ),
    "lost": ResilienceMeasure(
        says="Effects that were acknowledged and not found afterwards.",
        unit="",
        value=lambda judged: judged.lost,
    ),
    "behind_control": ResilienceMeasure(
        says="Share of passed instances of the control group, less that of the disturbed ones.",
        unit="%",
        value=_behind_control,
    ),
}
"""Every figure that `judge.measures` can limit, by its name there."""
