"""What one instance shows, place by place: the values that a comparison of two instances is about.

A value has two forms: one to compare, without what belongs to this instance or this moment alone (its own ids,
dates, tokens), and one to show.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple

import msgspec

from windtunnel.report.model import Body, RequestStory, StepStory, Story
from windtunnel.report.text import shortened

MOST_LEAVES = 2_000
"""Maximum number of values of one body that are looked at."""

LONGEST_VALUE = 200
"""Maximum number of characters of a value."""

Part = Literal[
    "step",
    "url",
    "request_header",
    "request_body",
    "fault",
    "error",
    "status",
    "response_header",
    "response_body",
    "requests",
    "check",
    "outcome",
]
"""What a value is of; within one request in the order in which it happens."""

VALUES: frozenset[Part] = frozenset({"url", "request_header", "request_body", "response_header", "response_body"})
"""The parts that are data: they differ between instances for many reasons."""

_NAMES = """
    age authorization cf-ray content-length cookie date etag expires idempotency-key last-modified nel
    report-to
    request-id server-timing set-cookie traceparent tracestate x-amz-cf-id x-amzn-requestid x-amzn-trace-id
    x-b3-spanid x-b3-traceid x-correlation-id x-instance-id x-request-id x-response-time x-run-id x-runtime
    x-trace-id x-varnish"""
ALWAYS_DIFFERENT = frozenset(_NAMES.split())
"""Headers that tell nothing: their values are those of one moment, or follow from something else."""

_OF_ONE_MOMENT = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"  # a UUID, a trace id
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"  # an ISO date
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"  # an HTTP date
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|\b[0-9a-f]{16,}\b"
    r"|\b1[5-9]\d{8}(?:\.\d+)?\b|\b1[5-9]\d{11}\b",  # unix seconds and milliseconds of these decades
    re.IGNORECASE,
)

Key = tuple[str, int, int]
"""A step: its name, its round, and which one of those in its instance."""


class Place(NamedTuple):
    """Where a value is. `request` is the position in the step, -1 for the step itself.

    `what` is the name of a check or a header, a JSON path, or `line 3` of a body that is no JSON.
    """

    key: Key
    request: int
    part: Part
    what: str = ""

    def anywhere(self) -> Place:
        """The same in any element of its lists."""
        return self._replace(what=_INDEX.sub("[*]", self.what)) if "body" in self.part else self

    def inside(self, other: Place) -> bool:
        """Whether this is a part of the other place of the same body."""
        return self[:3] == other[:3] and self.what.startswith((f"{other.what}.", f"{other.what}["))


_INDEX = re.compile(r"\[\d+\]")


class Value(NamedTuple):
    """`same` is what is compared, `text` what is shown."""

    same: str
    text: str


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that is compared of one instance. `keys` are its steps in order; `values` is in order too."""

    keys: tuple[Key, ...]
    values: Mapping[Key, Mapping[Place, Value]]


def observe(story: Story) -> Observed:
    """What an instance shows."""
    counted: Counter[tuple[str, int]] = Counter()
    own = _own_ids(story)
    values: dict[Key, dict[Place, Value]] = {}
    for step in story.steps:
        key = (step.name, step.round, counted[step.name, step.round])
        counted[step.name, step.round] += 1
        values[key] = dict(_of_step(step, key, own))
    return Observed(tuple(values), values)


_Shown = tuple[Place, Value]


def _of_step(step: StepStory, key: Key, own: re.Pattern[str]) -> Iterator[_Shown]:
    for number, request in enumerate(step.requests):
        yield from _of_request(request, key, number, own)
    if step.requests:
        yield Place(key, -1, "requests"), _as_it_is(str(len(step.requests) + step.left_out))
    for check in step.checks:
        if not check.ok:
            told = f"expected {_cut(check.expected)}, got {_cut(check.actual)}"
            yield Place(key, -1, "check", check.name), Value("failed", told)
    yield Place(key, -1, "outcome"), _as_it_is(step.outcome)


def _of_request(request: RequestStory, key: Key, number: int, own: re.Pattern[str]) -> Iterator[_Shown]:
    url = f"{request.method} {request.url}"
    yield Place(key, number, "url"), Value(re.sub(r"\d+", "…", _steady(url, own)), _cut(url))
    yield from _headers(request.request_headers, key, number, "request_header", own)
    yield from _body(request.request_body, key, number, "request_body", own)
    if request.fault:
        yield Place(key, number, "fault"), _as_it_is(request.fault)
    if request.error:
        yield Place(key, number, "error"), Value(request.error, _cut(request.error_detail or request.error))
    if request.status:
        yield Place(key, number, "status"), _as_it_is(str(request.status))
    yield from _headers(request.response_headers, key, number, "response_header", own)
    yield from _body(request.response_body, key, number, "response_body", own)


def _headers(
    headers: tuple[tuple[str, str], ...], key: Key, number: int, part: Part, own: re.Pattern[str]
) -> Iterator[_Shown]:
    joined: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() not in ALWAYS_DIFFERENT:
            joined.setdefault(name, []).append(value)
    for name, values in joined.items():
        text = ", ".join(values)
        yield Place(key, number, part, name), Value(_steady(text, own), _cut(text))


def _body(body: Body | None, key: Key, number: int, part: Part, own: re.Pattern[str]) -> Iterator[_Shown]:
    if body is None:
        return
    for path, text in islice(_leaves(body), MOST_LEAVES):
        yield Place(key, number, part, path), Value(_steady(text, own), _cut(text))


def _leaves(body: Body) -> Iterator[tuple[str, str]]:
    """(JSON path, value) of every value of a body, or (`line 3`, text) of one that is no JSON."""
    if body.whole and body.text.lstrip()[:1] in {"{", "["}:
        try:
            content = msgspec.json.decode(body.text)
        except (msgspec.DecodeError, RecursionError):
            pass
        else:
            yield from _values(content)
            return
    for number, line in enumerate(body.text.splitlines(), 1):
        yield f"line {number}", line.strip()


def _values(content: object) -> Iterator[tuple[str, str]]:
    """Without recursion: the depth is the server's choice."""
    waiting: list[tuple[str, object]] = [("$", content)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            yield path, "{…}"
            waiting += reversed([(f"{path}{_member(str(name))}", inner) for name, inner in value.items()])
        elif isinstance(value, list):
            yield path, f"[{len(value)}]"
            waiting += reversed([(f"{path}[{index}]", inner) for index, inner in enumerate(value)])
        else:
            yield path, msgspec.json.encode(value).decode()


def _member(name: str) -> str:
    if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        return f".{name}"
    return f"[{msgspec.json.encode(name).decode()}]"


def _own_ids(story: Story) -> re.Pattern[str]:
    ids = [id_ for id_ in (story.correlation_id, story.instance_id) if id_]
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, ids)) + r")(?![\w-])" if ids else r"(?!)")


def _steady(value: str, own: re.Pattern[str]) -> str:
    """The value without what is of this instance or of this moment alone."""
    return _OF_ONE_MOMENT.sub("…", own.sub("…", _cut(value)))


def _as_it_is(text: str) -> Value:
    return Value(text, text)


def _cut(value: str) -> str:
    return shortened(value, LONGEST_VALUE)
