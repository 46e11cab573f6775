"""The system under test: one or more services with base URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from windtunnel.model.source import Source

__all__ = ["HttpSettings", "IdHeaders", "Redactions", "Service", "Sut", "Tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a service proves who it is. Paths are absolute or relative to the working directory."""

    verify: bool = True
    ca: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One base URL (no trailing slash) with what every request to it carries."""

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    tls: Tls = Tls()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdHeaders:
    """Names of the headers that carry our ids; None leaves one out."""

    run: str | None = "X-Run-ID"
    instance: str | None = "X-Instance-ID"
    correlation: str | None = "X-Correlation-ID"
    traceparent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How requests are sent, for every service."""

    max_body: int = 10 * 1024 * 1024
    """Largest body accepted, in bytes after decompression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redactions:
    """What the user calls secret, beyond what always is."""

    headers: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sut:
    """The system under test.

    With an empty `services` every service name of a step resolves to `default`, and keeps its name in records
    and tags. With services, `default` (from `base_url`) may be None and serves steps that name no service.
    """

    name: str
    default: Service | None
    services: Mapping[str, Service] = field(default_factory=dict)
    ids: IdHeaders = IdHeaders()
    http: HttpSettings = HttpSettings()
    redact: Redactions = Redactions()
    allow_hosts: tuple[str, ...] = ()
    source: Source

    def service(self, name: str | None) -> Service | None:
        """The service a step means by `name`, or None when there is no such service."""
        if self.services and name is not None:
            return self.services.get(name)
        return replace(self.default, name=name) if self.default and name else self.default
