"""Where a request goes: `path` or `url` with `query`, and the service it belongs to.

Text inside a template is component-encoded, so that an id with a slash stays one segment. A template that is
the whole `path` or `url` is taken as a URL: only characters that are not allowed in a URL are encoded.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.response.text import show
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.template import as_template
from windtunnel.expressions.text import text_of
from windtunnel.model.http import wire_text
from windtunnel.model.origin import HostRules, parse_base_url, percent_encoded, split_url
from windtunnel.model.scenario import Step
from windtunnel.model.sut import Service

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_NOT_IN_A_URL = re.compile(r"[^\w\-.~:/?@!$&'()*+,;=%\[\]]", re.ASCII)
_IN_A_URL = "-._~:/?@!$&'()*+,;=%[]"
_AUTHORITY = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_LITERAL_AUTHORITY = re.compile(r"https?://[^/?#{]+(?=[/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`text` when the target is constant, else `render(scope)`, which raises ExpressionError."""

    service: Service
    text: str | None
    render: Callable[[Scope], str]


def encode_component(text: str) -> str:
    """Percent-encode everything but letters, digits and `-._~`."""
    return text if text.isalnum() and text.isascii() else quote(text, safe="", errors="replace")


def compile_target(
    step: Step, context: CompileContext, adjusted: Callable[[Service], Service] | None = None
) -> Target | None:
    """The target of a step's requests; None after problems were noted. `adjusted` changes their service."""
    field, options = context.at(step), step.options
    written = [key for key in ("path", "url") if key in options]
    if len(written) != 1:
        field.problem("a request needs exactly one of `path` and `url`", hint='path: "/api/products"')
        return None
    (key,) = written
    value = options[key]
    here = field / key
    if not isinstance(value, str) or not value:
        here.problem(f"expected a text here, not {show(value, 60)}")
        return None
    value = as_template(value)
    service = _url_service(here, value, step, context) if key == "url" else context.service(step)
    if not _is_whole_template(value):
        _check_beginning(here, key, value)
    location = _location(here, value)
    query = compile_params(field / "query", options.get("query"), encode_component)
    if service is None:
        return None
    if adjusted is not None:
        service = adjusted(service)
    add_key = _adding_key(service) if service.auth.query else None
    if isinstance(location, str) and isinstance(query, str):
        text = _join(location, query)
        return Target(service=service, text=text if add_key is None else add_key(text), render=lambda _: "")
    render = _renderer(location, query)
    if add_key is None:
        return Target(service=service, text=None, render=render)
    return Target(service=service, text=None, render=lambda scope: add_key(render(scope)))


def _adding_key(service: Service) -> Callable[[str], str]:
    """Adds the query parameters of a service's auth to a location, unless it leads to another host."""
    query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in service.auth.query)
    own = ("/", f"{service.base_url}/")
    return lambda text: f"{text}{'&' if '?' in text else '?'}{query}" if text.startswith(own) else text


def _location(field: Field, value: str) -> str | Callable[[Scope], str]:
    if _is_whole_template(value):
        template = field.template(value)
        return lambda scope: _as_url(template.evaluate(scope))
    template = field.text(value, encode=encode_component)
    if template.constant:
        return _legal(template({}) or "/")
    evaluate = template.evaluate
    return lambda scope: _legal(evaluate(scope))


def _renderer(
    location: str | Callable[[Scope], str], query: str | Callable[[Scope], str]
) -> Callable[[Scope], str]:
    """Renders the location with its query. Without a query, it is the location itself: the hot path."""
    if query == "" and callable(location):
        return location

    def render(scope: Scope) -> str:
        return _join(
            location if isinstance(location, str) else location(scope),
            query if isinstance(query, str) else query(scope),
        )

    return render


def _join(location: str, query: str) -> str:
    if not query:
        return location
    separator = "" if location.endswith(("?", "&")) else "&" if "?" in location else "?"
    return location + separator + query


def _is_whole_template(text: str) -> bool:
    return text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1


