"""Steps inside steps: their order, their records, what they come to, and what ends a flow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.journeys import Finished, Run, get, pause, scenario
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.model.scenario import StopWhen
from windtunnel.testing.scripted import Answer, json_answer


def group(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "group", "name": name, "steps": list(steps), **more}


def branch(name: str, *cases: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "branch", "name": name, "cases": list(cases), **more}


def told(finished: Finished) -> list[tuple[str, str]]:
    return [(step.step, step.outcome) for step in finished.steps]


BROKEN = Answer(status=500)


def test_the_steps_of_a_group_run_in_order_and_the_group_is_on_record_when_it_ends(run: Run) -> None:
    finished = run(scenario(get("a"), group("pay", get("b"), pause("think", "2s"), get("c")), get("d")))

    assert told(finished) == [(name, "passed") for name in ("a", "b", "think", "c", "pay", "d")]
    pay = finished.steps[4]
    assert (pay.action, pay.requests, pay.request) == ("group", 0, None)
    assert pay.duration_us >= 2_000_000
    assert finished.instances[0].steps == 6


def test_what_a_step_inside_extracts_is_seen_after_the_group_and_by_assertions(run: Run) -> None:
    finished = run(
        scenario(
            group("login", group("inner", get("token", extract={"id": "$.id"}))),
            get("use", "/use/{{ id }}"),
            assertions=[{"type": "assert", "name": "ok", "step": "token", "expect": {"condition": "id == 7"}}],
        ),
        answers=lambda sent: json_answer({"id": 7}),
    )

    assert finished.transport.sent[1].target == "/use/7"
    assert finished.assertions[0].outcome == "passed"


def test_a_failed_step_ends_every_group_around_it_and_is_named_once(run: Run) -> None:
    finished = run(
        scenario(group("outer", group("inner", get("a"), get("b")), get("c")), get("d")), answers=[BROKEN]
    )

    assert told(finished) == [("a", "failed"), ("inner", "failed"), ("outer", "failed")]
    assert [step.error for step in finished.steps] == ["check", "nested", "nested"]
    assert [step.message for step in finished.steps[1:]] == ["step a failed", "step inner failed"]
    (instance,) = finished.instances
    assert (instance.outcome, instance.failed_step, instance.error) == ("failed", "a", "check")


def test_a_group_that_continues_ends_at_its_failed_step_and_the_flow_goes_on(run: Run) -> None:
    finished = run(
        scenario(group("optional", get("a"), get("b"), on_failure="continue"), get("c")),
        answers=[BROKEN, Answer()],
    )

    assert told(finished) == [("a", "failed"), ("optional", "failed"), ("c", "passed")]
    assert finished.instances[0].outcome == "failed"


def test_a_step_that_continues_inside_a_group_ends_neither_the_group_nor_the_flow(run: Run) -> None:
    finished = run(
        scenario(group("both", get("a", on_failure="continue"), get("b")), get("c")),
        answers=[BROKEN, Answer(), Answer()],
    )

    assert told(finished) == [("a", "failed"), ("b", "passed"), ("both", "failed"), ("c", "passed")]


def test_with_stop_when_step_fails_false_nothing_inside_ends_the_flow(run: Run) -> None:
    journey = scenario(group("g", get("a"), get("b")), get("c"), stop_when=StopWhen(step_fails=False))

    assert told(run(journey, answers=[BROKEN, BROKEN, Answer()])) == [
        ("a", "failed"),
        ("b", "failed"),
        ("g", "failed"),
        ("c", "passed"),
    ]


@pytest.mark.parametrize(
    ("stock", "taken"), [(5, ["plenty"]), (1, ["last_one"]), (0, ["none_left"])], ids=["if", "elif", "else"]
)
def test_a_branch_runs_the_first_case_that_holds(run: Run, stock: int, taken: list[str]) -> None:
    finished = run(
        scenario(
            branch(
                "by_stock",
                {"if": "{{ stock > 1 }}", "steps": [get("plenty")]},
                {"elif": "stock > 0", "steps": [get("last_one")]},
                {"else": [get("none_left")]},
            ),
            variables={"stock": stock},
        )
    )

    assert told(finished) == [(name, "passed") for name in (*taken, "by_stock")]


def test_a_branch_of_which_no_case_holds_passes_and_runs_nothing(run: Run) -> None:
    finished = run(scenario(branch("b", {"if": "1 > 2", "steps": [get("a")]}), get("c")))

    assert told(finished) == [("b", "passed"), ("c", "passed")]


def test_a_condition_that_cannot_be_evaluated_errors_the_branch(run: Run) -> None:
    finished = run(scenario(branch("b", {"if": "n + 'x'", "steps": [get("a")]}), variables={"n": 1}))

    assert told(finished) == [("b", "errored")]
    assert (finished.steps[0].message or "").startswith("cases.0: ")
    assert finished.instances[0].failed_step == "b"


def test_a_variable_of_one_case_can_be_read_after_the_branch_and_fails_where_it_was_not_set(run: Run) -> None:
    journey = scenario(
        branch("b", {"if": "instance_index == 0", "steps": [get("a", extract={"id": "$.id"})]}),
        get("use", "/{{ id }}"),
    )
    finished = run(journey, answers=lambda sent: json_answer({"id": 7}))

    assert told(finished)[-1] == ("use", "passed")


def test_a_skipped_group_runs_nothing_inside_it(run: Run) -> None:
    finished = run(scenario(group("g", get("a"), when="1 > 2"), get("b")))

    assert told(finished) == [("g", "skipped"), ("b", "passed")]


def test_max_steps_counts_what_was_executed_however_deep(run: Run) -> None:
    journey = scenario(get("a"), get("skipped", when="1 > 2"), group("g", get("b"), get("c")), max_steps=3)
    finished = run(journey)

    assert told(finished) == [("a", "passed"), ("skipped", "skipped"), ("b", "passed"), ("g", "errored")]
    (instance,) = finished.instances
    assert (instance.steps, instance.failed_step, instance.error) == (3, "c", "max_steps")


def test_a_group_that_continues_does_not_get_past_max_steps(run: Run) -> None:
    finished = run(scenario(group("g", get("a"), get("b"), on_failure="continue"), get("c"), max_steps=2))

    assert told(finished) == [("a", "passed"), ("g", "errored")]
    assert finished.instances[0].error == "max_steps"


def test_a_bug_inside_is_shown_at_its_step_and_the_steps_around_only_say_that_it_was_inside(run: Run) -> None:
    def answer(sent: Any) -> None:
        raise RuntimeError("a bug of ours")

    finished = run(scenario(group("g", get("a")), get("b")), answers=answer)

    assert [(step.step, step.outcome, step.error) for step in finished.steps] == [
        ("a", "errored", "internal"),
        ("g", "errored", "nested"),
    ]
    assert finished.instances[0].failed_step == "a"


def test_an_interrupted_instance_has_a_line_for_every_step_that_had_begun(run: Run) -> None:
    def stop_soon(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(1, shutdown.request, Stop(reason="enough", grace_s=1.0))

    finished = run(scenario(group("outer", group("inner", pause("long", "1h")))), during=stop_soon)

    assert told(finished) == [(name, "interrupted") for name in ("long", "inner", "outer")]
    assert finished.instances[0].outcome == "interrupted"
