"""The text of requests. No value can end its line and no target its word; an endpoint holds the constant text.

A step's endpoint is compiled before the load; during the load, the target, the ids and varying headers are added.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Protocol

from windtunnel import __version__
from windtunnel.errors import ExpressionError
from windtunnel.http.proxy import authorization
from windtunnel.http.stream import Destination
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.origin import percent_encoded
from windtunnel.model.sut import IdHeaders, Service

Pairs = tuple[tuple[str, str], ...]
"""Headers as (name, value)."""

FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where the body ends; they follow from the body, so they can't be set."""

_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})

# RFC 9110, 5.6.2: token.
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch

# RFC 3986, 3.3 and 3.4 (pchar, "/", "?"), with "[" and "]", which every server reads and many clients send.
_TARGET_CHARACTERS = "A-Za-z0-9/?:@!$&'()*+,;=._~\\[\\]-"
is_clean_target = re.compile(f"/[{_TARGET_CHARACTERS}]*").fullmatch
"""Whether a path with query can be sent as it is."""

_percent_that_encodes_nothing = re.compile(r"%(?![0-9A-Fa-f]{2})").sub
_SAFE_IN_TARGET = "/?:@!$&'()*+,;=._~[]-%"


def encode_target(text: str) -> str:
    """A path with query as ASCII: characters a URL can't hold are percent-encoded, valid `%XX` stay.

    A fragment is dropped, since it is never sent. The same object is returned when nothing changes.
    """
    if is_clean_target(text):
        return text
    text = _percent_that_encodes_nothing("%25", text.partition("#")[0])
    return percent_encoded(text, safe=_SAFE_IN_TARGET)


def require_method(method: str) -> str:
    """The method as sent. Raises ExpressionError if it is no method, or one that ends HTTP on a connection."""
    if not _is_token(method):
        raise ExpressionError(f"{method!r} is not an HTTP method")
    if method.upper() == "CONNECT":
        raise ExpressionError("CONNECT opens a tunnel; it can't be used as a request")
    return method


def header_lines(pairs: Iterable[tuple[str, str]]) -> str:
    """Headers as `Name: value` lines, each ended by CRLF. Raises ExpressionError for what can't be sent."""
    pairs = tuple(pairs)
    text = "".join([f"{name}: {value}\r\n" for name, value in pairs])
    # Every line end in the text must be one of ours; only if one is not is it worth finding out whose.
    lines = len(pairs)
    if text.count("\r") != lines or text.count("\n") != lines or "\0" in text:
        name = next(name for name, value in pairs if not {"\r", "\n", "\0"}.isdisjoint(f"{name}{value}"))
        raise ExpressionError(f"header {name!r}: a header can't hold a line end or a null character")
    for name, _ in pairs:
        if not _is_token(name):
            raise ExpressionError(f"{name!r} is not a header name")
        if name.lower() in FRAMING:
            raise ExpressionError(f"header {name!r} is computed from the body and can't be set", hint="remove it")
    return text


def merge_headers(*layers: Iterable[tuple[str, str]]) -> Pairs:
    """Layers of headers as one: a name in a later layer replaces the same name in earlier ones.

    Names compare without case. Within one layer every header stays.
    """
    merged: list[tuple[str, str]] = []
    for layer in layers:
        pairs = tuple(layer)
        names = {name.lower() for name, _ in pairs}
        merged = [pair for pair in merged if pair[0].lower() not in names]
        merged.extend(pairs)
    return tuple(merged)


def expects_body(method: str) -> bool:
    """Whether an empty body is announced too, because servers expect a length (RFC 9110, 8.6)."""
    return method in _BODY_METHODS


class IdLines:
    """The id headers of one instance: `lines`, the id of a span, then `end` make them complete.

    W3C Trace Context: `traceparent: 00-<32 hex: trace>-<16 hex: span>-<flags>`. A span's id is `span_prefix`
    and its number in the instance (from 1) as 8 hex digits: unique in its trace, and the same in every
    repetition. Without a trace `span_prefix` and `end` are empty.
    """

    __slots__ = ("end", "lines", "span_prefix")

    def __init__(self, lines: str, end: str = "", span_prefix: str = "") -> None:
        self.lines, self.end, self.span_prefix = lines, end, span_prefix

    def with_span(self, span_id: str) -> Pairs:
        """All id headers of one request, as pairs."""
        lines = f"{self.lines}{span_id}{self.end}".splitlines()
        return tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))


class IdLineTemplate:
    """Makes the id headers of a run's instances. What is constant about them is checked and put together once.

    `names` are the names of all id headers in lower case.
    """

    __slots__ = ("_end", "_lines", "_traced", "names", "of_run")

    def __init__(self, ids: IdHeaders, *, run_id: str) -> None:
        """Raises ExpressionError for a name or a run id that can't be sent."""
        run = ((ids.run, run_id),) if ids.run else ()
        named = ((ids.instance, "%(instance)s"), (ids.correlation, "%(correlation)s"))
        pairs = [(name, value) for name, value in named if name]
        self.of_run = IdLines(header_lines(run))
        """The id headers of requests outside every instance."""
        self._traced = ids.traceparent
        traceparent = "traceparent: 00-%(correlation)s-" if ids.traceparent else ""
        own = header_lines([(name.replace("%", "%%"), value) for name, value in pairs])
        self._lines = f"{self.of_run.lines.replace('%', '%%')}{own}{traceparent}"
        self._end = "-01\r\n" if ids.traceparent else ""
        names = [name.lower() for name, _ in (*run, *pairs)]
        self.names = frozenset([*names, "traceparent"] if ids.traceparent else names)

    def of_instance(self, *, instance_id: str, correlation_id: str) -> IdLines:
        """The id headers of one instance. Neither id has a line break or another control character."""
        lines = self._lines % {"instance": instance_id, "correlation": correlation_id}
        # The end of a correlation id tells the instances of a run apart, its beginning does not.
        return IdLines(lines, self._end, correlation_id[-8:] if self._traced else "")


DEFAULT_HEADERS: Pairs = (("User-Agent", f"windtunnel/{__version__}"), ("Accept", "*/*"))

AuthFlow = Generator[Request, Exchange | None, Exchange]
"""Yields requests to send, receives the exchange of each, and returns the exchange that answers the step.

It receives None for a token that did not come in time.
"""


class Authorizer(Protocol):
    """Adds credentials that are not known before the load begins. Decides what is sent, and sends nothing."""

    @property
    def token_request(self) -> Request:
        """Stands for the request for a token, however that is asked for."""

    def flow(self, request: Request) -> AuthFlow:
        """What to send to get a request answered: `token_request`, or the request with a token."""

    async def fetch(self, timeout_s: float) -> Exchange | None:
        """The answer to a request for a token, which is sent once for everyone who waits; None if it is late."""


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
