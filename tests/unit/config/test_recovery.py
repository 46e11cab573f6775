"""What is compiled of a scenario that breaks its schema, and that no problem is made up that way."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.messages import Write
from windtunnel.config.reader import Document, read_yaml
from windtunnel.config.recovery import Remainder, remainder
from windtunnel.config.scenario import gather_scenarios, scenario_of
from windtunnel.config.schemas import StepTypes, complaints, load_schema, validate
from windtunnel.errors import Problem
from windtunnel.job.compile import step_problems
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut
from windtunnel.project import Project

SCHEMA = load_schema("scenario")
SUT = Sut(name="Shop", default=Service(name="", base_url="http://shop.test"), source=Source(file="sut.yaml"))


def left_of(text: str) -> Remainder | None:
    document = read_yaml("f.yaml", text.encode(), environment={})
    return remainder(document, complaints(document, SCHEMA), StepTypes(SCHEMA), SCHEMA["properties"])


def told(name: str) -> list[str]:
    """The problems of a file as `validate` shows them, by line, without their hints."""
    files, problems = gather_scenarios([name], {})
    problems += step_problems(SUT, [file.scenario for file in files])
    places = [(problem.where.line if problem.where else 0, problem.message) for problem in problems]
    return [f"{line}: {message}" for line, message in sorted(places)]


@pytest.mark.parametrize(
    ("step", "variables"),
    [
        ("{ type: http, name: b, path: /, metod: GET, extract: { id: $.id } }", {"id"}),
        ("{ type: http, name: b, extract: { id: $.id } }", {"id"}),
        ("{ type: http, name: b, path: /, timeout: 5 parsecs }", set()),
        ("{ type: python, name: b, call: sign, sets: [signature] }", {"signature"}),
        ("{ type: http, name: b, path: /, extrct: { id: $.id } }", None),
        ("{ type: http, name: b, path: /, extract: { id: { jsn: $.id } } }", None),
        ("{ type: htp, name: b, path: /, extract: { id: $.id } }", None),
        ("{ name: b, path: / }", None),
        ("{ type: set, name: b }", None),
        ("{ type: set, name: b, variables: { 1a: 1 } }", None),
        ("{ type: group, name: b, stepz: 1, steps: [{ type: set, variables: { a: 1 } }] }", None),
        ("{ type: include, name: b, file: 5 }", None),
        ("{ type: branch, name: b }", None),
        ("5", None),
    ],
)
def test_what_a_broken_step_may_set(step: str, variables: set[str] | None) -> None:
    left = left_of(f"id: a\nflow:\n  - {step}\n")
    assert left is not None
    assert left.broken_steps == {("flow", 0)}
    assert left.omission.variables == variables


def test_a_broken_step_inside_another_leaves_the_other() -> None:
    left = left_of(
        """id: a
flow:
  - type: branch
    name: b
    cases:
      - if: true
        steps:
          - { type: http, name: inner, path: /, metod: GET }
          - { type: set, name: other, variables: { y: 1 } }
"""
    )
    assert left is not None
    assert left.broken_steps == {("flow", 0, "cases", 0, "steps", 0)}


def test_sections_that_break_the_schema_are_omitted() -> None:
    left = left_of("id: a\nweight: heavy\ndata: { x: 5 }\nflow: [{ type: wait, duration: 1s }]\n")
    assert left is not None
    assert list(left.document.data) == ["id", "flow"]
    assert left.omission.data
    assert left.omission.variables == frozenset()


@pytest.mark.parametrize("line", ["variabels: { x: 1 }", "variables: [x]", "setup: []", "user_setup: {}"])
def test_a_section_that_may_set_variables_leaves_them_open(line: str) -> None:
    left = left_of(f"id: a\n{line}\nflow: [{{ type: wait, duration: 1s }}]\n")
    assert left is not None
    assert left.omission.variables is None


@pytest.mark.parametrize(
    "text", ["id: a\nflow: 5\n", "id: a\nflow: []\n", "[]\n", "flow: [{}]\n", "id: 5\nflow: [5]\n"]
)
def test_nothing_is_compiled_without_an_id_and_a_flow(text: str) -> None:
    assert left_of(text) is None


def test_the_steps_that_hold_to_the_schema_are_compiled(write: Write) -> None:
    write(
        "f.yaml",
        """id: a
flow:
  - { type: http, name: b, path: /, metod: GET, extract: { id: $.id, "$.token[": $.a } }
  - { type: http, name: c, path: "/{{ id }}/{{ nix }}" }
  - { type: assert, name: d, step: nothing, expect: { body: { matches: "(" } } }
