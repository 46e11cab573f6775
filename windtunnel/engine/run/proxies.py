"""The embedded proxies of a run: what makes them, and how the load and the SUT are led through them.

load ─▶ resolve: origin of the service ─▶ address of the proxy          a proxy with `service`
SUT  ─▶ NAME_URL: the URL of the upstream, with the proxy's address     a proxy with `export`
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from msgspec.structs import replace

from windtunnel.errors import ExpressionError, Problem
from windtunnel.interfaces import Clock
from windtunnel.model.origin import Origin, parse_base_url
from windtunnel.model.plan import TestPlan
from windtunnel.model.record import Record
from windtunnel.model.sut import Sut, Tls
from windtunnel.model.turbulence import ProxySpec

_UPSTREAM = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?P<user>[^/]*@)?(?P<host>\[[^\]]*\]|[^:/?#]*)(?P<port>:[0-9]+)?(?P<rest>.*)",
    re.DOTALL,
)
"""An upstream in its parts; every text is one."""

_PORTS = {"http": 80, "https": 443}
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  what a plan says, if the command line allows it


class Proxy(Protocol):
    """An embedded proxy of one upstream."""

    @property
    def address(self) -> str:
        """Host and port at which it listens, once it has started."""

    async def start(self) -> None:
        """Listen. Raises ConfigError where it can't."""

    def reroute(self, origin: str, address: str) -> None:
        """Connect to an address instead where the upstream is at `origin`, a host and a port, from now on."""

    def begin(self, began: float) -> None:
        """The load begins, at a reading of the clock: faults count from there."""

    def end(self) -> None:
        """Do no fault any more, and let go of what is held; it goes on forwarding."""

    async def close(self) -> None:
        """Stop listening, and end every connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A proxy that listens. `url` leads through it, and holds no password."""

    spec: ProxySpec
    url: str


MakeProxy = Callable[[ProxySpec, Callable[[Record], None]], Proxy]
"""Makes the proxy of a plan, which hands over records of what it does."""


def embedded_proxies(test_plan: TestPlan, clock: Clock) -> MakeProxy:
    """What makes the proxies of a plan."""
    from windtunnel.turbulence.proxy.proxy import EmbeddedProxy

    turbulence = test_plan.turbulence
    assert turbulence is not None, "the proxies are in it"
    seed = test_plan.seed if turbulence.seed is None else turbulence.seed

    def make(spec: ProxySpec, write: Callable[[Record], None]) -> Proxy:
        return EmbeddedProxy(
            address_alone(spec),
            turbulence.proxy_faults(spec.name),
            turbulence.phases,
            seed,
            clock,
            write,
            tls=_tls_of(spec, test_plan.sut),
            anywhere="listen" in turbulence.allowed,
        )

    return make


def url_through(spec: ProxySpec, address: str) -> str:
    """The URL of the upstream that leads through a proxy at an address: what a process is told instead of it.

    Like the upstream in everything else: `postgres://shop@db:5432/orders` is `postgres://shop@127.0.0.1:41003/orders`.
    A proxy that understands HTTP is spoken to in plain HTTP, whatever it speaks to its upstream.
    """
    parts = _parts(spec)
    scheme = "http://" if spec.protocol == "http" else parts["scheme"] or ""
    return f"{scheme}{parts['user'] or ''}{address}{parts['rest']}"


def without_user(spec: ProxySpec) -> ProxySpec:
    """The proxy with an upstream that may be shown."""
    user = _parts(spec)["user"]
    return replace(spec, upstream=spec.upstream.replace(user, "", 1)) if user else spec


def reachable(address: str) -> str:
    """Where this machine reaches a proxy: one that listens on every address is at loopback."""
    host, _, port = address.rpartition(":")
    return f"{_LOOPBACK.get(host, host)}:{port}"


def origin_of(spec: ProxySpec, sut: Sut) -> Origin:
    """The origin of the service that a proxy is in front of."""
    service = sut.services.get(spec.service) or sut.default
    assert service is not None, "the plan was read with this SUT"
    return parse_base_url(service.base_url).origin


def taken_ports(specs: Sequence[ProxySpec]) -> list[Problem]:
    """The problems of proxies that can't listen at this moment: to be told before there is a run."""
    problems = []
    for spec in specs:
        family = socket.AF_INET6 if ":" in spec.host else socket.AF_INET
        try:
            with socket.create_server((spec.host, spec.port), family=family):
                pass
        except OSError as error:
            problems.append(_cannot_listen(spec, error))
    return problems


def _cannot_listen(spec: ProxySpec, error: OSError) -> Problem:
    where = f"[{spec.host}]:{spec.port}" if ":" in spec.host else f"{spec.host}:{spec.port}"
    taken = error.errno == errno.EADDRINUSE
    why = "another program does" if taken else error.strerror
    return Problem(
        where=spec.where,
        message=f"proxy {spec.name} can't listen on {where}: {why}",
        hint='end that program, or write listen: "127.0.0.1:0" for a free port' if taken else None,
    )


def address_alone(spec: ProxySpec) -> ProxySpec:
    """The proxy with the host and port of its upstream alone, where it only passes bytes on."""
    if spec.protocol == "http":
        return spec
    parts = _parts(spec)
    port = parts["port"] or f":{_PORTS[(parts['scheme'] or '').removesuffix('://').lower()]}"
    return replace(spec, upstream=f"{parts['host']}{port}")


def _parts(spec: ProxySpec) -> dict[str, str | None]:
    found = _UPSTREAM.fullmatch(spec.upstream)
    assert found is not None, "every text is an upstream"
    return found.groupdict()


def _tls_of(spec: ProxySpec, sut: Sut) -> Tls:
    """How the certificate of an upstream is verified: as that of the service there, if it is one."""
    if urlsplit(spec.upstream).scheme != "https":
        return Tls()
    try:
        origin = parse_base_url(spec.upstream).origin
    except ExpressionError:
        return Tls()
    alike = (each.tls for each in sut.all_services if parse_base_url(each.base_url).origin == origin)
    return next(alike, Tls())