def _as_url(value: Any) -> str:
    """The value of a whole-target template, as a URL or as a path under the service's base URL."""
    if not isinstance(value, str | int | float):
        raise ExpressionError(f"expected a URL or a path here, not {show(value, 60)}")
    text = wire_text(text_of(value)).strip(" \t\r\n")
    if not text:
        raise ExpressionError("the URL is empty")
    return _legal(text if text.startswith("/") or _ABSOLUTE.match(text) else f"/{text}")


def _legal(url: str) -> str:
    """The URL without its fragment, which is never sent, and with every illegal character encoded."""
    if _NOT_IN_A_URL.search(url) is None:
        return url
    url = url.partition("#")[0]
    absolute = _AUTHORITY.match(url)  # which is not percent-encoded: its host has letters of its own
    begin = absolute.end() if absolute else 0
    return url[:begin] + percent_encoded(url[begin:], safe=_IN_A_URL)


def _check_beginning(field: Field, key: str, value: str) -> None:
    if key == "path" and not value.startswith("/"):
        hint = "use `url` for an absolute URL" if _ABSOLUTE.match(value) else f'path: "/{value}"'
        field.problem("a path begins with /", hint=hint)
    elif key == "url" and not _ABSOLUTE.match(value):
        hint = "use `path` with `service` for a URL under a service, or one template for the whole URL"
        field.problem("a URL begins with http:// or https://", hint=hint)


def _url_service(field: Field, url: str, step: Step, context: CompileContext) -> Service | None:
    """The service that a literal URL belongs to, by name or origin; None after a problem was noted.

    An allowed host that is no service gets a service of its own, so that no service's headers leak to it.
    """
    literal = _LITERAL_AUTHORITY.match(url)
    if literal is None:
        return context.service(step)
    try:
        origin, _ = split_url(literal.group())
    except ExpressionError as error:
        field.problem(str(error), hint=error.hint)
        return None
    if not HostRules.of(context.sut).allow(origin):
        field.problem(
            f'the host "{origin.host}" is neither a service of the SUT nor in its allow_hosts',
            hint=f"add it to the SUT file: allow_hosts: [{origin.bare_host}]",
        )
        return None
    if "service" in step.options:
        return context.service(step)
    for service in context.sut.all_services:
        if parse_base_url(service.base_url).origin == origin:
            return service
    return Service(name=origin.host, base_url=str(origin))


Encode = Callable[[str], str]


def compile_params(field: Field, params: Any, encode: Encode) -> str | Callable[[Scope], str]:
    """The text of a mapping, or its renderer if a value holds templates.

    A list repeats its name, null leaves it out, other values are written by `text_of`. A mapping that is written
    there is a mistake: servers differ on what it means.
    """
    parts: list[str | Callable[[Scope], str]] = []
    for name, value in field.mapping(params).items():
        here, prefix = field / name, encode(str(name)) + "="
        if isinstance(value, Mapping):
            here.problem("a mapping is no text", hint="write its keys as parameters, or a text with JSON in it")
            continue
        template = here.template(value)
        if template.constant:
            part = _part(prefix, template.evaluate, encode)
            parts.append(here.attempt(functools.partial(part, {}), ""))
        else:
            parts.append(_part(prefix, template.evaluate, encode))
    constant = [part for part in parts if isinstance(part, str)]
    if len(constant) == len(parts):
        return "&".join(filter(None, constant))
    return lambda scope: "&".join(filter(None, [part if isinstance(part, str) else part(scope) for part in parts]))


def format_params(params: Mapping[str, Any], encode: Encode) -> str:
    """The text of a mapping without templates, as `compile_params` makes it. Raises ExpressionError."""
    return "&".join(filter(None, [_pairs(encode(str(name)) + "=", params[name], encode) for name in params]))


def _part(prefix: str, evaluate: Callable[[Scope], Any], encode: Encode) -> Callable[[Scope], str]:
    return lambda scope: _pairs(prefix, evaluate(scope), encode)


def _pairs(prefix: str, value: Any, encode: Encode) -> str:
    if value.__class__ is str:
        return prefix + encode(value)
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "&".join([prefix + encode(text_of(item)) for item in value if item is not None])
    return prefix + encode(text_of(value))
