"""The result of a run, for machines (`summary.json`) and for every renderer. Times are milliseconds here.

The published form is `schemas/summary.schema.json`; `SCHEMA_VERSION` counts its incompatible changes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from windtunnel.model.record import MOST, Count, Moment
from windtunnel.model.resilience import Resilience
from windtunnel.model.vocabulary import (
    AggregateName,
    ChangeUnit,
    FailureOutcome,
    MetricType,
    NoteKind,
    Operator,
    SectionPhase,
    ThresholdOrigin,
    ThresholdWord,
    Unit,
    VerdictWord,
)

SCHEMA_VERSION = 1


Figure = Annotated[float, msgspec.Meta(ge=0, le=MOST)]
"""A figure of a summary. The bounds hold for what is read, as a baseline."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """A set of durations in milliseconds. Percentiles are within 0.2 % of a true sample; all 0 with count 0."""

    count: Count
    avg: Figure
    min: Figure
    med: Figure
    p90: Figure
    p95: Figure
    p99: Figure
    p999: Figure = msgspec.field(name="p99.9")
    max: Figure


class MetricSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric over the whole run. `type` is trend, rate, counter or gauge.

    trend: `distribution`. rate: `rate` = matches / count, 0 to 1. counter: `count` and `rate` per second.
    gauge: `value` (last), `avg` (over time) and `max`.
    """

    type: MetricType
    count: Count = 0
    matches: Count = 0
    rate: Figure | None = None
    value: Figure | None = None
    avg: Figure | None = None
    max: Figure | None = None
    distribution: Distribution | None = None


class ThresholdResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One threshold and its result, in words and in parts.

    In words: `selector` and `condition` as normalised text, `measured` and `limit` with their unit, and `reason`.
    In parts: `metric`, `tags`, `aggregate` (for p with its `percentile`), `operator`, and the measured `value` and
    `limit_value` in `unit`; both None where they are unknown. `explanation`: the part of the reason that says
    why a threshold could not be judged. `samples`: number of values that were aggregated. `file` and `line`: its
    place in the plan.
    """

    selector: str
    condition: str
    result: ThresholdWord
    measured: str
    limit: str
    samples: int
    origin: ThresholdOrigin
    metric: str
    tags: dict[str, str] = {}
    aggregate: AggregateName
    percentile: float | None = None
    operator: Operator
    unit: Unit = ""
    value: float | None = None
    limit_value: float | None = None
    reason: str | None = None
    explanation: str | None = None
    file: str | None = None
    line: int | None = None

    @property
    def name(self) -> str:
        """`http_req_duration{step:pay}: p(95) < 400 ms`."""
        return f"{self.selector}: {self.condition}"


_HOLD_STEPS = frozenset({"group", "branch", "choose", "repeat", "parallel", "include"})
"""Step types whose time is that of the steps inside, with their pauses."""

_PAUSES = frozenset({"wait", "pause"})
"""Step types that send no request where they only pause."""


def is_timed(action: str, requests: int) -> bool:
    """Whether the time of such a step says something about the SUT: not that of a container, a pause or `set`."""
    return action not in _HOLD_STEPS and action != "set" and (action not in _PAUSES or requests > 0)


class WindowFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened in each window of time, in order. Percentiles are ms, None in a window without a time.

    They are coarser than those of a `Distribution`: within 6 %. `intervals` has the 95 % intervals of p50, p95 and
    p99 over all windows, of those that are known. Without times there are neither.
    """

    count: list[Count]
    failed: list[Count]
    p50: list[Figure | None] = []
    p95: list[Figure | None] = []
    intervals: dict[str, tuple[Figure, Figure]] = {}