""",
    )
    assert told("f.yaml") == [
        '3: "$.token[" must be a name of letters, digits and _',
        '3: unknown key "metod" in an http step',
        '5: "(" is not a regular expression: missing ) at position 1',
    ]
    write(
        "g.yaml",
        "id: a\nflow:\n  - { type: set, name: b, metod: 1, variables: { x: 1 } }\n"
        "  - { type: wait, name: c, path: '/{{ x }}/{{ nix }}' }\n",
    )
    assert told("g.yaml") == [
        '3: unknown key "metod" in a set step',
        '4: variable "nix" is not set by any earlier step',
    ]


def test_a_broken_included_file_leaves_open_what_it_sets(write: Write) -> None:
    write("_part.yaml", "steps: [{ type: set, variabels: { x: 1 } }]\n")
    write(
        "f.yaml",
        "id: a\nflow:\n  - { type: include, name: b, file: _part.yaml }\n"
        '  - { type: http, name: c, path: "/{{ x }}", expect: { body: { matches: "(" } } }\n',
    )
    assert told("f.yaml") == [
        '1: a set step needs "variables"',
        '1: unknown key "variabels" in a set step',
        '4: "(" is not a regular expression: missing ) at position 1',
    ]


def test_data_files_that_can_not_be_read_leave_open_what_they_hold(write: Write) -> None:
    write(
        "f.yaml",
        "id: a\ndata: { shopper: { file: gone.csv } }\nflow:\n"
        '  - { type: http, name: b, path: "/{{ data.shopper.mail }}/{{ data.other }}/{{ nix }}" }\n',
    )
    assert told("f.yaml") == [
        '2: there is no file "gone.csv"',
        '4: variable "nix" is not set by any earlier step',
    ]


WHOLE = b"""
id: a
variables: { n: 1 }
data: { shopper: { file: shoppers.csv } }
setup: [{ type: http, name: p, path: "/{{ nope }}", extract: { q: $.q } }]
flow:
  - type: http
    name: b
    path: "/{{ q }}{{ n }}/{{ data.shopper.mial }}"
    query: { a: [1] }
    extract: { id: $.id, t: { header: x } }
    expect: { json: [{ path: "$.a[", above: 1 }] }
  - type: group
    name: g
    steps:
      - { type: set, name: s, variables: { v: "{{ id }}" } }
      - { type: assert, name: s2, step: b, expect: { body: { matches: "(" } } }
  - { type: repeat, name: r, times: 2, steps: [{ type: set, name: k, variables: { x: "{{ loop.index }}" } }] }
  - { type: wait, name: w, path: "/{{ v }}/{{ x }}/{{ nix }}", interval: 1s, expect: { status_code: [200, 2xx] } }
  - { type: assert, name: b, step: later, expect: { condition: "response.status ==" } }
assertions: [{ type: assert, name: z, step: w, expect: { status_code: 200 } }]
"""
"""A scenario that holds to its schema, with problems that only compiling finds."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Document:
    folder = tmp_path_factory.mktemp("scenario")
    (folder / "shoppers.csv").write_text("mail\na@b.test\n")
    path = folder / "f.yaml"
    return read_yaml(path, WHOLE, environment={}, project=Project().around(path))


Path = tuple[Any, ...]
Break = tuple[Path, str, Any]
"""Where, `replace`, `add`, `delete` or `rename`, and the new value."""


def places(value: Any, path: Path = ()) -> list[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def broken(data: Any, breaks: list[Break]) -> Any:
    """A copy of the data with every break whose place is still there."""
    data = copy.deepcopy(data)
    for path, kind, drawn in breaks:
        value = copy.deepcopy(drawn)  # else a mapping could be put into itself
        with contextlib.suppress(LookupError, TypeError):
            parent = data
            for key in path[:-1]:
                parent = parent[key]
            if kind == "delete":
                del parent[path[-1]]
            elif kind == "rename" and isinstance(parent, dict):
                parent[f"{path[-1]}z"] = parent.pop(path[-1])
            elif kind == "add" and isinstance(parent, dict):
                parent["metod"] = value
            elif kind == "replace":
                parent[path[-1]] = value
    return data


def compile_problems(document: Document) -> set[tuple[int, int, str]]:
    """Line, column and what is wrong, of each problem that the schema does not find."""
    file, found = scenario_of(document, {}, SCHEMA)
    problems: set[Problem] = {*found} - {*validate(document, SCHEMA)}
    problems |= {*step_problems(SUT, [file.scenario] if file else [])}
    return {
        (problem.where.line, problem.where.column, problem.message.partition(" is taken by ")[0])
        for problem in problems
        if problem.where
    }


BREAKS: st.SearchStrategy[Break] = st.tuples(
    st.sampled_from([place for place in places(read_yaml("f.yaml", WHOLE, environment={}).data) if place]),
    st.sampled_from(["replace", "add", "delete", "rename"]),
    st.sampled_from([None, 5, "", "x", [], {}, True]),
)


@pytest.mark.slow
@given(st.lists(BREAKS, min_size=1, max_size=3, unique_by=lambda each: each[0]))
@settings(max_examples=75)
def test_mending_the_schema_problems_makes_no_other_problem_disappear(
    sound: Document, breaks: list[Break]
) -> None:
    wrong = [each for each in breaks if validate(replace(sound, data=broken(sound.data, [each])), SCHEMA)]
    document = replace(sound, data=broken(sound.data, wrong))
    assert compile_problems(document) <= compile_problems(sound)


def test_the_scenario_of_that_property_has_problems_of_every_kind(sound: Document) -> None:
    assert len(compile_problems(sound)) == 8
