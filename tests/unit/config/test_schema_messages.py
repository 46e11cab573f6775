from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.messages import golden, message_of
from windtunnel.config.reader import Document, read_yaml
from windtunnel.config.schemas import load_schema, require_valid, validate, with_step_types
from windtunnel.config.steps import fragment_schema
from windtunnel.model.source import Source

STEP = "id: a\nflow:\n  - type: http\n    name: b\n    method: GET\n    path: /\n"


def document(text: str, environment: dict[str, str] | None = None) -> Document:
    return read_yaml("f.yaml", dedent(text).lstrip("\n").encode(), environment=environment or {})


def error(schema: str, text: str) -> str:
    return message_of(lambda: require_valid(document(text), schema_of(schema)))


def schema_of(name: str) -> dict[str, Any]:
    """A published schema, or that of a file to include, which stands inside the scenarios'."""
    return fragment_schema(load_schema("scenario")) if name == "fragment" else load_schema(name)


@pytest.mark.parametrize("name", ["sut", "scenario", "plan"])
def test_the_published_schemas_are_valid_and_say_what_each_key_is(name: str) -> None:
    from jsonschema import Draft202012Validator

    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:windtunnel:schemas:{name}"
    for key, value in schema["properties"].items():
        assert value["description"], key


def test_an_unknown_key_with_a_near_one() -> None:
    assert error("scenario", STEP.replace("method:", "metod:")) == golden(
        """
        f.yaml:5:5: unknown key "metod" in an http step
          5 |     metod: GET
            |     ^^^^^
          help: did you mean "method"?
        """
    )


def test_an_unknown_key_without_a_near_one() -> None:
    assert error("plan", "output: { bodies: all, speed: 100/s }") == golden(
        """
        f.yaml:1:24: unknown key "speed" in an output section
          1 | output: { bodies: all, speed: 100/s }
            |                        ^^^^^
          help: the keys here are directory, bodies and compress
        """
    )


def test_a_wrong_type() -> None:
    assert error("plan", "load: { count: abc }") == golden(
        """
        f.yaml:1:16: "count" must be a whole number above zero, not text "abc"
          1 | load: { count: abc }
            |                ^^^
        """
    )


def cases() -> Iterator[tuple[str, str, str]]:
    """Schema, YAML and complete message of every case in messages.txt."""
    text = (Path(__file__).parent / "messages.txt").read_text()
    for case in text.split("\n=== ")[1:]:
        head, message = case.split("\n---\n")
        schema, yaml = head.split("\n", 1)
        yield schema, yaml, message.strip("\n")


@pytest.mark.parametrize(("schema", "yaml", "message"), list(cases()))
def test_what_is_wrong_is_said_in_words(schema: str, yaml: str, message: str) -> None:
    assert error(schema, yaml) == message


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    text = "id: a\nwieght: 2\nflow:\n  - type: htp\n  - type: set\n  - {type: wait, duration: x}\n"
    assert error("scenario", text) == golden(
        """
        f.yaml:2:1: unknown key "wieght" in a scenario
          2 | wieght: 2
            | ^^^^^^
          help: did you mean "weight"?
        f.yaml:4:11: "type" must be a step type, not text "htp"
          4 |   - type: htp
            |           ^^^
          help: did you mean "http"?
        f.yaml:5:5: a set step needs "variables"
          5 |   - type: set
            |     ^^^^^^^^^
        f.yaml:6:28: "duration" must be a duration, not text "x"
          6 |   - {type: wait, duration: x}
            |                            ^
          help: write 250ms, 5s, 2m or a number of seconds
        """
    )


def test_very_many_problems_are_cut_short() -> None:
    message = error("scenario", "id: a\nflow: [" + "5, " * 500 + "]")
    assert message.count(" must be a mapping") == 50
    assert message.splitlines()[-3] == "f.yaml:1:1: 450 more problems are not shown"


