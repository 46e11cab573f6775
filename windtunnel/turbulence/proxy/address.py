"""Where a proxy listens and what it forwards to, as the plan says."""

from __future__ import annotations

import ipaddress
import re

from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.http.routes import client_context
from windtunnel.http.stream import Destination
from windtunnel.model.origin import parse_base_url
from windtunnel.model.sut import Tls
from windtunnel.model.turbulence import ProxySpec

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PORT = re.compile(r":[0-9]{1,5}/?$")


def is_loopback(host: str) -> bool:
    """Whether a host to listen at is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def destination_of(spec: ProxySpec, tls: Tls) -> Destination:
    """The upstream of a proxy. Raises ConfigError where it is none."""
    text = spec.upstream
    if spec.protocol == "tcp":
        text = text.removeprefix("tcp://")
        if _SCHEME.match(text) or not _PORT.search(text):
            raise _invalid(spec, "the upstream of a TCP proxy is a host and a port", "write it like redis:6379")
        text = f"http://{text}"
    try:
        base = parse_base_url(text)
    except ExpressionError as error:
        raise _invalid(spec, f"upstream: {error}", "write it like http://payments:9000") from None
    if base.path:
        raise _invalid(
            spec, f"upstream {spec.upstream}: a proxy passes paths on as they are", "leave the path out"
        )
    secure = base.origin.scheme == "https"
    return Destination(
        origin=base.origin,
        tls=client_context(tls) if secure else None,
        server_name=(tls.server_name or base.origin.bare_host) if secure else None,
        socket=base.socket,
    )


def _invalid(spec: ProxySpec, message: str, hint: str) -> ConfigError:
    return ConfigError.of(f"proxy {spec.name}: {message}", hint=hint, where=spec.where)
