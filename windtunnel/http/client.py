"""One user's access to the SUT: requests in, exchanges out, failures as values.

send ─▶ (token) ─▶ prepare ─▶ carry: take or open a connection, send, again if need be ─▶ redirect? ─▶ exchange
                     ▲                                                                       │
                     └─────────────────── the request that it asks for ◀─────────────────────┘
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, time

from windtunnel.errors import ExpressionError
from windtunnel.http.connection import BY_THE_CLIENT
from windtunnel.http.cookies import CookieJar, join_cookies
from windtunnel.http.endpoint import (
    DEFAULT_HEADERS,
    Authorizer,
    HttpEndpoint,
    IdLineTemplate,
    Pairs,
    encode_target,
    header_lines,
    is_clean_target,
    make_endpoint,
    merge_headers,
)
from windtunnel.http.errors import Failure
from windtunnel.http.pool import ConnectionPool, Move, after_failure, may_be_sent_twice
from windtunnel.http.redirects import REDIRECT_STATUSES, Follow, carried_headers, decide_redirect
from windtunnel.http.routes import Routes
from windtunnel.http.stream import Destination
from windtunnel.http.upload import Upload, open_upload
from windtunnel.interfaces import OnRequest, OnResponse, Request
from windtunnel.model.http import Exchange
from windtunnel.model.sut import HttpSettings

_REUSED = (
    "a reused connection was closed before any response; "
    "{} without an Idempotency-Key is not sent again, since it may have had its effect"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Functions that are called for every request on the wire, each redirect included."""

    on_request: Sequence[OnRequest]
    on_response: Sequence[OnResponse]


