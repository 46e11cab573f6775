"""Where a request goes: `path` or `url` with `query`, and the service it belongs to.

Text inside a template is component-encoded, so that an id with a slash stays one segment, unless `| raw` says
that it is encoded already. A template that is the whole `path` or `url` is taken as a URL: only characters that
are not allowed in a URL are encoded. One that begins a `path` goes in as a path: `joined.py`.
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
from windtunnel.expressions.text import encode_component, text_of
from windtunnel.model.http import wire_text
from windtunnel.model.origin import HostRules, legal, parse_base_url, split_url
from windtunnel.model.scenario import Step
from windtunnel.model.sut import Service

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_LITERAL_AUTHORITY = re.compile(r"https?://[^/?#{]+(?=[/?#]|$)", re.IGNORECASE)
_has_template_in_host = re.compile(r"https?://[^/?#{]*\{[{%#]", re.IGNORECASE).match


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`text` when the target is constant, else `render(scope)`, which raises ExpressionError."""

    service: Service
    text: str | None
    render: Callable[[Scope], str]


def compile_target(
    step: Step, context: CompileContext, adjusted: Callable[[Service], Service] | None = None
) -> Target | None:
    """The target of a step's requests; None after problems were noted. `adjusted` changes their service."""
    field, options = context.at(step), step.options
    written = [key for key in ("path", "url") if key in options]
    location: str | Callable[[Scope], str]
    if not written and "submit" in options:
        service, location = context.service(step), _submitted_url
    elif len(written) != 1:
        field.problem("a request needs exactly one of `path` and `url`", hint='path: "/api/products"')
        return None
    else:
        here, value = field / written[0], options[written[0]]
        if not isinstance(value, str) or not value:
            here.problem(f"expected a text here, not {show(value, 60)}")
            return None
        service, location = _written_target(here, written[0], as_template(value), step, context)
    query = compile_params(field / "query", options.get("query"), encode_component)
    if service is None:
        return None
    if adjusted is not None:
        service = adjusted(service)
    add_key = _adding_key(service) if service.auth.query else None
    if isinstance(location, str) and isinstance(query, str):
        text = join_query(location, query)
        return Target(service=service, text=text if add_key is None else add_key(text), render=lambda _: "")
    render = _renderer(location, query)
    if add_key is None:
        return Target(service=service, text=None, render=render)
    return Target(service=service, text=None, render=lambda scope: add_key(render(scope)))


SUBMITTED = "_submitted"
"""The name in the scope of the form that a step submits."""


def _submitted_url(scope: Scope) -> str:
    """The URL of that form, for a step without a `path`. Raises ExpressionError."""
    return str(scope[SUBMITTED].url)


def _written_target(
    field: Field, key: str, value: str, step: Step, context: CompileContext
) -> tuple[Service | None, str | Callable[[Scope], str]]:
    """The service and the location of a `path` or a `url`; problems are noted."""
    service = _url_service(field, value, step, context) if key == "url" else context.service(step)
    if not _is_whole_template(value):
        _check_beginning(field, key, value)
    return service, _location(field, value)


def _adding_key(service: Service) -> Callable[[str], str]:
    """Adds the query parameters of a service's auth to a location, unless it leads to another host."""
    query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in service.auth.query)
    own = ("/", f"{service.base_url}/")
    return lambda text: f"{text}{'&' if '?' in text else '?'}{query}" if text.startswith(own) else text


def _location(field: Field, value: str) -> str | Callable[[Scope], str]:
    if _is_whole_template(value):
        template = field.template(value)
        return lambda scope: _as_url(template.evaluate(scope))
    if value.startswith("{{") or _has_template_in_host(value):
        from windtunnel.actions.request import joined

        parts = joined.joined(value)
        if parts is not None:
            return joined.compile_joined(field, value, parts)
        return joined.compile_host_template(field, value)
    template = field.text(value, encode=encode_component)
    if template.constant:
        return legal(template({}) or "/")
    evaluate = template.evaluate
    return lambda scope: legal(evaluate(scope))


def _renderer(
    location: str | Callable[[Scope], str], query: str | Callable[[Scope], str]
) -> Callable[[Scope], str]:
    """Renders the location with its query. Without a query, it is the location itself: the hot path."""
    if query == "" and callable(location):
        return location

    def render(scope: Scope) -> str:
        return join_query(
            location if isinstance(location, str) else location(scope),
            query if isinstance(query, str) else query(scope),
        )

    return render


def join_query(location: str, query: str) -> str:
    """A location with more in its query."""
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
    return legal(text if text.startswith("/") or _ABSOLUTE.match(text) else f"/{text}")


def _check_beginning(field: Field, key: str, value: str) -> None:
    if key == "path" and not value.startswith(("/", "{{")):
        field.problem("a path begins with /", hint=_path_hint(value.strip()))
    elif key == "url" and not _ABSOLUTE.match(value):
        field.problem("a URL begins with http:// or https://", hint=_url_hint(value.strip()))


def _path_hint(value: str) -> str | None:
    """What to write where `path: value` stands. Each hint sends the request that was meant."""
    if _ABSOLUTE.match(value):
        return f'url: "{value}"'
    if "://" in value.partition("{{")[0]:
        return "requests go to http:// and https:// alone"
    if value.startswith("{"):
        return "write one {{ template }} that yields the path, or an `if` behind its first /"
    return f'path: "{value}"' if value.startswith("/") else f'path: "/{value}"'


def _url_hint(value: str) -> str | None:
    """What to write where `url: value` stands."""
    if _ABSOLUTE.match(value):
        return f'url: "{value}"'
    if value.startswith("/"):
        return f'path: "{value}"'
    if value.startswith("{"):
        return "use `path` for what is below a service, or join the URL in one template: \"{{ base ~ '/items' }}\""
    if "://" in value.partition("{{")[0]:
        return "requests go to http:// and https:// alone"
    return f'url: "https://{value}", or path: "/{value}"'


def _url_service(field: Field, url: str, step: Step, context: CompileContext) -> Service | None:
    """The service that a literal URL belongs to, by name or origin; None after a problem was noted.

    An allowed host that is no service gets a service of its own, so that no service's headers leak to it.
    """
    literal = _LITERAL_AUTHORITY.match(url)
    host = literal.group() if literal else _host_before_template(url)
    if host is None:
        return context.service(step)
    try:
        origin, _ = split_url(host)
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


def _host_before_template(url: str) -> str | None:
    """The literal host of `http://host{{ to }}`; None where a template is a part of the host."""
    if not _has_template_in_host(url):
        return None
    from windtunnel.actions.request import joined

    parts = joined.joined(url)
    return parts.host if parts else None


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
