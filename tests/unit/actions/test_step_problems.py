from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest

from tests.support.compiling import SUT, Compiled, scenario_of
from windtunnel.actions.compile.scenario import compile_scenario
from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.model.sut import Service
from windtunnel.testing.scripted import ScriptedEndpoint, ScriptedTransport

SET_IT = "set it under `variables`, or with `extract` in an earlier step"


def found(text: str, **kwargs: Any) -> list[tuple[str, str | None, str]]:
    """(message, hint, line:column) of every problem."""
    return [
        (problem.message, problem.hint, f"{problem.where.line}:{problem.where.column}")
        for problem in Compiled(dedent(text).lstrip(), **kwargs).problems
        if problem.where
    ]


def step_problems(lines: str, **kwargs: Any) -> list[tuple[str, str | None, str]]:
    return found(f"flow:\n  - {lines}\n", **kwargs)


def test_a_variable_that_no_earlier_step_sets_is_pointed_at_inside_the_text() -> None:
    problems = found(
        """
        flow:
          - { type: http, name: get, path: /, extract: { product_id: $.id } }
          - type: http
            name: add
            path: /cart
            json:
              item:
                - id: "p-{{ prodct_id }}"
        """
    )
    assert problems == [
        ('variable "prodct_id" is not set by any earlier step', 'did you mean "product_id"?', "8:21"),
    ]
    (problem,) = Compiled('flow:\n  - { type: set, name: s, variables: { a: "{{ abc }}" } }').problems
    assert problem.where is not None
    assert problem.where.width == 3


@pytest.mark.parametrize(
    "lines",
    [
        '{ type: http, name: a, path: "/x/{{ nix }}" }',
        '{ type: http, name: a, path: "{{ nix }}" }',
        '{ type: http, name: a, path: /, query: { q: "{{ nix }}" } }',
        '{ type: http, name: a, path: /, headers: { x: "{{ nix }}" } }',
        '{ type: http, name: a, path: /, cookies: { x: "{{ nix }}" } }',
        '{ type: http, name: a, path: /, body: "{{ nix }}" }',
        '{ type: http, name: a, path: /, form: { x: "{{ nix }}" } }',
        "{ type: http, name: a, path: /, expect: { condition: nix == 1 } }",
        '{ type: http, name: a, path: /, expect: { json: { $.a: "{{ nix }}" } } }',
        '{ type: http, name: a, path: /, expect: { body: { contains: "{{ nix }}" } } }',
        "{ type: set, name: a, when: nix > 1, variables: { b: 1 } }",
        '{ type: wait, name: a, duration: "{{ nix }}" }',
    ],
)
def test_every_place_that_takes_a_template_knows_its_variables(lines: str) -> None:
    field = f"2:{len('  - ') + lines.index('nix') + 1}"
    assert step_problems(lines) == [('variable "nix" is not set by any earlier step', SET_IT, field)]


def test_a_variable_is_known_from_the_step_after_the_one_that_sets_it() -> None:
    problems = found(
        """
        flow:
          - { type: http, name: a, path: "/{{ id }}", extract: { id: $.id } }
          - { type: http, name: b, path: "/{{ id }}/{{ given }}/{{ instance_id }}/{{ uuid() }}" }
        """,
        names=("given",),
    )
    assert problems == [('variable "id" is not set by any earlier step', SET_IT, "2:39")]


def test_a_step_can_read_what_the_same_step_sets_before() -> None:
    assert step_problems('{ type: set, name: a, variables: { b: 1, c: "{{ b }}" } }') == []
    assert step_problems('{ type: set, name: a, variables: { c: "{{ b }}", b: 1 } }') != []


def test_all_problems_are_gathered_in_one_go() -> None:
    problems = found(
        """
        flow:
          - type: http
            name: a
            service: any
            path: "/{{ one }}"
            timeout: never
            json: { a: "{{ }}" }
            expect: { status: 200, latency: { below: 5 } }
            extract: { now: $.a }
          - { type: set, name: b, variables: {} }
        """
    )
    assert [message for message, _, _ in problems] == [
        'variable "one" is not set by any earlier step',
        *[message for message, _, field in problems if field == "7:16"],
        "'never' is not a duration",
        'unknown key "status"',
        "5 needs a unit",
        '"now" is a reserved name',
        "this step sets nothing",
    ]
    assert len(problems) == 7


