from __future__ import annotations

import random
import statistics
from textwrap import dedent, indent
from typing import Any

import pytest

from tests.support.compiling import Compiled, FakeInstance, Ran, run_flow
from windtunnel.model.record import FailedCheck
from windtunnel.testing.scripted import Answer, json_answer


def wait(lines: str, *answers: Answer, **variables: Any) -> Ran:
    """Run one wait step that has these lines of YAML beside its type and name."""
    body = indent(dedent(lines).strip(), "    ")
    return run_flow(f"flow:\n  - type: wait\n    name: ready\n{body}\n", answers, **variables)


def test_a_wait_that_passes_at_once_is_one_request_inside_its_step() -> None:
    ran = wait("path: /health", Answer())
    assert (ran.outcome.outcome, ran.outcome.requests, ran.took_s) == ("passed", 1, 0)
    assert ran.outcome.checks == ["status_code"]
    assert ran.sent[0].method == "GET"
    assert ran.instance.observed == []
    assert ran.outcome.exchange is ran.instance.exchanges["ready"]


def test_polls_go_on_until_what_is_expected_holds() -> None:
    ran = wait(
        """
        path: /order
        expect: { json: { $.status: shipped } }
        extract: { parcel: $.parcel }
        """,
        json_answer({"status": "pending"}),
        json_answer({"status": "pending"}, status=500),
        json_answer({"status": "shipped", "parcel": 7}),
    )
    assert (ran.outcome.outcome, ran.outcome.requests, ran.took_s) == ("passed", 3, 2.0)
    assert ran.outcome.extracted == ["parcel"]
    assert ran.scope["parcel"] == 7
    assert [(exchange.status, poll, failed) for exchange, poll, failed in ran.instance.observed] == [
        (200, True, False),
        (500, True, True),
        (200, False, False),
    ]
    assert ran.outcome.exchange is ran.instance.observed[-1][0]


def test_the_interval_counts_from_the_end_of_a_poll() -> None:
    ran = wait("path: /\ninterval: 500ms", Answer(status=503, latency_s=2), Answer(latency_s=1))
    assert ran.took_s == 3.5


def test_transport_errors_keep_polling() -> None:
    ran = wait("path: /", Answer(error="refused"), Answer(error="timeout"), Answer())
    assert (ran.outcome.outcome, ran.outcome.requests) == ("passed", 3)
    assert [failed for _, _, failed in ran.instance.observed] == [True, True, False]


def test_a_wait_gives_up_when_no_time_is_left_for_another_poll() -> None:
    ran = wait("path: /\ntimeout: 3s", *[Answer(status=503)] * 9)
    assert (ran.outcome.outcome, ran.outcome.error, ran.outcome.requests) == ("failed", "check", 3)
    assert ran.outcome.message == "gave up after 3 polls in 3 s; status_code: expected below 400 but got 503"
    assert ran.outcome.checks == [FailedCheck(name="status_code", expected="below 400", actual="503")]
    assert [poll for _, poll, _ in ran.instance.observed] == [True, True, False]
    assert ran.outcome.request_failed


def test_a_wait_that_gives_up_after_one_poll_keeps_it_inside_its_step() -> None:
    ran = wait("path: /\ntimeout: 500ms", Answer(status=503))
    assert ran.outcome.requests == 1
    assert ran.outcome.message == "gave up after 1 poll in 500 ms; status_code: expected below 400 but got 503"
    assert ran.instance.observed == []


def test_a_wait_that_never_got_a_response_fails_with_the_last_error() -> None:
    ran = wait("path: /\ntimeout: 2s", Answer(error="refused"), Answer(error="reset"))
    assert (ran.outcome.outcome, ran.outcome.error) == ("failed", "reset")
    assert ran.outcome.message == "gave up after 2 polls in 2 s; the connection was reset"


def test_a_poll_has_the_services_timeout_and_never_more_than_is_left_of_the_wait() -> None:
    ran = wait("path: /\ntimeout: 12.5s", Answer(latency_s=60), Answer(latency_s=60))
    assert [request.timeout_s for request in ran.sent] == [10.0, 1.5]
    assert (ran.outcome.error, ran.took_s) == ("timeout", 12.5)


@pytest.mark.parametrize("cut", [Answer(latency_s=60), Answer(error="connect_timeout", latency_s=1)])
def test_a_wait_whose_last_poll_is_cut_off_tells_what_the_last_answer_lacked(cut: Answer) -> None:
    pending = json_answer({"state": "pending"})
    answers = [json_answer({}, status=500), pending, Answer(error="reset"), cut]
    ran = wait("path: /\ntimeout: 4s\nexpect: { json: { $.state: done } }", *answers)

    assert (ran.outcome.error, ran.outcome.requests) == (cut.error or "timeout", 4)
    assert ran.outcome.message == (
        "gave up after 4 polls in 4 s, the last one cut off; the last answer: json:$.state does not hold"
    )
    assert ran.outcome.checks == [
        "status_code",
        FailedCheck(name="json:$.state", expected='"done"', actual='"pending"', key="$.state"),
    ]


def test_a_status_is_told_with_what_was_expected() -> None:
    ran = wait("path: /\ntimeout: 2s", Answer(status=503), Answer(latency_s=60))
    assert ran.outcome.message == (
        "gave up after 2 polls in 2 s, the last one cut off; "
        "the last answer: status_code: expected below 400 but got 503"
    )


