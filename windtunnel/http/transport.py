"""The transport of a run: endpoints before the load begins, clients for its users, hooks, and the end of both."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

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
from windtunnel.interfaces import Endpoint, Hide, OnRequest, OnResponse, OnToken
from windtunnel.model.auth import Auth, OAuth2
from windtunnel.model.origin import Origin, parse_base_url, split_url
from windtunnel.model.sut import Service, Sut, Tls
from windtunnel.tasks import all_of

if TYPE_CHECKING:
    from windtunnel.http.tokens import TokenSources

_PROBE_S = 5.0


class HttpTransport:
    """Our own HTTP/1.1 transport, for one run against one SUT. Belongs to the event loop its clients run on.

    `on_request` and `on_response` are hooks for every request on the wire, those for tokens and each redirect
    included. Add to them before clients are made.
    """

    __slots__ = (
        *("_clients", "_destinations", "_id_headers", "_routes", "_sut", "_told", "_tokens"),
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
        self._tokens: TokenSources | None = None
        self._told: tuple[OnToken, Callable[[str], None]] = (lambda *_: None, lambda _: None)
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
        if auth.oauth2 is None or any(name.lower() == "authorization" for name in headers):
            return made
        return replace(made, authorizer=self._sources().lasting(auth.oauth2, service.tls))

    def authorized(self, endpoint: Endpoint, oauth2: OAuth2, *, hide: Hide) -> HttpEndpoint:
        """The endpoint for requests with a token of `oauth2`; see `interfaces.Transport.authorized`."""
        from windtunnel.http.tokens import SourceForInstance

        assert isinstance(endpoint, HttpEndpoint), "the endpoint was made by another transport"
        source = self._sources().rendered(oauth2, endpoint.service.tls)
        return replace(endpoint, authorizer=SourceForInstance(source=source, hide=hide))

    def _sources(self) -> TokenSources:
        if self._tokens is None:
            from windtunnel.http.tokens import TokenSources

            self._tokens = TokenSources(self._token_endpoint, self.client)
            self._tokens.begin(*self._told)
        return self._tokens

    def _token_endpoint(self, url: str, tls: Tls) -> tuple[HttpEndpoint, str]:
        """Where token requests go. The certificate is verified as that of the service that needs the tokens."""
        origin, target = split_url(url)
        service = Service(name="oauth2", base_url=str(origin), tls=tls)
        return self.endpoint(method="POST", service=service, headers={}), target

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

    async def begin(self, *, on_token: OnToken, on_secret: Callable[[str], None]) -> None:
        """Fetch every access token that all users share. Requests that need one report the failure."""
        self._told = on_token, on_secret
        if self._tokens is not None:
            await all_of([source.fetch() for source in self._tokens.begin(on_token, on_secret)])

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
