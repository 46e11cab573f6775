"""The story of one instance from its records: when each step began, its requests and responses."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from windtunnel.model.record import (
    AssertionRecord,
    Checks,
    HeaderFields,
    InstanceRecord,
    RequestFacts,
    RequestRecord,
    StepRecord,
)
from windtunnel.report.model import AssertionStory, Body, CheckStory, RequestStory, StepStory, Story
from windtunnel.report.stories import InstanceRecords
from windtunnel.report.text import printable

MOST_REQUESTS = 50
"""Maximum number of requests of one step in a story; polls can be many."""


class BodyCache:
    """Reads kept bodies, shortened: at most `each` bytes of one and `total` of a report; equal ones once.

    It also counts the headers that a report takes over from the records: `heads` characters at most.
    """

    def __init__(
        self, folder: Path, *, each: int = 8 * 1024, total: int = 2 * 1024 * 1024, heads: int = 4 * 1024 * 1024
    ) -> None:
        self._folder, self._each, self._left = folder, each, total
        self._left_for_heads = heads
        self._read: dict[str, Body | None] = {}

    def fields(self, fields: HeaderFields | None) -> tuple[tuple[str, str], ...] | None:
        """The fields of a head; None when they were not kept, or exceed the total of the report."""
        if fields is None or self._left_for_heads <= 0:
            return None
        self._left_for_heads -= sum(len(name) + len(value) for name, value in fields)
        return tuple(fields)

    def body(self, name: str | None) -> Body | None:
        """The body of that name; None when it was not kept, is missing, or exceeds the total of the report."""
        if name is None:
            return None
        if name not in self._read and self._left > 0:
            self._read[name] = self._open(name)
        return self._read.get(name)

    def _open(self, name: str) -> Body | None:
        # The name is read from a file that may be hostile: it must not lead out of the folder.
        if not re.fullmatch(r"[0-9a-f]{1,64}", name):
            return None
        try:
            with (self._folder / name).open("rb") as file:
                content = file.read(self._each + 1)
                size = file.seek(0, 2)
        except OSError:
            return None
        whole = len(content) <= self._each
        self._left -= min(len(content), self._each)
        content = content[: self._each]
        return Body(text=_readable(content, whole=whole), size=size, whole=whole, content=content)


def instance_trace(instance: InstanceRecords, *, run_started: float, bodies: BodyCache) -> Story:
    """The story of one instance from its records, at least one."""
    ended = next((r for r in reversed(instance.records) if isinstance(r, InstanceRecord)), None)
    first = instance.records[0]
    began = ended.started if ended else min(_began(record) for record in instance.records)
    last = max(record.t for record in instance.records)
    return Story(
        instance_id=first.instance_id,
        correlation_id=first.correlation_id,
        scenario=first.scenario,
        outcome=ended.outcome if ended else None,
        began_s=began,
        offset_s=began - run_started,
        duration_us=ended.duration_us if ended else max(0, round((last - began) * 1e6)),
        late_us=max(0, ended.response_time_us - ended.duration_us) if ended else 0,
        index=ended.index if ended else None,
        user=ended.user if ended else None,
        failed_step=ended.failed_step if ended else None,
        error=ended.error if ended else None,
        message=ended.message if ended else None,
        steps=_steps(instance, began, bodies),
        assertions=tuple(_assertion(r) for r in instance.records if isinstance(r, AssertionRecord)),
        left_out=instance.left_out,
        fault=ended.fault if ended else None,
    )


def _steps(instance: InstanceRecords, began: float, bodies: BodyCache) -> tuple[StepStory, ...]:
    """The steps in order of their end; requests with lines of their own belong to the step that ends next."""
    told: list[StepStory] = []
    requests: dict[str, list[RequestRecord]] = {}
    for record in instance.records:
        if isinstance(record, RequestRecord):
            requests.setdefault(record.step, []).append(record)
        elif isinstance(record, StepRecord):
            told.append(_step(record, requests.pop(record.step, []), began, bodies))
    for step, left in requests.items():
        # The run ended inside this step: its requests are evidence all the same.
        told.append(_unfinished_step(step, left, began, bodies))
    return tuple(told)


def _step(record: StepRecord, own_lines: list[RequestRecord], began: float, bodies: BodyCache) -> StepStory:
    start_us = _since(began, _began(record))
    requests = [_request_line(line, began, bodies) for line in own_lines[:MOST_REQUESTS]]
    if record.request is not None:
        requests.append(_request(record.request, start_us, bodies))
    return StepStory(
        name=record.step,
        action=record.action,
        outcome=record.outcome,
        began_us=start_us,
        duration_us=record.duration_us,
        error=record.error,
        message=record.message,
        checks=_checks(record.checks),
        extracted=tuple(record.extracted),
        requests=tuple(requests),
        left_out=max(0, len(own_lines) - MOST_REQUESTS),
        fault=record.fault,
        round=record.round,
    )


def _unfinished_step(step: str, lines: list[RequestRecord], began: float, bodies: BodyCache) -> StepStory:
    requests = tuple(_request_line(line, began, bodies) for line in lines[:MOST_REQUESTS])
    start_us = requests[0].began_us
    return StepStory(
        name=step,
        action="",
        outcome="unfinished",
        began_us=start_us,
        duration_us=max(request.began_us + request.elapsed_us for request in requests) - start_us,
        requests=requests,
        left_out=max(0, len(lines) - MOST_REQUESTS),
        round=lines[0].round,
    )


def _request_line(line: RequestRecord, began: float, bodies: BodyCache) -> RequestStory:
    return _request(line.request, _since(began, _began(line)), bodies)


def _request(facts: RequestFacts, began_us: int, bodies: BodyCache) -> RequestStory:
    return RequestStory(
        method=facts.method,
        url=facts.url,
        service=facts.service,
        status=facts.status,
        error=facts.error,
        error_detail=facts.error_detail,
        attempt=facts.attempt,
        span_id=facts.span_id,
        failed=facts.failed,
        poll=facts.poll,
        hop=facts.hop,
        resent=facts.resent,
        bytes_sent=facts.bytes_sent,
        bytes_received=facts.bytes_received,
        began_us=began_us,
        timings=facts.timings_us,
        request_headers=bodies.fields(facts.request_headers),
        response_headers=bodies.fields(facts.response_headers),
        headers_left_out=facts.headers_left_out,
        request_body=bodies.body(facts.request_body),
        response_body=bodies.body(facts.response_body),
        fault=facts.fault,
    )


def _assertion(record: AssertionRecord) -> AssertionStory:
    return AssertionStory(
        name=record.name,
        outcome=record.outcome,
        message=record.message,
        checks=_checks(record.checks),
        fault=record.fault,
    )


def _checks(checks: Checks) -> tuple[CheckStory, ...]:
    return tuple(
        CheckStory(name=check, ok=True)
        if isinstance(check, str)
        else CheckStory(name=check.name, ok=False, expected=check.expected, actual=check.actual)
        for check in checks
    )


def _began(record: StepRecord | RequestRecord | AssertionRecord | InstanceRecord) -> float:
    """The start of what a record describes, in unix seconds; `t` is its end."""
    if isinstance(record, (StepRecord, InstanceRecord)):
        return record.t - record.duration_us / 1e6
    if isinstance(record, RequestRecord):
        t = record.request.timings_us
        return record.t - (t.queue + t.dns + t.connect + t.tls + t.duration_us) / 1e6
    return record.t


def _since(began: float, moment: float) -> int:
    """Whole microseconds from the start of the instance; the clock's rounding never makes it negative."""
    return max(0, round((moment - began) * 1e6))


def _readable(content: bytes, *, whole: bool) -> str:
    """A body as text: JSON indented, `(binary)` for anything that is not text."""
    text = content.decode("utf-8", "replace" if whole else "ignore")
    shown = printable(text, lines=True)
    if len(shown) < 0.7 * len(text) or text.count("\ufffd") > len(text) // 10:
        return "(binary)"
    if whole and text.lstrip()[:1] in {"{", "["}:
        try:
            laid_out = msgspec.json.format(content, indent=2).decode()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return shown
        # Deep nesting costs more blanks than the text is long; then it reads better as it came.
        if len(laid_out) <= 4 * len(text) + 400:
            return printable(laid_out, lines=True)
    return shown
