"""What is wrong with steps inside steps is found before anything is sent, at its own place."""

from textwrap import dedent

import pytest
from surroundings import Compiled


def found(text: str) -> list[tuple[str, str]]:
    """(message, line:column) of every problem."""
    return [
        (problem.message, f"{problem.where.line}:{problem.where.column}")
        for problem in Compiled(dedent(text).lstrip()).problems
        if problem.where
    ]


def test_problems_deep_inside_point_at_their_own_line():
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
                      - { type: http, name: a, path: "/{{ id }}", service: none, speed: 1 }
        """
    ) == [
        ('variable "qty" is not set by any earlier step', "8:21"),
        ('unknown key "speed"', "10:74"),
        ('variable "id" is not set by any earlier step', "10:51"),
    ]


def test_names_are_unique_over_the_whole_tree():
    assert found(
        """
        flow:
          - { type: http, name: a, path: / }
          - type: group
            name: g
            steps:
              - { type: http, name: a, path: / }
        """
    ) == [('there is already a step "a"', "6:29")]


def test_a_case_does_not_see_what_another_sets_and_what_comes_after_sees_both():
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
    ("cases", "message", "place"),
    [
        ("[{ elif: true, steps: [ONE] }]", "the first case is an `if`", "4:15"),
        ("[{ else: [ONE] }]", "a branch begins with `if`", "4:15"),
        (
            "[{ if: true, steps: [ONE] }, { if: true, steps: [TWO] }]",
            "a case after the first is an `elif`, or `else`",
            "4:85",
        ),
        (
            "[{ if: true, steps: [ONE] }, { else: [TWO] }, { elif: true, steps: [THREE] }]",
            "`else` is the last case: nothing after it can run",
            "4:85",
        ),
    ],
)
def test_the_cases_of_a_branch_come_in_order(cases: str, message: str, place: str):
    for name in ("ONE", "TWO", "THREE"):
        cases = cases.replace(name, f"{{ type: set, name: {name}, variables: {{ a: 1 }} }}")
    assert found(f"flow:\n  - type: branch\n    name: b\n    cases: {cases}\n") == [(message, place)]
