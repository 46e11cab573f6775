from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiling import Ran, run_flow
from windtunnel.model.record import FailedCheck
from windtunnel.testing.scripted import Answer, json_answer

TWO = """
flow:
  - { type: http, name: first, path: /first, on_failure: continue }
  - { type: http, name: second, path: /second, on_failure: continue }
"""
ANSWERS = [json_answer({"id": 1}), json_answer({"id": 2}, status=201)]


def asserted(lines: str, answers: Any = ANSWERS, **variables: Any) -> Ran:
    """Run two requests and an assertion that has these lines of YAML."""
    return run_flow(f"{TWO}assertions:\n  - {{ type: assert, name: check, {lines} }}\n", answers, **variables)


def test_an_assertion_looks_at_the_last_response() -> None:
    ran = asserted("expect: { status_code: 201, json: { $.id: 2 } }")
    assert (ran.outcome.outcome, ran.outcome.checks) == ("passed", ["status_code", "json:$.id"])
    assert len(ran.sent) == 2


def test_an_assertion_can_look_at_the_response_of_a_step() -> None:
    ran = asserted("step: first, expect: { status_code: 200, condition: response.json.id == 1 }")
    assert ran.outcome.outcome == "passed"
    assert ran.scope["response"] is ran.instance.exchanges["second"]


def test_a_failed_assertion_says_which_check_failed() -> None:
    ran = asserted("expect: { status_code: 200 }")
    assert (ran.outcome.outcome, ran.outcome.error) == ("failed", "check")
    assert ran.outcome.message == "status_code: expected 200 but got 201"
    assert not ran.outcome.request_failed


def test_the_last_response_is_the_last_one_that_was_received() -> None:
    ran = asserted("expect: { status_code: 200 }", [ANSWERS[0], Answer(error="reset")])
    assert ran.outcome.outcome == "passed"


def test_the_response_of_a_step_that_received_none_fails_every_check() -> None:
    ran = asserted("step: second, expect: { status_code: 200 }", [ANSWERS[0], Answer(error="reset")])
    assert (ran.outcome.outcome, ran.outcome.error) == ("failed", "reset")
    assert ran.outcome.requests == 0
    assert ran.scope["response"] is ran.instance.exchanges["first"]


def test_with_no_response_at_all_every_check_fails() -> None:
    ran = asserted("expect: { status_code: 200, body: ok }", [Answer(error="reset")] * 2)
    assert ran.outcome.checks == [
        FailedCheck(name="status_code", expected="200", actual="no response"),
        FailedCheck(name="body:equals", expected='"ok"', actual="no response"),
    ]
    assert ran.outcome.message == "status_code: expected 200 but got no response (and 1 more)"
    assert "response" not in ran.scope


def test_an_assertion_on_variables_needs_no_response() -> None:
    ran = run_flow("flow:\n  - { type: assert, name: a, expect: { condition: qty == 2 } }", qty=2)
    assert (ran.outcome.outcome, ran.outcome.checks) == ("passed", ["condition"])


def test_with_no_response_nothing_can_be_extracted() -> None:
    ran = run_flow(
        "flow:\n  - { type: assert, name: a, expect: { condition: qty == 2 }, extract: { id: $.id } }", qty=2
    )
    assert (ran.outcome.outcome, ran.outcome.error, ran.outcome.message) == ("failed", "extract", "no response")


def test_an_assert_step_can_extract() -> None:
    ran = run_flow(
        TWO + "  - { type: assert, name: a, step: first, expect: { status_code: 200 }, extract: { id: $.id } }",
        ANSWERS,
    )
    assert (ran.outcome.extracted, ran.scope["id"]) == (["id"], 1)


def test_an_expected_value_that_cannot_be_rendered_errors_the_assertion() -> None:
    for answers in (ANSWERS, [Answer(error="reset")] * 2):
        ran = asserted('expect: { json: { $.id: "{{ x.y }}" } }', answers, x={})
        assert (ran.outcome.outcome, ran.outcome.error, ran.outcome.exchange) == ("errored", "template", None)


def test_variables_are_set_in_order_and_keep_their_types() -> None:
    ran = run_flow(
        """
        flow:
          - type: set
            variables:
              qty: "{{ start + 1 }}"
              double: "{{ qty * 2 }}"
              order: { qty: "{{ qty }}", tags: [a, "{{ start }}"] }
              text: "qty {{ qty }}"
              fixed: 5
        """,
        start=1,
    )
    assert ran.outcome.outcome == "passed"
    names = ("qty", "double", "order", "text", "fixed")
    assert [ran.scope[name] for name in names] == [2, 4, {"qty": 2, "tags": ["a", 1]}, "qty 2", 5]


def test_a_variable_that_cannot_be_rendered_errors_the_step() -> None:
    ran = run_flow('flow:\n  - { type: set, name: s, variables: { a: [1, "{{ x.y }}"] } }', x={})
    assert (ran.outcome.outcome, ran.outcome.error) == ("errored", "template")
    assert (ran.outcome.message or "").startswith("a.1: ")


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        ("true", "passed"),
        ("false", "skipped"),
        ('"{{ qty > 1 }}"', "passed"),
        ("qty > 5", "skipped"),
        ("qty", "errored"),
    ],
)
def test_a_step_runs_only_when_its_condition_holds(when: str, outcome: str) -> None:
    ran = run_flow(f"flow:\n  - {{ type: set, name: s, when: {when}, variables: {{ a: 1 }} }}", qty=2)
    assert ran.outcome.outcome == outcome
    assert ("a" in ran.scope) is (outcome == "passed")


def test_a_condition_that_cannot_be_evaluated_says_so() -> None:
    ran = run_flow("flow:\n  - { type: set, name: s, when: response.status == 200, variables: { a: 1 } }")
    assert (ran.outcome.outcome, ran.outcome.error) == ("errored", "template")
    assert (ran.outcome.message or "").startswith("when: ")
