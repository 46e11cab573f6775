"""What all users of a run share: which hosts they may reach, how streams there are opened, and TLS settings."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cached_property

from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.http.connection import Outbox
from windtunnel.http.deadlines import Deadlines
from windtunnel.http.dial import Dialer
from windtunnel.http.errors import Failure
from windtunnel.http.proxy import proxy_for
from windtunnel.http.resolve import Resolver
from windtunnel.http.stream import Destination, StreamOpener
from windtunnel.model.origin import HostRules, Origin, parse_base_url, split_url
from windtunnel.model.sut import Proxy, Sut, Tls


class Routes:
    """Destinations, one of each, with TLS as the service of that origin has it.

    `opener` opens the streams of every connection. What belongs to an event loop is made when it is first used:
    compiling a plan needs none of it.
    """

    def __init__(self, sut: Sut, *, around: Callable[[StreamOpener], StreamOpener] | None = None) -> None:
        """`around` puts another opener around the one that dials.

        Raises ExpressionError for a base URL that can't be used.
        """
        self._settings, self._around = sut.http, around
        self._tls = {parse_base_url(each.base_url).origin: each.tls for each in reversed(sut.all_services)}
        self._hosts = HostRules.of(sut)
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self._destinations: dict[tuple[Origin, Tls, str | None], Destination] = {}

    @cached_property
    def deadlines(self) -> Deadlines:
        """The deadlines of all connections."""
        return Deadlines()

    @cached_property
    def outbox(self) -> Outbox:
        """The requests that leave together."""
        return Outbox()

    @cached_property
    def resolver(self) -> Resolver:
        """The addresses of hosts."""
        return Resolver(ttl_s=self._settings.dns_ttl_s, fixed=self._settings.resolve)

    @cached_property
    def dialer(self) -> Dialer:
        """Opens streams to destinations."""
        return Dialer(self.resolver)

    @cached_property
    def opener(self) -> StreamOpener:
        """The dialer, or the opener around it."""
        return self.dialer if self._around is None else self._around(self.dialer)

    def may_reach(self, origin: Origin) -> bool:
        """Whether the SUT file allows requests to this origin."""
        return self._hosts.allow(origin)

    def to(self, origin: Origin, tls: Tls | None = None, *, socket: str | None = None) -> Destination:
        """How to reach an origin: with `tls`, that of its service or the default; or over a Unix socket.

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
                proxy=self._proxy_for(origin) if socket is None else None,
                keeps_open=self._settings.connections != "none",
            )
        return destination

    def by_url(self, url: str) -> tuple[Destination, str] | Failure:
        """The destination of an absolute URL and the target there; a failure if nothing may be sent."""
        try:
            origin, target = split_url(url)
        except ExpressionError as error:
            return Failure("bad_request", str(error))
        if not self.may_reach(origin):
            return Failure("host_not_allowed", str(origin))
        return self.to(origin), target

    def _proxy_for(self, origin: Origin) -> Proxy | None:
        proxies = self._settings.proxies
        return proxy_for(origin, proxies) if proxies.http or proxies.https else None

    def _context(self, tls: Tls) -> ssl.SSLContext:
        if tls not in self._contexts:
            self._contexts[tls] = client_context(tls)
        return self._contexts[tls]


def client_context(tls: Tls) -> ssl.SSLContext:
    """TLS settings as an ssl context. Raises ConfigError when one of the files can't be used.

    Making one reads the system's certificates, which takes milliseconds.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.ca is not None:
        _load_ca(context, tls.ca)
    if tls.cert is not None:
        _load_own(context, tls.cert, tls.key)
    return context


def _load_ca(context: ssl.SSLContext, ca: str) -> None:
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError:
        raise ConfigError.of(
            f"tls.ca: {ca} holds no certificate", hint="it must be a PEM file with BEGIN CERTIFICATE lines"
        ) from None
    except OSError as error:
        raise ConfigError.of(f"tls.ca: {ca} can't be read: {error.strerror}") from None


def _load_own(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    try:
        # Without a password OpenSSL would ask for that of an encrypted key on the terminal.
        context.load_cert_chain(cert, key, password=lambda: "")
    except ssl.SSLError as error:
        reason = (error.reason or "no certificate with its key in it").replace("_", " ").lower()
        raise ConfigError.of(
            f"tls.cert: {cert} can't be used{f' with {key}' if key else ''}: {reason}",
            hint="tls.cert and tls.key must be PEM files that belong together, the key without a password",
        ) from None
    except OSError as error:
        raise ConfigError.of(f"tls.cert: {cert} or its key can't be read: {error.strerror}") from None
