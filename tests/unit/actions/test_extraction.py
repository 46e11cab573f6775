from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiling import exchange_of, field
from windtunnel.actions.response.extract import Extraction, MissingValue, compile_extraction, declare_extracted
from windtunnel.model.http import Exchange

PAGE = exchange_of(
    b'{"items": [{"id": "p-1"}, {"id": "p-2"}], "none": null, "page": "id=7 id=8"}',
    status=201,
    headers=(
        ("Location", "/orders/7"),
        ("Set-Cookie", 'session="a=b"; Path=/'),
        ("set-cookie", "cart=9"),
        ("X", "1"),
    ),
)


def extraction(extract: Any, **variables: Any) -> Extraction:
    here = field(**variables)
    compiled = compile_extraction(here, extract)
    assert here.context.problems == []
    return compiled


def extracted(spec: Any, exchange: Exchange = PAGE, **variables: Any) -> Any:
    scope: dict[str, Any] = dict(variables)
    extraction({"it": spec}, **variables).run(exchange, scope)
    return scope["it"]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("$.items[0].id", "p-1"),
        ("$.none", None),
        ({"json": "$.items[*].id"}, "p-1"),
        ({"json": "$.items[*].id", "index": 1}, "p-2"),
        ({"json": "$.items[*].id", "index": -1}, "p-2"),
        ({"json": "$.items[*].id", "all": True}, ["p-1", "p-2"]),
        ({"header": "location"}, "/orders/7"),
        ({"header": "set-cookie", "index": 1}, "cart=9"),
        ({"cookie": "session"}, "a=b"),
        ({"cookie": "cart"}, "9"),
        ({"regex": r"id=(\d)"}, "7"),
        ({"regex": r"id=\d", "all": True}, ["id=7", "id=8"]),
        ({"status": True}, 201),
        ({"json": "$.absent", "default": "none"}, "none"),
        ({"json": "$.items[*].id", "index": 9, "default": "{{ qty }}"}, 2),
        ({"header": "absent", "required": False}, None),
        ({"json": "$.absent[*]", "all": True, "default": []}, []),
    ],
)
def test_a_value_is_taken_from_the_response(spec: Any, value: Any) -> None:
    assert extracted(spec, qty=2) == value


EMPTY = exchange_of(b'{"items": [], "odd-name": {"list": []}, "none": null, "rows": [{"tags": []}]}')


@pytest.mark.parametrize(
    "source",
    [
        {"json": "$.items[*].id"},
        {"json": "items[*]"},
        {"json": "$['odd-name'].list[1:].x"},
        {"json": "$..price"},
        {"json": "$.rows[0].tags[*]"},
        {"json": "$.items[?(@.price > 5)].id"},
        {"regex": "id=(\\d)"},
        {"header": "link"},
    ],
)
def test_all_of_an_empty_list_is_an_empty_list(source: dict[str, Any]) -> None:
    assert extracted({**source, "all": True}, EMPTY) == []
    assert extracted({**source, "all": True, "required": False}, EMPTY) == []
    assert extracted({**source, "all": True, "default": "x"}, EMPTY) == "x"
    assert extraction({"it": {**source, "all": True}}).run(EMPTY, {}) == ["it"]
    with pytest.raises(MissingValue):
        extracted({**source, "all": True, "required": True}, EMPTY)


@pytest.mark.parametrize("path", ["$.itmes[*].id", "$.none[*]", "$.items[0].tags[*]", "$.id"])
@pytest.mark.parametrize("body", [EMPTY, exchange_of(b"<html>")])
def test_a_list_that_is_not_there_is_missing(path: str, body: Exchange) -> None:
    with pytest.raises(MissingValue):
        extracted({"json": path, "all": True}, body)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "$.items[0].price",
            'extract "it": $.items[0].price not found in '
            '{"items": [{"id": "…"}, {"id": "…"}], "none": null, "page": "…"}',
        ),
        ({"header": "X-Id"}, 'extract "it": header X-Id not found in the headers location, set-cookie, x'),
        ({"cookie": "token"}, 'extract "it": cookie token not found in the cookies session, cart'),
        ({"regex": r"id=(\d)", "index": 2}, 'extract "it": regex "id=(\\\\d)" number 2 not found in '),
    ],
)
def test_a_required_value_that_is_not_there_says_what_came(spec: Any, message: str) -> None:
    with pytest.raises(MissingValue) as missing:
        extracted(spec)
    assert str(missing.value).startswith(message)


