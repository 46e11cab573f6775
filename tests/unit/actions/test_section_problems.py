"""What the sections of a scenario can read of each other."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from tests.support.compiling import STEP_TYPES, SUT
from windtunnel.actions.compile.scenario import compile_scenario
from windtunnel.config.reader import read_yaml
from windtunnel.config.steps import build_steps
from windtunnel.model.scenario import Scenario
from windtunnel.testing.scripted import ScriptedTransport


def found(text: str) -> list[tuple[str, int]]:
    """(message, line) of every problem."""
    document = read_yaml("a.yaml", dedent(text).lstrip().encode(), environment={})
    scenario = Scenario(
        id="a",
        source=document.source,
        variables=document.data.get("variables", {}),
        setup=build_steps(document, "setup", STEP_TYPES),
        user_setup=build_steps(document, "user_setup", STEP_TYPES),
        steps=build_steps(document, "flow", STEP_TYPES),
        teardown=build_steps(document, "teardown", STEP_TYPES),
    )
    problems: list[Any] = []
    compile_scenario(scenario, sut=SUT, transport=ScriptedTransport(), problems=problems)
    return [(problem.message, problem.where.line) for problem in problems]


def test_what_a_setup_sets_is_seen_by_all_and_what_a_user_setup_sets_by_the_flow() -> None:
    assert (
        found(
            """
            setup: [{ type: http, name: a, path: /, extract: { id: $.id } }]
            user_setup: [{ type: http, name: b, path: "/{{ id }}", extract: { token: $.t } }]
            flow: [{ type: http, name: c, path: "/{{ id }}/{{ token }}", extract: { order: $.o } }]
            teardown: [{ type: http, name: d, path: "/{{ id }}" }]
            """
        )
        == []
    )


def test_a_teardown_sees_nothing_of_users_and_instances() -> None:
    assert found(
        """
        user_setup: [{ type: http, name: b, path: /, extract: { token: $.t } }]
        flow: [{ type: http, name: c, path: /, extract: { order: $.o } }]
        teardown:
          - { type: http, name: d, path: "/{{ token }}" }
          - { type: http, name: e, path: "/{{ order }}" }
        """
    ) == [
        ('variable "token" is not set by any earlier step', 4),
        ('variable "order" is not set by any earlier step', 5),
    ]


def test_variables_that_read_a_row_are_not_there_beside_the_load() -> None:
    problems = found(
        """
        variables: { size: big, shopper: "{{ data.who.name }}", greeting: "hi {{ shopper }}" }
        setup: [{ type: http, name: a, path: "/{{ size }}/{{ greeting }}" }]
        flow: [{ type: http, name: c, path: "/{{ greeting }}" }]
        """
    )

    assert ('variable "greeting" is not set by any earlier step', 2) in problems
    assert [line for message, line in problems if "not set" in message] == [2]


def test_a_flow_sees_no_response_of_the_setup() -> None:
    assert found(
        """
        setup: [{ type: http, name: a, path: / }]
        flow:
          - { type: http, name: c, path: / }
          - { type: assert, name: b, step: s, expect: { status_code: 200 } }
        user_setup: [{ type: http, name: s, path: / }]
        """
    ) == [
        ('step "s" has no response at this point: it runs later or sends nothing', 4),
    ]