class RunWindows(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of a run, after its warm-up: `number` of them, each `width_s` wide, from `started` (unix) on.

    Inference is about windows: what differs by no more than they do is noise.
    """

    number: Count
    width_s: Figure
    started: Moment
    requests: WindowFigures
    instances: WindowFigures


class StepSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the step table.

    `latency` is the time of a completed execution, with all attempts, hops, polls and pauses; `request_latency`
    that of a single request, None without requests and where it is no other. `retries` counts what was sent beyond
    the first attempt of an execution. `depth` counts the steps around it; what is inside a step follows it.
    `windows` are of its completed executions, None without any.
    """

    scenario: str
    step: str
    action: str
    count: int
    passed: int
    failed: int
    errored: int
    skipped: int
    interrupted: int
    requests: int
    requests_failed: int
    retries: int = 0
    latency: Distribution
    request_latency: Distribution | None = None
    windows: WindowFigures | None = None
    depth: int = 0
    file: str | None = None
    line: int | None = None


class ErrorGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Failures with one cause. `cause` is a check's name or an error kind; `example` what one of them said.

    `phase` is "" for the load, else the section of the scenario: setup, user_setup or teardown. `share` is
    failures per instance that ended, 0 for a setup or teardown, which is part of none. `file` and `line` are the
    place of the step.
    """

    scenario: str
    step: str
    cause: str
    outcome: FailureOutcome
    count: int
    share: float
    first_t: float
    last_t: float
    example: str
    instances: list[str]
    phase: SectionPhase | Literal[""] = ""
    file: str | None = None
    line: int | None = None


class NoteGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a service does against the standards, in responses that were read all the same.

    `message` says it in words, with the count. `step` saw the first one, `instances` the first few.
    """

    service: str
    kind: NoteKind
    count: int
    message: str
    first_t: float
    step: str
    instances: list[str]


class Soundness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the run can be trusted. `findings` explain what limits its result.

    `lag_p99_ms` is the event loop's lateness: the measurement error of every time in this summary.
    `littles_law` is (mean instances in flight ÷ rate of instances) ÷ mean instance duration; 1 is right.
    """

    finished: bool
    intact: bool
    lag_p99_ms: float
    lag_max_ms: float
    littles_law: float | None
    dropped: int
    late: int
    cpu: float
    findings: list[str]


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What ran. `started` is unix seconds, durations are seconds. `shard` is such as "2/4", or empty.

    `plan_hash` is that of the files, data, load and thresholds.
    """

    name: str
    sut: str
    scenarios: list[str]
    load: str
    seed: int
    version: str
    started: float
    duration_s: float
    instances: int
    passed: int
    failed: int
    errored: int
    interrupted: int
    shard: str = ""
    commit: str | None = None
    plan_hash: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of a run and of its baseline. `unit` is ms, share (of 1) or per_second.

    `relative` is now / before - 1, None when it was 0. A change of one step has its `scenario` and `step`.
    `low` and `high` are the ends of the 95 % interval of `relative`, for a share of now - before; None where too
    little is known of the windows. `spreads` is the change in standard deviations between windows.
    """

    metric: str
    aggregate: str
    unit: ChangeUnit
    before: float
    now: float
    relative: float | None = None
    low: float | None = None
    high: float | None = None
    spreads: float | None = None
    scenario: str = ""
    step: str = ""


class WindowSpan(msgspec.Struct, frozen=True, kw_only=True):
    """How many windows a run has, and how wide they are."""

    number: Count
    width_s: Figure


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The run that this one is compared with, and what changed since. `notes` are the limits of the comparison.

    `windows_before` and `windows_now` are what the intervals of changes rest on, None where they are unknown.
    """

    run_id: str
    verdict: VerdictWord
    commit: str | None
    started: float
    notes: list[str]
    changes: list[Change]
    windows_before: WindowSpan | None = None
    windows_now: WindowSpan | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of `summary.json`. `baseline` is null without one, `turbulence` while no fault was asked for."""

    schema_version: int
    run_id: str
    verdict: VerdictWord
    exit_code: int
    reasons: list[str]
    run: RunInfo
    thresholds: list[ThresholdResult]
    metrics: dict[str, MetricSummary]
    steps: list[StepSummary]
    errors: list[ErrorGroup]
    notes: list[NoteGroup] = []
    soundness: Soundness
    windows: RunWindows | None = None
    baseline: Comparison | None = None
    turbulence: Resilience | None = None


class BaselineRun(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a `RunInfo` that a baseline needs."""

    load: str = ""
    started: Moment = 0.0
    duration_s: Figure = 0.0
    commit: str | None = None
    shard: str = ""
    seed: int | None = None
    plan_hash: str = ""


class BaselineStep(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a `StepSummary` that a baseline needs.

    Without `retries` it is of an earlier version, in which `latency` was that of the requests if there were any.
    """

    scenario: str
    step: str
    count: Count
    failed: Count
    errored: Count
    requests: Count
    latency: Distribution
    action: str = ""
    retries: Count | None = None
    request_latency: Distribution | None = None
    windows: WindowFigures | None = None

    @property
    def of_requests(self) -> Distribution | None:
        """The times of its requests, None without any."""
        return (self.request_latency or self.latency) if self.requests else None

    @property
    def of_executions(self) -> Distribution | None:
        """The times of the step, None where they are unknown."""
        return None if self.requests and self.retries is None else self.latency


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A run that another is compared with: the needed part of its `summary.json`, of any version."""

    run_id: str
    verdict: VerdictWord
    run: BaselineRun
    metrics: dict[str, MetricSummary]
    steps: list[BaselineStep]
    windows: RunWindows | None = None

    @classmethod
    def of(cls, summary: Summary) -> Baseline:
        """The baseline that a summary makes."""
        return msgspec.convert(summary, cls, from_attributes=True)
