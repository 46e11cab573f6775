"""Schemas are read in the dialect of their document: OpenAPI 3.0 and 3.1, Swagger 2.0, JSON Schema by draft."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.compiling import exchange_of, field
from windtunnel.actions.response.checks import compile_expectation
from windtunnel.model.record import FailedCheck

PETS: Any = {
    "Pet": {
        "type": "object",
        "required": ["id", "secret"],
        "properties": {
            "id": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            "note": {"type": "string", "nullable": True, "example": 5},
            "secret": {"type": "string", "writeOnly": True},
            "owner": {"$ref": "owner.json#/Owner", "type": "integer"},
            "made": {"type": "string", "format": "date-time"},
        },
        "discriminator": {"propertyName": "kind"},
    },
    "Dog": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["bark", "secret"]}]},
    "Pack": {"type": "array", "items": {"$ref": "#/components/schemas/Dog"}},
    "Nullable {ref}/~": {"nullable": True, "allOf": [{"$ref": "#/components/schemas/Pet"}]},
    "Color": {"type": "string", "nullable": True, "enum": ["red", None]},
    "Typed": {"type": "string", "nullable": True, "enum": ["red"]},
}
OWNER = {"Owner": {"type": "object", "properties": {"name": {"type": "string", "nullable": True}}}}


@pytest.fixture(autouse=True, params=["json", "yaml"])
def documents(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    spec = {"openapi": "3.0.3", "info": {}, "paths": {}, "components": {"schemas": PETS}}
    # JSON is YAML too; the name decides how a file is read.
    Path(f"spec.{request.param}").write_text(json.dumps(spec))
    Path("owner.json").write_text(json.dumps(OWNER))
    return f"spec.{request.param}"


def judged(schema: Any, body: Any) -> str:
    """What is wrong with a body by a schema, empty for nothing."""
    here = field()
    expectation = compile_expectation(here, {"schema": schema}, imply_status=False)
    assert here.context.problems == []
    (check,) = expectation.evaluate(exchange_of(json.dumps(body).encode()), {})
    return check.actual if isinstance(check, FailedCheck) else ""


def problem_of(schema: Any) -> tuple[str, str | None]:
    here = field()
    compile_expectation(here, {"schema": schema}, imply_status=False)
    (problem,) = here.context.problems
    return problem.message, problem.hint


@pytest.mark.parametrize(
    ("part", "body", "actual"),
    [
        ("Pet", {"id": 1}, ""),
        ("Pet", {"id": 0}, "0 at $.id, where exclusiveMinimum is 0"),
        ("Pet", {"id": 1, "note": None}, ""),
        ("Pet", {"id": None}, 'null at $.id, where type is "integer"'),
        ("Pet", {"id": 1, "owner": {"name": None}}, ""),
        ("Pet", {"id": 1, "owner": {"name": 5}}, '5 at $.owner.name, where type is ["string", "null"]'),
        ("Pet", {"id": 1, "made": "never"}, ""),
        ("Pet", {}, '{} at $, without "id"'),
        ("Dog", {"id": 1, "bark": True, "note": None}, ""),
        ("Dog", {"id": 1}, '{"id": 1} at $, without "bark"'),
        ("Pack", [{"id": 1, "bark": 1}, {"id": 0, "bark": 1}], "0 at $[1].id, where exclusiveMinimum is 0"),
        ("Nullable %7Bref%7D~1~0", {"id": 1}, ""),
        ("Nullable {ref}~1~0", None, 'null at $, where type is "object"'),
        ("Color", None, ""),
        ("Typed", None, 'null at $, where enum is ["red"]'),
    ],
)
def test_openapi_3_0_is_read_in_its_own_dialect(documents: str, part: str, body: Any, actual: str) -> None:
    reference = f"{documents}#/components/schemas/{part}"

    assert judged(reference, body) == actual
    assert judged({"$ref": reference}, body) == actual
    assert judged({"$schema": "http://json-schema.org/draft-07/schema", "$ref": reference}, body) == actual


def test_a_part_of_a_file_is_read_in_the_dialect_of_what_refers_to_it() -> None:
    Path("parts.json").write_text('{"$defs": {"a": {"type": "string", "nullable": true}}}')
    Path("spec.json").write_text(
        '{"openapi": "3.0.0", "components": {"schemas": {"A": {"$ref": "parts.json#/$defs/a"}}}}'
    )

    assert judged("spec.json#/components/schemas/A", None) == ""
    assert judged("parts.json#/$defs/a", None) == 'null at $, where type is "string"'
    both = {"prefixItems": [{"$ref": "spec.json#/components/schemas/A"}, {"$ref": "parts.json#/$defs/a"}]}
    assert judged(both, [None, "x"]) == ""
    assert judged(both, [None, None]) == 'null at $[1], where type is "string"'


SWAGGER = {
    "type": "object",
    "properties": {"n": {"type": "integer", "maximum": 9, "exclusiveMaximum": True, "x-nullable": True}},
}
CHAIN = {"$defs": {"n": {"type": ["integer", "null"], "exclusiveMaximum": 9}}}


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ({"swagger": "2.0", "definitions": {"A": SWAGGER}}, "#/definitions/A"),
        (
            {
                "openapi": "3.1.0",
                "components": {
                    "schemas": {
                        "A": {
                            **CHAIN,
                            "properties": {"n": {"$ref": "#/components/schemas/A/$defs/n", "title": "n"}},
                            "type": "object",
                        }
                    }
                },
            },
            "#/components/schemas/A",
        ),
        (
            {
                "openapi": 3.1,
                "jsonSchemaDialect": "http://json-schema.org/draft-04/schema#",
                "components": {
                    "schemas": {
                        "A": {
                            "type": "object",
                            "properties": {
                                "n": {"type": ["integer", "null"], "maximum": 9, "exclusiveMaximum": True}
                            },
                        }
                    }
                },
            },
            "#/components/schemas/A",
        ),
        (
            {
                "$schema": "http://json-schema.org/draft-04/schema",
                "id": "http://x.test/a.json",
                "type": "object",
                "properties": {"n": {"$ref": "#/definitions/n"}},
                "definitions": {"n": {"type": ["integer", "null"], "maximum": 9, "exclusiveMaximum": True}},
            },
            "",
        ),
        (
            {
                "$schema": "https://json-schema.org/draft-06/schema#",
                "type": "object",
                "properties": {"n": {"$ref": "#n", "type": "string"}},
                "definitions": {"a": {"$id": "#n", **CHAIN["$defs"]["n"]}},
            },
            "",
        ),
        (
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "if": True,
                "then": {"properties": {"n": CHAIN["$defs"]["n"]}},
            },
            "",
        ),
        (
            {
                "$schema": "https://json-schema.org/draft/2019-09/schema",
                "type": "object",
                "properties": {"n": {"$ref": "#n"}},
                "$defs": {"a": {"$anchor": "n", **CHAIN["$defs"]["n"]}},
            },
            "",
        ),
        (
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"n": {"$dynamicRef": "#n"}},
                "$defs": {"a": {"$dynamicAnchor": "n", **CHAIN["$defs"]["n"]}},
            },
            "",
        ),
        (
            {
                "type": "object",
                "properties": {"n": {"$ref": "urn:x:n"}},
                "$defs": {"a": {"$id": "urn:x:n", **CHAIN["$defs"]["n"]}},
            },
            "",
        ),
    ],
)
def test_every_dialect_says_the_same_in_its_own_words(document: Any, part: str) -> None:
    Path("file.json").write_text(json.dumps(document))

    for schema in (f"file.json{part}", {"$ref": f"file.json{part}"}):
        assert judged(schema, {"n": 8}) == "" == judged(schema, {"n": None})
        assert judged(schema, {"n": 9}) == "9 at $.n, where exclusiveMaximum is 9"
        assert judged(schema, {"n": "8"}).startswith('"8" at $.n, where type is')
        assert judged(schema, [1]) == '[1] at $, where type is "object"'


def test_keywords_of_older_drafts_keep_their_meaning() -> None:
    draft_07 = {"$schema": "http://json-schema.org/draft-07/schema#"}
    dependent = {**draft_07, "dependencies": {"a": ["b"], "c": {"required": ["d"]}}}
    assert judged(dependent, {"a": 1}) != "" == judged(dependent, {"a": 1, "b": 1})
    assert judged(dependent, {"c": 1}) != "" == judged(dependent, {"c": 1, "d": 1})
    row = {**draft_07, "items": [{"type": "string"}], "additionalItems": False}
    assert judged(row, ["x"]) == "" != judged(row, ["x", "y"])
    # `dependentRequired` came with 2019-09, `dependencies` went with it.
    assert judged({**draft_07, "dependentRequired": {"a": ["b"]}, "type": "object"}, {"a": 1}) == ""
    assert judged({"dependencies": {"a": ["b"]}, "type": "object"}, {"a": 1}) == ""


def test_a_recursive_reference_leads_to_the_outermost_schema() -> None:
    year = {"$schema": "https://json-schema.org/draft/2019-09/schema"}
    tree = {
        **year,
        "$recursiveAnchor": True,
        "type": "object",
        "properties": {"kids": {"items": {"$recursiveRef": "#"}}},
    }
    strict = {**year, "$recursiveAnchor": True, "allOf": [{"$ref": "tree.json"}], "required": ["id"]}
    Path("tree.json").write_text(json.dumps(tree))

    assert judged("tree.json", {"kids": [{}]}) == ""
    assert judged(strict, {"id": 1, "kids": [{"id": 2}]}) == ""
    assert judged(strict, {"id": 1, "kids": [{}]}) == '{} at $.kids[0], without "id"'


def test_schemas_published_elsewhere_refer_to_the_files_beside_them() -> None:
    Path("a.json").write_text('{"$id": "https://x.test/s/a.json", "items": {"$ref": "b.json"}}')
    Path("b.json").write_text('{"$id": "https://x.test/s/b.json", "type": "string"}')
    assert judged("a.json", [5]) == '5 at $[0], where type is "string"'

    Path("b.json").write_text('{"$id": "https://other.test/b.json", "type": "string"}')
    assert problem_of("a.json")[0] == 'a.json#/items/$ref: "b.json" cannot be resolved'


def test_yaml_is_read_as_json_knows_it() -> None:
    Path("spec.yml").write_text(
        "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      responses:\n        200:\n          content:\n"
        "            application/json:\n              schema:\n                type: object\n"
        "                properties:\n                  on: { enum: [yes, 2026-01-02, 010] }\n"
        "                  no: &small { type: integer, maximum: 0x0A }\n                  low: *small\n"
    )
    part = "spec.yml#/paths/~1a/get/responses/200/content/application~1json/schema"

    assert (
        judged(part, {"on": "yes", "no": 10})
        == judged(part, {"on": "2026-01-02"})
        == judged(part, {"on": 10})
        == ""
    )
    assert judged(part, {"on": True}) != ""
    assert judged(part, {"no": 11, "low": 1}) == "11 at $.no, where maximum is 10"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("openapi: [", "is not YAML"),
        ("a: &a [*a, *a]\ntype: object", "is too large or nested too deep"),
        pytest.param(
            "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
            "is too large",
            marks=pytest.mark.slow,
        ),
        ("\tx", "is not YAML"),
    ],
)
def test_yaml_that_can_not_be_read_is_a_problem(text: str, problem: str) -> None:
    Path("bad.yaml").write_text(text)
    assert problem in problem_of("bad.yaml")[0]


@pytest.mark.parametrize(
    ("document", "message", "hint"),
    [
        ({"openapi": "4.0.0"}, "file.json: openapi 4.0.0 can't be read", "OpenAPI 3.0, 3.1"),
        ({"swagger": "1.2"}, "file.json: swagger 1.2 can't be read", "Swagger 2.0"),
        (
            {"$schema": "http://json-schema.org/draft-03/schema#"},
            'file.json: "http://json-schema.org/draft-03/schema#" is no dialect of JSON Schema',
            "2020-12",
        ),
        (
            {"openapi": "3.1.0", "jsonSchemaDialect": "https://x.test/own"},
            'file.json: "https://x.test/own" is no dialect',
            "2020-12",
        ),
    ],
)
def test_a_dialect_that_is_not_known_is_a_problem(document: Any, message: str, hint: str) -> None:
    Path("file.json").write_text(json.dumps(document))
    found, help_ = problem_of("file.json#/a")
    assert found.startswith(message)
    assert hint in str(help_)


@pytest.mark.parametrize(
    ("schema", "place", "message", "hint"),
    [
        ({"type": ["string", "null"]}, "/type", 'type is one word, not ["string", "null"]', "nullable: true"),
        ({"type": "strin"}, "/type", 'unknown type "strin"', 'did you mean "string"?'),
        (
            {"minimum": 1, "exclusiveMinimum": 1},
            "/exclusiveMinimum",
            "exclusiveMinimum is true or false, not 1",
            "minimum: 1",
        ),
        (
            {"type": "array", "items": [{"type": "string"}]},
            "/items",
            "items is one schema, not a list",
            "prefixItems",
        ),
        (
            {"properties": {"a/b": {"required": True}}},
            "/properties/a~1b/required",
            "required is a list of names, not true",
            "beside properties",
        ),
        ({"not": {"maxLength": -1}}, "/not/maxLength", "-1 is less than the minimum of 0", None),
    ],
)
def test_an_invalid_schema_in_a_referenced_part_is_found_at_load_with_its_place(
    schema: Any, place: str, message: str, hint: str | None
) -> None:
    parts = {
        "Good": {"type": "string"},
        "Used": {"properties": {"x": {"$ref": "#/components/schemas/Bad"}}},
        "Bad": schema,
    }
    Path("spec.json").write_text(json.dumps({"openapi": "3.0.1", "components": {"schemas": parts}}))

    found = problem_of({"items": {"$ref": "spec.json#/components/schemas/Used"}})
    assert found[0] == f"spec.json#/components/schemas/Bad{place}: not valid in OpenAPI 3.0: {message}"
    assert (hint or "") in str(found[1])
    assert judged("spec.json#/components/schemas/Good", "x") == "", "what is not used spoils nothing"


def test_a_mistake_behind_dynamic_references_and_anchors_is_found_too() -> None:
    Path("a.json").write_text(
        '{"$defs": {"x": {"$anchor": "here", "type": "text"}, "y": {"$dynamicAnchor": "z", "minimum": "1"}}}'
    )
    assert problem_of({"items": {"$ref": "a.json#here"}})[0] == (
        'a.json#/$defs/x/type: not valid in JSON Schema 2020-12: unknown type "text"'
    )
    assert problem_of({"items": {"$dynamicRef": "a.json#z"}})[0].startswith("a.json#/$defs/y/minimum: not valid")
    assert problem_of({"items": {"$ref": "a.json#her"}}) == (
        '"a.json#her" cannot be resolved',
        'did you mean "here"?',
    )


# ── OpenAPI 3.0 as 2020-12, translated once more by hand ─────────────────────────────────────────────────────

_LEAVES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("integer"), "minimum": st.integers(-3, 3)},
        optional={"exclusiveMinimum": st.booleans(), "nullable": st.booleans(), "maximum": st.integers(0, 4)},
    ),
    st.fixed_dictionaries({"maximum": st.integers(-3, 3)}, optional={"exclusiveMaximum": st.booleans()}),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"nullable": st.booleans(), "maxLength": st.integers(0, 3), "enum": st.just(["a", None])},
    ),
    st.just({"nullable": True}),
    st.just({"$ref": "#/components/schemas/A", "type": "boolean", "nullable": True}),
)
_NAMES = st.sampled_from("ab")
_SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"properties": st.dictionaries(_NAMES, inner, max_size=2), "type": st.just("object")},
            optional={"required": st.lists(_NAMES, unique=True), "nullable": st.booleans()},
        ),
        st.fixed_dictionaries({"items": inner, "type": st.just("array")}, optional={"nullable": st.booleans()}),
        *(
            st.fixed_dictionaries({word: st.lists(inner, min_size=1, max_size=2)})
            for word in ("allOf", "anyOf", "oneOf")
        ),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-4, 5) | st.sampled_from(["", "a", "abcd"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=2),
    max_leaves=5,
)


def by_hand(schema: Any) -> Any:
    if "$ref" in schema:
        return {"$ref": "#/$defs/A"}
    done: dict[str, Any] = {}
    for word, value in schema.items():
        if word in ("allOf", "anyOf", "oneOf"):
            done[word] = [by_hand(each) for each in value]
        elif word in ("not", "items"):
            done[word] = by_hand(value)
        elif word == "properties":
            done[word] = {name: by_hand(each) for name, each in value.items()}
        elif word == "type" and schema.get("nullable"):
            done[word] = [value, "null"]
        elif word not in ("nullable", "exclusiveMinimum", "exclusiveMaximum", "minimum", "maximum"):
            done[word] = value
    for word in ("Minimum", "Maximum"):
        if word.lower() in schema:
            done[f"exclusive{word}" if schema.get(f"exclusive{word}") else word.lower()] = schema[word.lower()]
    return done


@given(
    schema=_SCHEMAS,
    other=_LEAVES.filter(lambda schema: "$ref" not in schema),
    values=st.lists(_VALUES, min_size=3),
)
def test_openapi_3_0_judges_as_its_translation_does(schema: Any, other: Any, values: list[Any]) -> None:
    Path("any.json").write_text(
        json.dumps({"openapi": "3.0.2", "components": {"schemas": {"A": other, "B": schema}}})
    )
    judge = jsonschema.Draft202012Validator({**by_hand(schema), "$defs": {"A": by_hand(other)}})

    # Beside a check that refuses something, so that every schema is judged.
    wanted = {"prefixItems": [{"$ref": "any.json#/components/schemas/B"}], "maxItems": 1}
    here = field()
    expectation = compile_expectation(here, {"schema": wanted}, imply_status=False)
    assert here.context.problems == []
    for value in values:
        (check,) = expectation.evaluate(exchange_of(json.dumps([value]).encode()), {})
        assert (check == "schema") is judge.is_valid(value), (schema, other, value)