@pytest.mark.parametrize(
    ("lines", "message", "hint", "field"),
    [
        ("{ type: http, name: a, method: G T, path: / }", "'G T' is not an HTTP method", "method: POST", "2:36"),
        ("{ type: http, name: a, path: /, timeout: 0s }", "this must be more than 0", None, "2:46"),
        (
            "{ type: http, name: a, path: /, follow_redirects: maybe }",
            "expected true or false, not 'maybe'",
            None,
            "2:55",
        ),
        (
            "{ type: http, name: a, path: /, body: a, json: 1 }",
            "a request has one body, not 2: json, body",
            "keep one of them",
            "2:37",
        ),
        (
            "{ type: http, name: a, path: /, headers: { cookie: a=1 }, cookies: { b: 1 } }",
            "`cookies` and the Cookie header both set cookies",
            "remove the header",
            "2:63",
        ),
        (
            '{ type: http, name: a, path: /, headers: { X: "a\\nb" } }',
            'the value of "X" must not contain a line break or a null character',
            None,
            "2:51",
        ),
        (
            "{ type: http, name: a, path: /, cookies: { X: a;b } }",
            'the value of "X" must not contain a semicolon',
            None,
            "2:51",
        ),
        (
            "{ type: wait, name: a }",
            "a wait needs `duration` to pause, or `path` to poll",
            "duration: 2s, or path: /orders/1",
            "2:5",
        ),
        (
            "{ type: wait, name: a, duration: 1s, path: / }",
            "`path` cannot be combined with `duration`",
            "remove one of them",
            "2:42",
        ),
        ("{ type: wait, name: a, path: /, timeout: 0 }", "this must be more than 0", None, "2:46"),
        (
            "{ type: wait, name: a, duration: { uniform: [3s, 1s] } }",
            "the first duration is longer than the second",
            "uniform: [1s, 3s]",
            "2:49",
        ),
        (
            "{ type: wait, name: a, duration: { uniform: 3s } }",
            "expected the shortest and the longest duration here",
            "uniform: [1s, 3s]",
            "2:49",
        ),
        (
            "{ type: wait, name: a, duration: { normal: { mean: 1s } } }",
            "expected mean and sd here",
            "normal: { mean: 2s, sd: 500ms }",
            "2:48",
        ),
        (
            "{ type: wait, name: a, duration: { pareto: 1 } }",
            'unknown key "pareto"',
            "one of uniform, normal, exponential",
            "2:40",
        ),
        (
            "{ type: wait, name: a, duration: {} }",
            "a pause has exactly one distribution",
            "duration: { uniform: [1s, 3s] }",
            "2:38",
        ),
        ("{ type: assert, name: a }", "this step checks nothing", "expect: { status_code: 200 }", "2:5"),
        (
            "{ type: assert, name: a, step: zzz, expect: { status_code: 200 } }",
            'there is no step "zzz"',
            None,
            "2:36",
        ),
        ("{ type: set, name: a, variables: { 1a: 1 } }", '"1a" cannot be a variable name', None, "2:40"),
        ("{ type: set, name: a, variables: { env: 1 } }", '"env" is a reserved name', None, "2:40"),
    ],
)
def test_a_problem_says_where_what_and_how_to_mend_it(
    lines: str, message: str, hint: str | None, field: str
) -> None:
    ((said, help_, where),) = step_problems(lines)
    assert (said, where) == (message, field)
    if hint is not None:
        assert help_ == hint


def test_an_assertion_on_a_step_that_leaves_no_response_by_then_is_a_problem() -> None:
    problems = found(
        """
        flow:
          - { type: http, name: get_products, path: / }
          - { type: assert, name: b, step: get_product, expect: { status_code: 200 } }
          - { type: assert, name: c, step: later, expect: { status_code: 200 } }
          - { type: http, name: later, path: / }
        assertions:
          - { type: assert, name: d, step: later, expect: { status_code: 200 } }
        """
    )
    assert problems == [
        ('there is no step "get_product"', 'did you mean "get_products"?', "3:36"),
        (
            'step "later" has no response at this point: it runs later or sends nothing',
            "steps with a response: get_products",
            "4:36",
        ),
    ]


class Objecting(ScriptedTransport):
    """A transport that makes no endpoint."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def endpoint(self, *, method: str, service: Service, headers: Mapping[str, str]) -> ScriptedEndpoint:
        raise self.error


@pytest.mark.parametrize(
    ("error", "count"), [(ExpressionError("no such header"), 2), (ConfigError.of("the CA file can't be read"), 1)]
)
def test_what_the_transport_objects_to_is_a_problem(error: Exception, count: int) -> None:
    scenario = scenario_of("flow:\n  - { type: http, name: a, path: / }\n  - { type: http, name: b, path: / }\n")
    problems: list[Any] = []
    parts = compile_scenario(scenario, sut=SUT, transport=Objecting(error), problems=problems)
    assert parts.steps == ()
    assert [problem.message for problem in problems] == [str(error)] * count


def test_a_compiled_step_knows_what_it_is_and_what_it_must_hide() -> None:
    compiled = Compiled(
        dedent(
            """
            flow:
              - { type: http, name: a, path: /, on_failure: continue,
                  extract: { token: { json: $.t, secret: true } } }
            assertions:
              - { type: assert, name: b, expect: { status_code: 200 } }
            """
        ).lstrip()
    )
    (step,), (assertion,) = compiled.steps, compiled.assertions
    assert (step.name, step.type, step.refused) == ("a", "http", None)
    assert (step.on_failure, step.secrets, step.holds_steps) == ("continue", frozenset({"token"}), False)
    assert (step.action.name, step.action.type) == ("a", "http")
    assert assertion.name == "b"
