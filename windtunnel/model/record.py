"""Records, each a line on disk. `schemas/record.schema.json` is the published form.

Every line has `type`, `seq`, `run_id` and `t`: the unix time in seconds at which the thing ended, so that it
began at `t - duration_us / 1e6`. Durations are whole microseconds, because the value that is written is the
value that is counted: sums of integers are exact, whatever the order and however many workers.
Fields at their default are left out.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from windtunnel.model.vocabulary import (
    AssertionAction,
    EffectKind,
    ErrorKind,
    FaultEvent,
    InstanceOutcome,
    NoteKind,
    Outcome,
    SegmentKind,
    TurbulencePhase,
)

LAST_MOMENT = 253_402_300_799
"""The end of the year 9999, in unix seconds: no date comes after it."""

MOST = 2**53
"""The largest whole number that every reader of JSON reads exactly."""

Moment = Annotated[float, msgspec.Meta(ge=0, le=LAST_MOMENT)]
"""Unix seconds. As with the types below, the bounds hold for what is read; what is written is not looked at."""

Microseconds = Annotated[int, msgspec.Meta(ge=0, le=MOST)]

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]

Index = Annotated[int, msgspec.Meta(ge=-1, le=MOST)]

Change = Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]

MAX_STEPS = "max_steps"
"""The error of an instance that ran its maximum of steps. The step that it names as failed did not begin."""


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """`seq` and `run_id` are set by the sink that writes the line; nothing else changes a record."""

    seq: int = -1
    run_id: str = ""
    t: Moment


class RunStarted(_Line, tag="run_started", kw_only=True, omit_defaults=True):
    """First line of a segment. `segment` is its number among those of its `kind`."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=MOST)]
    segment: Count
    kind: SegmentKind = "load"
    plan_hash: str
    seed: int


