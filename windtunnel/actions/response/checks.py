"""`expect`, compiled to named checks.

    status_code        2xx, 200, [200, 201]; an action that asks for it implies "below 400"
    latency            service time
    header:<name>      body:<matcher>      json:<path>      cookie:<name>      schema      condition
    graphql:errors     implied by a `graphql` body

A check that holds is recorded by its name. Without a complete response every check fails, with the reason as its
actual value.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.response.extract import (
    NO_EXTRACTION,
    Extraction,
    MissingValue,
    compile_extraction,
    declare_extracted,
    response_cookies,
)
from windtunnel.actions.response.json_schema import schema_checks
from windtunnel.actions.response.judge import Check, Expectation, Judge
from windtunnel.actions.response.matchers import MISSING, Matcher, compile_matcher
from windtunnel.actions.response.text import LIMIT, not_json, shorten, show, show_body
from windtunnel.errors import ExpressionError, NotJsonError, UnreadableBodyError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.jsonpath import JsonPath
from windtunnel.expressions.quantities import parse_duration
from windtunnel.figures import EXACT, duration, told_apart
from windtunnel.model.http import Exchange
from windtunnel.model.scenario import Step


def compile_judge(step: Step, context: CompileContext, *, imply_status: bool) -> Judge:
    """The compiled `expect` and `extract` of a step. `imply_status`: see `compile_expectation`."""
    field, options = context.at(step), step.options
    extraction = compile_extraction(field / "extract", options.get("extract"))
    expectation = compile_expectation(
        field / "expect",
        options.get("expect"),
        imply_status=imply_status,
        imply_no_errors="graphql" in options,
        extraction=extraction,
    )
    declare_extracted(field / "extract", options.get("extract"))
    return Judge(expectation, extraction)


def compile_expectation(
    field: Field,
    expect: Any,
    *,
    imply_status: bool,
    imply_no_errors: bool = False,
    extraction: Extraction = NO_EXTRACTION,
) -> Expectation:
    """The checks of an `expect` mapping or None.

    `imply_status`: without `status_code`, ask for one below 400. `imply_no_errors`: ask for a GraphQL response
    without errors, unless `expect` itself mentions them. A condition can read what `extraction` finds.
    """
    expect = field.mapping(expect)
    field.only_keys(expect, _BUILDERS)
    statuses = _BELOW_400
    checks: list[Check] = []
    if "status_code" in expect:
        statuses = statuses_of(field / "status_code", expect["status_code"])
        checks.append(_status_check(statuses, _show_statuses(expect["status_code"])))
    elif imply_status:
        checks.append(_status_check(statuses, "below 400"))
    if imply_no_errors and not _mentions_errors(expect):
        checks.append(_errors_check())
    for key, value in expect.items():
        if key == "condition":
            checks.append(_condition(field / key, value, extraction))
        elif key in _BUILDERS:
            checks += _BUILDERS[key](field / key, value)
    return Expectation(checks, statuses)


# ── status_code ──────────────────────────────────────────────────────────────────────────────────────────────

_BELOW_400 = frozenset(range(100, 400))
_STATUS = re.compile(r"[1-5]([0-9][0-9]|[0-9][xX]|[xX][xX])")


def statuses_of(field: Field, value: Any) -> frozenset[int]:
    """Every status that is allowed by `200`, `"2xx"` or a list of such."""
    if isinstance(value, list | tuple) and value:
        return frozenset[int]().union(*(statuses_of(field / index, item) for index, item in enumerate(value)))
    text = str(value).strip()
    if isinstance(value, bool | float) or not _STATUS.fullmatch(text):
        field.problem(f"{show(value, 60)} is not a status code", hint='write 200, [200, 201] or "2xx"')
        return _BELOW_400
    free = len(text) - len(text.rstrip("xX"))
    first = int(text[: 3 - free]) * 10**free
    return frozenset(range(first, first + 10**free))


def _show_statuses(value: Any) -> str:
    *others, last = map(str, value) if isinstance(value, list | tuple) and value else [str(value)]
    return f"{', '.join(others)} or {last}" if others else last


def _status_check(statuses: frozenset[int], expected: str) -> Check:
    return Check(
        name="status_code",
        run=lambda exchange, _: None if exchange.status in statuses else str(exchange.status),
        expected=lambda _: expected,
    )


def _no_builder(_place: Field, _value: Any) -> list[Check]:
    return []  # compile_expectation makes this check, from more than its own value


# ── latency ──────────────────────────────────────────────────────────────────────────────────────────────────

_BOUNDS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "above": ("above", operator.gt),
    "at_least": ("at least", operator.ge),
    "below": ("below", operator.lt),
    "at_most": ("at most", operator.le),
}


def _latency(field: Field, value: Any) -> list[Check]:
    if not isinstance(value, Mapping) or not value:
        field.problem("`latency` needs a bound with a unit", hint="latency: { below: 500ms }")
        return []
    field.only_keys(value, _BOUNDS)
    bounds = [
        (*_BOUNDS[name], _microseconds(field / name, bound)) for name, bound in value.items() if name in _BOUNDS
    ]
    expected = " and ".join(
        f"{phrase} {duration(limit_us / 1000, digits=EXACT)}" for phrase, _, limit_us in bounds
    )

    def run(exchange: Exchange, _scope: Scope) -> str | None:
        took_us = exchange.timings.duration_us
        broken = next((limit_us for _, compare, limit_us in bounds if not compare(took_us, limit_us)), None)
        return None if broken is None else told_apart(took_us / 1000, broken / 1000, duration)

    return [Check(name="latency", run=run, expected=lambda _: expected)]


def _microseconds(field: Field, value: Any) -> float:
    if not isinstance(value, str) or value.strip().replace(".", "", 1).isdigit():
        field.problem(f"{show(value, 60)} needs a unit", hint=f"did you mean {value}ms?")
        return 0
    return round(field.attempt(lambda: parse_duration(value), 0.0) * 1_000_000)


# ── header, cookie, body, json ───────────────────────────────────────────────────────────────────────────────


def _headers(field: Field, value: Any) -> list[Check]:
    return [_header(field / name, str(name), spec) for name, spec in field.mapping(value).items()]


def _header(field: Field, name: str, spec: Any) -> Check:
    wanted = name.lower()
    return _matcher_check(
        f"header:{name}",
        name,
        compile_matcher(field, spec, text=True),
        lambda exchange: exchange.headers.get(wanted, MISSING),
        f"no {name} header",
    )


def _cookies(field: Field, value: Any) -> list[Check]:
    return [_cookie(field / name, str(name), spec) for name, spec in field.mapping(value).items()]


def _cookie(field: Field, name: str, spec: Any) -> Check:
    return _matcher_check(
        f"cookie:{name}",
        name,
        compile_matcher(field, spec, text=True),
        lambda exchange: response_cookies(exchange).get(name, MISSING),
        f"no {name} cookie",
    )


def _body(field: Field, value: Any) -> list[Check]:
    matchers = value if isinstance(value, Mapping) else {"equals": value}
    if not matchers:
        compile_matcher(field, matchers)  # which notes the problem
    return [
        _body_check(str(name), compile_matcher(field, {name: spec}, text=True)) for name, spec in matchers.items()
    ]


def _body_check(name: str, matcher: Matcher) -> Check:
    def run(exchange: Exchange, scope: Scope) -> str | None:
        try:
            text = exchange.text
        except UnreadableBodyError as error:
            return str(error)
        if matcher.holds(text, scope):
            return None
        return matcher.actual(text, scope) if name == "length" else show_body(exchange)

    return Check(name=f"body:{name}", run=run, expected=matcher.expected)


def _json(field: Field, value: Any) -> list[Check]:
    if isinstance(value, Mapping):
        return [_json_check(field / path, path, field / path, spec) for path, spec in value.items()]
    if not isinstance(value, list | tuple):
        field.problem("`json` takes a mapping of paths, or a list", hint='json: { "$.total": { above: 0 } }')
        return []
    checks = []
    for index, entry in enumerate(value):
        here = field / index
        if not isinstance(entry, Mapping) or "path" not in entry:
            here.problem("`path` is missing here", hint='- { path: "$.total", above: 0 }')
            continue
        spec = {name: argument for name, argument in entry.items() if name != "path"}
        checks.append(_json_check(here / "path", entry["path"], here, spec or {"exists": True}))
    return checks


def _json_check(path_place: Field, path: Any, field: Field, spec: Any) -> Check:
    compiled = path_place.jsonpath(path)
    matcher = compile_matcher(field, spec)
    find, many, nothing = compiled.find, _finds_many(compiled), f"nothing at {path}"
    holds = matcher.holds

    def run(exchange: Exchange, scope: Scope) -> str | None:
        try:
            found = find(exchange.json)
        except NotJsonError as error:
            return not_json(exchange, error)
        except RecursionError:
            return "a document nested too deep"
        except ExpressionError as error:
            return str(error)
        value = MISSING if not found else found if many else found[0]
        if holds(value, scope):
            return None
        return nothing if value is MISSING else matcher.actual(value, scope)

    return Check(name=f"json:{path}", key=str(path), run=run, expected=matcher.expected)


_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_MANY = re.compile(r"\.\.|[*?:,|]")


def _finds_many(path: JsonPath) -> bool:
    """Whether a path can lead to several values: it is the list of them that is checked then."""
    return _MANY.search(_QUOTED.sub("", path.text)) is not None


def _matcher_check(name: str, key: str, matcher: Matcher, read: Callable[[Exchange], Any], nothing: str) -> Check:
    def run(exchange: Exchange, scope: Scope) -> str | None:
        value = read(exchange)
        if matcher.holds(value, scope):
            return None
        return nothing if value is MISSING else matcher.actual(value, scope)

    return Check(name=name, key=key, run=run, expected=matcher.expected)


# ── condition ────────────────────────────────────────────────────────────────────────────────────────────────


def _condition(field: Field, value: Any, extraction: Extraction) -> Check:
    """The check of a condition. One that reads what its own step extracts extracts it first."""
    condition = field.condition(value, extracted=extraction.names)
    extracts = not condition.names.isdisjoint(extraction.names)

    def run(exchange: Exchange, scope: Scope) -> str | None:
        try:
            if extracts:
                extraction.early(exchange, scope)
            return None if condition(scope) else "false"
        except MissingValue as missing:
            return str(missing)
        except ExpressionError as error:  # the response has another shape: that is its failure, not the scenario's
            return f"can't be evaluated: {error}"

    return Check(
        name="condition",
        run=run,
        expected=lambda _: shorten(condition.text, LIMIT),
        needs_response=extracts or "response" in condition.names,
        extracts=extracts,
    )


_BUILDERS: Mapping[str, Callable[[Field, Any], list[Check]]] = {
    "status_code": _no_builder,
    "latency": _latency,
    "headers": _headers,
    "body": _body,
    "json": _json,
    "schema": schema_checks,
    "condition": _no_builder,
    "cookies": _cookies,
}
"""Every key of `expect`, and what compiles it."""


# ── graphql ──────────────────────────────────────────────────────────────────────────────────────────────────
# A GraphQL server answers 200 to a query that failed, with `errors` in the body.

_ERRORS = re.compile(r"\berrors\b")


def _mentions_errors(expect: Mapping[str, Any]) -> bool:
    """Whether an `expect` mapping judges errors itself: by a JSON path, a condition or a schema."""
    json = expect.get("json")
    paths = json if isinstance(json, Mapping) else [entry.get("path") for entry in _mappings(json)]
    texts = [*paths, expect.get("condition")]
    return "schema" in expect or any(isinstance(text, str) and _ERRORS.search(text) for text in texts)


def _errors_check() -> Check:
    """The check `graphql:errors`: the response is JSON, and has no errors."""
    return Check(name="graphql:errors", run=_graphql_errors, expected=lambda _: "no errors")


def _graphql_errors(exchange: Exchange, _scope: Scope) -> str | None:
    try:
        document = exchange.json
    except NotJsonError as error:
        return not_json(exchange, error)
    except UnreadableBodyError as error:
        return str(error)
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
