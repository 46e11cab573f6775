"""Where a proxy listens and what it forwards to, as the plan says. No message has more of a URL than its host."""

from __future__ import annotations

from urllib.parse import urlsplit

from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.http.routes import client_context
from windtunnel.http.stream import Destination
from windtunnel.model.origin import Origin, parse_base_url
from windtunnel.model.sut import Tls
from windtunnel.model.turbulence import ProxySpec

_PORTS = {"http": 80, "https": 443}
_HTTP_HINT = "write it like http://payments:9000"
_TCP_HINT = "write it like tcp://db:5432"


def destination_of(spec: ProxySpec, tls: Tls) -> Destination:
    """The upstream of a proxy. Raises ConfigError where it is none."""
    if spec.protocol == "tcp":
        return Destination(origin=_tcp_origin(spec))
    try:
        base = parse_base_url(spec.upstream if "://" in spec.upstream else f"http://{spec.upstream}")
    except ExpressionError as error:
        raise _invalid(spec, f"upstream: {error}", _HTTP_HINT) from None
    if base.path:
        raise _invalid(spec, "the upstream has no path: that of the request is passed on", _HTTP_HINT)
    secure = base.origin.scheme == "https"
    return Destination(
        origin=base.origin,
        tls=client_context(tls) if secure else None,
        server_name=(tls.server_name or base.origin.bare_host) if secure else None,
        socket=base.socket,
    )


def _tcp_origin(spec: ProxySpec) -> Origin:
    try:
        split = urlsplit(spec.upstream if "://" in spec.upstream else f"tcp://{spec.upstream}")
        host, port = split.hostname, split.port or _PORTS.get(split.scheme)
    except ValueError:
        raise _invalid(spec, "the upstream can't be read", _TCP_HINT) from None
    if not host or not port:
        raise _invalid(spec, "the upstream of a tcp proxy is a host and a port", _TCP_HINT)
    return Origin(scheme="http", host=host, port=port)


def _invalid(spec: ProxySpec, message: str, hint: str) -> ConfigError:
    return ConfigError.of(f"proxy {spec.name}: {message}", hint=hint, where=spec.where)
