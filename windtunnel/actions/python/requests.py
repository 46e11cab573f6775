"""Requests of user code, built like those of YAML but from plain values: nothing in them is a template.

Endpoints and checks are made once and reused: by method and service, and by `expect`.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import msgspec

from windtunnel.actions.compile.context import AnyName, CompileContext, Field
from windtunnel.actions.request.retry import Retry, compile_retry
from windtunnel.actions.request.target import format_params
from windtunnel.actions.request.template import (
    BODIES,
    Complete,
    RequestTemplate,
    is_shared,
    request_template,
)
from windtunnel.actions.response.checks import compile_expectation
from windtunnel.actions.response.extract import NO_EXTRACTION
from windtunnel.actions.response.judge import Judge
from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.quantities import parse_duration, parse_size
from windtunnel.expressions.text import encode_component, text_of
from windtunnel.interfaces import Endpoint, Transport
from windtunnel.model.http import Body, OpaqueText, wire_text, without_bytes
from windtunnel.model.origin import percent_encoded
from windtunnel.model.scenario import Scenario
from windtunnel.model.sut import Service, Sut

MAX_PREPARED = 500
"""Maximum number of different requests whose constant parts are kept."""

MAX_JUDGES = 500
"""Maximum number of different `expect`s whose checks are kept."""

_TEMPLATE_MARKS = ("{{", "{%", "{#")


class RequestOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of a request in user code."""

    json: Any = msgspec.UNSET
    body: bytes | str | None = None
    form: Mapping[str, Any] | None = None
    file: str | None = None
    multipart: Mapping[str, Any] | None = None
    graphql: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    cookies: Mapping[str, str] | None = None
    timeout: float | str | None = None
    follow_redirects: bool = True
    max_body: int | str | None = None
    auth: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What requests have in common: `complete` adds what varies of the auth and the scenario's headers."""

    endpoint: Endpoint
    service: Service
    complete: Complete | None = None


