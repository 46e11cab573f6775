"""The transport of a run: endpoints before the clock starts, clients for its users, and the way out."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping

from windtunnel.http.client import HttpClient
from windtunnel.http.dial import Destination, knock
from windtunnel.http.encoding import encode_target, merge_headers, require_method
from windtunnel.http.endpoint import DEFAULT_HEADERS, HttpEndpoint, make_endpoint
from windtunnel.http.errors import Failure
from windtunnel.http.identity import Identification
from windtunnel.http.origin import Origin, parse_base_url
from windtunnel.http.routes import Routes
from windtunnel.model.sut import Service, Sut

__all__ = ["HttpTransport"]

_KNOCK_S = 5.0


class HttpTransport:
    """Our own HTTP/1.1 transport, for one run against one SUT. Belongs to the event loop its clients run on."""

    __slots__ = ("_clients", "_destinations", "_identification", "_routes", "_sut")

    def __init__(self, sut: Sut, run_id: str) -> None:
        """Raises ExpressionError for a base URL or the name of an id header that can't be used."""
        self._sut = sut
        self._identification = Identification(sut.ids, run_id=run_id)
        self._routes = Routes(sut)
        self._destinations: dict[Destination, None] = {}
        self._clients: weakref.WeakSet[HttpClient] = weakref.WeakSet()

    def endpoint(self, *, method: str, service: Service, headers: Mapping[str, str]) -> HttpEndpoint:
        """Compile what is constant about a step's requests: defaults, under the service's headers, under its own.

        Raises ExpressionError for a method, base URL or header that can't be sent, ConfigError for a CA file
        that can't be read.
        """
        base, destination = parse_base_url(service.base_url), self.destination(service)
        self._destinations[destination] = None
        own = tuple(headers.items())
        return make_endpoint(
            method=require_method(method),
            service=service,
            destination=destination,
            path=encode_target(base.path) if base.path else "",
            headers=merge_headers(DEFAULT_HEADERS, service.headers.items(), own),
            portable=merge_headers(DEFAULT_HEADERS, own),
        )

    def client(self) -> HttpClient:
        """A client for one user."""
        client = HttpClient(self._routes, identification=self._identification, settings=self._sut.http)
        self._clients.add(client)
        return client

    def destinations(self) -> tuple[Destination, ...]:
        """Where the requests of every endpoint that was made go."""
        return tuple(self._destinations)

    def destination(self, service: Service) -> Destination:
        """How a service is reached."""
        base = parse_base_url(service.base_url)
        return self._routes.to(base.origin, service.tls, socket=base.socket)

    async def knock(self, destination: Destination) -> Failure | None:
        """Open a connection and close it again: why that failed, or None."""
        return await knock(destination, resolver=self._routes.resolver, timeout_s=_KNOCK_S)

    def detour(self, origin: Origin, address: str | None) -> None:
        """Connect to `address` for this origin from now on; None for its own again."""
        self._routes.resolver.fix(origin.host, origin.port, address)

    async def close(self) -> None:
        """Drop every connection of every client."""
        for client in tuple(self._clients):
            client.close()
        # Sockets are closed by callbacks of the loop: one turn for TCP, another for TLS on top of it.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
