"""Proxies, from the SUT file or from the environment, where the variables are those that curl reads."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from windtunnel.errors import ExpressionError
from windtunnel.model.sut import Proxies, Proxy

_HINT = "write a URL such as http://proxy.test:3128"


def parse_proxy(url: str) -> Proxy:
    """The proxy a URL means. Raises ExpressionError; what is secret in the URL is not in the message."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ExpressionError("a proxy must be a URL", hint=_HINT) from None
    if parts.scheme != "http":
        raise ExpressionError(f"a proxy is spoken to over http, not {parts.scheme}", hint=_HINT)
    if not host:
        raise ExpressionError("a proxy needs a host", hint=_HINT)
    user = None if parts.username is None else unquote(parts.username)
    return Proxy(host=host, port=port or 80, user=user, password=unquote(parts.password or ""))


def proxies_of_environment(environment: Mapping[str, str]) -> Proxies:
    """What http_proxy, https_proxy, all_proxy and no_proxy say; small letters win over capitals.

    Raises ExpressionError that names the variable.
    """
    found: dict[str, Proxy] = {}
    for scheme in ("http", "https"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
            if environment.get(name):
                try:
                    found[scheme] = parse_proxy(environment[name])
                except ExpressionError as error:
                    raise ExpressionError(f"the environment variable {name}: {error}", hint=error.hint) from None
                break
    bypass = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    patterns = tuple(pattern.strip() for pattern in bypass.split(",") if pattern.strip())
    return Proxies(http=found.get("http"), https=found.get("https"), bypass=patterns)
