"""Faults in a whole run: what is on record of the requests that they sent more, and how the step is judged."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.support.faulty import PHASES, fault, schedule
from tests.support.journeys import Finished, Run, facts_of, get, scenario
from windtunnel.model.load import ClosedLoad
from windtunnel.model.record import FaultRecord
from windtunnel.model.turbulence import FaultSpec, Turbulence
from windtunnel.testing.scripted import Answer
from windtunnel.turbulence.client import FaultyClients


def disturbed(run: Run, *faults: FaultSpec, step: dict[str, Any], answers: Any) -> Finished:
    turbulence = Turbulence(phases=PHASES, faults=faults)
    return run(
        scenario(step),
        answers=answers,
        load=ClosedLoad(parallel=1, count=1),
        turbulence=turbulence,
        faults=partial(FaultyClients, turbulence, 7),
    )


def requests(finished: Finished) -> list[tuple[Any, ...]]:
    return [
        (each.request.attempt, each.request.status, each.request.failed, each.request.fault)
        for each in finished.requests
    ]


def test_a_lost_response_and_its_retry_are_requests_of_one_step(run: Run) -> None:
    lost = fault("lose_response", when=schedule("first_n", first_n=1), then={"retry": {"attempts": 2}})
    finished = disturbed(run, lost, step=get("pay"), answers=[Answer(), Answer(status=201)])
    assert requests(finished) == [(1, 0, True, "lose_response"), (2, 201, False, None)]
    (step,), (record,) = finished.steps, finished.of(FaultRecord)
    assert (step.outcome, step.requests) == ("passed", 2)
    assert (record.instance_id, record.scenario, record.step) == ("journey-0", "journey", "pay")
    assert (record.occurrence, record.attempt, record.detail) == (1, 1, "lost 200")
    assert record.correlation_id == step.correlation_id


def test_the_failed_attempts_of_a_storm_are_failures_of_the_sut(run: Run) -> None:
    finished = disturbed(
        run, fault("retry_storm"), step=get("pay"), answers=[Answer(status=503), Answer(error="reset"), Answer()]
    )
    assert requests(finished) == [(1, 503, True, None), (2, 0, True, None), (3, 200, False, None)]
    assert [(each.outcome, each.fault) for each in finished.instances] == [("passed", None)]


def test_the_answer_to_a_duplicate_is_marked_and_the_first_one_judged(run: Run) -> None:
    finished = disturbed(
        run, fault("duplicate"), step=get("pay"), answers=[Answer(status=201), Answer(status=409)]
    )
    assert requests(finished) == [(2, 409, True, "duplicate"), (1, 201, False, None)]
    assert [(each.outcome, each.fault) for each in finished.instances] == [("passed", None)]


@pytest.mark.parametrize("retried", [False, True])
def test_a_step_that_retries_does_so_after_a_lost_response(run: Run, retried: bool) -> None:
    retry: dict[str, Any] = {"retry": {"attempts": 2, "on": ["connection"]}} if retried else {}
    lost = fault("lose_response", when=schedule("first_n", first_n=1))
    finished = disturbed(run, lost, step=get("pay", **retry), answers=[Answer(), Answer()])
    (instance,) = finished.instances
    if retried:
        assert requests(finished) == [(1, 0, True, "lose_response"), (2, 200, False, None)]
        assert (instance.outcome, instance.fault) == ("passed", None)
    else:
        facts = facts_of(finished.steps[0])
        assert (facts.error, facts.error_detail, facts.fault) == (
            "closed", "the answer was thrown away on purpose", "lose_response",
        )  # fmt: skip
        assert (instance.outcome, instance.fault) == ("failed", "lose_response")


def test_polls_are_requests_of_their_own(run: Run) -> None:
    poll = {"type": "wait", "name": "ready", "path": "/", "expect": {"status_code": 200}, "interval": "1s"}
    finished = disturbed(
        run, fault("status", code=503, when=schedule("first_n", first_n=2)), step=poll, answers=[Answer()]
    )
    assert [(each.event, each.occurrence) for each in finished.of(FaultRecord)] == [("applied", 1), ("applied", 2)]
    assert [each.outcome for each in finished.steps] == ["passed"]


@pytest.mark.parametrize(
    "spec",
    [
        fault("latency", delay="2s"),
        fault("duplicate", gap="1s"),
        fault("retry_storm", backoff="1s"),
        fault("lose_response", when=schedule("first_n", first_n=1), then={"retry": {"attempts": 2}}),
    ],
    ids=lambda spec: spec.type,
)
def test_the_time_that_a_fault_holds_a_step_is_no_time_of_the_step(run: Run, spec: FaultSpec) -> None:
    answers = iter([Answer(status=503, latency_s=0.25)] if spec.type == "retry_storm" else [])
    finished = disturbed(run, spec, step=get("pay"), answers=lambda _: next(answers, Answer(latency_s=0.25)))
    (step,), (instance,) = finished.steps, finished.instances
    assert (step.outcome, step.duration_us) == ("passed", 250_000)
    assert instance.duration_us > 250_000


def test_the_time_of_every_attempt_of_a_step_is_without_that_of_faults(run: Run) -> None:
    retrying = get("pay", retry={"attempts": 2, "on": ["5xx"], "backoff": {"initial": "1s", "jitter": False}})
    finished = disturbed(
        run,
        fault("latency", delay="2s"),
        step=retrying,
        answers=[Answer(status=503, latency_s=0.25), Answer(latency_s=0.25)],
    )
    assert finished.steps[0].duration_us == pytest.approx(1_500_000, abs=2)


def test_a_delay_of_nothing_is_no_fault_that_was_done(run: Run) -> None:
    finished = disturbed(run, fault("latency", delay="0s"), step=get("pay"), answers=[Answer()])
    assert [(each.event, each.detail) for each in finished.of(FaultRecord)] == [("missed", "its delay is 0 s")]
    assert [each.outcome for each in finished.steps] == ["passed"]


def test_users_whose_requests_are_never_sent_leave_time_for_the_end_of_the_load(run: Run) -> None:
    turbulence = Turbulence(phases=PHASES, faults=(fault("status", code=503),))
    finished = run(
        scenario(get("pay")),
        load=ClosedLoad(parallel=2, duration_s=0.1),
        turbulence=turbulence,
        faults=partial(FaultyClients, turbulence, 7),
    )
    assert len(finished.instances) == pytest.approx(200, rel=0.1)
    assert {each.fault for each in finished.instances} == {"status"}
