from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.compiling import Compiled, exchange_of, field
from windtunnel.actions.response.checks import compile_expectation
from windtunnel.errors import ExpressionError
from windtunnel.model.record import FailedCheck

CART = {
    "type": "object",
    "required": ["items"],
    "additionalProperties": False,
    "properties": {
        "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}},
        "total": {"type": "number", "minimum": 0},
    },
    "$defs": {"line": {"type": "object", "properties": {"id": {"type": "string", "pattern": "^p-"}}}},
}


@pytest.fixture(autouse=True)
def beside_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "cart.json").write_text(json.dumps(CART))
    (tmp_path / "schemas" / "loop.json").write_text('{"anyOf": [{"$ref": "loop.json"}, {"$ref": "gone.json"}]}')
    return tmp_path


def checked(schema: Any, body: Any) -> str | FailedCheck:
    here = field()
    expectation = compile_expectation(here, {"schema": schema}, imply_status=False)
    assert here.context.problems == []
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (check,) = expectation.evaluate(exchange_of(raw), {})
    return check


def problem_of(schema: Any) -> str:
    here = field()
    compile_expectation(here, {"schema": schema}, imply_status=False)
    (problem,) = here.context.problems
    return problem.message


@pytest.mark.parametrize("schema", [CART, "schemas/cart.json", {"$ref": "schemas/cart.json"}])
def test_a_body_that_holds_to_its_schema_passes(schema: Any) -> None:
    assert checked(schema, {"items": [{"id": "p-1"}], "total": 2}) == "schema"


@pytest.mark.parametrize(
    ("body", "actual"),
    [
        ({"items": [{"id": "p-1"}, {"id": 5}]}, '5 at $.items[1].id, where type is "string"'),
        ({"items": [{"id": "x"}]}, '"x" at $.items[0].id, where pattern is "^p-"'),
        ({"total": 1}, '{"total": 1} at $, without "items"'),
        ({"items": []}, "[] at $.items, where minItems is 1"),
        ({"items": [{}], "a b": 1}, '{"items": [{}], "a b": 1} at $, where "a b" is not allowed'),
        ([1], '[1] at $, where type is "object"'),
        (b"<html>", 'not JSON but HTML: "<html>"'),
    ],
)
def test_a_failed_check_says_where_what_came_and_what_is_wanted(body: Any, actual: str) -> None:
    check = checked("schemas/cart.json", body)
    assert check == FailedCheck(name="schema", expected="a body that matches schemas/cart.json", actual=actual)


def test_a_schema_may_refer_to_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "schemas" / "order.json").write_text('{"properties": {"cart": {"$ref": "cart.json"}}}')
    assert checked("schemas/order.json", {"cart": {"items": [{"id": "p-1"}]}}) == "schema"
    assert not isinstance(checked("schemas/order.json", {"cart": {}}), str)
    assert not isinstance(checked({"$ref": "schemas/cart.json#/$defs/line"}, {"id": "q"}), str)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "https://schemas.test/cart.json"}, '"https://schemas.test/cart.json" cannot be resolved'),
        ({"items": {"$ref": "file://elsewhere.test/a.json"}}, '"file://elsewhere.test/a.json" cannot be resolved'),
        ({"items": {"$ref": "#/$defs/gone"}}, '"#/$defs/gone" cannot be resolved'),
        ({"type": "strin"}, 'not valid in JSON Schema 2020-12: unknown type "strin"'),
        ({"pattern": "("}, '"(" is not a regular expression: missing ) at position 1'),
        ({"$ref": "schemas/loop.json"}, 'schemas/loop.json#/anyOf/1/$ref: "gone.json" cannot be resolved'),
        ("schemas/gone.json", 'there is no file "schemas/gone.json"'),
        ([1], "a schema is a mapping, not [1]"),
    ],
)
def test_what_is_wrong_with_a_schema_is_found_before_anything_is_sent(schema: Any, message: str) -> None:
    assert problem_of(schema) == message


def test_a_mistake_in_an_inline_schema_is_shown_at_its_line() -> None:
    text = (
        "flow:\n  - type: http\n    name: a\n    path: /\n    expect:\n      schema:\n        properties:\n"
        "          id: { type: text }\n"
    )
    (problem,) = Compiled(text).problems
    assert problem.where is not None
    assert (problem.where.line, problem.where.column) == (8, 23)


@pytest.mark.parametrize("text", ["{", '{"type": "nope"}', "\udcff"])
def test_a_file_that_is_no_schema_is_a_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "bad.json is not JSON" in problem_of("bad.json") or "unknown type" in problem_of("bad.json")


def test_what_the_sut_answers_can_not_make_validating_endless() -> None:
    unique = {"uniqueItems": True, "items": {"type": "object"}}
    many = [{"id": number} for number in range(30_000)]
    assert checked(unique, many) == "schema"
    assert not isinstance(checked(unique, [*many, {"id": 7}]), str)
    assert not isinstance(checked({"uniqueItems": True}, [1, 1.0]), str)
    deep = b"[" * 900 + b"]" * 900
    assert (
        checked({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}, deep)
        is not None
    )
    evil: Any = {"patternProperties": {"^(a|aa)+$": {"type": "string"}}, "additionalProperties": False}
    with pytest.raises(ExpressionError, match="takes more than 50 ms"):
        checked(evil, {"a" * 80 + "b": 1})


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {}, "minItems": 1},
        {"items": {"type": "object", "properties": {"id": {"type": "integer"}}}},
        {"contains": {"const": 5}},
        {"items": {"anyOf": [{"type": "string"}, {"minProperties": 2}, {"required": ["id"]}]}},
        {"items": {"additionalProperties": True, "propertyNames": {}, "required": ["id"]}},
    ],
)
def test_a_document_that_a_schema_would_look_at_too_often_fails_with_the_reason(schema: Any) -> None:
    failed = checked(schema, [{"id": number} for number in range(120_000)])

    assert isinstance(failed, FailedCheck)
    assert failed.actual == "a document too large to be checked: the schema would look at it 100,000 times"
    assert checked(schema, [{"id": 5, "at": 1}, 5]) is not None, "the next document has all of them again"
