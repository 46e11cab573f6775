"""One instance: its steps, its outcome, its records."""

from __future__ import annotations

import json

import pytest

from tests.support.journeys import SUT, Finished, Run, facts_of, get, scenario
from windtunnel.engine.plan import compile_plan
from windtunnel.errors import ConfigError
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.summary import error_groups
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import TestPlan
from windtunnel.model.record import FailedCheck
from windtunnel.model.scenario import StopWhen
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.testing.scripted import Answer, ScriptedTransport, Sent, json_answer

CREATED = {"type": "assert", "name": "created", "expect": {"status_code": 201}}


def outcomes(finished: Finished) -> list[tuple[str, str]]:
    return [(step.step, step.outcome) for step in finished.steps]


def test_a_passing_journey_passes_every_step_and_assertion(run: Run) -> None:
    finished = run(
        scenario(
            get("list", extract={"first": "$.items[0]"}),
            get("open", "/items/{{ first }}", expect={"status_code": 201}),
            assertions=[CREATED],
        ),
        answers=[json_answer({"items": ["a b"]}), Answer(status=201)],
    )

    assert outcomes(finished) == [("list", "passed"), ("open", "passed")]
    assert finished.steps[0].extracted == ["first"]
    assert facts_of(finished.steps[1]).url.endswith("/items/a%20b")
    assert [(record.name, record.outcome, record.checks) for record in finished.assertions] == [
        ("created", "passed", ["status_code"])
    ]
    assert finished.instances[0].outcome == "passed"
    assert finished.instances[0].steps == 2


def test_a_failed_step_ends_the_flow_and_skips_the_assertions(run: Run) -> None:
    finished = run(scenario(get("a"), get("b"), assertions=[CREATED]), answers=[Answer(status=500)])

    assert outcomes(finished) == [("a", "failed")]
    assert [record.outcome for record in finished.assertions] == ["skipped"]
    (instance,) = finished.instances
    assert (instance.outcome, instance.failed_step, instance.error) == ("failed", "a", "check")
    assert instance.message == "status_code: expected below 400 but got 500"


def test_a_step_that_fails_under_continue_still_fails_its_instance(run: Run) -> None:
    finished = run(scenario(get("a", on_failure="continue"), get("b")), answers=[Answer(status=500), Answer()])

    assert outcomes(finished) == [("a", "failed"), ("b", "passed")]
    assert finished.instances[0].outcome == "failed"
    assert finished.instances[0].failed_step == "a"


def test_stop_when_step_fails_false_runs_the_flow_to_its_end(run: Run) -> None:
    journey = scenario(get("a"), get("b"), stop_when=StopWhen(step_fails=False), assertions=[CREATED])
    finished = run(journey, answers=[Answer(status=500), Answer(status=201)])

    assert outcomes(finished) == [("a", "failed"), ("b", "passed")]
    assert [record.outcome for record in finished.assertions] == ["passed"]


def test_after_a_failed_assertion_the_rest_is_skipped_only_if_asked_for(run: Run) -> None:
    second = {**CREATED, "name": "again"}
    asked = scenario(get("a"), assertions=[CREATED, second], stop_when=StopWhen(assertion_fails=True))
    default = scenario(get("a"), assertions=[CREATED, second])

    assert [r.outcome for r in run(asked).assertions] == ["failed", "skipped"]
    assert [r.outcome for r in run(default).assertions] == ["failed", "failed"]


def test_a_false_condition_skips_the_step_and_one_that_cannot_be_evaluated_errors_it(run: Run) -> None:
    journey = scenario(
        get("a", extract={"n": {"json": "$.n", "required": False}}),
        get("never", when="n == 2"),
        get("broken", when="n + 'x'"),
        get("after"),
    )
    finished = run(journey, answers=lambda sent: json_answer({"n": 1}))

    assert outcomes(finished) == [("a", "passed"), ("never", "skipped"), ("broken", "errored")]
    assert finished.instances[0].outcome == "errored"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [("refused", "failed"), ("timeout", "failed"), ("open_files", "errored"), ("ports", "errored")],
)
def test_what_the_sut_does_fails_and_what_this_machine_lacks_errors(
    run: Run, error: ErrorKind, outcome: str
) -> None:
    finished = run(scenario(get("a")), answers=[Answer(error=error)])

    assert outcomes(finished) == [("a", outcome)]
    assert finished.instances[0].outcome == outcome
    assert facts_of(finished.steps[0]).error == error
    assert facts_of(finished.steps[0]).failed


def test_one_instance_never_takes_another_one_down(run: Run) -> None:
    def answer(sent: Sent) -> Answer:
        if sent.instance_id.endswith(("-3", "-4")):
            raise RuntimeError("a bug of ours")
        return Answer()

    finished = run(scenario(get("a")), answers=answer, load=ClosedLoad(parallel=2, count=10))

    by_outcome = {record.index: record.outcome for record in finished.instances}
    assert by_outcome == {i: "errored" if i in {3, 4} else "passed" for i in range(10)}
    assert (finished.ending.bug or "").startswith("Traceback")
    assert "a bug of ours" in (finished.ending.bug or "")
    assert [step.outcome for step in finished.steps if step.instance_id == "journey-3"] == ["errored"]
    assert {record.failed_step for record in finished.instances} == {None, "a"}


