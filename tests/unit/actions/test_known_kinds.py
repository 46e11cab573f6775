"""A condition that can never be true or false is refused at load, where what it reads is fixed by then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.compiling import SUT, scenario_of
from windtunnel.actions.compile.scenario import compile_scenario
from windtunnel.errors import Problem
from windtunnel.model.scenario import ABSENT, Feeder
from windtunnel.testing.scripted import ScriptedTransport

VARIABLES: dict[str, Any] = {"qty": 1, "answer": "no", "rows": [1], "done": True, "later": 1, "same": "{{ qty }}"}
USERS = Feeder(
    name="user",
    file="users.csv",
    identity="users.csv",
    columns=("name", "admin", "mixed", "vip"),
    rows=[("Ann", "true", True, ABSENT), ("Bob", "false", "true", True)],
)
ENDS = """
  - { type: repeat, name: again, for_each: [1], as: item, steps: [
      { type: set, name: s, variables: { later: "{{ item }}" } } ] }
"""


def problems_of(condition: str, *, key: str = "when", more: str = ENDS) -> list[str]:
    value = f'{{ condition: "{condition}" }}' if key == "expect" else f'"{condition}"'
    text = f"flow:\n  - {{ type: http, name: a, path: /, {key}: {value} }}\n{more}"
    scenario = replace(scenario_of(text), variables=VARIABLES, data=(USERS,), env={"DEBUG": "true"})
    problems: list[Problem] = []
    compile_scenario(scenario, sut=SUT, transport=ScriptedTransport(), problems=problems)
    return [f"{problem.message} at {problem.where.line}" for problem in problems if problem.where]


@pytest.mark.parametrize("key", ["when", "expect"])
@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("qty", "a number"),
        ("{{ answer }}", "a text"),
        ("done and rows", "a list after `and`"),
        ("'no'", "a text"),
        ("data.user.admin", "a text"),
        ("data.user", "a mapping"),
        ("env.DEBUG", "a text"),
    ],
)
def test_a_condition_of_fixed_values_that_are_no_booleans_is_refused(key: str, condition: str, kind: str) -> None:
    assert problems_of(condition, key=key) == [f'"{condition}" is {kind}, not true or false at 2']


@pytest.mark.parametrize("condition", ["done", "later", "same", "data.user.mixed", "data.user.vip", "qty > 0"])
def test_a_value_that_is_or_may_become_a_boolean_is_not_refused(condition: str) -> None:
    assert problems_of(condition) == []


def test_where_code_runs_no_start_value_is_fixed() -> None:
    code = '  - { type: python, name: p, call: "parts:decide" }\n'
    assert not [each for each in problems_of("answer", more=code) if "true or false" in each]