@pytest.mark.parametrize(
    "lines",
    [
        "    expect: { status_code: 200 }",
        "    expect: { status_code: [200, 2xx, '301', 40x] }",
        "    expect: { latency: { below: 1m30s, above: 1ms } }",
        "    expect: { body: ok, headers: { a: b, c: { not: { contains: d } } } }",
        "    expect: { cookies: { s: { exists: true } } }",
        "    expect: { json: { $.a: 1, $.b: [1, 2], $.c: null, $.d: { type: null }, $.e: { in: '{{ xs }}' } } }",
        "    expect: { json: [{ path: $.a }, { path: $.b, length: { at_least: 1 } }, { path: $.c, length: 3 }] }",
        "    expect: { json: { $.a: { equals: { any: thing } }, $.b: { each: { any: 5 } } } }",
        "    expect: { json: { $.c: { above: '{{ x }}' } } }",
        "    expect: { condition: '{{ response.json.total == 1 }}' }",
        "    extract: { a: $.a, b: { json: $.b, index: -1, all: true, secret: true }, c: { status: true } }",
        "    extract: { a: { regex: 'id=(\\d+)', default: null } }",
        "    query: { a: 1, b: [x, true], c: null }\n    form: { a: [1] }",
        "    when: '{{ a }}'\n    tags: { team: 5 }\n    max_body: 1MiB\n    cookies: { a: 1 }\n    timeout: 1.5",
    ],
)
def test_what_the_language_allows(lines: str) -> None:
    assert validate(document(STEP + lines), load_schema("scenario")) == []


@pytest.mark.parametrize(
    "step",
    [
        "{ type: wait, duration: 2 }",
        "{ type: wait, duration: '{{ pause }}' }",
        "{ type: wait, duration: { uniform: [1s, 3] } }",
        "{ type: wait, duration: { normal: { mean: 1s, sd: 100ms } } }",
        "{ type: wait, duration: { exponential: { mean: 1s } }, when: true }",
        "{ type: wait, name: a, path: /, interval: 0, timeout: 1m, method: post, json: { a: 1 } }",
        "{ type: wait, name: a, url: 'https://a.test/' }",
        "{ type: http, name: a, method: PURGE, path: '{{ p }}' }",
        "{ type: set, variables: { a: { b: [1] } } }",
        "{ type: assert, name: a b-c, step: x, expect: { condition: true }, extract: { a: $.b } }",
    ],
)
def test_the_steps_the_language_allows(step: str) -> None:
    assert validate(document(f"id: a\nflow: [{step}]"), load_schema("scenario")) == []


def test_a_step_type_can_be_handed_in() -> None:
    own = {"properties": {"url": {"type": "string"}}, "required": ["url"]}
    published = load_schema("scenario")
    schema = with_step_types(published, {"websocket": own})
    good = document(
        "id: a\nflow: [{ type: websocket, name: b, url: x, service: c, expect: { status_code: 101 } }]"
    )
    assert validate(good, schema) == []
    assert published == load_schema("scenario")
    bad = document("id: a\nflow:\n  - type: websocket\n    name: b\n    ulr: x\n")
    assert message_of(lambda: require_valid(bad, schema)) == golden(
        """
        f.yaml:3:5: a websocket step needs "url"
          3 |   - type: websocket
            |     ^^^^^^^^^^^^^^^
        f.yaml:5:5: unknown key "ulr" in a websocket step
          5 |     ulr: x
            |     ^^^
          help: did you mean "url"?
        """
    )


KEYS = sorted(
    {
        word
        for name in ("sut", "scenario", "plan")
        for word in json.dumps(load_schema(name)).replace('"', " ").split()
        if word.isidentifier()
    }
)
DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([*KEYS, "", "5s", "{{ a }}", "/", "$.a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)
STEPS = st.lists(
    st.builds(
        lambda kind, rest: {**rest, "type": kind},
        st.sampled_from(["http", "wait", "assert", "set"]),
        st.dictionaries(
            st.sampled_from(
                ["expect", "extract", "duration", "path", "json", "query", "variables", "when", "timeout"]
            ),
            DATA,
        ),
    ),
    max_size=3,
)


@given(
    st.sampled_from(["sut", "scenario", "plan"]), DATA | st.builds(lambda steps: {"id": "a", "flow": steps}, STEPS)
)
@settings(max_examples=150)
def test_whatever_a_file_holds_every_problem_is_a_sentence(name: str, data: object) -> None:
    problems = validate(Document(data=data, source=Source(file="f.yaml")), load_schema(name))
    messages = [problem.message for problem in problems]
    assert [each for each in messages if "{'" in each or "Unset" in each or len(each) >= 400] == []


def test_schemas_come_from_the_package_when_it_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "sut.schema.json").write_text('{"title": "installed"}')
    monkeypatch.setattr("windtunnel.config.schemas._PACKAGE", tmp_path)
    assert load_schema("sut") == {"title": "installed"}
