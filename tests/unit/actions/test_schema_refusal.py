"""A schema that can refuse nothing is an error at load: it would pass every answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.compiling import Compiled, field
from windtunnel.actions.response.checks import compile_expectation
from windtunnel.errors import Problem

NOTHING = "the schema can refuse nothing: "
WRITE = "write what the body must be, as in { type: object, required: [id] }"
SPEC: Any = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "paths": {
        "/pets/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "description": "A pet",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    },
                    "404": {"$ref": "#/components/responses/Gone"},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Pet": {"type": "object"},
            "Any": {"description": "Anything"},
            "Alias": {"$ref": "#/components/schemas/Any"},
            "Either": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/Alias"}]},
            "Newer": {"const": 5},
            "Secret": {"required": ["key"], "properties": {"key": {"writeOnly": True}}},
            "Ring": {"$ref": "#/components/schemas/Round"},
            "Round": {"type": "object", "oneOf": [{"$ref": "#/components/schemas/Ring"}]},
        }
    },
}


@pytest.fixture(autouse=True)
def description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("openapi.json").write_text(json.dumps(SPEC))
    Path("defs.json").write_text('{"title": "Parts", "$defs": {"line": {"type": "object"}}}')


def problems_of(schema: Any) -> list[Problem]:
    here = field()
    compile_expectation(here, {"schema": schema}, imply_status=False)
    return here.context.problems


def of_part(name: str) -> str:
    return f"openapi.json#/components/schemas/{name}"


WHOLE = "openapi.json is a whole OpenAPI document, no schema, and can refuse nothing"
ONE_OF = (
    "write openapi.json#/components/schemas/NAME, where NAME is one of Pet, Any, Alias, Either, Newer and 3 more"
)
LEAD_BACK = "remove the $ref that leads back, or put it below `properties` or `items`"
BRANCH = "remove it, or write in it what the body must be, as in { type: object }"
HOLDS_ONE = "this is no schema, but holds one"
PATHS = "openapi.json#/paths/~1pets~1{id}/get"


@pytest.mark.parametrize(
    ("schema", "message", "hint"),
    [
        ({}, NOTHING + "it is empty", WRITE),
        (True, NOTHING + "true accepts everything", WRITE),
        ({"title": "Pet"}, NOTHING + '"title" only describes', WRITE),
        ({"x-go": "Pet", "default": 1}, NOTHING + '"x-go", "default" only describe', WRITE),
        ({"format": "uuid"}, NOTHING + '"format" only describes, it is not checked', "add `type` and `pattern`"),
        ({"propertys": {"id": {}}}, 'unknown keyword "propertys" in a schema', 'did you mean "properties"?'),
        (
            {"type": "array", "items": {"tpye": "string"}},
            'unknown keyword "tpye" in a schema',
            'did you mean "type"?',
        ),
        ({"id": "a", "price": 5}, 'this is no schema: "price" is unknown', WRITE),
        (
            {"$defs": {"line": {"type": "object"}}},
            NOTHING + "it only defines schemas for others",
            "write #/$defs/line, after $ref",
        ),
        (
            "defs.json",
            "defs.json can refuse nothing: it only defines schemas for others",
            "write defs.json#/$defs/line",
        ),
        ("openapi.json", WHOLE, ONE_OF),
        ({"items": {"$ref": "openapi.json#"}}, WHOLE, ONE_OF),
        ("openapi.json#/components", f"openapi.json#/components: {HOLDS_ONE}", ONE_OF),
        (
            "openapi.json#/components/schemas",
            f"openapi.json#/components/schemas: {HOLDS_ONE}",
            f"write {of_part('Pet')}, or another name",
        ),
        ("openapi.json#/info", 'openapi.json#/info: this is no schema: "version" is unknown', WRITE),
        ("openapi.json#/info/title", 'openapi.json#/info/title: a schema is a mapping, not "Pets"', None),
        (
            {"items": {"$ref": "openapi.json#/info/title"}},
            '"openapi.json#/info/title" leads to "Pets", which is no schema',
            None,
        ),
        (
            f"{PATHS}/responses/200",
            f"{PATHS}/responses/200: {HOLDS_ONE}",
            f"write {PATHS}/responses/200/content/application~1json/schema",
        ),
        (
            f"{PATHS}/responses/404/content",
            f'"{PATHS}/responses/404/content" cannot be resolved',
            f'{PATHS}/responses/404 refers to "#/components/responses/Gone": refer to that',
        ),
        (f"{PATHS}/parameters/0", f"{PATHS}/parameters/0: {HOLDS_ONE}", f"write {PATHS}/parameters/0/schema"),
        (of_part("pet"), f'"{of_part("pet")}" cannot be resolved', 'did you mean "Pet"?'),
        (of_part("Any"), f'{of_part("Any")} can refuse nothing: "description" only describes', WRITE),
        (
            of_part("Alias"),
            f"{of_part('Alias')} can refuse nothing: it leads to {of_part('Any')}, and "
            '"description" only describes',
            WRITE,
        ),
        (of_part("Either"), f"{of_part('Either')} can refuse nothing: item 2 of anyOf accepts everything", BRANCH),
        (of_part("Newer"), f'{of_part("Newer")} can refuse nothing: "const" is unknown in OpenAPI 3.0', WRITE),
        (of_part("Secret"), f'{of_part("Secret")} can refuse nothing: no value breaks its "properties"', WRITE),
        (of_part("Ring"), f"{of_part('Ring')}: this refers to itself without looking into the value", LEAD_BACK),
        ({"properties": {"child": {"$ref": "#"}}}, NOTHING + 'no value breaks its "properties"', WRITE),
        (
            {"allOf": [{"$ref": of_part("Any")}, {"oneOf": [True]}, {"minItems": 0}]},
            NOTHING + 'no value breaks its "allOf"',
            WRITE,
        ),
    ],
)
def test_a_schema_that_can_refuse_nothing_is_a_problem(schema: Any, message: str, hint: str | None) -> None:
    (problem,) = problems_of(schema)
    assert (problem.message, problem.hint) == (message, hint)


def test_the_problem_stands_at_the_schema_in_the_scenario() -> None:
    text = (
        "flow:\n  - type: http\n    name: a\n    path: /\n    expect:\n      schema:\n        type: array\n"
        "        items: { propertys: {} }\n"
    )
    (problem,) = Compiled(text).problems
    assert problem.where is not None
    assert (problem.where.line, problem.where.column) == (8, 29)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "object"},
        {"required": ["id"]},
        {"minimum": 0},
        {"enum": [None, True, False, 5]},
        {"not": {}},
        {"contains": {}},
        {"oneOf": [True, {"type": "string"}]},
        {"if": {"type": "string"}, "then": {"maxLength": 5}},
        {"propertyNames": {"maxLength": 5}},
        {"additionalProperties": False},
        {"properties": {"any": {}, "kids": {"items": {"$ref": "#"}, "type": "array"}}},
        {"$defs": {"any": {}, "list": {"type": "array"}}, "$ref": "#/$defs/list"},
    ],
)
def test_a_schema_that_can_refuse_something_is_none(schema: Any) -> None:
    assert problems_of(schema) == []


def test_a_dynamic_reference_refuses_what_its_anchor_does() -> None:
    anchored: Any = {"$dynamicRef": "#a", "$defs": {"a": {"$dynamicAnchor": "a"}, "b": {"type": "string"}}}
    assert [problem.message for problem in problems_of(anchored)] != []
    anchored["$defs"]["a"]["type"] = "object"
    assert problems_of(anchored) == []


# ── schemas that accept everything, and others that differ in one word ───────────────────────────────────────

_ALL_TYPES = ["null", "boolean", "number", "string", "array", "object"]
_PASSING = st.one_of(
    st.just(True),
    st.sampled_from(
        [
            {},
            {"title": "x"},
            {"format": "date"},
            {"type": _ALL_TYPES},
            {"minItems": 0, "minLength": 0, "minProperties": 0},
            {"required": [], "uniqueItems": False, "pattern": ""},
            {"$ref": "#/$defs/any"},
            {"dependentRequired": {"a": ["a"]}},
            {"contains": False, "minContains": 0},
            {"propertyNames": {"minimum": 5}},
            {"not": False},
            {"then": False},
        ]
    ),
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas that accept everything because what they are made of does."""
    strict = st.sampled_from([False, {"type": "string"}, {"maximum": 3}])
    return st.one_of(
        *(
            st.fixed_dictionaries({word: inner})
            for word in ("items", "additionalProperties", "then", "unevaluatedItems")
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"allOf": parts}),
        st.tuples(inner, strict).map(lambda parts: {"anyOf": list(parts)}),
        inner.map(lambda each: {"oneOf": [False, each]}),
        inner.map(lambda each: {"not": {"not": each}}),
        st.tuples(strict, inner, inner).map(lambda parts: dict(zip(("if", "then", "else"), parts, strict=True))),
        inner.map(lambda each: {"properties": {"a": each}, "patternProperties": {"^b": each}}),
        inner.map(lambda each: {"prefixItems": [each], "dependentSchemas": {"a": each}}),
    )


