"""The compiled request of an `http` step or a poll. Constant parts are encoded before the load."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.request.multipart import compile_file, compile_multipart
from windtunnel.actions.request.target import compile_params, compile_target
from windtunnel.errors import ConfigError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.template import Template
from windtunnel.expressions.text import Encoded
from windtunnel.interfaces import Endpoint, Instance, Request
from windtunnel.model.http import COOKIE_BREAKS, LINE_BREAKS, Body, Exchange, sendable
from windtunnel.model.scenario import Step
from windtunnel.model.sut import Service

_METHOD = re.compile(r"[A-Za-z][A-Za-z-]*")


Complete = Callable[[Request, Instance], Request]


class RequestTemplate:
    """A compiled request. `render` renders the parts that vary."""

    __slots__ = ("_body", "_endpoint", "_follow", "_headers", "_max_body", "_target", "timeout_s")

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        target: str | Callable[[Scope], str],
        headers: Callable[[Scope], Sequence[tuple[str, str]]] | None,
        body: Body | Callable[[Scope], Body],
        timeout_s: float,
        follow_redirects: bool,
        max_body: int | None,
    ) -> None:
        self._endpoint, self._target, self._headers, self._body = endpoint, target, headers, body
        self.timeout_s, self._follow, self._max_body = timeout_s, follow_redirects, max_body

    def render(
        self, instance: Instance, step: str, on_hop: Callable[[Exchange], None], timeout_s: float
    ) -> Request:
        """The next request of a step. Raises ExpressionError."""
        scope, target, headers, body = instance.scope, self._target, self._headers, self._body
        occurrences = instance.occurrences
        occurrence = occurrences[step] = occurrences.get(step, 0) + 1
        return Request(
            endpoint=self._endpoint,
            target=target if isinstance(target, str) else target(scope),
            headers=headers(scope) if headers is not None else (),
            body=body(scope) if callable(body) else body,
            timeout_s=timeout_s,
            max_body=self._max_body,
            follow_redirects=self._follow,
            step=step,
            occurrence=occurrence,
            on_hop=on_hop,
        )


class CompletedTemplate(RequestTemplate):
    """A request to which `complete` adds what varies of the auth and of the headers of the scenario."""

    __slots__ = ("_complete",)

    def __init__(self, complete: Complete, **parts: Any) -> None:
        super().__init__(**parts)
        self._complete = complete

    def render(
        self, instance: Instance, step: str, on_hop: Callable[[Exchange], None], timeout_s: float
    ) -> Request:
        """The next request of a step. Raises ExpressionError."""
        return self._complete(super().render(instance, step, on_hop, timeout_s), instance)


def compile_request(step: Step, context: CompileContext, *, timeout: Any) -> RequestTemplate | None:
    """The request of a step; None after problems were noted. `timeout` as written, None for the service's."""
    field, options = context.at(step), step.options
    constant, varying = _headers(field, options)
    shared = None
    if is_shared(context, options):
        from windtunnel.actions.request.shared import Shared

        shared = Shared.of_step(step, context, constant)
    target = compile_target(step, context, None if shared is None else shared.adjusted)
    method = _method(field, options)
    body, content_type = compile_body(step, field)
    timeout_s = (field / "timeout").deadline(timeout, target.service.timeout_s if target else 1.0)
    follow = (field / "follow_redirects").boolean(options.get("follow_redirects"), True)
    max_body = (field / "max_body").size(options.get("max_body"))
    if target is None:
        return None
    given = {name.lower() for name in (*constant, *(name for name, _, _ in varying))}
    if not {"form", "multipart"} & options.keys():  # a form's own type stands above the service's
        given |= {name.lower() for name in target.service.headers}
    if content_type is not None and "content-type" not in given:
        constant["Content-Type"] = content_type
    endpoint = _endpoint(field, method, target.service, constant)
    if endpoint is None:
        return None
    return request_template(
        None if shared is None else shared.complete,
        endpoint=endpoint,
        target=target.text if target.text is not None else target.render,
        headers=_render_headers(varying) if varying else None,
        body=body,
        timeout_s=timeout_s,
        follow_redirects=follow,
        max_body=max_body,
    )


def request_template(complete: Complete | None, **parts: Any) -> RequestTemplate:
    """A request with these parts, to which `complete` adds what varies of what it shares with others."""
    return RequestTemplate(**parts) if complete is None else CompletedTemplate(complete, **parts)


def is_shared(context: CompileContext, options: Mapping[str, Any]) -> bool:
    """Whether a request has more than its step and the constants of its service say."""
    scenario = context.scenario
    return bool(
        options.get("auth") is not None
        or scenario.auth is not None
        or scenario.headers
        or None in (options.get("headers") or {}).values()
        or any(service.auth.written is not None for service in context.sut.all_services)
        or ("cookies" in options and any(service.auth.cookies for service in context.sut.all_services))
    )


def _endpoint(field: Field, method: str, service: Service, headers: Mapping[str, str]) -> Endpoint | None:
    """The endpoint; None after problems were noted."""
    problems = field.context.problems
    try:
        return (field / "headers").attempt(
            lambda: field.context.transport.endpoint(method=method, service=service, headers=headers), None
        )
    except ConfigError as error:  # of the service: once is enough, however many steps use it
        problems += [problem for problem in error.problems if problem not in problems]
        return None


def method_of(options: Mapping[str, Any]) -> str:
    """The method of a step's requests: as written, or POST with a body and GET without."""
    default = "GET" if options.keys().isdisjoint((*BODIES, "submit")) else "POST"
    return str(options.get("method", default)).upper()


