"""Exchanges whose outcome is ours: made up, or taken from the SUT and spoilt."""

from __future__ import annotations

import msgspec

from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.vocabulary import ErrorKind


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