class Users(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Users of closed loads that run and instances of open loads in flight, since the last line that said so.

    `now`, `area_us` (their sum over time) and `span_us` (the time) are those of the segment; `most` is how many
    there were at the same time in all segments of the same `machine`. After the end of the load nothing is added;
    time that was counted beyond it is taken back.
    """

    segment: Count = 0
    machine: Count = 0
    now: Count = 0
    most: Count = 0
    area_us: Change = 0
    span_us: Change = 0


class RunEnded(_Line, tag="run_ended", kw_only=True, omit_defaults=True):
    """Last line of a segment: why it ended, and how many lines of each type are before it.

    `signal` is the number of the signal that ended the run, `bug` the first unexpected exception of ours,
    `unreachable` why no service of the SUT could be connected to before anything was sent, `lost` which process
    of ours was gone before the end. `aborted`: a threshold that says so ended it, and `reason` names it. `capped`:
    it had taken the longest time it may. `bodies_left_out` counts the heads and bodies that were beyond what a
    run keeps. `damage` is what something else had done to the files of the run when this line was written.
    `checksum`, the last field but `crc`, is the CRC-32 (8 hexadecimal digits) of every byte of the file before
    that field; it is set as the line is written.
    """

    reason: str
    counts: dict[str, Count]
    signal: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    bug: str | None = None
    unreachable: str | None = None
    lost: str | None = None
    aborted: bool = False
    capped: bool = False
    users: Users | None = None
    bodies_left_out: Count = 0
    damage: list[str] = []
    checksum: str = ""


class Timings(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Whole microseconds. Service time = send + wait + receive, from the first byte sent on."""

    queue: Microseconds = 0
    dns: Microseconds = 0
    connect: Microseconds = 0
    tls: Microseconds = 0
    send: Microseconds = 0
    wait: Microseconds = 0
    receive: Microseconds = 0

    @property
    def duration_us(self) -> int:
        """Service time, what k6 calls http_req_duration."""
        return self.send + self.wait + self.receive


HeaderFields = list[tuple[str, str]]
"""The fields of a head, (name, value) each, without secrets."""


class RequestFacts(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One request and its outcome: an attempt, a poll or a redirect hop.

    `error` is None when the response is complete; without a complete response `status` is 0 unless the head had
    arrived. `failed`: no complete response, or a status that was not asked for. `poll` marks a poll before the
    last one, which is not judged, `hop` a response whose redirect was followed. `attempt` counts from 1;
    `resent`: within this attempt it was sent once more, on a fresh connection; `replaced`: it was sent once, on
    a fresh connection in place of a reused one that was gone. Sizes are bytes on the wire; a request with
    `bytes_sent` 0 was never sent and has no duration. Of a request that is kept, `request_headers` and
    `response_headers` are (name, value) as on the wire, in order, `headers_left_out` counts those beyond what is
    kept, and `request_body` and `response_body` name files under `bodies/`. `notes` counts what was odd about
    the response, which was read all the same. `fault` is the name of the fault that was done to it on purpose:
    its times and its outcome are not those of the SUT.
    """

    method: str
    url: str
    service: str = ""
    status: Count = 0
    error: ErrorKind | None = None
    error_detail: str | None = None
    attempt: Count = 1
    span_id: str = ""
    failed: bool = False
    poll: bool = False
    hop: bool = False
    resent: bool = False
    replaced: bool = False
    bytes_sent: Count = 0
    bytes_received: Count = 0
    timings_us: Timings
    request_headers: HeaderFields | None = None
    response_headers: HeaderFields | None = None
    headers_left_out: Count = 0
    request_body: str | None = None
    response_body: str | None = None
    notes: dict[NoteKind, Count] | None = None
    fault: str | None = None


class FailedCheck(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A check that did not hold. A passing one is its name only.

    `key`: what it reads, such as a header or a JSON path; empty where the name says it. The values under a secret
    key are hidden.
    """

    name: str
    expected: str
    actual: str
    key: str = ""


Checks = list[str | FailedCheck]


class RequestRecord(_Line, tag="request", kw_only=True, omit_defaults=True):
    """A request of a step that sent more than one; written when the request ended."""

    instance_id: str
    correlation_id: str
    scenario: str
    step: str
    request: RequestFacts
    round: Count = 0
    phase: str = ""


class StepRecord(_Line, tag="step", kw_only=True, omit_defaults=True):
    """A step ended: passed, failed, errored, skipped or interrupted.

    `request` is the request of a step that sent exactly one; else `requests` counts its requests' own lines.
    `error` is a short kind (a transport error, `extract`, `template`, …), `message` the sentence; `nested` is that
    of a step whose only failure is inside it, where it has a line of its own. `round` counts the rounds of the
    innermost loop around the step from 1. `duration_us` is without the time that faults on our own requests held
    the step. `held_us` is how long code of the step kept its whole process from doing anything else; 0 when that
    is negligible. `fault` is the name of the one that was done to a request of the step, unless the step failed by
    an answer that no fault had touched.
    """

    instance_id: str
    correlation_id: str
    scenario: str
    step: str
    action: str
    outcome: Outcome
    duration_us: Microseconds
    error: str | None = None
    message: str | None = None
    checks: Checks = []
    extracted: list[str] = []
    request: RequestFacts | None = None
    requests: Count = 0
    round: Count = 0
    held_us: Microseconds = 0
    fault: str | None = None
    phase: str = ""


class AssertionRecord(_Line, tag="assertion", kw_only=True, omit_defaults=True):
    """A final assertion was evaluated (passed, failed, errored), or skipped after an early stop.

    `action` is `assert` for an assertion on a response, `check` for a value that the user's code checked itself.
    `fault` is the name of the one that was done to the response that it failed on.
    """

    instance_id: str
    correlation_id: str
    scenario: str
    name: str
    action: AssertionAction = "assert"
    outcome: Outcome
    checks: Checks = []
    message: str | None = None
    fault: str | None = None
    phase: str = ""


class InstanceRecord(_Line, tag="instance", kw_only=True, omit_defaults=True):
    """An instance ended: passed, failed, errored or interrupted.

    `scheduled` and `started` are unix seconds; `duration_us` counts from the start, `response_time_us` from
    the moment the instance was due. `whole`: its requests are kept also when they pass, to compare with; which
    ones are is decided before they begin. `fault` is the name of the one that a failed instance failed by.
    """

    instance_id: str
    correlation_id: str
    scenario: str
    index: Index
    user: Index
    outcome: InstanceOutcome
    scheduled: Moment
    started: Moment
    duration_us: Microseconds
    response_time_us: Microseconds
    steps: Count = 0
    whole: bool = False
    failed_step: str | None = None
    error: str | None = None
    message: str | None = None
    fault: str | None = None
    phase: str = ""


class Dropped(_Line, tag="dropped", kw_only=True, omit_defaults=True):
    """An arrival that was dropped because no slot was free."""

    scenario: str
    index: Count
    scheduled: Moment
    phase: str = ""


class Health(_Line, tag="health", kw_only=True, omit_defaults=True):
    """The state of a generator process over the last second. Times are whole microseconds, memory is bytes.

    `lag_*` is how late the event loop woke a timer that was due; `cpu` is the process's share of one core,
    `segment` the number of what it runs.
    """

    lag_p50_us: Microseconds = 0
    lag_p99_us: Microseconds = 0
    lag_max_us: Microseconds = 0
    late_max_us: Microseconds = 0
    cpu: Annotated[float, msgspec.Meta(ge=0, le=MOST)] = 0.0
    memory: Count = 0
    open_files: Count = 0
    in_flight: Count = 0
    segment: Count = 0
    users: Users | None = None


class PhaseRecord(_Line, tag="phase", kw_only=True, omit_defaults=True):
    """A phase of a run with faults: from when to when, after the begin of the load, which is `t`."""

    name: TurbulencePhase
    begin_us: Microseconds = 0
    duration_us: Microseconds


class FaultRecord(_Line, tag="fault", kw_only=True, omit_defaults=True):
    """A fault was switched on or off, was done to a request, or was asked for one and could not be done.

    `decision` is the number from 0 to 1 that decided, below the fault's probability at the time. `level` is the
    one of a sweep. The ids are those of a request of ours; a proxy knows them where the request carries them.
    """

    name: str
    kind: str
    event: FaultEvent
    decision: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    level: str = ""
    proxy: str = ""
    instance_id: str = ""
    correlation_id: str = ""
    scenario: str = ""
    step: str = ""
    occurrence: Count = 0
    attempt: Count = 0
    delay_us: Microseconds = 0
    detail: str = ""


class ProxiedRecord(_Line, tag="proxied", kw_only=True, omit_defaults=True):
    """A request that went through an embedded proxy, or a connection where that understands no HTTP.

    `attempt` counts the requests of one logical request from 1: those with the same correlation id (that of the
    headers `X-Correlation-ID` or `traceparent`), idempotency key, method and path; 0 where no id was sent.
    `since_us` is the time since the previous attempt began, `in_flight` counts the requests in the proxy with
    this one. `status` is what the caller was sent, 0 for nothing, `upstream_status` what the upstream answered.
    `faults` are the names of those that were done to it.
    """

    proxy: str
    correlation_id: str = ""
    method: str = ""
    path: str = ""
    status: Count = 0
    upstream_status: Count = 0
    error: str = ""
    duration_us: Microseconds = 0
    attempt: Count = 0
    since_us: Microseconds = 0
    in_flight: Count = 0
    bytes_up: Count = 0
    bytes_down: Count = 0
    faults: list[str] = []


class EffectRecord(_Line, tag="effect", kw_only=True, omit_defaults=True):
    """What an answer says was done, for the count of duplicate and lost effects.

    `key` is a hash of the idempotency key, or of what was acknowledged; `value` a hash of what the answer says of
    it, "" for nothing. `kind`: an answer to that key, an acknowledgement, or one that was found afterwards.
    """

    kind: EffectKind
    key: str
    value: str = ""
    instance_id: str = ""
    step: str = ""


Record = (
    RunStarted
    | RunEnded
    | RequestRecord
    | StepRecord
    | AssertionRecord
    | InstanceRecord
    | Dropped
    | Health
    | PhaseRecord
    | FaultRecord
    | ProxiedRecord
    | EffectRecord
)