class RequestFactory:
    """Makes the requests and judges of one scenario; all its instances share it."""

    def __init__(self, scenario: Scenario, *, sut: Sut, transport: Transport) -> None:
        self._scenario, self._sut, self._transport = scenario, sut, transport
        self._prepared: dict[tuple[object, ...], _Prepared] = {}
        self._is_shared = is_shared(self._place("auth").context, {})
        self._judges: dict[str, Judge] = {"": self._compile(None)}

    def request(self, method: str, service: str | None, path: str, options: RequestOptions) -> RequestTemplate:
        """The request. Raises ValueError for invalid arguments."""
        try:
            body, kind = self._body(options)
            headers = options.headers or {}
            if kind and any(name.lower() == "content-type" for name in headers):
                kind = ""
            prepared = self._prepare(method, service, kind, options)
            pairs = [(name, _sent(value)) for name, value in headers.items() if value is not None]
            cookies = {name: value for name, value in (options.cookies or {}).items() if value is not None}
            if cookies:
                pairs.append(("Cookie", "; ".join(f"{name}={_sent(value)}" for name, value in cookies.items())))
            timeout = options.timeout
            return request_template(
                prepared.complete,
                endpoint=prepared.endpoint,
                target=self._target(path, options.query),
                headers=_always(pairs) if pairs else None,
                body=body,
                timeout_s=prepared.service.timeout_s if timeout is None else parse_duration(timeout),
                follow_redirects=options.follow_redirects,
                max_body=None if options.max_body is None else parse_size(options.max_body),
            )
        except ExpressionError as error:
            raise ValueError(str(error)) from None

    def judge(self, expect: Mapping[str, Any] | None, *, graphql: bool = False) -> Judge:
        """The judge of a response; no `expect` means a status below 400. Raises ValueError.

        A `graphql` response must have no errors too, unless `expect` mentions them.
        """
        key = f"{expect or ''}{'graphql' if graphql else ''}"
        judge = self._judges.get(key)
        if judge is None:
            judge = self._compile(expect, imply_no_errors=graphql)
            if len(self._judges) < MAX_JUDGES:
                self._judges[key] = judge
        return judge

    def retry(self, written: Mapping[str, Any]) -> Retry:
        """The retries of a request, written as in YAML. Raises ValueError."""
        field = self._place("retry")
        retry = compile_retry(field, written)
        _require_no_problem(field)
        return retry

    def assertion(self, expect: Mapping[str, Any]) -> Judge:
        """The judge of an assertion, which implies no check."""
        return self._compile(expect, imply_status=False)

    def _compile(
        self, expect: Mapping[str, Any] | None, *, imply_status: bool = True, imply_no_errors: bool = False
    ) -> Judge:
        field = self._place("expect")
        # A condition is an expression that the code writes; everything else is a value.
        plain = {key: each if key == "condition" else _literal(each) for key, each in (expect or {}).items()}
        expectation = compile_expectation(field, plain, imply_status=imply_status, imply_no_errors=imply_no_errors)
        _require_no_problem(field)
        return Judge(expectation, NO_EXTRACTION)

    def _place(self, key: str) -> Field:
        """A field to compile in, where every variable is allowed."""
        context = CompileContext(
            self._scenario,
            sut=self._sut,
            transport=self._transport,
            names=(),
            problems=[],
            compile_step=lambda _step, _context: None,
        )
        context.names = AnyName()
        return Field(context, (key,), self._scenario.source)

    def _prepare(self, method: str, service: str | None, content_type: str, options: RequestOptions) -> _Prepared:
        auth = options.auth
        key: tuple[object, ...] = (method, service, content_type)
        shared = self._is_shared or auth is not None or None in (options.headers or {}).values()
        if shared:
            names = frozenset((name.lower(), value is None) for name, value in (options.headers or {}).items())
            key = (*key, names, bool(options.cookies), auth is None)
        known = self._prepared.get(key) if auth is None else None
        if known is not None:
            return known
        found = self._sut.service(service)
        if found is None:
            hint = did_you_mean(str(service), self._sut.services) or f"one of {', '.join(self._sut.services)}"
            raise ValueError(f'there is no service "{service}": {hint}')
        complete: Complete | None = None
        if shared:
            found, complete = self._adjusted(found, options)
        given = {name.lower() for name in found.headers}
        own = content_type and (content_type == _FORM or "content-type" not in given)
        headers = {"Content-Type": content_type} if own else {}
        endpoint = self._transport.endpoint(method=method, service=found, headers=headers)
        prepared = _Prepared(endpoint=endpoint, service=found, complete=complete)
        if auth is None and len(self._prepared) < MAX_PREPARED:
            self._prepared[key] = prepared
        return prepared

    def _adjusted(self, service: Service, options: RequestOptions) -> tuple[Service, Complete | None]:
        """The service with what is constant of auth and headers, and what adds the rest. Raises ValueError."""
        from windtunnel.actions.request.shared import OwnParts, Shared

        place = self._place("request")
        own = OwnParts(
            name="",
            field=place,
            auth=None if options.auth is None else _literal(options.auth),
            headers={name: None if value is None else "" for name, value in (options.headers or {}).items()},
            has_cookies=bool(options.cookies),
            by_code=True,
        )
        shared = Shared(place.context, own)
        found = shared.adjusted(service)
        _require_no_problem(place)
        return found, shared.complete

    def _target(self, path: str, query: Mapping[str, Any] | None) -> str:
        if not path.startswith(("/", "http://", "https://")):
            raise ValueError(f'a path begins with /, or it is a whole URL: "{path}"')
        if isinstance(path, OpaqueText):
            path = percent_encoded(wire_text(path), safe=string.printable)
        if not query:
            return path
        text = format_params(query, encode_component)
        return f"{path}{'&' if '?' in path else '?'}{text}" if text else path

    def _body(self, options: RequestOptions) -> tuple[Body, str]:
        """The body, and the content type that goes with it."""
        given = [name for name in _BODIES if getattr(options, name) is not None]
        given += ["json"] if options.json is not msgspec.UNSET else []
        if len(given) > 1:
            raise ValueError(f"a request has one body, not {len(given)}: {', '.join(given)}")
        if not given:
            return b"", ""
        if options.json is not msgspec.UNSET:
            return msgspec.json.encode(options.json, enc_hook=without_bytes), "application/json"
        if options.form is not None:
            return format_params(options.form, quote_plus).encode(), _FORM
        for kind in ("file", "multipart", "graphql"):
            if (value := getattr(options, kind)) is not None:
                return self._compiled(kind, value)
        body = options.body or b""
        return (body.encode() if isinstance(body, str) else bytes(body)), ""

    def _compiled(self, kind: str, value: Any) -> tuple[Body, str]:
        """A body as in YAML, from values without templates. Raises ValueError."""
        field = self._place(kind)
        body, content_type = BODIES[kind](field, _literal(value))
        _require_no_problem(field)
        return (body({}) if callable(body) else body), content_type or ""


_BODIES = ("body", "form", "file", "multipart", "graphql")
_FORM = "application/x-www-form-urlencoded"


def _require_no_problem(field: Field) -> None:
    """Raise ValueError with the problems noted while compiling."""
    if problems := field.context.problems:
        raise ValueError("; ".join(f"{field.path[0]}: {problem.message}" for problem in problems))


def _sent(value: Any) -> str:
    """The value of a header or a cookie."""
    return wire_text(text_of(value))


def _always(pairs: Sequence[tuple[str, str]]) -> Callable[[Mapping[str, Any]], Sequence[tuple[str, str]]]:
    return lambda _: pairs


def _literal(value: Any) -> Any:
    """A value without templates: it may hold text of a server, which must not be rendered."""
    if isinstance(value, str):
        return value.replace("{", '{{ "{" }}') if any(mark in value for mark in _TEMPLATE_MARKS) else value
    if isinstance(value, Mapping):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_literal(each) for each in value]
    return value
