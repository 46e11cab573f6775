"""The cookies that one response sets."""

from __future__ import annotations

from windtunnel.model.http import Exchange


def response_cookies(exchange: Exchange) -> dict[str, str]:
    """Name to value of every Set-Cookie header, the last one of a name deciding (RFC 6265, 5.2: cut at `;`)."""
    cookies = {}
    for header in exchange.headers.all("set-cookie"):
        name, equals, value = header.partition(";")[0].partition("=")
        if equals and name.strip():
            cookies[name.strip()] = value.strip().strip('"')
    return cookies
