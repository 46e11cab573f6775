"""The closed vocabularies: for each field that takes one of a few words, those words as a `Literal` type.

A tuple of the words, where one is needed to validate or to iterate, is derived from the type by `get_args`. The
published JSON Schemas name the same words; a test compares them.
"""

from __future__ import annotations

from typing import Literal

Outcome = Literal["passed", "failed", "errored", "skipped", "interrupted"]
"""How a step or an assertion ended. failed: the SUT's doing; errored: the generator's or the scenario's."""

InstanceOutcome = Literal["passed", "failed", "errored", "interrupted"]
"""How an instance ended."""

AssertionAction = Literal["assert", "check"]
"""What an assertion looked at: `assert`, a response; `check`, a value of the user's own code."""

FailureOutcome = Literal["failed", "errored"]
"""The outcomes that count as errors."""

VerdictWord = Literal[
    "invalid", "error", "incomplete", "unreachable", "interrupted", "fail", "inconclusive", "pass"
]
"""What a run is worth, in order of precedence: of several that apply, the first decides."""

ThresholdWord = Literal["pass", "fail", "no_data", "inconclusive"]
"""How a threshold went. `no_data`: too few samples, or nothing to compare with."""

ErrorKind = Literal[
    "timeout",
    "dns",
    "refused",
    "unreachable",
    "connect_timeout",
    "proxy",
    "tls",
    "reset",
    "closed",
    "protocol",
    "body_too_large",
    "decode",
    "too_many_redirects",
    "host_not_allowed",
    "token",
    "bad_request",
    "open_files",
    "ports",
]
"""Why a request has no complete response. `model.http.ERROR_KINDS` describes each."""

NoteKind = Literal[
    "cookie_domain",
    "cookie_secure",
    "cookie_prefix",
    "cookie_size",
    "cookie_syntax",
    "cookie_number",
    "bare_line_feed",
    "folded_header",
    "space_before_colon",
    "blank_line_first",
    "status_line",
    "header_name",
    "chunk_extension",
    "control_character",
    "chunk_size_blanks",
    "length_twice",
    "length_and_chunks",
    "after_response",
    "location_characters",
    "location_twice",
    "after_compressed",
    "unknown_charset",
    "charset_contradicted",
    "unknown_coding",
]
"""What a service does against the standards, in a response that is read all the same; in words in `model.note`."""

SpecialPhase = Literal["setup", "user_setup", "teardown", "health", "token"]
"""The phases outside the load; every other phase is a stage, or `warmup:` and a stage. Not part of any metric."""

SectionPhase = Literal["setup", "user_setup", "teardown"]
"""The phases that are sections of a scenario."""

SegmentKind = Literal["load", "setup", "turbulence"]
"""What a process of a run writes into one record file: part of the load, the setups and teardowns, or what the
proxies saw and when faults were on.
"""

OnFailure = Literal["stop", "continue"]
"""What a failed step does to the flow around it."""

Arrival = Literal["uniform", "poisson"]
"""How the starts of an open load are spaced: evenly, or at random with the same mean."""

FailOn = Literal["thresholds", "errors", "never"]
"""What makes the exit code that of a failure; see `model.verdict.exit_code_of`."""

Loopback = Literal["auto", "gateway", "strict"]
"""How a loopback address is understood inside a container. auto: the gateway where the loopback address itself
refuses; gateway: at once; strict: never.
"""

Connections = Literal["user", "instance", "none"]
"""How long connections are kept: for the next instance of the user, until the instance ends, not at all."""

Grant = Literal["client_credentials", "password", "refresh_token"]
"""How an access token is asked for."""

Compression = Literal["zstd"]
"""How finished record files can lie on the disk."""

KeepBodies = Literal["failures", "all", "none"]
"""Which bodies of requests and responses are kept."""

RowOrder = Literal["sequential", "shuffle", "random"]
"""In which order the rows of a data file are dealt: as written, shuffled once, or drawn with replacement."""

OnEnd = Literal["recycle", "stop", "fail"]
"""What follows the last row of a data file: the first one again, the end of the load, or an error."""

RowShare = Literal["instance", "unique", "user"]
"""Who gets a row of a data file: each instance, each instance and no other one, or each user, which keeps it."""

CommentWhen = Literal["auto", "always", "on-failure", "never"]
"""When a pull request gets a comment. auto: where there is a pull request and a token; always: the same, with a
warning where one is missing; on-failure: a new comment only for a run that did not pass, an old one is always
brought up to date.
"""

MetricType = Literal["trend", "rate", "counter", "gauge"]
"""What a metric is made of: durations, a share, a sum, or a value that goes up and down."""

AggregateName = Literal["avg", "min", "max", "med", "p", "count", "rate", "value"]
"""What a threshold computes from a metric; `p` goes with a percentile."""

Operator = Literal["<", "<=", ">", ">=", "==", "!="]
"""What stands between a measured value and its limit."""

Unit = Literal["us", "%", "B", "/s", "B/s", ""]
"""The unit of a limit: microseconds, a share (of 1), bytes, per second, bytes per second, a plain number."""

ThresholdOrigin = Literal["plan", "flag", "implied"]
"""Where a threshold comes from: the plan, the command line, or the rule that every instance must pass."""

ChangeUnit = Literal["ms", "share", "per_second"]
"""The unit of a figure that is compared with a baseline."""

TurbulencePhase = Literal["warmup", "steady", "inject", "recover"]
"""The phases of a run with faults, in their order."""

ProxyProtocol = Literal["http", "tcp"]
"""What an embedded proxy understands of what it forwards."""

Allowance = Literal["listen", "toxiproxy", "hook"]
"""What a plan may do only where the command line says so: open a proxy to other machines, use an engine."""

FaultPattern = Literal["window", "flap", "ramp", "steps", "pulse", "random", "first_n", "every_nth", "sweep"]
"""How a fault is on and off within its time; `turbulence.schedule` says what each means."""

FaultEvent = Literal["on", "off", "applied", "missed", "left"]
"""What a fault record tells: the fault was switched on or off, was done to a request, could not be done to one
that it was asked for, or could not be undone.
"""

EffectKind = Literal["answered", "acknowledged", "found"]
"""What an effect record tells: a successful answer to an idempotency key, something that an answer said is done,
or something that a later answer shows.
"""

ResilienceWord = Literal["resilient", "degraded", "failed", "metastable", "not_judged"]
"""How a system bore its faults. The judge says what each means."""

COMPLETED: frozenset[Outcome] = frozenset({"passed", "failed", "errored"})
"""Outcomes of steps and instances that ended by themselves. A skipped one never began; an interrupted one was cut
short by the end of the run, so its outcome is unknown."""
