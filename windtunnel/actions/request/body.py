"""The body of a request, compiled: what is constant is encoded before the clock starts.

json         any value, with templates in its texts       form    name=value&…
body         text as it is                                 file    read while it is sent
graphql      a query and its variables, as JSON            multipart   fields and files
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from windtunnel.actions.compile.context import Field
from windtunnel.actions.compile.files import compile_file
from windtunnel.actions.request.multipart import compile_multipart
from windtunnel.actions.request.params import compile_params
from windtunnel.expressions.functions import Scope
from windtunnel.model.http import Body
from windtunnel.model.scenario import Step

Compiled = tuple[Body | Callable[[Scope], Body], str | None]
"""A body, or what renders it, and the content type that goes with it."""


def compile_body(step: Step, field: Field) -> Compiled:
    """The body of a step. Every problem with it is noted."""
    options = step.options
    given = [key for key in BODIES if key in options]
    if len(given) > 1:
        message = f"a request has one body, not {len(given)}: {', '.join(given)}"
        (field / given[1]).problem(message, hint="leave all but one of them out", key=True)
    return BODIES[given[0]](field / given[0], options[given[0]]) if given else (b"", None)


def _json(field: Field, value: Any) -> Compiled:
    template = field.json(value)
    return (template({}) or b"") if template.constant else template.evaluate, "application/json"


def _text(field: Field, value: Any) -> Compiled:
    text = field.text(value)
    return (text({}) or "").encode("utf-8", "replace") if text.constant else _encoded(text.evaluate), None


def _form(field: Field, value: Any) -> Compiled:
    form = compile_params(field, value, lambda text: quote_plus(text, errors="replace"))
    return form.encode() if isinstance(form, str) else _encoded(form), "application/x-www-form-urlencoded"


def _file(field: Field, value: Any) -> Compiled:
    return compile_file(field, str(value))


def _graphql(field: Field, value: Any) -> Compiled:
    """The JSON that GraphQL servers take over HTTP (graphql.github.io/graphql-over-http, 5.1)."""
    given = field.mapping(value)
    field.only_keys(given, _GRAPHQL)
    if not isinstance(given.get("query"), str):
        field.problem("`query` is missing here", hint='graphql: { query: "{ products { id } }" }')
    return _json(field, {name: given[key] for key, name in _GRAPHQL.items() if key in given})


_GRAPHQL = {"query": "query", "variables": "variables", "operation": "operationName"}
"""The keys of `graphql`, and what servers call them."""


BODIES: Mapping[str, Callable[[Field, Any], Compiled]] = {
    "json": _json,
    "body": _text,
    "form": _form,
    "multipart": compile_multipart,
    "file": _file,
    "graphql": _graphql,
}
"""Every kind of body by the name it has in YAML."""


def _encoded(render: Callable[[Scope], str]) -> Callable[[Scope], bytes]:
    return lambda scope: render(scope).encode("utf-8", "replace")
