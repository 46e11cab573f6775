"""What every renderer gets: the summary, the shape of the latencies, and the stories of instances worth reading.

Text in a story is as the records have it; each renderer makes it fit for its own page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from windtunnel.metrics.histogram import Bucket
from windtunnel.model.manifest import Manifest
from windtunnel.model.record import Timings
from windtunnel.model.summary import Distribution, Summary
from windtunnel.model.vocabulary import ErrorKind, InstanceOutcome, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The kept beginning of a body. `size` is what is on disk, in bytes; `whole`: `text` is all of that."""

    text: str
    size: int
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStory:
    """One check. Of a passing one the record keeps only the name."""

    name: str
    ok: bool
    expected: str = ""
    actual: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    """One request as it happened; `began_us` counts from the start of the instance."""

    method: str
    url: str
    service: str
    status: int
    error: ErrorKind | None
    error_detail: str | None
    attempt: int
    span_id: str
    failed: bool
    poll: bool
    resent: bool
    bytes_sent: int
    bytes_received: int
    began_us: int
    timings: Timings
    request_body: Body | None = None
    response_body: Body | None = None

    @property
    def elapsed_us(self) -> int:
        """From the wish to send until the end: the phases before the first byte included."""
        t = self.timings
        return t.queue + t.dns + t.connect + t.tls + t.duration_us


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStory:
    """One step of a story; `began_us` counts from the start of the instance. `left_out` requests are not told."""

    name: str
    action: str
    outcome: Outcome | Literal["unfinished"]
    began_us: int
    duration_us: int
    error: str | None = None
    message: str | None = None
    checks: tuple[CheckStory, ...] = ()
    extracted: tuple[str, ...] = ()
    requests: tuple[RequestStory, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionStory:
    """One final assertion of a story."""

    name: str
    outcome: Outcome
    message: str | None = None
    checks: tuple[CheckStory, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One instance, told in order. `outcome` is None when the run ended before the instance did.

    `began_s` is unix seconds, `offset_s` seconds since the run started, `late_us` how long after its due time
    the instance started. `left_out` steps are not told.
    """

    instance_id: str
    correlation_id: str
    scenario: str
    outcome: InstanceOutcome | None
    began_s: float
    offset_s: float
    duration_us: int
    late_us: int = 0
    index: int | None = None
    user: int | None = None
    failed_step: str | None = None
    error: str | None = None
    message: str | None = None
    steps: tuple[StepStory, ...] = ()
    assertions: tuple[AssertionStory, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How the durations of one thing are spread: of all requests (`step` is empty), or of one step.

    `passed` and `failed` are told apart: timeouts pile up at one place and have nothing to do with speed.
    """

    scenario: str = ""
    step: str = ""
    noun: str = "request"
    distribution: Distribution
    passed: tuple[Bucket, ...]
    failed: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a page can show. `directory` is where the run lies, as the user would type it.

    `url` is where others reach `report.html`, such as among the artifacts of a CI job; empty when that is unknown.

    `shown_by` maps the position of a threshold that did not hold to ids of instances that show why.
    """

    summary: Summary
    manifest: Manifest
    directory: str = ""
    url: str = ""
    overall: Latency | None = None
    steps: tuple[Latency, ...] = ()
    stories: tuple[Story, ...] = ()
    shown_by: dict[int, tuple[str, ...]] = field(default_factory=dict)
