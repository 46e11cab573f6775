"""The transport of a run: endpoints before the load begins, clients for its users, hooks, and the end of both."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace

from windtunnel.http.client import Hooks, HttpClient
from windtunnel.http.endpoint import (
    DEFAULT_HEADERS,
    HttpEndpoint,
    IdLineTemplate,
    Pairs,
    encode_target,
    make_endpoint,
    merge_headers,
    require_method,
)
from windtunnel.http.errors import Failure
from windtunnel.http.routes import Routes
from windtunnel.http.stream import Destination, StreamOpener
from windtunnel.http.tokens import TokenSource
from windtunnel.interfaces import OnRequest, OnResponse
from windtunnel.model.auth import Auth, OAuth2
from windtunnel.model.http import Exchange
from windtunnel.model.origin import Origin, parse_base_url, split_url
from windtunnel.model.sut import Service, Sut, Tls
from windtunnel.tasks import all_of

_PROBE_S = 5.0


class HttpTransport:
    """Our own HTTP/1.1 transport, for one run against one SUT. Belongs to the event loop its clients run on.

    `on_request` and `on_response` are hooks for every request on the wire, those for tokens and each redirect
    included. Add to them before clients are made.
    """

    __slots__ = (
        *("_clients", "_destinations", "_id_headers", "_routes", "_sut", "_tokens"),
        *("on_request", "on_response"),
    )

    def __init__(
        self, sut: Sut, run_id: str, *, around: Callable[[StreamOpener], StreamOpener] | None = None
    ) -> None:
        """`around` puts a stream opener around the one that connects, for every connection.

        Raises ExpressionError for a base URL or the name of an id header that can't be used.
        """
        self._sut = sut
        self._id_headers = IdLineTemplate(sut.ids, run_id=run_id)
        self._routes = Routes(sut, around=around)
        self._destinations: dict[Destination, None] = {}
        self._tokens: dict[OAuth2, TokenSource] = {}
        self._clients: weakref.WeakSet[HttpClient] = weakref.WeakSet()
        self.on_request: list[OnRequest] = []
        self.on_response: list[OnResponse] = []

    def endpoint(self, *, method: str, service: Service, headers: Mapping[str, str]) -> HttpEndpoint:
        """Compile what is constant about a step's requests: defaults, under the service's headers, under its own.

        Raises ExpressionError for a method, base URL or header that can't be sent, ConfigError for a CA file
        that can't be read.
        """
        base, destination = parse_base_url(service.base_url), self.destination(service)
        self._destinations[destination] = None
        own = tuple(headers.items())
        auth = service.auth
        made = make_endpoint(
            method=require_method(method),
            service=service,
            destination=destination,
            path=encode_target(base.path) if base.path else "",
            headers=merge_headers(DEFAULT_HEADERS, service.headers.items(), _credentials(auth), own),
            portable=merge_headers(DEFAULT_HEADERS, own),
        )
        return (
            made if auth.oauth2 is None else replace(made, authorizer=self._token_source(auth.oauth2, service.tls))
        )

    def _token_source(self, auth: OAuth2, tls: Tls) -> TokenSource:
        """The source of a client's tokens: one for all endpoints."""
        source = self._tokens.get(auth)
        if source is None:
            origin, target = split_url(auth.token_url)
            # Its certificate is verified as that of the service that needs the tokens.
            service = Service(name="oauth2", base_url=str(origin), tls=tls)
            endpoint = self.endpoint(method="POST", service=service, headers={})
            source = self._tokens[auth] = TokenSource(auth, endpoint, target, self.client)
        return source

    def client(self) -> HttpClient:
        """A client for one user."""
        hooks = None
        if self.on_request or self.on_response:
            hooks = Hooks(on_request=self.on_request, on_response=self.on_response)
        client = HttpClient(self._routes, id_headers=self._id_headers, settings=self._sut.http, hooks=hooks)
        self._clients.add(client)
        return client

    def destinations(self) -> tuple[Destination, ...]:
        """The destinations of all endpoints made so far."""
        return tuple(self._destinations)

    def destination(self, service: Service) -> Destination:
        """How a service is reached."""
        base = parse_base_url(service.base_url)
        return self._routes.to(base.origin, service.tls, socket=base.socket)

    async def probe(self, destination: Destination) -> Failure | None:
        """Open a connection and close it again: why that failed, or None."""
        return await self._routes.dialer.probe(destination, timeout_s=_PROBE_S)

    def reroute(self, origin: Origin, address: str | None) -> None:
        """Connect to `address` for this origin from now on; None for its own again."""
        self._routes.resolver.fix(origin.host, origin.port, address)

    async def begin(self, *, on_exchange: Callable[[Exchange], None], on_secret: Callable[[str], None]) -> None:
        """Fetch every access token. A failure is reported by the requests that need the token."""
        for source in self._tokens.values():
            source.on_exchange, source.on_token = on_exchange, on_secret
        await all_of([source.fetch() for source in self._tokens.values()])

    async def close(self) -> None:
        """Drop every connection of every client."""
        for client in tuple(self._clients):
            client.close()
        # Sockets are closed by callbacks of the loop: one turn for TCP, another for TLS on top of it.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def _credentials(auth: Auth) -> Pairs:
    """What of a service's auth is the same in every request, as headers."""
    cookies = "; ".join(f"{name}={value}" for name, value in auth.cookies)
    return (*auth.headers, ("Cookie", cookies)) if cookies else auth.headers
