"""How a system bore its faults: the section `turbulence` of `summary.json`.

Times are milliseconds where their name says so, else seconds since the load began.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from windtunnel.model.vocabulary import FaultPattern, ResilienceWord, TurbulencePhase

BoundResult = Literal["held", "broken", "no_data"]
"""How one bound of the judge went."""

Recovery = Literal["not_needed", "recovered", "never"]
"""Whether the system came back to its steady state after the last fault. not_needed: it never left it."""


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
    """One fault: what it does to what, when, and how often it was asked for and done. `what` is in words."""

    name: str
    kind: str
    what: str
    pattern: FaultPattern
    asked: int
    applied: int
    bands: list[Band] = []
    left_behind: bool = False


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
    """One level of a sweep, and whether what had to hold while it was on did."""

    fault: str
    level: str
    held: bool
    measured: str


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of time. `good` is None where it has too few samples to be judged; `faults` were on in it."""

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
    """The instances that faults on our own requests could touch, or those that they could not, during `inject`."""

    name: Literal["disturbed", "control"]
    instances: int
    passed: int
    p95_ms: float


class Resilience(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement of a run with faults. `headline` is one sentence; `reasons` say why, the deciding one first.

    `time_to_degrade_s` counts from the first fault, None where the system did not degrade; `time_to_recover_s`
    from the end of the last fault, None where it never did or needed none, as `recovery` says. `error_budget_used`
    is failures ÷ those that the steady state allows over the run, None without such a condition.
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
