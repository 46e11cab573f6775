"""One user's way to the SUT: requests in, exchanges out, failures as values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter, time

from windtunnel.errors import ExpressionError
from windtunnel.http.connection import Connection
from windtunnel.http.cookies import CookieJar, join_cookies
from windtunnel.http.dial import Destination, dial
from windtunnel.http.encoding import content_length, encode_target, header_lines, merge_headers
from windtunnel.http.endpoint import DEFAULT_HEADERS, HttpEndpoint, Pairs, make_endpoint
from windtunnel.http.errors import Failure
from windtunnel.http.identity import Identification
from windtunnel.http.redirects import REDIRECT_STATUSES, Follow, carried_headers, decide_redirect
from windtunnel.http.routes import Routes
from windtunnel.http.upload import Upload, open_upload
from windtunnel.interfaces import Endpoint
from windtunnel.model.http import Body, Exchange
from windtunnel.model.sut import HttpSettings

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_IDLE_PER_DESTINATION = 6


class HttpClient:
    """Connections of one user, and the cookies and ids of the instance the user runs."""

    __slots__ = (
        "__weakref__",
        "_connections",
        "_cookies",
        "_cookies_are_kept",
        "_has_cookies",
        "_identification",
        "_identity",
        "_idle",
        "_max_body",
        "_routes",
        "_spans",
        "_starts_afresh",
    )

    def __init__(self, routes: Routes, *, identification: Identification, settings: HttpSettings) -> None:
        self._routes, self._max_body = routes, settings.max_body
        self._starts_afresh = settings.connections == "instance"
        self._connections: set[Connection] = set()
        self._idle: dict[Destination, list[Connection]] = {}
        self._cookies = CookieJar()
        self._has_cookies = self._cookies_are_kept = False
        self._identification = identification
        self._identity = identification.of_run
        self._spans = 0

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        """Forget cookies, or go on with those kept, and take on the ids of a new instance.

        The correlation id (32 hex) is the trace's.
        """
        if cookies is not None:
            assert isinstance(cookies, CookieJar), "the cookies are another client's"
            self._cookies, self._has_cookies, self._cookies_are_kept = cookies, len(cookies) > 0, True
        elif self._has_cookies or self._cookies_are_kept:
            self._cookies, self._has_cookies, self._cookies_are_kept = CookieJar(), False, False
        if self._starts_afresh:
            self.close()
        self._identity = self._identification.of_instance(instance_id=instance_id, correlation_id=correlation_id)
        self._spans = 0

    @property
    def cookies(self) -> CookieJar:
        """The cookies of the instance, to go on with in another one."""
        return self._cookies

    def close(self) -> None:
        """Drop every connection; a request under way ends with the error `closed`."""
        self._idle.clear()
        for connection in tuple(self._connections):
            connection.close()

    async def send(
        self,
        endpoint: Endpoint,
        target: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: Body = b"",
        timeout_s: float,
        max_body: int | None = None,
        follow_redirects: bool = True,
        on_hop: Callable[[Exchange], None] | None = None,
    ) -> Exchange:
        """Send a request and what its redirects ask for; see `interfaces.Client.send`.

        What a URL can't hold is percent-encoded. Raises asyncio.CancelledError alone, with the connection dropped.
        """
        assert isinstance(endpoint, HttpEndpoint), "the endpoint was made by another transport"
        if endpoint.tokens is not None:
            return await endpoint.tokens.send(
                self,
                endpoint,
                target,
                headers=headers,
                body=body,
                timeout_s=timeout_s,
                max_body=max_body,
                follow_redirects=follow_redirects,
                on_hop=on_hop,
            )
        deadline_s = perf_counter() + timeout_s
        if max_body is None:
            max_body = self._max_body
        if not target.startswith("/"):
            moved = self._elsewhere(endpoint, target)
            if isinstance(moved, Failure):
                return _unsent(Exchange(endpoint.method, target, endpoint.service.name), moved)
            endpoint, target = moved
        exchange = await self._exchange(endpoint, target, headers, body, deadline_s, max_body)
        followed = 0
        while follow_redirects and exchange.status in REDIRECT_STATUSES and exchange.error is None:
            follow = self._redirect(exchange, followed)
            if follow is None:
                break
            if on_hop is not None:
                on_hop(exchange)
            followed += 1
            endpoint = self._successor(endpoint, tuple(headers), follow)
            headers, body = (), body if follow.keeps_body else b""
            exchange = await self._exchange(endpoint, follow.target, headers, body, deadline_s, max_body)
        return exchange

    async def _exchange(
        self,
        endpoint: HttpEndpoint,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: Body,
        deadline_s: float,
        max_body: int,
    ) -> Exchange:
        """Send one request and wait for its end, on an idle connection if there is one."""
        target = encode_target(target)
        own_body = body if type(body) is bytes else b""
        exchange = Exchange(endpoint.method, endpoint.url + target, endpoint.service.name, own_body)
        exchange.started = perf_counter()
        wire, upload = self._prepare(exchange, endpoint, target, headers, body)
        if not wire:
            return exchange
        destination = endpoint.destination
        connection = self._idle_connection(destination)
        was_idle = connection is not None
        while True:
            if connection is None:
                connection = await self._open(destination, exchange, deadline_s)
                if connection is None:
                    break
            try:
                await connection.request(exchange, wire, upload, deadline_s=deadline_s, max_body=max_body)
            except asyncio.CancelledError:
                connection.close()
                raise
            if exchange.error is None:
                if connection.is_open:
                    self._keep(connection, destination)
            elif was_idle and _found_closed(exchange):
                if exchange.method in _IDEMPOTENT:
                    if upload is not None:
                        upload.restart()
                    exchange.resent, exchange.error, exchange.error_detail = True, None, None
                    connection, was_idle = None, False
                    continue
                exchange.error = "closed"
            if connection.sets_cookies:
                self._take_cookies(destination, exchange)
            break
        if upload is not None:
            upload.close()
        return exchange

    def _prepare(
        self,
        exchange: Exchange,
        endpoint: HttpEndpoint,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: Body,
    ) -> tuple[bytes, Upload | None]:
        """The request as bytes, and the body if that is sent later.

        What can't be sent has no bytes, and its error is in the exchange.
        """
        try:
            return self._encode(exchange, endpoint, target, headers, body)
        except ExpressionError as error:
            _unsent(exchange, Failure("bad_request", str(error)))
        except UnicodeEncodeError:
            _unsent(exchange, Failure("bad_request", "a header holds text that is not valid Unicode"))
        return b"", None

    def _idle_connection(self, destination: Destination) -> Connection | None:
        idle = self._idle.get(destination)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    def _keep(self, connection: Connection, destination: Destination) -> None:
        """Make the connection idle, or end it where there is no use for it."""
        idle = self._idle.get(destination)
        if not destination.keeps_open:
            connection.close()
        elif idle is None:
            self._idle[destination] = [connection]
        elif len(idle) < _IDLE_PER_DESTINATION:
            idle.append(connection)
        else:
            connection.close()

    async def _open(self, destination: Destination, exchange: Exchange, deadline_s: float) -> Connection | None:
        """A new connection, or None with the reason in the exchange."""
        connection = Connection(deadlines=self._routes.deadlines, outbox=self._routes.outbox, on_lost=self._lost)
        self._connections.add(connection)
        failure: Failure | None = Failure("closed")
        try:
            failure = await dial(
                connection,
                destination,
                resolver=self._routes.resolver,
                deadline_s=deadline_s,
                timings=exchange.timings,
            )
        finally:
            if failure is not None:  # also when cancelled
                connection.close()
                self._connections.discard(connection)
        if failure is not None:
            _unsent(exchange, failure)
            return None
        return connection

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        for idle in self._idle.values():
            if connection in idle:
                idle.remove(connection)

    def _encode(
        self,
        exchange: Exchange,
        endpoint: HttpEndpoint,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: Body,
    ) -> tuple[bytes, Upload | None]:
        """As `_prepare`. Raises ExpressionError or UnicodeEncodeError for what can't be sent."""
        identity = self._identity
        span_id = ""
        if identity.span_prefix:
            self._spans += 1
            span_id = exchange.span_id = f"{identity.span_prefix}{self._spans:08x}"
        upload = None
        if type(body) is not bytes or (body and endpoint.waits):
            upload = open_upload(body, waits=endpoint.waits)
            length, body = content_length(upload.size), b""
        else:
            length = content_length(len(body)) if body or endpoint.expects_body else ""
        if self._has_cookies:
            headers = self._with_cookies(endpoint, target, headers)
        lines = header_lines(headers) if headers else ""
        names = self._identification.names
        if names.isdisjoint(endpoint.names) and (not headers or _all_new(headers, names, endpoint.names)):
            ids = f"{identity.lines}{span_id}{identity.end}"
            head = f"{endpoint.start}{target}{endpoint.block}{ids}{lines}{length}\r\n"
        else:
            own_ids = [pair for pair in identity.with_span(span_id) if pair[0].lower() not in endpoint.names]
            lines = header_lines(merge_headers([*endpoint.headers, *own_ids], headers))
            head = f"{endpoint.start}{target} HTTP/1.1\r\n{lines}{endpoint.hop}{length}\r\n"
        return (head.encode() + body if body else head.encode()), upload

    def _with_cookies(
        self, endpoint: HttpEndpoint, target: str, headers: Sequence[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        """The headers with those of the jar's cookies that belong there, beside those the step sets itself."""
        origin = endpoint.destination.origin
        path = endpoint.path + target
        kept = self._cookies.header(host=origin.host, target=path, secure=origin.scheme == "https", now=time())
        if kept is None:
            return headers
        own = next((value for name, value in (*headers, *endpoint.headers) if name.lower() == "cookie"), None)
        others = [pair for pair in headers if pair[0].lower() != "cookie"]
        return [*others, ("Cookie", kept if own is None else join_cookies(own, kept))]

    def _take_cookies(self, destination: Destination, exchange: Exchange) -> None:
        origin = destination.origin
        self._cookies.store(
            exchange.headers.all("set-cookie"),
            host=origin.host,
            target=exchange.url[len(str(origin)) :],
            secure=origin.scheme == "https",
            now=time(),
        )
        self._has_cookies = len(self._cookies) > 0

    def _elsewhere(self, endpoint: HttpEndpoint, url: str) -> tuple[HttpEndpoint, str] | Failure:
        """The endpoint and target of an absolute URL; at another origin without the service's headers."""
        found = self._routes.by_url(url)
        if isinstance(found, Failure):
            return found
        destination, target = found
        at_home = destination.origin == endpoint.destination.origin
        moved = make_endpoint(
            method=endpoint.method,
            service=endpoint.service,
            destination=endpoint.destination if at_home else destination,
            path="",
            headers=endpoint.headers if at_home else endpoint.portable,
            portable=endpoint.portable,
        )
        return moved, target

    def _redirect(self, exchange: Exchange, followed: int) -> Follow | None:
        """Where a redirect leads; one that may not be followed becomes the exchange's error."""
        decision = decide_redirect(
            status=exchange.status,
            method=exchange.method,
            url=exchange.url,
            location=exchange.headers.get("location"),
            followed=followed,
            is_allowed=self._routes.may_reach,
        )
        if isinstance(decision, Failure):
            exchange.error, exchange.error_detail = decision.kind, decision.detail
            return None
        return decision

    def _successor(self, endpoint: HttpEndpoint, headers: Pairs, follow: Follow) -> HttpEndpoint:
        """The endpoint of the request a redirect asks for."""
        return make_endpoint(
            method=follow.method,
            service=endpoint.service,
            destination=self._routes.to(follow.origin) if follow.leaves_origin else endpoint.destination,
            path="",
            headers=carried_headers(merge_headers(endpoint.headers, headers), follow, defaults=DEFAULT_HEADERS),
            portable=DEFAULT_HEADERS,
        )


def _unsent(exchange: Exchange, failure: Failure) -> Exchange:
    exchange.error, exchange.error_detail = failure.kind, failure.detail
    exchange.ended = perf_counter()
    exchange.started = exchange.started or exchange.ended
    return exchange


def _found_closed(exchange: Exchange) -> bool:
    """Whether a reused connection turned out to be closed already: nothing of a response has come."""
    return exchange.error in ("closed", "reset") and not exchange.bytes_received


def _all_new(headers: Sequence[tuple[str, str]], *taken: frozenset[str]) -> bool:
    """Whether none of the headers has a name that is taken, so that none stands in for another."""
    names = [name.lower() for name, _ in headers]
    return all(others.isdisjoint(names) for others in taken)