class HttpClient:
    """Connections of one user, and the cookies and ids of the instance that the user runs."""

    __slots__ = (
        "__weakref__",
        "_cookies",
        "_cookies_are_kept",
        "_has_cookies",
        "_hooks",
        "_id_headers",
        "_ids",
        "_max_body",
        "_pool",
        "_routes",
        "_spans",
        "_starts_afresh",
    )

    def __init__(
        self, routes: Routes, *, id_headers: IdLineTemplate, settings: HttpSettings, hooks: Hooks | None = None
    ) -> None:
        self._routes, self._max_body, self._hooks = routes, settings.max_body, hooks
        self._pool = ConnectionPool(
            routes.opener, deadlines=routes.deadlines, outbox=routes.outbox, strict=settings.strict
        )
        self._starts_afresh = settings.connections == "instance"
        self._cookies = CookieJar()
        self._has_cookies = self._cookies_are_kept = False
        self._id_headers = id_headers
        self._ids = id_headers.of_run
        self._spans = 0

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        """Forget cookies, or go on with those given, and send the ids of a new instance.

        The correlation id (32 hex) is the trace's.
        """
        if cookies is not None:
            assert isinstance(cookies, CookieJar), "the cookies are another client's"
            self._cookies, self._has_cookies, self._cookies_are_kept = cookies, len(cookies) > 0, True
        elif self._has_cookies or self._cookies_are_kept:
            self._cookies, self._has_cookies, self._cookies_are_kept = CookieJar(), False, False
        if self._starts_afresh:
            self.close()
        self._ids = self._id_headers.of_instance(instance_id=instance_id, correlation_id=correlation_id)
        self._spans = 0

    @property
    def cookies(self) -> CookieJar:
        """The cookies of the instance, to go on with in another one."""
        return self._cookies

    def close(self) -> None:
        """Close every connection; a request under way ends with the error `closed`."""
        self._pool.close()

    async def send(self, request: Request) -> Exchange:
        """Send a request and what its redirects ask for; see `interfaces.Client.send`.

        What a URL can't hold is percent-encoded. Raises asyncio.CancelledError alone, with the connection dropped.
        """
        endpoint = request.endpoint
        assert isinstance(endpoint, HttpEndpoint), "the endpoint was made by another transport"
        if endpoint.authorizer is not None:
            return await self._authorize(request, endpoint.authorizer)
        deadline_s = perf_counter() + request.timeout_s
        if not request.target.startswith("/"):
            moved = self._moved(endpoint, request.target)
            if isinstance(moved, Failure):
                unsent = Exchange(endpoint.method, request.target, endpoint.service.name, attempt=request.attempt)
                return _unsent(unsent, moved)
            endpoint, target = moved
            request = request.replace(endpoint=endpoint, target=target)
        followed = 0
        while True:
            exchange, wire, upload = self._prepare(request, endpoint)
            if self._hooks is not None:
                await self._send_with_hooks(self._hooks, exchange, wire, upload, request, endpoint, deadline_s)
            elif wire:
                await self._send_once(exchange, wire, upload, request, endpoint, deadline_s)
            if exchange.status not in REDIRECT_STATUSES or not request.follow_redirects:
                return exchange
            follow = self._redirect(exchange, followed)
            if follow is None:
                return exchange
            exchange.hop = True
            if request.on_hop is not None:
                request.on_hop(exchange)
            followed += 1
            endpoint = self._successor(endpoint, tuple(request.headers), follow)
            body = request.body if follow.keeps_body else b""
            request = request.replace(endpoint=endpoint, target=follow.target, headers=(), body=body)

    async def _authorize(self, request: Request, authorizer: Authorizer) -> Exchange:
        """Send what an authorizer asks for to get a request answered."""
        flow, marker = authorizer.flow(request), authorizer.token_request
        deadline_s = perf_counter() + request.timeout_s
        try:
            step = next(flow)
            while True:
                if step is marker:
                    step = flow.send(await authorizer.fetch(deadline_s - perf_counter()))
                else:
                    step = flow.send(await self.send(step))
        except StopIteration as end:
            exchange: Exchange = end.value
            return exchange

    def _prepare(self, request: Request, endpoint: HttpEndpoint) -> tuple[Exchange, bytes, Upload | None]:
        """The exchange of a request, the request as bytes, and the body if that is sent later.

        What can't be sent has no bytes, and its error is in the exchange.
        """
        ids, headers, body = self._ids, request.headers, request.body
        target = request.target if is_clean_target(request.target) else encode_target(request.target)
        own_body = body if type(body) is bytes else b""
        service = endpoint.service.name
        exchange = Exchange(endpoint.method, endpoint.url + target, service, own_body, request.attempt)
        exchange.started = perf_counter()
        span_id, upload = "", None
        if ids.span_prefix:
            self._spans += 1
            span_id = exchange.span_id = f"{ids.span_prefix}{self._spans:08x}"
        try:
            if type(body) is not bytes or (body and endpoint.waits):
                upload = open_upload(body, waits=endpoint.waits)
                length, body = f"Content-Length: {upload.size}\r\n", b""
            else:
                length = f"Content-Length: {len(body)}\r\n" if body or endpoint.expects_body else ""
            if self._has_cookies:
                headers = self._with_cookies(endpoint, target, headers)
            names = self._id_headers.names
            if names.isdisjoint(endpoint.names) and (not headers or _all_new(headers, names, endpoint.names)):
                lines = header_lines(headers) if headers else ""
                ids_and_own = f"{ids.lines}{span_id}{ids.end}{lines}"
                text = f"{endpoint.start}{target}{endpoint.block}{ids_and_own}{length}\r\n"
            else:
                own_ids = [pair for pair in ids.with_span(span_id) if pair[0].lower() not in endpoint.names]
                lines = header_lines(merge_headers([*endpoint.headers, *own_ids], headers))
                text = f"{endpoint.start}{target} HTTP/1.1\r\n{lines}{endpoint.hop}{length}\r\n"
            try:
                head = text.encode()
            except UnicodeEncodeError:
                head = text.encode("utf-8", "surrogateescape")  # as `model.http.wire_text` says
        except ExpressionError as error:
            _unsent(exchange, Failure("bad_request", str(error)))
        except UnicodeEncodeError:
            _unsent(exchange, Failure("bad_request", "a header holds text that is not valid Unicode"))
        else:
            exchange.request_head = head
            return exchange, head + body if body else head, upload
        if upload is not None:
            upload.close()
        return exchange, b"", None

    async def _send_once(
        self,
        exchange: Exchange,
        wire: bytes,
        upload: Upload | None,
        request: Request,
        endpoint: HttpEndpoint,
        deadline_s: float,
    ) -> None:
        """Send one request and wait for its end, on an idle connection if there is one."""
        pool, destination = self._pool, endpoint.destination
        max_body = self._max_body if request.max_body is None else request.max_body
        connection = pool.take(destination)
        was_reused = connection is not None
        try:
            while True:
                if connection is None:
                    opened = await pool.open(destination, deadline_s=deadline_s, timings=exchange.timings)
                    if isinstance(opened, Failure):
                        _unsent(exchange, opened)
                        return
                    connection = opened
                try:
                    await connection.request(exchange, wire, upload, deadline_s, max_body)
                except asyncio.CancelledError:
                    connection.close()
                    raise
                if exchange.error is None:
                    pool.give_back(connection, destination)
                    break
                if not self._tries_again(exchange, wire, was_reused=was_reused):
                    break
                if upload is not None:
                    upload.restart()
                connection, was_reused = None, False
        finally:
            if upload is not None:
                upload.close()
        if connection.reader.sets_cookies:
            self._take_cookies(destination, exchange)

    @staticmethod
    def _tries_again(exchange: Exchange, wire: bytes, *, was_reused: bool) -> bool:
        """Whether a request that failed is sent on a new connection; the exchange says that, or why it is not."""
        assert exchange.error is not None
        if exchange.error_detail == BY_THE_CLIENT.detail:
            return False
        move = after_failure(
            exchange.error,
            harmless=may_be_sent_twice(exchange.method, wire),
            was_reused=was_reused,
            bytes_sent=exchange.bytes_sent,
            bytes_received=exchange.bytes_received,
        )
        if move is Move.REPORT_CLOSED:
            exchange.error, exchange.error_detail = "closed", _REUSED.format(exchange.method)
        if move is not Move.RESEND and move is not Move.REPLACE:
            return False
        exchange.resent, exchange.replaced = move is Move.RESEND, move is Move.REPLACE
        exchange.error = exchange.error_detail = None
        return True

    async def _send_with_hooks(
        self,
        hooks: Hooks,
        exchange: Exchange,
        wire: bytes,
        upload: Upload | None,
        request: Request,
        endpoint: HttpEndpoint,
        deadline_s: float,
    ) -> None:
        """As `_send_once`, with the hooks before and after it; one that can't be sent has only the latter."""
        if wire:
            head = wire.partition(b"\r\n\r\n")[0]
            for on_request in hooks.on_request:
                on_request(request, head)
            await self._send_once(exchange, wire, upload, request, endpoint, deadline_s)
        for on_response in hooks.on_response:
            on_response(request, exchange)

    def _with_cookies(
        self, endpoint: HttpEndpoint, target: str, headers: Sequence[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        """The headers with the cookies of the jar for this target, in addition to those that the step sets."""
        origin = endpoint.destination.origin
        path = endpoint.path + target
        kept = self._cookies.header(host=origin.host, target=path, secure=origin.is_secure, now=time())
        if kept is None:
            return headers
        own = next((value for name, value in (*headers, *endpoint.headers) if name.lower() == "cookie"), None)
        others = [pair for pair in headers if pair[0].lower() != "cookie"]
        return [*others, ("Cookie", kept if own is None else join_cookies(own, kept))]

    def _take_cookies(self, destination: Destination, exchange: Exchange) -> None:
        origin = destination.origin
        refused = self._cookies.store(
            exchange.headers.raw("set-cookie"),
            host=origin.host,
            target=exchange.url[len(str(origin)) :],
            secure=origin.is_secure,
            now=time(),
        )
        for kind, name in refused:
            exchange.note(kind, about=name or None)
        self._has_cookies = len(self._cookies) > 0

    def _moved(self, endpoint: HttpEndpoint, url: str) -> tuple[HttpEndpoint, str] | Failure:
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
        """Where a complete redirect leads; one that may not be followed becomes the exchange's error."""
        if exchange.error is not None:
            return None
        decision = decide_redirect(
            status=exchange.status,
            method=exchange.method,
            url=exchange.url,
            locations=exchange.headers.raw("location"),
            followed=followed,
            is_allowed=self._routes.may_reach,
        )
        if isinstance(decision, Failure):
            exchange.error, exchange.error_detail = decision.kind, decision.detail
            return None
        if decision is not None:
            for kind in decision.oddities:
                exchange.note(kind)
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


def _all_new(headers: Sequence[tuple[str, str]], *taken: frozenset[str]) -> bool:
    """Whether no header has a name that is taken, so that none replaces another."""
    names = [name.lower() for name, _ in headers]
    return all(others.isdisjoint(names) for others in taken)
