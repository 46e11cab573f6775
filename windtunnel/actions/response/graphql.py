"""What a GraphQL response says beside its status: a server answers 200 to a query that failed, with `errors`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from windtunnel.actions.response.expectation import Check
from windtunnel.actions.response.text import show, show_body
from windtunnel.expressions.functions import Scope
from windtunnel.model.http import Exchange

_ERRORS = re.compile(r"\berrors\b")


def speaks_of_errors(expect: Mapping[str, Any]) -> bool:
    """Whether an `expect` mapping decides itself what errors mean: by a JSON path, a condition or a schema."""
    json = expect.get("json")
    paths = json if isinstance(json, Mapping) else [entry.get("path") for entry in _mappings(json)]
    texts = [*paths, expect.get("condition")]
    return "schema" in expect or any(isinstance(text, str) and _ERRORS.search(text) for text in texts)


def errors_check() -> Check:
    """The check `graphql:errors`: the response is JSON, and has no errors."""
    return Check(name="graphql:errors", run=_run, expected=lambda _: "no errors")


def _run(exchange: Exchange, _scope: Scope) -> str | None:
    try:
        document = exchange.json
    except ValueError:
        return f"not JSON: {show_body(exchange)}"
    if not isinstance(document, dict):
        return f"not a GraphQL response: {show(document)}"
    errors = document.get("errors")
    if not errors:
        return None
    if not isinstance(errors, list):
        return show(errors)
    first = errors[0]
    message = show(first["message"] if isinstance(first, dict) and "message" in first else first)
    return f"{message} (and {len(errors) - 1} more)" if len(errors) > 1 else message


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list | tuple) else []
