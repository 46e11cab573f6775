"""One instance as JSON: `windtunnel trace --json`. The published form is `schemas/trace.schema.json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from windtunnel.report.curl import curl_line
from windtunnel.report.difference import Difference
from windtunnel.report.model import AssertionStory, Body, CheckStory, RequestStory, StepStory, Story
from windtunnel.report.trace import Trace, ids_of

SCHEMA_VERSION = 1

LONGEST_BODY = 1024 * 1024
"""Bytes of a body that are printed; `whole` is false for a longer one."""


def render(trace: Trace) -> str:
    """The JSON. What is unknown, empty, zero or false is left out, but for what the schema requires."""
    value: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run_id": trace.run_id,
        **_given(failed_number=trace.position, damaged_lines=trace.damaged),
        "instance": _story(trace),
    }
    if trace.passing is not None and trace.comparison is not None:
        comparison = trace.comparison
        value["beside"] = {
            "instance_id": trace.passing.instance_id,
            **_given(
                first_difference=comparison.first and _difference(comparison.first),
                before=[_difference(each) for each in comparison.before],
                more=comparison.more,
            ),
        }
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _given(**fields: object) -> dict[str, object]:
    """The fields with a value."""
    return {name: value for name, value in fields.items() if value}


def _story(trace: Trace) -> dict[str, object]:
    story: Story = trace.story
    return {
        "instance_id": story.instance_id,
        "correlation_id": story.correlation_id,
        "scenario": story.scenario,
        "outcome": story.outcome or "unfinished",
        "began": story.began_s,
        "offset_s": round(story.offset_s, 6),
        "duration_us": story.duration_us,
        **_given(
            phase=trace.phase,
            late_us=story.late_us,
            failed_step=story.failed_step,
            error=story.error,
            message=story.message,
            fault=story.fault,
            left_out=story.left_out,
        ),
        **({} if story.index is None else {"index": story.index, "user": story.user}),
        "steps": [_step(trace, step) for step in story.steps],
        "assertions": [_assertion(each) for each in story.assertions],
    }


def _step(trace: Trace, step: StepStory) -> dict[str, object]:
    row = trace.row(step.name)
    return {
        "name": step.name,
        "action": step.action,
        "outcome": step.outcome,
        "began_us": step.began_us,
        "duration_us": step.duration_us,
        **_given(
            error=step.error,
            message=step.message,
            fault=step.fault,
            round=step.round,
            left_out=step.left_out,
            extracted=list(step.extracted),
            file=row and row.file,
            line=row and row.line,
        ),
        "checks": _checks(step.checks),
        "requests": [_request(trace, request) for request in step.requests],
    }


def _checks(checks: Iterable[CheckStory]) -> list[dict[str, object]]:
    return [
        {"name": check.name, "ok": check.ok}
        | ({} if check.ok else {"expected": check.expected, "actual": check.actual})
        for check in checks
    ]


def _assertion(assertion: AssertionStory) -> dict[str, object]:
    return {
        "name": assertion.name,
        "outcome": assertion.outcome,
        **_given(message=assertion.message, fault=assertion.fault),
        "checks": _checks(assertion.checks),
    }


def _request(trace: Trace, request: RequestStory) -> dict[str, object]:
    return {
        "method": request.method,
        "url": request.url,
        "began_us": request.began_us,
        "attempt": request.attempt,
        "failed": request.failed,
        "bytes_sent": request.bytes_sent,
        "bytes_received": request.bytes_received,
        "timings_us": msgspec.to_builtins(request.timings),
        **_given(
            service=request.service,
            status=request.status,
            error=request.error,
            error_detail=request.error_detail,
            span_id=request.span_id,
            poll=request.poll,
            resent=request.resent,
            fault=request.fault,
            request_headers=[list(pair) for pair in request.request_headers or ()],
            response_headers=[list(pair) for pair in request.response_headers or ()],
            request_body=_body(request.request_body),
            response_body=_body(request.response_body),
        ),
        "curl": curl_line(request, ids=ids_of(trace)),
    }


def _body(body: Body | None) -> dict[str, object] | None:
    return None if body is None else {"text": body.text, "size": body.size, "whole": body.whole}


def _difference(difference: Difference) -> dict[str, object]:
    return {
        "step": difference.step,
        "part": difference.part,
        "sentence": difference.sentence,
        **_given(what=difference.what, here=difference.failing, there=difference.passing),
    }
