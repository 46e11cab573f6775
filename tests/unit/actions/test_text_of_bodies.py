"""How the body of a response becomes text, for every reader of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiling import exchange_of, field
from windtunnel.actions.python.response import Response, UnexpectedResponse
from windtunnel.actions.response.checks import compile_expectation
from windtunnel.actions.response.extract import MissingValue, compile_extraction
from windtunnel.http.tokens import _read
from windtunnel.model.http import Exchange
from windtunnel.model.record import FailedCheck

UNKNOWN = 'the Content-Encoding "compress" is unknown'


def packed() -> Exchange:
    """A response whose body nothing here can decode."""
    exchange = exchange_of(b'{"ok": true}', headers=(("Content-Encoding", "compress"),))
    exchange.undecoded = UNKNOWN
    return exchange


def failed(expect: dict[str, Any], exchange: Exchange) -> list[str]:
    """What the checks of `expect` that don't hold say."""
    here = field()
    checks = compile_expectation(here, expect, imply_status=False).evaluate(exchange, {"response": exchange})
    assert here.context.problems == []
    return [check.actual for check in checks if isinstance(check, FailedCheck)]


@pytest.mark.parametrize(
    "expect",
    [
        {"body": {"contains": "ok"}},
        {"body": {"not": {"contains": "no"}}},
        {"json": {"$.ok": True}},
        {"json": {"$.absent": {"exists": False}}},
        {"schema": {"type": "object", "maxProperties": 9}},
        {"condition": "response.text | length > 0"},
        {"condition": "response.json.ok"},
    ],
)
def test_a_check_that_reads_a_body_in_an_unknown_coding_fails_and_names_it(expect: dict[str, Any]) -> None:
    (actual,) = failed(expect, packed())
    assert UNKNOWN in actual


@pytest.mark.parametrize(
    "expect",
    [{"status_code": 200}, {"headers": {"content-encoding": "compress"}}, {"condition": "response.status == 200"}],
)
def test_a_check_that_reads_no_body_passes_whatever_the_coding(expect: dict[str, Any]) -> None:
    assert failed(expect, packed()) == []


@pytest.mark.parametrize(
    "rule", ["$.ok", {"json": "$.ok", "default": 1}, {"regex": "ok", "default": 1}, {"css": "a"}, {"xpath": "//a"}]
)
def test_nothing_is_extracted_from_a_body_in_an_unknown_coding_not_even_a_default(rule: Any) -> None:
    extraction = compile_extraction(field(), {"it": rule})

    with pytest.raises(MissingValue, match=UNKNOWN):
        extraction.run(packed(), {})


def test_code_that_reads_a_body_in_an_unknown_coding_fails_its_instance_and_the_bytes_are_there() -> None:
    response = Response("get cart", packed(), passed=True)

    for read in (lambda: response.text, response.json, lambda: response.json("$.ok", default=None)):
        with pytest.raises(UnexpectedResponse, match=UNKNOWN):
            read()
    assert response.bytes == b'{"ok": true}'


def test_a_token_in_an_unknown_coding_is_none_and_the_reason_names_it() -> None:
    token, _, why = _read(packed())

    assert token is None
    assert UNKNOWN in why


def test_a_graphql_answer_in_an_unknown_coding_fails_the_step_and_names_it() -> None:
    expectation = compile_expectation(field(), None, imply_status=False, imply_no_errors=True)
    (check,) = expectation.evaluate(packed(), {})

    assert isinstance(check, FailedCheck)
    assert UNKNOWN in check.actual
