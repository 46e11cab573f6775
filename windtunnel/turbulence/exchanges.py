"""Exchanges whose outcome is ours: made up, or taken from the SUT and spoilt; and heads of answers of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus

import msgspec

from windtunnel.errors import ExpressionError
from windtunnel.interfaces import Request
from windtunnel.model.http import LINE_BREAKS, Exchange, sendable, wire_text
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.turbulence.settings import Settings

_PHRASES = {each.value: each.phrase for each in HTTPStatus}


def unsent(request: Request, *, began: float, ended: float, fault: str) -> Exchange:
    """The exchange of a request that was not sent. `began` and `ended` are readings of the clock."""
    endpoint, body = request.endpoint, request.body
    url = request.target
    if url.startswith("/"):
        url = f"{getattr(endpoint, 'url', endpoint.service.base_url)}{url}"
    own_body = body if isinstance(body, bytes) else b""
    exchange = Exchange(endpoint.method, url, endpoint.service.name, own_body, request.attempt)
    exchange.started, exchange.ended, exchange.fault = began, ended, fault
    return exchange


def failed(exchange: Exchange, kind: ErrorKind, detail: str, *, fault: str) -> Exchange:
    """The exchange without a response, as if none had come."""
    exchange.error, exchange.error_detail, exchange.fault = kind, detail, fault
    exchange.status, exchange.head, exchange.body = 0, b"", b""
    exchange._headers, exchange._json, exchange._text = None, msgspec.UNSET, None
    exchange.notes = exchange.note_details = None
    return exchange


def headers_of(settings: Settings, *, but: Collection[str] = ()) -> dict[str, str]:
    """The headers that the settings of a fault give an answer. Raises ExpressionError for one that can't be.

    `but` are those that a fault sets itself, in lower case.
    """
    written = settings.inside("headers")
    return {name: _header(written, name, but) for name in written.values}


def _header(written: Settings, name: str, but: Collection[str]) -> str:
    path = ("headers", name)
    if name.lower() in but:
        raise ExpressionError("follows from the body and can't be set", hint="remove it", path=path)
    value = written.text(name)
    try:
        return wire_text(sendable(name, value, LINE_BREAKS))
    except ExpressionError as error:
        error.path = path
        raise


def response_head(code: int, headers: Mapping[str, str]) -> bytes:
    """The head of a response, with the reason phrase of its status where it has one."""
    phrase = _PHRASES.get(code, "")
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"HTTP/1.1 {code} {phrase}\r\n{fields}\r\n".encode("utf-8", "surrogateescape")
