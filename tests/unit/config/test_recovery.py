"""What is left of a broken scenario, and that no problem is made up that way."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.config.reader import Document, read_yaml
from windtunnel.config.recovery import recover
from windtunnel.config.schemas import load_schema, validate
from windtunnel.model.source import Source

SCHEMA = load_schema("scenario")


def rest_of(text: str) -> Any:
    rest = recover(read_yaml("f.yaml", text.encode(), environment={}), SCHEMA)
    return rest and rest.data


def test_an_unknown_key_goes_and_the_step_stays() -> None:
    rest = rest_of("id: a\nflow:\n  - { type: http, name: b, path: /, metod: GET, timeout: soon }\n")
    assert rest["flow"] == [{"type": "http", "name": "b", "path": "/"}]


def test_a_step_that_can_not_be_read_is_replaced_by_one_that_sets_the_same() -> None:
    text = """id: a
flow:
  - { type: htp, name: b, service: cart, extract: { id: $.id } }
  - { type: set, name: c, variables: { x: 1 }, nonsense: [] }
  - { type: http, name: d, extract: { e: { jsn: $.e } } }
"""
    first, second, third = rest_of(text)["flow"]
    assert first == {"type": "http", "name": "b", "path": "/", "extract": {"id": "$"}, "service": "cart"}
    assert second == {"type": "set", "name": "c", "variables": {"x": 1}}
    assert third["extract"] == {"e": "$"}


def test_the_steps_inside_of_a_broken_one_are_still_known() -> None:
    text = """id: a
flow:
  - type: branch
    name: b
    cases:
      - if: true
        stepz: 1
        steps: [{ type: http, name: inner, path: /, extract: { id: $.id } }]
      - when: false
        steps: [{ type: set, name: other, variables: { y: 1 } }]
"""
    (step,) = rest_of(text)["flow"]
    written = json.dumps(step)
    assert all(f'"{name}"' in written for name in ("b", "inner", "other", "id", "y"))


def test_too_little_is_left_of_a_file_without_a_flow_or_whose_data_is_wrong() -> None:
    assert rest_of("id: a\nflow: 5\n") is None
    assert rest_of("id: a\nflow: []\n") is None
    assert rest_of("[]\n") is None
    assert rest_of("id: a\ndata: { x: 5 }\nflow: [{ type: set, name: a, variables: {} }]\n") is None


WHOLE: dict[str, Any] = read_yaml(
    "f.yaml",
    b"""
id: a
variables: { n: 1 }
flow:
  - type: http
    name: b
    path: /
    query: { a: [1] }
    extract: { id: $.id, t: { header: x } }
    expect: { json: [{ path: $.a, above: 1 }] }
  - { type: group, name: g, steps: [{ type: set, name: s, variables: { v: "{{ id }}" } }] }
  - { type: wait, name: w, path: "/{{ v }}", interval: 1s, expect: { status_code: [200, 2xx] } }
assertions: [{ type: assert, name: z, expect: { status_code: 200 } }]
""",
    environment={},
).data


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@given(
    st.sampled_from([place for place in places(WHOLE) if place]),
    st.sampled_from([None, 5, "x", [], {}, {"type": "http"}, [5], True, {"metod": 1}]),
    st.booleans(),
)
@settings(max_examples=300)
def test_what_is_left_of_any_broken_scenario_holds_to_the_schema_and_sets_what_it_set(
    place: tuple[Any, ...], value: Any, add: bool
) -> None:
    data = copy.deepcopy(WHOLE)
    parent = data
    for key in place[:-1]:
        parent = parent[key]
    add = add and isinstance(parent, dict)
    if add:
        parent["metod"] = value
    else:
        parent[place[-1]] = value
    document = Document(data=data, source=Source(file="f.yaml"))
    rest = recover(document, SCHEMA)
    if rest is None:
        return
    assert validate(rest, SCHEMA) == []
    assert len(rest.data["flow"]) == len(data["flow"])
    if add and len(place) > 1:
        assert all(f'"{name}"' in json.dumps(rest.data) for name in ("id", "t", "v", "b", "s", "w"))
