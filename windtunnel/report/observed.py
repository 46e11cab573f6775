"""What one instance shows, part by part: the texts that a comparison of two instances is about.

A text has two forms: one to show, and one to compare, without what belongs to this instance or this moment alone
(its own ids, dates, tokens). Bodies are taken apart only where two of them differ.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

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

Spot = tuple[Key, int, Part]
"""Where a section is: the step, the position of the request in it (-1 for the step itself), and the part."""


class Section:
    """One part of a request or step: texts by name, such as headers, or the values of a body by JSON path.

    Sections with equal `raw` are equal; only of two that are not are the texts looked at, which are made then.
    `what` is the name of a check or header, a JSON path, `line 3` of a body that is no JSON, or empty.
    """

    __slots__ = ("_own", "_read", "_texts", "raw")

    def __init__(
        self, raw: object, read: Callable[[], Iterable[tuple[str, str]]], own: re.Pattern[str] | None = None
    ) -> None:
        self.raw = raw
        self._read = read
        self._own = own
        self._texts: dict[str, str] | None = None

    @classmethod
    def of(cls, raw: str, text: str | None = None) -> Section:
        """A section of one text, which is its own name where none is given."""
        return cls(raw, lambda: (("", raw if text is None else text),))

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts by `what`, in order, each of at most `LONGEST_VALUE` characters."""
        if self._texts is None:
            self._texts = {what: shortened(text, LONGEST_VALUE) for what, text in self._read()}
        return self._texts

    def steady(self, what: str) -> str | None:
        """The text without what is of this instance or of this moment alone; None where there is none."""
        text = self.texts.get(what)
        if text is None or self._own is None:
            return text
        return _OF_ONE_MOMENT.sub("…", self._own.sub("…", text))


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that is compared of one instance. `keys` are its steps in order."""

    keys: tuple[Key, ...]
    sections: Mapping[Key, Mapping[Spot, Section]]


def observe(story: Story) -> Observed:
    """What an instance shows."""
    counted: Counter[tuple[str, int]] = Counter()
    own = _own_ids(story)
    sections: dict[Key, dict[Spot, Section]] = {}
    for step in story.steps:
        key = (step.name, step.round, counted[step.name, step.round])
        counted[step.name, step.round] += 1
        sections[key] = {(key, request, part): found for request, part, found in _of_step(step, own)}
    return Observed(tuple(sections), sections)


def anywhere(what: str) -> str:
    """A JSON path in any element of its lists."""
    return _INDEX.sub("[*]", what)


_INDEX = re.compile(r"\[\d+\]")


def _of_step(step: StepStory, own: re.Pattern[str]) -> Iterator[tuple[int, Part, Section]]:
    for number, request in enumerate(step.requests):
        for part, section in _of_request(request, own):
            yield number, part, section
    if step.requests:
        yield -1, "requests", Section.of(str(len(step.requests) + step.left_out))
    failed = {
        check.name: f"expected {check.expected}, got {check.actual}" for check in step.checks if not check.ok
    }
    yield -1, "check", Section(failed, failed.items)
    yield -1, "outcome", Section.of(step.outcome)


def _of_request(request: RequestStory, own: re.Pattern[str]) -> Iterator[tuple[Part, Section]]:
    url = f"{request.method} {request.url}"
    # Numbers in a URL are ids and pages: two URLs that differ in nothing else are the same place.
    yield "url", Section(_NUMBER.sub("…", _OF_ONE_MOMENT.sub("…", own.sub("…", url))), lambda: (("", url),))
    yield from _headers("request_header", request.request_headers or (), own)
    yield from _body("request_body", request.request_body, own)
    if request.fault:
        yield "fault", Section.of(request.fault)
    if request.error:
        yield "error", Section.of(request.error, request.error_detail)
    if request.status:
        yield "status", Section.of(str(request.status))
    yield from _headers("response_header", request.response_headers or (), own)
    yield from _body("response_body", request.response_body, own)


_NUMBER = re.compile(r"\d+")


def _headers(
    part: Part, headers: tuple[tuple[str, str], ...], own: re.Pattern[str]
) -> Iterator[tuple[Part, Section]]:
    if headers:
        yield part, Section(headers, lambda: _joined(headers), own)


def _joined(headers: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    """(name, value), the values of a header that is there several times in one."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() not in ALWAYS_DIFFERENT:
            values.setdefault(name, []).append(value)
    for name, several in values.items():
        yield name, ", ".join(several)


def _body(part: Part, body: Body | None, own: re.Pattern[str]) -> Iterator[tuple[Part, Section]]:
    if body is not None:
        yield part, Section(body.text, lambda: islice(_leaves(body), MOST_LEAVES), own)


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