@pytest.mark.parametrize(
    ("spec", "came"),
    [
        ("$.id", "a body that is not JSON: an empty body"),
        ({"header": "a"}, "a response without headers"),
        ({"cookie": "a"}, "a response that sets no cookies"),
        ({"regex": "a"}, "an empty body"),
    ],
)
def test_an_empty_response_is_described(spec: Any, came: str) -> None:
    with pytest.raises(MissingValue) as missing:
        extracted(spec, exchange_of())
    assert str(missing.value).endswith(came)


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[" * 100_000])
def test_a_path_finds_nothing_in_what_is_not_json(body: bytes) -> None:
    with pytest.raises(MissingValue, match="not JSON"):
        extracted("$.id", exchange_of(body))


def test_texts_of_the_response_are_left_out_of_the_message() -> None:
    with pytest.raises(MissingValue) as missing:
        extracted("$.user", exchange_of(b'{"access": "very-secret-value", "n": 5}'))
    assert str(missing.value) == 'extract "it": $.user not found in {"access": "…", "n": 5}'


def test_only_what_was_found_is_reported_as_extracted() -> None:
    compiled = extraction({"a": "$.items[0].id", "b": {"json": "$.absent", "default": 1}, "c": {"status": True}})
    assert compiled.run(PAGE, {}) == ["a", "c"]


def test_secret_variables_are_named() -> None:
    compiled = extraction({"a": {"json": "$.page", "secret": True}, "b": "$.none"})
    assert compiled.secrets == {"a"}


SOURCES = "an extract needs exactly one of json, header, cookie, regex, css, xpath, link, form, status"


@pytest.mark.parametrize(
    ("extract", "message"),
    [
        ({"it": {"index": 1}}, SOURCES),
        ({"it": {"json": "$.a", "header": "b"}}, SOURCES),
        ({"it": {"json": "$.a", "header": "b", "regex": "c"}}, SOURCES),
        ({"it": {"status": True, "regex": "2"}}, SOURCES),
        ({"it": {"from": "{{ a }}"}}, "`from` needs `regex` beside it"),
        ({"it": {"from": "{{ a }}", "regex": "b"}}, 'variable "a" is not set by any earlier step'),
        ({"it": {"from": "{{ b }}", "regex": "b"}, "b": "$.b"}, 'variable "b" is not set by any earlier step'),
        ({"it": {"header": "a", "regex": "(b"}}, '"(b" is not a regular expression: missing ) at position 2'),
        ({"it": {"json": "$.a", "indx": 1}}, 'unknown key "indx"'),
        ({"it": {"json": "$.a", "index": "first"}}, 'expected a whole number, not "first"'),
        ({"it": {"json": "$.a", "all": "yes"}}, "expected true or false, not 'yes'"),
        ({"it": {"json": "$.a", "required": True, "default": 1}}, "`required` and `default` can't be combined"),
        (
            {"it": {"regex": "(a"}},
            '"(a" is not a regular expression: missing ) at position 2',
        ),
        ({"it": {"status": 200}}, "`status` takes true: the variable becomes the status code"),
        ({"it": 5}, "expected a JSON path or a source here"),
        ({"response": "$.a"}, '"response" is a reserved name'),
        ({"_it": "$.a"}, '"_it" is a reserved name'),
        ({"my-id": "$.a"}, '"my-id" cannot be a variable name'),
        ({"it": {"json": "$.a", "default": "{{ qty }}"}}, 'variable "qty" is not set by any earlier step'),
        (["$.a"], "expected a mapping here"),
    ],
)
def test_a_wrong_extract_is_a_problem(extract: Any, message: str) -> None:
    here = field()
    compile_extraction(here, extract)
    declare_extracted(here, extract)
    assert message in [problem.message for problem in here.context.problems]


def test_a_wrong_json_path_is_a_problem() -> None:
    here = field()
    compile_extraction(here, {"it": "$.items["})
    (problem,) = here.context.problems
    assert "$.items[" in problem.message


@pytest.mark.parametrize("spec", [{"json": "$..*..*..*"}, {"json": "$..*..*..*", "default": 1, "all": True}])
def test_a_document_that_is_too_large_for_a_path_is_said_so_even_with_a_default(spec: Any) -> None:
    large = exchange_of(b"[" + b'{"a":[[1],[2]]},' * 100_000 + b"1]")

    with pytest.raises(MissingValue, match=r'extract "it": .*looks at more than 1,000,000 values'):
        extracted(spec, large)
