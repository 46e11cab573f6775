"""The transport of a run: endpoints before the clock starts, clients for its users, and the way out."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace

from windtunnel.http.client import HttpClient
from windtunnel.http.dial import Destination, probe
from windtunnel.http.encoding import encode_target, merge_headers, require_method
from windtunnel.http.endpoint import DEFAULT_HEADERS, HttpEndpoint, Pairs, make_endpoint
from windtunnel.http.errors import Failure
from windtunnel.http.identity import Identification
from windtunnel.http.routes import Routes
from windtunnel.http.tokens import TokenSource
from windtunnel.http.watched import OnExchange, WatchedClient
from windtunnel.model.auth import Auth, OAuth2
from windtunnel.model.http import Exchange
from windtunnel.model.origin import Origin, parse_base_url, split_url
from windtunnel.model.sut import Service, Sut, Tls

_PROBE_S = 5.0


class HttpTransport:
    """Our own HTTP/1.1 transport, for one run against one SUT. Belongs to the event loop its clients run on."""

    __slots__ = ("_clients", "_destinations", "_identification", "_on_exchange", "_routes", "_sut", "_tokens")

    def __init__(self, sut: Sut, run_id: str, *, on_exchange: OnExchange | None = None) -> None:
        """`on_exchange` is shown every exchange of every client.

        Raises ExpressionError for a base URL or the name of an id header that can't be used.
        """
        self._on_exchange = on_exchange
        self._sut = sut
        self._identification = Identification(sut.ids, run_id=run_id)
        self._routes = Routes(sut)
        self._destinations: dict[Destination, None] = {}
        self._tokens: dict[OAuth2, TokenSource] = {}
        self._clients: weakref.WeakSet[HttpClient] = weakref.WeakSet()

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
        return made if auth.oauth2 is None else replace(made, tokens=self._token_source(auth.oauth2, service.tls))

    def _token_source(self, auth: OAuth2, tls: Tls) -> TokenSource:
        """The source of a client's tokens: one for all endpoints."""
        source = self._tokens.get(auth)
        if source is None:
            origin, target = split_url(auth.token_url)
            # A server of ours is believed as the service is that needs its tokens.
            service = Service(name="oauth2", base_url=str(origin), tls=tls)
            endpoint = self.endpoint(method="POST", service=service, headers={})
            source = self._tokens[auth] = TokenSource(auth, endpoint, target, self.client)
        return source

    def client(self) -> HttpClient:
        """A client for one user."""
        client = HttpClient(self._routes, identification=self._identification, settings=self._sut.http)
        if self._on_exchange is not None:
            client = WatchedClient(
                self._routes,
                identification=self._identification,
                settings=self._sut.http,
                on_exchange=self._on_exchange,
            )
        self._clients.add(client)
        return client

    def destinations(self) -> tuple[Destination, ...]:
        """Where the requests of every endpoint that was made go."""
        return tuple(self._destinations)

    def destination(self, service: Service) -> Destination:
        """How a service is reached."""
        base = parse_base_url(service.base_url)
        return self._routes.to(base.origin, service.tls, socket=base.socket)

    async def probe(self, destination: Destination) -> Failure | None:
        """Open a connection and close it again: why that failed, or None."""
        return await probe(destination, resolver=self._routes.resolver, timeout_s=_PROBE_S)

    def reroute(self, origin: Origin, address: str | None) -> None:
        """Connect to `address` for this origin from now on; None for its own again."""
        self._routes.resolver.fix(origin.host, origin.port, address)

    async def begin(self, *, on_request: Callable[[Exchange], None], on_secret: Callable[[str], None]) -> None:
        """Fetch every access token. One that can't be had is told to the requests that need it."""
        for source in self._tokens.values():
            source.on_request, source.on_token = on_request, on_secret
        await asyncio.gather(*(source.fetch() for source in self._tokens.values()))

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