_ACCEPTING: st.SearchStrategy[Any] = st.recursive(_PASSING, _around, max_leaves=5)
_PROBES: list[Any] = [
    None,
    True,
    False,
    0,
    -7,
    4.5,
    10**9,
    "",
    "a",
    "word" * 9,
    [],
    [1, 1],
    ["a", [None]],
    {},
    {"a": 1},
    {"a": {"b": []}, "b": "x"},
]


@given(schema=_ACCEPTING)
def test_what_accepts_everything_by_construction_is_never_accepted_itself(schema: Any) -> None:
    whole = {**schema, "$defs": {"any": {"description": "x"}}} if isinstance(schema, dict) else schema
    judge = jsonschema.Draft202012Validator(whole)

    assert all(map(judge.is_valid, _PROBES)), "the strategy keeps its word"
    assert len(problems_of(whole)) == 1


@given(
    schema=_ACCEPTING,
    strict=st.sampled_from([{"type": "object"}, {"maximum": 3}, {"pattern": "^x"}, {"maxItems": 1}]),
)
def test_one_keyword_that_refuses_is_enough(schema: Any, strict: Any) -> None:
    whole = {"allOf": [schema, {"type": "array", "items": strict}], "$defs": {"any": {}}}
    assert not all(map(jsonschema.Draft202012Validator(whole).is_valid, _PROBES))
    assert problems_of(whole) == []
