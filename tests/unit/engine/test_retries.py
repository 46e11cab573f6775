"""`retry` and `backoff`: what is tried again, when, and what is counted."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.support.journeys import Finished, Run, facts_of, get, scenario
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Counter, Rate, select
from windtunnel.metrics.summary import step_summaries
from windtunnel.model.load import ClosedLoad
from windtunnel.model.manifest import StepRow
from windtunnel.testing.scripted import Answer, json_answer

STEADY = {"initial": "1s", "factor": 3, "max": "5s", "jitter": False}


def retry(attempts: int, *on: object, **backoff: Any) -> dict[str, Any]:
    return {"attempts": attempts, "on": list(on), "backoff": backoff or STEADY}


def started(finished: Finished) -> list[float]:
    """When each request was sent, in seconds since the first."""
    times = [record.t for record in (*finished.requests, *finished.steps) if getattr(record, "request", None)]
    return [round(t - times[0], 3) for t in times]


def test_what_on_names_is_tried_again_and_every_attempt_has_its_number(run: Run) -> None:
    finished = run(
        scenario(get("a", retry=retry(5, "timeout", "connection", "5xx"))),
        answers=[Answer(error="timeout"), Answer(error="refused"), Answer(status=503), Answer()],
    )

    assert [
        (r.request.attempt, r.request.error, r.request.status, r.request.failed) for r in finished.requests
    ] == [
        (1, "timeout", 0, True),
        (2, "refused", 0, True),
        (3, None, 503, True),
        (4, None, 200, False),
    ]
    (step,) = finished.steps
    assert (step.outcome, step.requests, step.request) == ("passed", 4, None)
    assert started(finished) == [0, 1, 4, 9]


def test_a_step_that_passes_at_once_has_its_request_in_its_line(run: Run) -> None:
    finished = run(scenario(get("a", retry=retry(3, "timeout"))))

    assert finished.requests == []
    assert facts_of(finished.steps[0]).attempt == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(status=500), Answer(error="tls"), Answer(error="open_files")],
    ids=["status", "error", "ours"],
)
def test_what_on_does_not_name_is_not_tried_again(run: Run, answer: Answer) -> None:
    finished = run(scenario(get("a", retry=retry(3, "timeout", "connection", 503))), answers=[answer])

    assert len(finished.transport.sent) == 1


def test_the_last_attempt_decides_and_the_message_says_how_many_there_were(run: Run) -> None:
    finished = run(scenario(get("a", retry=retry(2, 503))), answers=lambda sent: Answer(status=503))

    (step,) = finished.steps
    assert (step.outcome, step.requests) == ("failed", 2)
    assert step.message == "after 2 attempts; status_code: expected below 400 but got 503"


def test_without_on_it_is_what_usually_passes_by_itself(run: Run) -> None:
    plain = {"attempts": 2, "backoff": STEADY}
    for first in (Answer(error="timeout"), Answer(error="reset"), Answer(status=502), Answer(status=504)):
        assert run(scenario(get("a", retry=plain)), answers=[first, Answer()]).steps[0].outcome == "passed"
    assert run(scenario(get("a", retry=plain)), answers=[Answer(status=500)]).steps[0].outcome == "failed"


def test_the_request_is_rendered_once(run: Run) -> None:
    finished = run(
        scenario(
            get(
                "a",
                "/{{ uuid() }}",
                method="POST",
                headers={"idempotency-key": "{{ uuid() }}"},
                json={"id": "{{ uuid() }}"},
                retry=retry(3, 503),
            )
        ),
        answers=[Answer(status=503), Answer(status=503), Answer()],
    )

    first, *others = [(sent.target, dict(sent.headers), sent.body) for sent in finished.transport.sent]
    assert others == [first, first]


def test_redirects_of_every_attempt_are_recorded_with_its_number(run: Run) -> None:
    finished = run(
        scenario(get("a", retry=retry(2, 503))),
        answers=[Answer(status=503, hops=(Answer(status=302),)), Answer(hops=(Answer(status=302),))],
    )

    assert [(r.request.attempt, r.request.status) for r in finished.requests] == [
        (1, 302),
        (1, 503),
        (2, 302),
        (2, 200),
    ]
    assert finished.steps[0].requests == 4


POLL = {"type": "wait", "name": "a", "path": "/", "interval": "500ms", "expect": {"status_code": 201}}


@pytest.mark.parametrize(
    ("journey", "answers", "step_ms", "request_ms", "sent", "retries"),
    [
        (
            get("a", retry=retry(5, 429)),
            [*[Answer(status=429, latency_s=0.01)] * 2, Answer(latency_s=0.02)],
            4_040.0,
            20.0,
            3,
            2,
        ),
        (POLL, [*[Answer(latency_s=0.01)] * 2, Answer(status=201, latency_s=0.01)], 1_030.0, 10.0, 3, 0),
        (
            get("a"),
            [
                Answer(
                    latency_s=0.02, hops=(Answer(status=302, latency_s=0.03), Answer(status=307, latency_s=0.02))
                )
            ],
            70.0,
            30.0,
            3,
            0,
        ),
        (
            get("a", retry=retry(2, 503)),
            [
                Answer(status=503, hops=(Answer(status=302),)),
                Answer(hops=(Answer(status=302), Answer(status=302))),
            ],
            1_000.0,
            0.0,
            5,
            1,
        ),
    ],
    ids=["retry", "wait", "redirects", "redirects of two attempts"],
)
def test_the_time_of_a_step_is_what_a_user_waits_for_and_that_of_its_requests_is_beside_it(
    run: Run,
    journey: dict[str, Any],
    answers: list[Answer],
    step_ms: float,
    request_ms: float,
    sent: int,
    retries: int,
) -> None:
    finished = run(scenario(journey), answers=answers)
    aggregate = Aggregate()
    aggregate.write(finished.records)

    (row,) = step_summaries(aggregate, [StepRow(scenario="journey", step="a", action="http")])

    assert (row.passed, row.requests, row.retries) == (1, sent, retries)
    assert row.latency.max == pytest.approx(step_ms, abs=0.01)
    assert row.request_latency is not None
    assert row.request_latency.max == pytest.approx(request_ms, abs=0.01)


def test_jitter_is_drawn_from_the_upper_half_and_the_same_for_one_seed(run: Run) -> None:
    def waits(seed: int) -> list[list[float]]:
        journey = scenario(get("a", retry=retry(4, 503, initial="1s", factor=2)))
        finished = run(
            journey, answers=lambda sent: Answer(status=503), load=ClosedLoad(count=20, parallel=20), seed=seed
        )
        by_instance: dict[str, list[float]] = {}
        for record in finished.requests:
            by_instance.setdefault(record.instance_id, []).append(record.t)
        return [
            [round(b - a, 6) for a, b in itertools.pairwise(times)] for _, times in sorted(by_instance.items())
        ]

    drawn = waits(1)
    assert all(0.5 <= first <= 1 and 1 <= second <= 2 and 2 <= third <= 4 for first, second, third in drawn)
    assert len({first for first, _, _ in drawn}) == 20
    assert waits(1) == drawn
    assert waits(2) != drawn


def test_every_attempt_is_a_request_and_failed_ones_count_as_failed_but_only_the_last_is_checked(run: Run) -> None:
    finished = run(
        scenario(get("a", retry=retry(3, 503), expect={"body": {"contains": "x"}})),
        answers=[Answer(status=503), Answer(status=503), Answer(body=b"x")],
    )
    aggregate = Aggregate()
    aggregate.write(finished.records)

    assert select(aggregate, "http_reqs") == Counter(total=3, samples=3)
    assert select(aggregate, "http_req_failed") == Rate(matches=2, count=3)
    assert select(aggregate, "checks") == Rate(matches=2, count=2)


def test_a_step_that_expects_what_it_retries_passes_with_the_last_one(run: Run) -> None:
    finished = run(
        scenario(get("a", retry=retry(3, 202), extract={"id": "$.id"})),
        answers=[Answer(status=202), json_answer({"id": 1})],
    )

    assert [request.request.failed for request in finished.requests] == [False, False]
    assert finished.steps[0].extracted == ["id"]


def test_polls_with_a_backoff_come_less_and_less_often(run: Run) -> None:
    poll = {"type": "wait", "name": "w", "path": "/", "expect": {"json": {"$.ok": True}}, "backoff": STEADY}
    waiting = [json_answer({"ok": False})] * 5
    finished = run(scenario({**poll, "timeout": "1m"}), answers=[*waiting, json_answer({"ok": True})])

    assert started(finished)[:6] == [0, 1, 4, 9, 14, 19]
    assert finished.steps[0].outcome == "passed"


def test_polls_give_up_when_the_next_one_would_be_too_late(run: Run) -> None:
    poll = {"type": "wait", "name": "w", "path": "/", "expect": {"status_code": 201}, "backoff": STEADY}
    finished = run(scenario({**poll, "timeout": "9s"}))

    assert started(finished)[:3] == [0, 1, 4]
    assert (finished.steps[0].message or "").startswith("gave up after 3 polls in 9 s")
