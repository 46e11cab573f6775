"""An unquoted scalar is its own source text where only text can stand, and typed where a value can."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from windtunnel.config.reader import Document, read_yaml
from windtunnel.config.scalars import resolve
from windtunnel.config.schemas import load_schema, validate
from windtunnel.errors import ConfigError

SCENARIO = load_schema("scenario")
SUT = load_schema("sut")
WRITTEN = (
    "1.10",
    "01234",
    "1e3",
    "12e5",
    "+31612345678",
    "0x1F",
    "0o17",
    ".5",
    "True",
    "FALSE",
    "1.0",
    "-0",
    ".inf",
)


def read(text: str, schema: Any = SCENARIO, **environment: str) -> Document:
    document = read_yaml("file.yaml", text.encode(), environment=environment)
    assert validate(document, schema) == []
    return document


def step(lines: str) -> Any:
    return read(f"id: a\nflow:\n  - {{ type: http, name: one, path: /, {lines} }}\n").data["flow"][0]


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ("headers: {{ X: {} }}", ("headers", "X")),
        ("query: {{ x: {} }}", ("query", "x")),
        ("query: {{ x: [1, {}] }}", ("query", "x", 1)),
        ("form: {{ x: {} }}", ("form", "x")),
        ("cookies: {{ x: {} }}", ("cookies", "x")),
        ("multipart: {{ x: {} }}", ("multipart", "x")),
        ("multipart: {{ x: [{}] }}", ("multipart", "x", 0)),
        ("multipart: {{ x: {{ text: {} }} }}", ("multipart", "x", "text")),
        ("expect: {{ headers: {{ X: {} }} }}", ("expect", "headers", "X")),
        ("expect: {{ headers: {{ X: {{ equals: {} }} }} }}", ("expect", "headers", "X", "equals")),
        ("expect: {{ headers: {{ X: {{ not: {{ in: [{}] }} }} }} }}", ("expect", "headers", "X", "not", "in", 0)),
        ("expect: {{ cookies: {{ x: {} }} }}", ("expect", "cookies", "x")),
        ("expect: {{ body: {{ contains: {} }} }}", ("expect", "body", "contains")),
        ("expect: {{ json: {{ $.a: {{ starts_with: {} }} }} }}", ("expect", "json", "$.a", "starts_with")),
        ("tags: {{ x: {} }}", ("tags", "x")),
    ],
)
def test_where_only_text_can_stand_a_scalar_is_what_is_written(lines: str, where: tuple[Any, ...]) -> None:
    for written in WRITTEN:
        found = step(lines.format(written))
        for key in where:
            found = found[key]
        assert found == written


@pytest.mark.parametrize("written", ["1.10", "1e3", "0x1F", "True"])
def test_where_a_value_can_stand_a_scalar_has_its_type(written: str) -> None:
    found = step(f"json: {{ x: {written} }}, expect: {{ json: {{ $.a: {written} }} }}")
    for inner in (found["json"]["x"], found["expect"]["json"]["$.a"]):
        assert (inner, type(inner)) == (resolve(written), type(resolve(written)))


def test_it_holds_through_aliases_in_lists_of_steps_and_in_the_sut_file() -> None:
    data = read(
        "id: a\n"
        "flow:\n"
        "  - { type: http, name: one, path: /, headers: &same { X: &v 1.10 }, json: { v: *v } }\n"
        "  - type: group\n"
        "    name: all\n"
        "    steps: [{ type: http, name: two, path: /, headers: { <<: *same, Y: *v } }]\n"
    ).data
    assert data["flow"][0]["headers"] == {"X": "1.10"}
    assert data["flow"][0]["json"] == {"v": 1.1}
    assert data["flow"][1]["steps"][0]["headers"] == {"X": "1.10", "Y": "1.10"}
    sut = read(
        "name: s\nbase_url: http://a.test\nheaders: { V: 1.10, W: null }\n"
        "auth: { type: basic, user: 007, password: 1e3 }\n",
        SUT,
    ).data
    assert sut["headers"] == {"V": "1.10", "W": None}
    assert (sut["auth"]["user"], sut["auth"]["password"]) == ("007", "1e3")


@pytest.mark.parametrize("written", ["null", "~", ""])
def test_null_stays_null(written: str) -> None:
    assert step(f"headers: {{ X: {written} }}")["headers"] == {"X": None}


@pytest.mark.parametrize(
    ("value", "typed"),
    [("3", 3), ("2.5", 2.5), ("true", True), ("null", None), ("01234", "01234"), ("1.10", "1.10"), ("", "")],
)
def test_a_whole_reference_has_a_type_where_that_loses_nothing(value: str, typed: Any) -> None:
    text = "id: a\nvariables:\n  v: ${V}\n  w: '${V}'\nflow: [{ type: http, name: one, path: / }]\n"
    found = read(text, V=value).data["variables"]
    assert (found["v"], type(found["v"]), found["w"]) == (typed, type(typed), value)


@given(st.text("0123456789+-._eExoabtrufalsn", min_size=1, max_size=12))
def test_any_plain_scalar_in_a_header_arrives_as_it_is_written(written: str) -> None:
    assume(not written.startswith("-") or len(written) > 1)
    assume(resolve(written) is not None)
    try:
        found = step(f"headers: {{ X: {written} }}")["headers"]["X"]
    except ConfigError:
        assume(False)
    assert found == written or (isinstance(found, int | float) and str(found).lower() == written)


@pytest.mark.parametrize(
    ("flow", "message", "hint"),
    [
        (
            "{ type: http, name: a, path: /a?b=1 }",
            "not valid YAML: expected ',' or '}', but got '?'",
            "inside { } and [ ] put text that holds ? [ ] { or } into quotes",
        ),
        (
            "{ type: http, name: a, path: /a[0] }",
            "not valid YAML: expected ',' or '}', but got '['",
            "inside { } and [ ] put text that holds ? [ ] { or } into quotes",
        ),
        (
            '{ type: http, name: a, path: /, json: { "{{ key }}": 1 } }',
            "a key can't be a template: it stays as it is written",
            "put the whole mapping into one template, or build it in a `python` step",
        ),
    ],
)
def test_what_yaml_can_not_say_so_is_answered_with_what_to_write(flow: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml("file.yaml", f"id: a\nflow:\n  - {flow}\n".encode(), environment={})
    (problem,) = caught.value.problems
    assert (problem.message, problem.hint) == (message, hint)
    assert problem.where is not None
    assert problem.where.line == 3
