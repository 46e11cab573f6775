"""The body of a request, compiled: what is constant is encoded before the clock starts.

json         any value, with templates in its texts       form    name=value&…
body         text as it is                                 file    read while it is sent
graphql      a query and its variables, as JSON            multipart   fields and files
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from windtunnel.actions.files import compile_file
from windtunnel.actions.multipart import compile_multipart
from windtunnel.actions.params import compile_params
from windtunnel.actions.place import Place
from windtunnel.expressions.functions import Scope
from windtunnel.model.http import Body
from windtunnel.model.scenario import Step

__all__ = ["BODIES", "compile_body"]

Compiled = tuple[Body | Callable[[Scope], Body], str | None]
"""A body, or what renders it, and the content type that goes with it."""


def compile_body(step: Step, place: Place) -> Compiled:
    """The body of a step. Every problem with it is noted."""
    options = step.options
    given = [key for key in BODIES if key in options]
    if len(given) > 1:
        message = f"a request has one body, not {len(given)}: {', '.join(given)}"
        (place / given[1]).problem(message, hint="leave all but one of them out", key=True)
    return BODIES[given[0]](place / given[0], options[given[0]]) if given else (b"", None)


def _json(place: Place, value: Any) -> Compiled:
    template = place.json(value)
    return (template({}) or b"") if template.constant else template.evaluate, "application/json"


def _text(place: Place, value: Any) -> Compiled:
    text = place.text(value)
    return (text({}) or "").encode("utf-8", "replace") if text.constant else _encoded(text.evaluate), None


def _form(place: Place, value: Any) -> Compiled:
    form = compile_params(place, value, lambda text: quote_plus(text, errors="replace"))
    return form.encode() if isinstance(form, str) else _encoded(form), "application/x-www-form-urlencoded"


def _file(place: Place, value: Any) -> Compiled:
    return compile_file(place, str(value))


def _graphql(place: Place, value: Any) -> Compiled:
    """The JSON that GraphQL servers take over HTTP (graphql.github.io/graphql-over-http, 5.1)."""
    given = place.mapping(value)
    place.only_keys(given, _GRAPHQL)
    if not isinstance(given.get("query"), str):
        place.problem("`query` is missing here", hint='graphql: { query: "{ products { id } }" }')
    return _json(place, {name: given[key] for key, name in _GRAPHQL.items() if key in given})


_GRAPHQL = {"query": "query", "variables": "variables", "operation": "operationName"}
"""The keys of `graphql`, and what servers call them."""


BODIES: Mapping[str, Callable[[Place, Any], Compiled]] = {
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
