"""What the page's script knows of instances: their stories as JSON, each failing one beside a passing one.

Fields at nothing are omitted. Bodies stand in one list, each once. Text is cleaned here as all text of the page
is; the script inserts it as text only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from windtunnel.model.record import Timings
from windtunnel.report.charts import PHASES
from windtunnel.report.curl import curl_line
from windtunnel.report.difference import Comparison, Difference, compare, passing_ones
from windtunnel.report.model import AssertionStory, Body, CheckStory, Report, RequestStory, StepStory, Story
from windtunnel.report.text import printable

LONGEST_NAME = 300
_LONGEST_TEXT = 2_000
_MOST_CURL = 1024 * 1024
"""Characters of all lines of curl together: each repeats a body of the list."""


class _Bodies:
    """Every body once, and the lines of curl. Owned by `samples`."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._known: dict[str, int] = {}
        self._left_for_curl = _MOST_CURL

    def curl(self, request: RequestStory, ids: Collection[str]) -> str:
        """The line of curl of a request; empty where its headers are not known or there is no more room."""
        if request.request_headers is None or self._left_for_curl <= 0:
            return ""
        line = curl_line(request, ids=ids)
        self._left_for_curl -= len(line)
        return line

    def place(self, body: Body | None) -> list[int] | None:
        """[position of its text, its size in bytes, 1 if the text is all of it]."""
        if body is None:
            return None
        text = printable(body.text, lines=True)
        if text not in self._known:
            self._known[text] = len(self.texts)
            self.texts.append(text)
        return [self._known[text], body.size, int(body.whole)]


def samples(report: Report) -> dict[str, Any]:
    """`instances`, the `bodies` that they refer to, and `phases`: the names of a request's times, in order.

    `total` counts the instances of the run, `directory` is what to type for the run, `tracing` the URL of the
    user's tracing with `{trace_id}` in it, or empty.
    """
    bodies = _Bodies()
    beside, why = _comparisons(report), report.why
    return {
        "tracing": printable(report.manifest.tracing_url, limit=_LONGEST_TEXT),
        "total": report.summary.run.instances,
        "directory": printable(report.directory, limit=_LONGEST_TEXT),
        "phases": list(PHASES),
        "instances": [
            _instance(
                story, bodies, report.summary.run_id, beside.get(story.instance_id), why.get(story.instance_id)
            )
            for story in report.stories
        ],
        "bodies": bodies.texts,
    }


def _comparisons(report: Report) -> dict[str, Comparison]:
    passing = passing_ones(report.stories)
    found: dict[str, Comparison] = {}
    for story in report.stories:
        beside = report.story_beside(story)
        if beside is not None and story.outcome in {"failed", "errored"}:
            found[story.instance_id] = compare(story, beside, passing.get(story.scenario))
    return found


def _instance(
    story: Story, bodies: _Bodies, run_id: str, beside: Comparison | None, why: str | None
) -> dict[str, Any]:
    ids = (run_id, story.instance_id, story.correlation_id)
    return _known(
        id=_name(story.instance_id),
        correlation_id=_name(story.correlation_id),
        scenario=_name(story.scenario),
        outcome=story.outcome or "unfinished",
        offset_us=round(story.offset_s * 1e6),
        duration_us=story.duration_us,
        late_us=story.late_us,
        index=story.index,
        user=story.user,
        failed_step=_name(story.failed_step),
        error=_text(story.error),
        message=_text(story.message),
        fault=_name(story.fault),
        steps=[_step(step, bodies, ids) for step in story.steps],
        assertions=[_assertion(assertion) for assertion in story.assertions],
        left_out=story.left_out,
        why=_text(why),
        beside=beside and _beside(beside),
    )


def _step(step: StepStory, bodies: _Bodies, ids: Collection[str]) -> dict[str, Any]:
    return _known(
        name=_name(step.name),
        action=_name(step.action),
        outcome=step.outcome,
        round=step.round,
        began_us=step.began_us,
        duration_us=step.duration_us,
        error=_text(step.error),
        message=_text(step.message),
        checks=_checks(step.checks),
        extracted=[_name(name) for name in step.extracted],
        requests=[_request(request, bodies, ids) for request in step.requests],
        left_out=step.left_out,
        fault=_name(step.fault),
    )


def _request(request: RequestStory, bodies: _Bodies, ids: Collection[str]) -> dict[str, Any]:
    return _known(
        method=_name(request.method),
        url=_text(request.url),
        service=_name(request.service),
        status=request.status,
        error=request.error,
        error_detail=_text(request.error_detail),
        attempt=request.attempt if request.attempt > 1 else None,
        span_id=_name(request.span_id),
        failed=request.failed,
        poll=request.poll,
        hop=request.hop,
        resent=request.resent,
        bytes_sent=request.bytes_sent,
        bytes_received=request.bytes_received,
        began_us=request.began_us,
        timings=_timings(request.timings),
        request_headers=_headers(request.request_headers or ()),
        response_headers=_headers(request.response_headers or ()),
        headers_left_out=request.headers_left_out,
        curl=bodies.curl(request, ids),
        request_body=bodies.place(request.request_body),
        response_body=bodies.place(request.response_body),
        fault=_name(request.fault),
    )


def _timings(timings: Timings) -> list[int]:
    """Microseconds in the order of `PHASES`."""
    return [getattr(timings, phase) for phase in PHASES]


def _headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(_name(name), _text(value)) for name, value in headers]


def _assertion(assertion: AssertionStory) -> dict[str, Any]:
    return _known(
        name=_name(assertion.name),
        outcome=assertion.outcome,
        message=_text(assertion.message),
        checks=_checks(assertion.checks),
        fault=_name(assertion.fault),
    )


def _checks(checks: Iterable[CheckStory]) -> list[list[Any]]:
    """[name, 1], or [name, 0, expected, actual]."""
    return [
        [_text(check.name), 1] if check.ok else [_text(check.name), 0, _text(check.expected), _text(check.actual)]
        for check in checks
    ]


def _beside(found: Comparison) -> dict[str, Any]:
    return _known(
        id=_name(found.passing_id),
        rows=found.rows,
        first=found.first and _difference(found.first),
        before=[_difference(each) for each in found.before],
        more=found.more,
    )


def _difference(found: Difference) -> dict[str, Any]:
    """`here`, `there`: positions of the step; `request`: position in it, for what is of a request."""
    told = _known(part=found.part, what=_text(found.what), says=_text(found.sentence))
    places = {"here": found.here, "there": found.there, "request": found.request if found.request >= 0 else None}
    return told | {name: place for name, place in places.items() if place is not None}


def _known(**fields: Any) -> dict[str, Any]:
    """The fields that say anything. A moment or a user at 0 reads the same as none, but for the user."""
    return {
        name: value
        for name, value in fields.items()
        if value or (value == 0 and name in {"user", "index"} and value is not None)
    }


def _name(text: str | None) -> str:
    return printable(text or "", limit=LONGEST_NAME)


def _text(text: str | None) -> str:
    return printable(text or "", limit=_LONGEST_TEXT)