def test_a_step_with_one_request_carries_it_and_one_with_several_has_them_as_lines(run: Run) -> None:
    polls = {"type": "wait", "name": "ready", "path": "/", "expect": {"status_code": 200}, "interval": "1s"}
    finished = run(
        scenario(get("once"), polls), answers=[Answer(), Answer(status=503), Answer(error="refused"), Answer()]
    )

    once, ready = finished.steps
    assert once.request is not None
    assert once.requests == 0
    assert ready.request is None
    assert ready.requests == 3
    assert [(r.request.status, r.request.error, r.request.poll) for r in finished.requests] == [
        (503, None, True),
        (0, "refused", True),
        (200, None, False),
    ]


def test_variables_are_set_in_order_and_may_use_each_other(run: Run) -> None:
    journey = scenario(
        get("a", "/{{ greeting }}"), variables={"name": "ann", "greeting": "hello-{{ name }}-{{ instance_index }}"}
    )
    finished = run(journey)

    assert facts_of(finished.steps[0]).url.endswith("/hello-ann-0")


def test_one_instance_does_not_see_the_variables_of_another(run: Run) -> None:
    journey = scenario(
        get("a", "/?n={{ counter }}"),
        {"type": "set", "name": "count", "variables": {"counter": "{{ counter + 1 }}"}},
        variables={"counter": 0},
    )
    finished = run(journey, load=ClosedLoad(count=3))

    assert {step.request.url.rpartition("/")[2] for step in finished.steps if step.request} == {"?n=0"}


def test_a_variable_that_cannot_be_rendered_errors_the_instance_before_its_first_step(run: Run) -> None:
    finished = run(scenario(get("a"), variables={"x": "{{ 1 / (instance_index - instance_index) }}"}))

    assert finished.steps == []
    (instance,) = finished.instances
    assert (instance.outcome, instance.error) == ("errored", "template")


def test_more_steps_than_allowed_error_the_instance(run: Run) -> None:
    finished = run(scenario(get("a"), get("b"), max_steps=1))

    assert (finished.instances[0].outcome, finished.instances[0].error) == ("errored", "max_steps")
    aggregate = Aggregate()
    aggregate.write(finished.records)
    [told] = error_groups(aggregate)
    assert (told.step, told.cause, told.outcome, told.count) == ("b", "max_steps", "errored", 1)
    assert told.example == "the instance ran 1 step, its maximum; raise max_steps"


def test_secrets_are_hidden_in_every_record(run: Run) -> None:
    journey = scenario(
        get("a", "/?q={{ key }}", expect={"body": {"contains": "hunter2hunter2"}}),
        variables={"key": "hunter2hunter2"},
    )
    finished = run(journey, answers=[Answer(body=b"you are hunter2hunter!")], secrets=("hunter2hunter2",))

    (step,) = finished.steps
    assert facts_of(step).url == "http://sut/?q=[redacted]"
    (check,) = [check for check in step.checks if isinstance(check, FailedCheck)]
    assert "hunter2hunter2" not in check.expected
    assert "[redacted]" in check.expected


def test_what_an_instance_extracts_as_secret_is_hidden_from_then_on(run: Run) -> None:
    journey = scenario(
        get("login", extract={"ticket": {"json": "$.t", "secret": True}}),
        get("use", "/use/{{ ticket }}", expect={"body": {"contains": "{{ ticket }}"}}),
    )
    finished = run(journey, answers=[json_answer({"t": "abcdefgh-1"}), Answer(body=b"no")])

    used = finished.steps[1]
    assert facts_of(used).url.endswith("/use/[redacted]")
    assert "abcdefgh-1" not in str(used)


def test_the_bodies_of_a_failing_request_are_kept(run: Run) -> None:
    journey = scenario(get("b", method="POST", json={"q": 1}))
    finished = run(journey, answers=[Answer(status=500, body=b'{"why":"no","token":"x"}')])

    (failed,) = finished.steps
    assert json.loads((finished.bodies / (facts_of(failed).response_body or "")).read_text()) == {
        "why": "no",
        "token": "[redacted]",
    }
    assert (finished.bodies / (facts_of(failed).request_body or "")).read_bytes() == b'{"q":1}'


def test_all_problems_of_all_scenarios_are_found_before_anything_runs() -> None:
    first = scenario(get("a", "/{{ missing }}"), id="one")
    second = scenario(get("b", extract={"x": "$["}), get("c", when="1 +"), id="two")
    plan = TestPlan(sut=SUT, scenarios=(first, second), load=ClosedLoad(count=1), seed=1)

    with pytest.raises(ConfigError) as caught:
        compile_plan(plan, transport=ScriptedTransport(), run_id="r")

    assert len(caught.value.problems) == 3