def test_without_any_answer_the_poll_before_tells_its_error() -> None:
    ran = wait("path: /\ntimeout: 2s", Answer(error="refused"), Answer(latency_s=60))
    assert ran.outcome.message == (
        "gave up after 2 polls in 2 s, the last one cut off; the poll before: the connection was refused"
    )


def test_a_poll_that_reaches_the_timeout_of_its_service_is_a_reason_itself() -> None:
    ran = wait("path: /\ntimeout: 11.5s", Answer(status=503), Answer(latency_s=60))
    assert [request.timeout_s for request in ran.sent] == [10.0, 10.0]
    assert ran.outcome.message == "gave up after 2 polls in 11.5 s; no complete response before the deadline"


def test_every_poll_is_rendered_anew() -> None:
    ran = wait(
        'path: "/{{ random_int(1, 1000000) }}"\nheaders: { X: "{{ uuid() }}" }', Answer(status=404), Answer()
    )
    assert ran.sent[0].target != ran.sent[1].target
    assert ran.sent[0].headers != ran.sent[1].headers


def test_a_poll_can_have_a_method_and_a_query() -> None:
    ran = wait("method: HEAD\npath: /\nquery: { a: 1 }", Answer())
    assert (ran.sent[0].method, ran.sent[0].target) == ("HEAD", "/?a=1")


def test_a_condition_that_cannot_be_evaluated_yet_keeps_polling() -> None:
    ran = wait(
        "path: /\nexpect: { condition: response.json.ready }",
        Answer(body=b"starting"),
        json_answer({"ready": True}),
    )
    assert (ran.outcome.outcome, ran.outcome.requests) == ("passed", 2)


def test_hops_of_polls_are_records_and_requests_too() -> None:
    ran = wait("path: /", Answer(status=500, hops=(Answer(status=302),)), Answer())
    assert ran.outcome.requests == 3
    assert [(exchange.status, poll) for exchange, poll, _ in ran.instance.observed] == [
        (302, True),
        (500, True),
        (200, False),
    ]


def test_a_template_that_fails_between_polls_leaves_no_request_to_embed() -> None:
    ran = wait('path: "/{{ [1][steps | length] }}"', Answer(status=503))
    assert (ran.outcome.outcome, ran.outcome.error, ran.outcome.requests) == ("errored", "template", 1)
    assert ran.outcome.exchange is None
    assert len(ran.instance.observed) == 1


def test_an_expected_value_that_cannot_be_rendered_ends_the_wait() -> None:
    ran = wait('path: /\nexpect: { body: "{{ x.y }}" }', Answer(status=503), x={})
    assert (ran.outcome.outcome, ran.outcome.requests) == ("errored", 1)
    assert ran.outcome.request_failed is True


def test_a_missing_extract_fails_the_wait() -> None:
    ran = wait("path: /\nextract: { id: $.id }", json_answer({}))
    assert (ran.outcome.outcome, ran.outcome.error) == ("failed", "extract")


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("2s", 2.0), ("1.5", 1.5), ("1m30s", 90.0), ('"{{ think }}"', 4.0), ('"{{ think }}ms"', 0.004), ("0", 0.0)],
)
def test_a_pause_takes_its_time_and_sends_nothing(duration: str, seconds: float) -> None:
    ran = wait(f"duration: {duration}", think=4)
    assert ran.took_s == pytest.approx(seconds)
    assert (ran.outcome.outcome, ran.outcome.requests, ran.sent) == ("passed", 0, [])


def test_a_pause_whose_length_is_no_duration_is_an_error_of_the_scenario() -> None:
    ran = wait('duration: "{{ think }}"', think="long")
    assert (ran.outcome.outcome, ran.outcome.error) == ("errored", "template")


def draws(duration: str, count: int = 400) -> list[float]:
    compiled = Compiled(f"flow:\n  - type: wait\n    name: think\n    duration: {duration}\n")
    assert compiled.problems == []
    instance = FakeInstance(compiled.transport)
    instance.random = random.Random(42)
    action: Any = compiled.steps[0].action
    return [action._draw(instance) for _ in range(count)]


@pytest.mark.parametrize(
    ("duration", "mean_s", "low", "high"),
    [
        ("{ uniform: [1s, 3s] }", 2.0, 1.0, 3.0),
        ("{ normal: { mean: 2s, sd: 500ms } }", 2.0, 0.0, 9.0),
        ("{ normal: { mean: 0s, sd: 1s } }", 0.4, 0.0, 9.0),
        ("{ exponential: { mean: 2s } }", 2.0, 0.0, 60.0),
        ("{ exponential: { mean: 0s } }", 0.0, 0.0, 0.0),
    ],
)
def test_a_drawn_pause_follows_its_distribution_and_is_never_negative(
    duration: str, mean_s: float, low: float, high: float
) -> None:
    drawn = draws(duration)
    assert statistics.fmean(drawn) == pytest.approx(mean_s, abs=0.25)
    assert low <= min(drawn) <= max(drawn) <= high


def test_the_same_seed_draws_the_same_pauses() -> None:
    assert draws("{ uniform: [1s, 3s] }", 5) == draws("{ uniform: [1s, 3s] }", 5)
    assert len(set(draws("{ uniform: [1s, 3s] }", 5))) == 5
