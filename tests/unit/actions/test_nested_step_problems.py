"""What is wrong with steps inside steps is found before anything is sent, at its own place."""

from textwrap import dedent

import pytest

from tests.support.compiling import Compiled


def found(text: str) -> list[tuple[str, str]]:
    """(message, line:column) of every problem."""
    return [
        (problem.message, f"{problem.where.line}:{problem.where.column}")
        for problem in Compiled(dedent(text).lstrip()).problems
        if problem.where
    ]


def test_problems_deep_inside_point_at_their_own_line() -> None:
    assert found(
        """
        flow:
          - type: group
            name: g
            steps:
              - type: branch
                name: b
                cases:
                  - if: "{{ qty > 1 }}"
                    steps:
                      - { type: http, name: a, path: "/{{ id }}", service: none }
        """
    ) == [
        ('variable "qty" is not set by any earlier step', "8:21"),
        ('variable "id" is not set by any earlier step', "10:51"),
    ]


def test_a_case_does_not_see_what_another_sets_and_what_comes_after_sees_both() -> None:
    assert found(
        """
        flow:
          - type: branch
            name: b
            cases:
              - if: instance_index > 1
                steps: [{ type: set, name: one, variables: { a: 1 } }]
              - else: [{ type: set, name: two, variables: { b: "{{ a }}" } }]
          - { type: http, name: use, path: "/{{ a }}/{{ b }}" }
        """
    ) == [('variable "a" is not set by any earlier step', "7:60")]


@pytest.mark.parametrize(
    ("cases", "message", "field"),
    [
        ("[{ elif: true, steps: [ONE] }]", "the first case must be `if`", "4:15"),
        ("[{ else: [ONE] }]", "a branch begins with `if`", "4:15"),
        (
            "[{ if: true, steps: [ONE] }, { if: true, steps: [TWO] }]",
            "a case after the first must be `elif` or `else`",
            "4:85",
        ),
        (
            "[{ if: true, steps: [ONE] }, { else: [TWO] }, { elif: true, steps: [THREE] }]",
            "`else` must be the last case",
            "4:85",
        ),
    ],
)
def test_the_cases_of_a_branch_come_in_order(cases: str, message: str, field: str) -> None:
    for name in ("ONE", "TWO", "THREE"):
        cases = cases.replace(name, f"{{ type: set, name: {name}, variables: {{ a: 1 }} }}")
    assert found(f"flow:\n  - type: branch\n    name: b\n    cases: {cases}\n") == [(message, field)]


def test_two_branches_that_set_one_name_are_refused() -> None:
    assert found(
        """
        flow:
          - type: parallel
            name: p
            branches:
              - steps: [{ type: http, name: a, path: /, extract: { id: $.id } }]
              - steps:
                  - { type: group, name: g, steps: [{ type: set, name: b, variables: { id: 1 } }] }
        """
    ) == [('branch 1 and branch 2 both set "id"', "6:9")]


def test_branches_may_have_local_variables_of_one_name() -> None:
    loop = (
        "{ type: repeat, name: NAME, for_each: [1], steps: [{ type: http, name: h-NAME, path: '/{{ item }}' }] }"
    )
    branches = "".join(f"\n      - steps: [{loop.replace('NAME', name)}]" for name in ("a", "b"))
    assert found(f"flow:\n  - type: parallel\n    name: p\n    branches:{branches}\n") == []


def test_a_round_can_read_what_an_earlier_one_set_and_nothing_else_of_the_loop_is_seen_outside() -> None:
    assert found(
        """
        flow:
          - type: repeat
            name: r
            while: cursor is not defined or cursor
            max_times: 5
            steps:
              - { type: http, name: a, path: "/{{ cursor }}/{{ loop.index }}" }
              - type: branch
                name: b
                cases: [{ if: true, steps: [{ type: set, name: s, variables: { cursor: 1 } }] }]
          - { type: repeat, name: t, for_each: [1], steps: [{ type: http, name: c, path: "/{{ item }}" }] }
          - { type: http, name: d, path: "/{{ cursor }}/{{ item }}/{{ loop.index }}" }
        """
    ) == [
        ('variable "item" is not set by any earlier step', "12:52"),
        ('variable "loop" is not set by any earlier step', "12:63"),
    ]


def test_the_item_of_a_loop_needs_a_name_that_is_free() -> None:
    assert found(
        "flow:\n  - { type: repeat, name: r, for_each: [1], as: response,"
        " steps: [{ type: http, name: a, path: / }] }\n"
    ) == [('"response" is a reserved name', "2:45")]


def test_options_without_any_weight_are_refused() -> None:
    assert found(
        "flow:\n  - { type: choose, name: c, options:"
        " [{ weight: 0, steps: [{ type: http, name: a, path: / }] }] }\n"
    ) == [("no option has a weight above zero", "2:39")]
