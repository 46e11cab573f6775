"""Where a step's requests go, with all that is constant about them as text that only has to be put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from windtunnel import __version__
from windtunnel.http.dial import Destination
from windtunnel.http.encoding import expects_body, header_lines
from windtunnel.http.proxy import authorization
from windtunnel.interfaces import Client
from windtunnel.model.http import Body, Exchange
from windtunnel.model.sut import Service

Pairs = tuple[tuple[str, str], ...]

DEFAULT_HEADERS: Pairs = (("User-Agent", f"windtunnel/{__version__}"), ("Accept", "*/*"))


class Authorizer(Protocol):
    """Sends the requests of an endpoint with credentials that are not known before the clock starts."""

    async def send(
        self,
        client: Client,
        endpoint: HttpEndpoint,
        target: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: Body,
        timeout_s: float,
        on_hop: Callable[[Exchange], None] | None,
        **more: Any,
    ) -> Exchange:
        """As `Client.send`, which is what it uses, with an endpoint that has no authorizer."""


@dataclass(slots=True, kw_only=True, eq=False)
class HttpEndpoint:
    """A compiled endpoint.

    `url` is what stands before the target in a URL, `path` the end of that. `start` is the request line up to the
    target, `block` the rest of that line with every constant header. `headers` are those headers (Host among them)
    but for the lines in `hop`, which concern the next hop alone; `names` are their names in lower case. `portable`
    are the ones that go along to another origin: the defaults and the step's own, but not the service's.
    `expects_body`: even an empty body is announced. `waits`: a body is sent once the server says 100 (Continue).
    `tokens` adds a token to requests, if they are to have one.
    """

    method: str
    service: Service
    destination: Destination
    url: str
    path: str
    start: str
    block: str
    hop: str
    headers: Pairs
    names: frozenset[str]
    portable: Pairs
    expects_body: bool
    waits: bool
    tokens: Authorizer | None = None


def make_endpoint(
    *, method: str, service: Service, destination: Destination, path: str, headers: Pairs, portable: Pairs
) -> HttpEndpoint:
    """Compile an endpoint under `path` ("" for the root). Raises ExpressionError for what can't be sent."""
    if all(name.lower() != "host" for name, _ in headers):
        headers = (("Host", destination.origin.authority), *headers)
    hop = _hop_lines(destination)
    return HttpEndpoint(
        method=method,
        service=service,
        destination=destination,
        url=f"{destination.origin}{path}",
        path=path,
        start=f"{method} {destination.origin if destination.forwarder else ''}{path}",
        block=f" HTTP/1.1\r\n{header_lines(headers)}{hop}",
        hop=hop,
        headers=headers,
        names=frozenset(name.lower() for name, _ in headers),
        portable=portable,
        expects_body=expects_body(method),
        waits=any((name.lower(), value.lower()) == ("expect", "100-continue") for name, value in headers),
    )


def _hop_lines(destination: Destination) -> str:
    own = authorization(destination.forwarder) if destination.forwarder else ()
    return header_lines([*own, *([] if destination.keeps_open else [("Connection", "close")])])
