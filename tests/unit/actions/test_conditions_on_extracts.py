"""`expect.condition` sees what its own step extracts."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest

from tests.support.compiling import Compiled, Ran, run_flow
from windtunnel.model.record import FailedCheck
from windtunnel.testing.scripted import Answer, json_answer

ADD = """
path: /cart
extract: { total: "$.total", coupon: { json: "$.coupon", default: none } }
expect: { status_code: 201, condition: "total == price * 2" }
"""


def run(lines: str, *answers: Answer, type: str = "http", more: str = "", **variables: Any) -> Ran:
    body = indent(lines.strip(), "    ")
    return run_flow(f"flow:\n  - type: {type}\n    name: add\n{body}\n{more}", answers, **variables)


def test_a_condition_reads_what_its_own_step_extracts() -> None:
    ran = run(ADD, json_answer({"total": 10, "coupon": "X"}, status=201), price=5)
    assert (ran.outcome.outcome, ran.outcome.checks) == ("passed", ["status_code", "condition"])
    assert (ran.outcome.extracted, ran.scope["coupon"]) == (["total", "coupon"], "X")


def test_a_value_of_the_same_name_that_was_set_before_is_replaced_first() -> None:
    ran = run(ADD, json_answer({"total": 10}, status=201), price=5, total=3)
    assert (ran.outcome.outcome, ran.outcome.extracted, ran.scope["coupon"]) == ("passed", ["total"], "none")


def test_a_condition_that_does_not_hold_fails_the_step_with_every_other_check_judged() -> None:
    ran = run(ADD, json_answer({"total": 10}), price=1)
    assert ran.outcome.error == "check"
    assert [check.name for check in ran.outcome.checks if isinstance(check, FailedCheck)] == [
        "status_code",
        "condition",
    ]


@pytest.mark.parametrize(
    ("answer", "actual"),
    [
        (json_answer({"sum": 1}, status=201), 'extract "total": $.total not found in {"sum": 1}'),
        (Answer(status=201, body=b"no JSON"), "not found in"),
        (Answer(error="refused"), "refused"),
    ],
)
def test_what_can_not_be_extracted_fails_the_condition_and_says_why(answer: Answer, actual: str) -> None:
    ran = run(ADD, answer, price=5, total=10)
    (check,) = (each for each in ran.outcome.checks if isinstance(each, FailedCheck) and each.name == "condition")
    assert ran.outcome.outcome == "failed"
    assert actual in check.actual.replace('":', '": ').replace("  ", " ")


def test_a_wait_polls_until_a_condition_on_its_extract_holds() -> None:
    lines = """
path: /orders/1
interval: 1s
extract: { state: "$.state" }
expect: { condition: "state == 'done'" }
"""
    answers = [json_answer({}), json_answer({"state": "busy"}), json_answer({"state": "done"})]
    ran = run(lines, *answers, type="wait", state="done")
    assert (ran.outcome.outcome, ran.outcome.requests, ran.scope["state"]) == ("passed", 3, "done")


def test_a_later_step_extracts_for_itself() -> None:
    more = '  - { type: http, name: next, path: /next, extract: { total: "$.total" } }\n'
    ran = run(ADD, json_answer({"total": 9}, status=201), json_answer({"total": 4}), more=more, price=5)
    assert [outcome.outcome for outcome in ran.outcomes][:1] == ["failed"]
    again = run(ADD, json_answer({"total": 10}, status=201), json_answer({"total": 4}), more=more, price=5)
    assert (again.outcomes[1].extracted, again.scope["total"]) == (["total"], 4)


def test_a_default_is_drawn_once() -> None:
    lines = """
path: /
extract: { key: { json: "$.key", default: "{{ uuid() }}" } }
expect: { condition: "key == kept or kept == ''" }
"""
    ran = run(lines, json_answer({}), kept="")
    again = run(lines, json_answer({}), kept=ran.scope["key"])
    assert again.outcome.outcome == "passed"


def test_other_keys_of_expect_are_rendered_before_the_extraction() -> None:
    text = (
        'flow:\n  - { type: http, name: a, path: /, extract: { x: "$.a" }, expect: { json: { $.b: "{{ x }}" } } }'
    )
    (problem,) = Compiled(text).problems
    assert problem.message == 'variable "x" is not set by any earlier step'
