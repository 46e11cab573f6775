"""The ways to the SUT that all users share: which hosts they may reach, how, and when."""

from __future__ import annotations

import ssl

from windtunnel.errors import ExpressionError
from windtunnel.http.deadlines import Deadlines
from windtunnel.http.dial import Destination
from windtunnel.http.errors import Failure
from windtunnel.http.outbox import Outbox
from windtunnel.http.proxy import proxy_for
from windtunnel.http.resolve import Resolver
from windtunnel.http.tls import client_context
from windtunnel.model.origin import HostRules, Origin, parse_base_url, split_url
from windtunnel.model.sut import Sut, Tls


class Routes:
    """Destinations, one of each, with TLS as the service of that origin has it."""

    __slots__ = ("_contexts", "_destinations", "_hosts", "_settings", "_tls", "deadlines", "outbox", "resolver")

    def __init__(self, sut: Sut) -> None:
        """Raises ExpressionError for a base URL that can't be used."""
        self.deadlines = Deadlines()
        self.outbox = Outbox()
        self.resolver = Resolver(ttl_s=sut.http.dns_ttl_s, fixed=sut.http.resolve)
        self._settings = sut.http
        self._tls = {parse_base_url(each.base_url).origin: each.tls for each in reversed(sut.all_services)}
        self._hosts = HostRules.of(sut)
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self._destinations: dict[tuple[Origin, Tls, str | None], Destination] = {}

    def may_reach(self, origin: Origin) -> bool:
        """Whether the SUT file allows requests to this origin."""
        return self._hosts.allow(origin)

    def to(self, origin: Origin, tls: Tls | None = None, *, socket: str | None = None) -> Destination:
        """How to talk to an origin: with `tls`, or else as its service has it, or as is usual; over a Unix socket.

        Raises ConfigError for a certificate file that can't be read.
        """
        if tls is None:
            tls = self._tls.get(origin, Tls())
        destination = self._destinations.get((origin, tls, socket))
        if destination is None:
            encrypted = origin.scheme == "https"
            destination = self._destinations[origin, tls, socket] = Destination(
                origin=origin,
                tls=self._context(tls) if encrypted else None,
                server_name=(tls.server_name or origin.bare_host) if encrypted else None,
                socket=socket,
                proxy=proxy_for(origin, self._settings.proxies) if socket is None else None,
                keeps_open=self._settings.connections != "none",
            )
        return destination

    def by_url(self, url: str) -> tuple[Destination, str] | Failure:
        """Where an absolute URL leads, and the target there; a failure if nothing may be sent."""
        try:
            origin, target = split_url(url)
        except ExpressionError as error:
            return Failure("bad_request", str(error))
        if not self.may_reach(origin):
            return Failure("host_not_allowed", str(origin))
        return self.to(origin), target

    def _context(self, tls: Tls) -> ssl.SSLContext:
        if tls not in self._contexts:
            self._contexts[tls] = client_context(tls)
        return self._contexts[tls]
