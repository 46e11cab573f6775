"""The idempotency key of a request: a header by which a server can tell that two requests are the same one."""

from __future__ import annotations

from uuid import UUID

from windtunnel.interfaces import Request

NAMES = ("idempotency-key", "x-idempotency-key")
"""The headers with a key, in lower case."""


def with_new_key(request: Request, drawn: float) -> Request:
    """The request with another key, made from a number from 0 to below 1. One without a key stays as it is."""
    name = next((name for name, _ in request.headers if name.lower() in NAMES), None)
    if name is None:
        return request
    others = [pair for pair in request.headers if pair[0].lower() != name.lower()]
    key = UUID(int=int(drawn * 2**53) << 75, version=4)
    return request.replace(headers=(*others, (name, str(key))))