def _method(field: Field, options: Mapping[str, Any]) -> str:
    method = options.get("method", "GET")
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        (field / "method").problem(f"{method!r} is not an HTTP method", hint="method: POST")
        return "GET"
    return method_of(options)


_Varying = tuple[str, Callable[[Scope], str | None], re.Pattern[str]]
"""A header to render, None for none: its name, its template, and the characters it must not contain."""


def _headers(field: Field, options: Mapping[str, Any]) -> tuple[dict[str, str], list[_Varying]]:
    """The constant and the varying headers of a step. `cookies` become one header."""
    constant: dict[str, str] = {}
    varying: list[_Varying] = []
    for name, value in (field / "headers").mapping(options.get("headers")).items():
        here = field / "headers" / name
        template = here.optional_text(value, in_header=True)
        if template.constant:
            if (text := here.attempt(_checking(str(name), template, LINE_BREAKS), None)) is not None:
                constant[str(name)] = text
        else:
            varying.append((str(name), template.evaluate, LINE_BREAKS))
    cookies = (field / "cookies").mapping(options.get("cookies"))
    if cookies and any(name.lower() == "cookie" for name in (*constant, *(name for name, _, _ in varying))):
        (field / "cookies").problem(
            "`cookies` and the Cookie header both set cookies", hint="remove the header", key=True
        )
    if not cookies:
        return constant, varying
    render = _cookie_header(field / "cookies", cookies)
    if isinstance(render, str):
        if render:
            constant["Cookie"] = render
    else:
        varying.append(("Cookie", render, LINE_BREAKS))
    return constant, varying


def _cookie_header(field: Field, cookies: Mapping[str, Any]) -> str | Callable[[Scope], str | None]:
    parts: list[str | tuple[str, Callable[[Scope], str | None]]] = []
    for name, value in cookies.items():
        template = (field / name).optional_text(value, in_header=True)
        if template.constant:
            text = (field / name).attempt(_checking(str(name), template, COOKIE_BREAKS), None)
            parts += [] if text is None else [f"{name}={text}"]
        else:
            parts.append((str(name), template.evaluate))
    constant = [part for part in parts if isinstance(part, str)]
    if len(constant) == len(parts):
        return "; ".join(constant)

    def render(scope: Scope) -> str | None:
        pairs = [part if isinstance(part, str) else _cookie(*part, scope) for part in parts]
        return "; ".join([pair for pair in pairs if pair is not None]) or None

    return render


def _cookie(name: str, render: Callable[[Scope], str | None], scope: Scope) -> str | None:
    value = render(scope)
    return None if value is None else f"{name}={sendable(name, value, COOKIE_BREAKS)}"


def _render_headers(varying: list[_Varying]) -> Callable[[Scope], list[tuple[str, str]]]:
    return lambda scope: [
        (name, sendable(name, value, refused))
        for name, render, refused in varying
        if (value := render(scope)) is not None
    ]


def _checking(name: str, template: Template, refused: re.Pattern[str]) -> Callable[[], str | None]:
    value = template({})
    return lambda: value and sendable(name, value, refused)


Compiled = tuple[Body | Callable[[Scope], Body], str | None]
"""A body or its renderer, and its content type."""


def compile_body(step: Step, field: Field) -> Compiled:
    """The body of a step; problems are noted."""
    options = step.options
    given = [key for key in BODIES if key in options]
    if len(given) > 1:
        message = f"a request has one body, not {len(given)}: {', '.join(given)}"
        (field / given[1]).problem(message, hint="keep one of them", key=True)
    return BODIES[given[0]](field / given[0], options[given[0]]) if given else (b"", None)


def _json(field: Field, value: Any) -> Compiled:
    template = field.json(value)
    return (template({}) or b"") if template.constant else template.evaluate, "application/json"


def _text(field: Field, value: Any) -> Compiled:
    text = field.text(value)
    return (text({}) or "").encode("utf-8", "replace") if text.constant else _encoded(text.evaluate), None


def _form(field: Field, value: Any) -> Compiled:
    form = compile_params(field, value, _in_form)
    return form.encode() if isinstance(form, str) else _encoded(form), "application/x-www-form-urlencoded"


def _in_form(text: str) -> str:
    return text if isinstance(text, Encoded) else quote_plus(text, errors="replace")


def _file(field: Field, value: Any) -> Compiled:
    return compile_file(field, str(value))


def _graphql(field: Field, value: Any) -> Compiled:
    """The JSON of a GraphQL request (graphql.github.io/graphql-over-http, 5.1)."""
    given = field.mapping(value)
    field.only_keys(given, _GRAPHQL)
    if not isinstance(given.get("query"), str):
        field.problem("`query` is missing here", hint='graphql: { query: "{ products { id } }" }')
    return _json(field, {name: given[key] for key, name in _GRAPHQL.items() if key in given})


_GRAPHQL = {"query": "query", "variables": "variables", "operation": "operationName"}
"""The keys of `graphql`, and their names in the request."""


BODIES: Mapping[str, Callable[[Field, Any], Compiled]] = {
    "json": _json,
    "body": _text,
    "form": _form,
    "multipart": compile_multipart,
    "file": _file,
    "graphql": _graphql,
}
"""Every kind of body by the name it has in YAML."""

REQUEST_KEYS = (
    *("service", "method", "path", "url", "query", "headers", "cookies", "auth"),
    *BODIES,
    *("timeout", "follow_redirects", "max_body"),
)
"""The keys of a step that describe its request."""


def _encoded(render: Callable[[Scope], str]) -> Callable[[Scope], bytes]:
    return lambda scope: render(scope).encode("utf-8", "replace")
