"""Steps out of other files: their variables are their own, what they find out is everybody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.journeys import SUT, Run
from tests.support.scenario_files import load_scenarios
from windtunnel.engine.plan import compile_plan
from windtunnel.errors import ConfigError
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import TestPlan
from windtunnel.model.scenario import Scenario
from windtunnel.testing.scripted import Answer, ScriptedTransport, json_answer

LOGIN = """
variables: { user: ann, greeting: "hi-{{ user }}" }
steps:
  - { type: http, name: get, path: "/{{ user }}/{{ greeting }}", extract: { token: "$.t" } }
  - { type: assert, name: got, step: get, expect: { condition: steps.get.json.t == token } }
"""


Journey = Callable[..., Scenario]


@pytest.fixture
def journey(tmp_path: Path) -> Journey:
    """A scenario out of files, the last of which is the scenario's own."""

    def load(**files: str) -> Scenario:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        (file,) = load_scenarios([str(tmp_path / f"{list(files)[-1]}.yaml")], {})
        return file.scenario

    return load


def test_variables_of_an_include_are_local_and_what_is_extracted_is_not(run: Run, journey: Journey) -> None:
    finished = run(
        journey(
            login=LOGIN,
            a="""
id: a
variables: { user: outside }
flow:
  - { type: include, name: first, file: login.yaml, variables: { user: "{{ user }}-bob" } }
  - { type: include, name: second, file: login.yaml }
  - { type: http, name: use, path: "/{{ user }}/{{ token }}/{{ steps['first/get'].json.t }}" }
assertions:
  - { type: assert, name: last, step: second/get, expect: { json: { "$.t": 2 } } }
""",
        ),
        answers=[json_answer({"t": 1}), json_answer({"t": 2}), Answer()],
    )

    assert [sent.target for sent in finished.transport.sent] == [
        "/outside-bob/hi-outside-bob",
        "/ann/hi-ann",
        "/outside/2/1",
    ]
    assert [(step.step, step.outcome) for step in finished.steps] == [
        ("first/get", "passed"),
        ("first/got", "passed"),
        ("first", "passed"),
        ("second/get", "passed"),
        ("second/got", "passed"),
        ("second", "passed"),
        ("use", "passed"),
    ]
    assert finished.assertions[0].outcome == "passed"


def test_branches_inside_an_included_file_know_its_steps_by_their_short_names(run: Run, journey: Journey) -> None:
    finished = run(
        journey(
            part="""
steps:
  - { type: http, name: one, path: /one }
  - type: parallel
    name: p
    branches:
      - steps: [{ type: http, name: two, path: "/two?{{ steps.one.json.t }}" }]
  - { type: http, name: three, path: "/three?{{ steps.two.json.t }}" }
""",
            a="id: a\nflow: [{ type: include, name: i, file: part.yaml }]\n",
        ),
        answers=lambda sent: json_answer({"t": sent.target.strip("/")[:3]}),
    )

    assert [sent.target for sent in finished.transport.sent] == ["/one", "/two?one", "/three?two"]


def test_a_variable_of_an_include_is_unknown_after_it(journey: Journey) -> None:
    scenario = journey(
        login=LOGIN,
        a="""
id: a
flow:
  - { type: include, name: first, file: login.yaml }
  - { type: http, name: use, path: "/{{ user }}/{{ token }}" }
""",
    )
    with pytest.raises(ConfigError) as caught:
        compile_plan(
            TestPlan(sut=SUT, scenarios=(scenario,), load=ClosedLoad(count=1), seed=1),
            transport=ScriptedTransport(),
            run_id="r",
        )

    assert [problem.message for problem in caught.value.problems] == [
        'variable "user" is not set by any earlier step'
    ]


def test_a_problem_in_a_file_that_is_included_twice_is_told_once_at_its_line(
    journey: Journey, tmp_path: Path
) -> None:
    scenario = journey(
        part='steps:\n  - { type: http, name: x, path: "/{{ nothing }}" }\n',
        a="""
id: a
flow:
  - { type: include, name: first, file: part.yaml }
  - { type: include, name: second, file: part.yaml }
""",
    )
    with pytest.raises(ConfigError) as caught:
        compile_plan(
            TestPlan(sut=SUT, scenarios=(scenario,), load=ClosedLoad(count=1), seed=1),
            transport=ScriptedTransport(),
            run_id="r",
        )

    (problem,) = caught.value.problems
    assert str(problem.where) == f"{tmp_path}/part.yaml:2:39"
