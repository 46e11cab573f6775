"""The input of every renderer: the summary, the distributions of latencies, and the stories of some instances.

Text in a story is that of the records; each renderer cleans and escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal
from urllib.parse import quote

from windtunnel.metrics.histogram import Bucket
from windtunnel.model.manifest import Manifest
from windtunnel.model.record import Timings
from windtunnel.model.summary import Distribution, Summary
from windtunnel.model.vocabulary import ErrorKind, InstanceOutcome, Outcome
from windtunnel.report.course import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The beginning of a kept body. `size` is its size on disk in bytes; `whole`: `text` is all of it.

    `content` is that beginning as it is kept, `text` as it is shown.
    """

    text: str
    size: int
    whole: bool
    content: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStory:
    """One check; of a passing one only the name is known."""

    name: str
    ok: bool
    expected: str = ""
    actual: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    """One request as it happened; `began_us` counts from the start of the instance.

    The headers are (name, value) as on the wire, None where they were not kept; `headers_left_out` counts those
    beyond what is kept. `hop`: its redirect was followed. `fault` names the one that was done to it on purpose,
    here and in the stories below.
    """

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
    request_headers: tuple[tuple[str, str], ...] | None = None
    response_headers: tuple[tuple[str, str], ...] | None = None
    headers_left_out: int = 0
    hop: bool = False
    request_body: Body | None = None
    response_body: Body | None = None
    fault: str | None = None

    @property
    def elapsed_us(self) -> int:
        """Microseconds from the start to the end, with the phases before the first byte."""
        t = self.timings
        return t.queue + t.dns + t.connect + t.tls + t.duration_us


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStory:
    """One step of a story; `began_us` counts from the start of the instance. `left_out`: omitted requests.

    `round` counts the rounds of the innermost loop around it from 1; 0 outside of loops.
    """

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
    fault: str | None = None
    round: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionStory:
    """One final assertion of a story."""

    name: str
    outcome: Outcome
    message: str | None = None
    checks: tuple[CheckStory, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One instance, in order. `outcome` is None when the run ended before the instance did.

    `began_s` is unix seconds, `offset_s` seconds since the run started, `late_us` how long after its due time
    the instance started, `left_out` the number of omitted steps.
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
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """How many instances of how many a report keeps, and by which rule."""

    kept: int
    of: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The distribution of durations of all requests (`step` is empty), or of the executions of one step.

    `passed` and `failed` are apart: timeouts pile up at one place and say nothing about speed.
    """

    scenario: str = ""
    step: str = ""
    noun: str = "request"
    distribution: Distribution
    passed: tuple[Bucket, ...]
    failed: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a page can show. `directory` is the path of the run, as the user would type it.

    `url` is where others reach `report.html`, such as among the artifacts of a CI job; empty when that is unknown.

    `source_url` is that of the folder in which the paths of the user's files begin, at the commit of the run.

    `settings_file` is the file of the project with the flags or inputs of the job.

    `stories` are those of the instances that `sampling` tells of; `why` has the reason for each by its id.
    The first `featured` of them stand in the page itself. `beside` maps the id of each failing one to that of a
    passing one of the same scenario.

    `shown_by` maps the position of a threshold that did not hold to ids of instances that show why,
    `errors_shown_by` that of an error group to ids of some that failed so, `faults_shown_by` the name of a fault
    to the id of one that it was done to. `course` is the run along time.
    """

    summary: Summary
    manifest: Manifest
    directory: str = ""
    url: str = ""
    source_url: str = ""
    settings_file: str = ".gitlab-ci.yml"
    overall: Latency | None = None
    steps: tuple[Latency, ...] = ()
    stories: tuple[Story, ...] = ()
    sampling: Sampled | None = None
    why: dict[str, str] = field(default_factory=dict)
    featured: int = 0
    beside: dict[str, str] = field(default_factory=dict)
    shown_by: dict[int, tuple[str, ...]] = field(default_factory=dict)
    errors_shown_by: dict[int, tuple[str, ...]] = field(default_factory=dict)
    faults_shown_by: dict[str, str] = field(default_factory=dict)
    course: Course = field(default_factory=Course)

    @property
    def featured_stories(self) -> tuple[Story, ...]:
        """Those that stand in the page itself."""
        return self.stories[: self.featured]

    def story_beside(self, story: Story) -> Story | None:
        """The passing one that a failing one is shown beside."""
        passing = self.beside.get(story.instance_id)
        return next((each for each in self.stories if each.instance_id == passing), None)

    def line_url(self, file: str | None, line: int | None) -> str:
        """The URL of a line of a file of the user's; empty where none is known, and outside of the project."""
        path = PurePath(file or "")
        if not self.source_url or not file or path.is_absolute() or ".." in path.parts:
            return ""
        return f"{self.source_url}{quote(path.as_posix())}" + (f"#L{line}" if line else "")
