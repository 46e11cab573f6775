"""The system under test: one or more services with base URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from windtunnel.model.auth import Auth
from windtunnel.model.source import Source
from windtunnel.model.vocabulary import Connections, Loopback

DEFAULT_SERVICE = "default"
"""The name of the service that the `base_url` of the SUT file itself makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a service proves who it is, and how we do. Paths are absolute or relative to the working directory.

    `cert` is a certificate of ours with its `key` (in the same file when that is None). `server_name` is asked for
    and expected in place of the host of the base URL.
    """

    verify: bool = True
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One base URL (no trailing slash) with what every request to it carries.

    `http+unix:///run/shop.sock` is a server that listens on a socket of the file system.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    tls: Tls = Tls()
    auth: Auth = Auth()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdHeaders:
    """Names of the headers that carry our ids; None leaves one out."""

    run: str | None = "X-Run-ID"
    instance: str | None = "X-Instance-ID"
    correlation: str | None = "X-Correlation-ID"
    traceparent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy: where it listens, and who we are to it."""

    host: str
    port: int
    user: str | None = None
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password, alone and as Basic auth sends it."""
        return (self.password, f"{self.user}:{self.password}") if self.password else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """The proxy for each scheme, and the hosts that are reached without one: names (everything below them too),
    `host:port`, addresses, networks such as 10.0.0.0/8, or `*`. `loopback`: whether this machine is reached
    through them too.
    """

    http: Proxy | None = None
    https: Proxy | None = None
    bypass: tuple[str, ...] = ()
    loopback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How requests are sent, for every service.

    `max_body` is the largest body accepted, in bytes after decompression. `connections` says how long they are
    kept: for the next instance of a `user`, until the `instance` ends, or `none`. `resolve` maps `host` or
    `host:port` to an address that is used without a look-up. With `strict`, a response whose framing departs from
    the standard fails.
    """

    max_body: int = 10 * 1024 * 1024
    connections: Connections = "user"
    dns_ttl_s: float = 300.0
    proxies: Proxies = Proxies()
    resolve: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Redactions:
    """What the user calls secret, beyond what always is."""

    headers: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`health` of the SUT file: `path` must answer with a status in one of the ranges (both ends included)."""

    path: str
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    timeout_s: float = 60.0
    interval_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFor:
    """A further condition of the start: a URL that answers below 400, or a port that accepts connections."""

    text: str
    url: str | None = None
    host: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What the run waits for in addition to the health of the SUT, and how loopback addresses are understood.

    `command` is that of the SUT where the run starts it itself; empty where it runs already.
    """

    command: tuple[str, ...] = ()
    wait_for: tuple[WaitFor, ...] = ()
    wait_timeout_s: float = 60.0
    loopback: Loopback = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerNetwork:
    """The network of this process. `gateway` is the address of the host as seen from a container; None outside of
    containers and in those that share the host's network.
    """

    in_container: bool = False
    gateway: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sut:
    """The system under test.

    `env` and `withheld` are as in `Scenario`, for the templates of its `auth`.
    With an empty `services` every service name of a step resolves to `default`, and keeps its name in records
    and tags. With services, `default` (from `base_url`) may be None and serves steps that name no service.
    `tracing_url` shows a trace to the reader of a report; `{trace_id}` and `{instance_id}` in it are replaced.
    """

    name: str
    default: Service | None
    services: Mapping[str, Service] = field(default_factory=dict)
    ids: IdHeaders = IdHeaders()
    http: HttpSettings = HttpSettings()
    redact: Redactions = Redactions()
    allow_hosts: tuple[str, ...] = ()
    health: Health | None = None
    tracing_url: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    withheld: frozenset[str] = frozenset()
    source: Source

    @property
    def all_services(self) -> tuple[Service, ...]:
        """Every service, the default one first."""
        return (*([self.default] if self.default else []), *self.services.values())

    @property
    def secrets(self) -> frozenset[str]:
        """What must never be written, however it came here."""
        proxies = [proxy for proxy in (self.http.proxies.http, self.http.proxies.https) if proxy]
        return frozenset(secret for proxy in proxies for secret in proxy.secrets).union(
            *(service.auth.secrets for service in self.all_services)
        )

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The services over TLS that need not prove who they are."""
        return tuple(
            each.name for each in self.all_services if not each.tls.verify and each.base_url.startswith("https")
        )

    def service(self, name: str | None) -> Service | None:
        """The service a step means by `name`, or None when there is no such service."""
        if self.services and name is not None:
            return self.services.get(name)
        return replace(self.default, name=name) if self.default and name else self.default
