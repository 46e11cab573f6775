"""Where a step's requests go, with everything constant about them as text that only has to be put together."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from windtunnel import __version__
from windtunnel.http.encoding import Pairs, expects_body, header_lines
from windtunnel.http.proxy import authorization
from windtunnel.http.stream import Destination
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.sut import Service

DEFAULT_HEADERS: Pairs = (("User-Agent", f"windtunnel/{__version__}"), ("Accept", "*/*"))

AuthFlow = Generator[Request, Exchange, Exchange]
"""Yields requests to send, receives the exchange of each, and returns the exchange that answers the step."""


class Authorizer(Protocol):
    """Adds credentials that are not known before the load begins. Decides what is sent, and sends nothing."""

    token_request: Request

    def flow(self, request: Request) -> AuthFlow:
        """What to send to get a request answered: `token_request`, or the request with a token."""

    async def fetch(self) -> Exchange:
        """The exchange of `token_request`, which is sent once for everyone who waits for it."""


@dataclass(slots=True, kw_only=True, eq=False)
class HttpEndpoint:
    """A compiled endpoint.

    `url` is the part of a URL before the target, `path` the end of that. `start` is the request line up to the
    target, `block` the rest of that line with every constant header. `headers` are those headers (Host among them)
    but for the lines in `hop`, which concern the next hop alone; `names` are their names in lower case. `portable`
    are the ones that are sent to another origin too: the defaults and the step's own, but not the service's.
    `expects_body`: even an empty body is announced. `waits`: a body is sent once the server says 100 (Continue).
    `authorizer` adds a token to requests, None for requests without one.
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
    authorizer: Authorizer | None = None


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
