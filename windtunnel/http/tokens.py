"""Access tokens (OAuth 2.0, RFC 6749): one for everyone whose token request is the same, fetched when needed.

    no token ──fetch──▶ valid ──80 % of its life──▶ valid, the next is fetched meanwhile ──its end──▶ no token
                          └──────────────────401──────────────────▶ no token

    fetch:  by the refresh token of the last answer, if there was one ──refused──▶ by the grant

`flow` decides what is sent, as a generator that sends nothing: it yields requests and receives their exchanges.
`fetch` sends the request for a token, one at a time: everyone who needs a token waits for the same one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from windtunnel.errors import ExpressionError, NotJsonError, UnreadableBodyError
from windtunnel.figures import as_written
from windtunnel.http.endpoint import AuthFlow, HttpEndpoint
from windtunnel.interfaces import Client, Hide, OnToken, Request
from windtunnel.model.auth import OAuth2
from windtunnel.model.http import Exchange
from windtunnel.model.origin import split_url
from windtunnel.model.sut import Tls

FETCH_S = 30.0
RENEW_AT = 0.8
"""The share of a token's life after which the next one is fetched."""

MARGIN_S = 1.0
"""A token is no longer sent in the last second of its life, since it has to arrive."""

MAX_TOKEN_BODY = 1024 * 1024
MAX_SOURCES = 10_000
"""Tokens that are kept for users and rows; the one that was used least recently makes room for another."""

_LONGEST_REASON = 300
_CUT = "…"
"""As in `secret.CUT`: what is left of a secret before it is hidden too."""


class TokenSource:
    """The token of one client, or one user of it, at one server. Owned by the transport of the process.

    `on_answer` receives every answer, `on_secret` every token and refresh token.
    """

    def __init__(
        self,
        auth: OAuth2,
        endpoint: HttpEndpoint,
        target: str,
        make_client: Callable[[], Client],
        *,
        on_answer: OnToken = lambda *_: None,
        on_secret: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._auth, self._endpoint, self._target, self._make_client = auth, endpoint, target, make_client
        self._on_answer, self._on_secret = on_answer, on_secret
        self.token_request = self._request()
        self._fetching: asyncio.Task[Exchange] | None = None
        self._token: str | None = None
        self._refresh = ""
        self._renew_at = self._ends_at = 0.0
        self._failure = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token and the refresh token of the last answer."""
        return tuple(filter(None, (self._token, self._refresh)))

    def flow(self, request: Request, hide: Hide = lambda *_: None) -> AuthFlow:
        """Send a request with a token, and once more with a new one if the answer is 401.

        An absolute URL at another origin is sent without one, and so is a request with credentials of its own.
        `hide` is told the tokens.
        """
        endpoint, deadline_s = request.endpoint, perf_counter() + request.timeout_s
        assert isinstance(endpoint, HttpEndpoint), "the endpoint was made by another transport"
        bare = request.replace(endpoint=replace(endpoint, authorizer=None))
        if not _is_at_home(endpoint, request.target) or _has_credentials(request):
            return _received((yield bare))
        if self._is_expired(perf_counter()) and (yield self.token_request) is None:
            return self._unsent(request, endpoint, self._not_in_time(request.timeout_s))
        token = self._token
        hide(*self.secrets)
        if token is None:
            return self._unsent(request, endpoint, self._failure)
        exchange = _received((yield _with_token(bare, token, deadline_s)))
        if exchange.status != 401 or exchange.error is not None:
            return exchange
        if token == self._token:
            self._token = None
        if self._is_expired(perf_counter()):
            yield self.token_request
        renewed = self._token
        hide(*self.secrets)
        if renewed is None or renewed == token:
            return exchange
        if request.on_hop is not None:
            request.on_hop(exchange)
        again = bare.replace(attempt=request.attempt + 1)
        return _received((yield _with_token(again, renewed, deadline_s)))

    async def fetch(self, timeout_s: float = FETCH_S) -> Exchange | None:
        """Send the token request, or wait for the one under way; None if the answer takes longer than that.

        The request goes on then, and when the caller is cancelled: others need the token too.
        """
        task = self._start_fetching()
        await asyncio.wait([task], timeout=max(0.0, timeout_s))
        return task.result() if task.done() else None

    def receive(self, exchange: Exchange, *, asked_at: float) -> bool:
        """Take the answer to a token request sent at `asked_at`. Returns whether there is a token in it."""
        answer, self._failure = _read(exchange)
        token, refresh = answer.get("access_token"), answer.get("refresh_token")
        if token is not None:
            life_s = _life_s(answer.get("expires_in"))
            self._token = token
            self._refresh = refresh if isinstance(refresh, str) and refresh else self._refresh
            self._ends_at = asked_at + life_s - MARGIN_S
            self._renew_at = asked_at + life_s * RENEW_AT
            for secret in self.secrets:
                self._on_secret(secret)
        self._on_answer(exchange, token is None, (*self._auth.secrets, *self.secrets))
        return token is not None

    def _is_expired(self, now: float) -> bool:
        """Whether there is no valid token; one that is close to its end is renewed meanwhile."""
        if self._token is None or now >= self._ends_at:
            self._token = None
            return True
        if now >= self._renew_at:
            self._start_fetching()
        return False

    def _start_fetching(self) -> asyncio.Task[Exchange]:
        if self._fetching is None:
            self._fetching = asyncio.ensure_future(self._fetch())
            self._fetching.add_done_callback(self._end_fetching)
        return self._fetching

    def _end_fetching(self, _: asyncio.Task[Exchange]) -> None:
        self._fetching = None

    async def _fetch(self) -> Exchange:
        refresh = self._refresh
        if refresh:
            asked_at = perf_counter()
            exchange = await self._sent(self._request(refresh))
            if self.receive(exchange, asked_at=asked_at) or exchange.error is not None:
                return exchange
            self._refresh = ""
            if refresh == self._auth.refresh_token:
                return exchange
        asked_at = perf_counter()
        exchange = await self._sent(self.token_request)
        self.receive(exchange, asked_at=asked_at)
        return exchange

    async def _sent(self, request: Request) -> Exchange:
        """Send a token request on a connection of its own, without cookies of others."""
        client = self._make_client()
        try:
            return await client.send(request)
        finally:
            client.close()

    def _request(self, refresh_token: str = "") -> Request:
        authorization = self._auth.authorization
        credentials = (("Authorization", authorization),) if authorization else ()
        return Request(
            endpoint=self._endpoint,
            target=self._target,
            headers=(*credentials, ("Content-Type", "application/x-www-form-urlencoded")),
            body=urlencode(self._auth.form(refresh_token), errors="replace").encode(),
            timeout_s=FETCH_S,
            max_body=MAX_TOKEN_BODY,
            follow_redirects=False,
            step="oauth2",
        )

    def _not_in_time(self, timeout_s: float) -> str:
        return f"POST {self._endpoint.url}{self._target} did not answer in {as_written(timeout_s)}"

    def _unsent(self, request: Request, endpoint: HttpEndpoint, why: str) -> Exchange:
        exchange = Exchange(
            endpoint.method, endpoint.url + request.target, endpoint.service.name, attempt=request.attempt
        )
        exchange.error, exchange.error_detail = "token", why
        exchange.started = exchange.ended = perf_counter()
        return exchange


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceForInstance:
    """The `Authorizer` of the requests of one instance, whose records must not contain the token."""

    source: TokenSource
    hide: Hide

    @property
    def token_request(self) -> Request:
        """See `Authorizer`."""
        return self.source.token_request

    def flow(self, request: Request) -> AuthFlow:
        """See `Authorizer`."""
        return self.source.flow(request, self.hide)

    async def fetch(self, timeout_s: float) -> Exchange | None:
        """See `Authorizer`."""
        return await self.source.fetch(timeout_s)


class TokenSources:
    """The token sources of a process, by what their requests say. Owned by its transport.

    Those of endpoints last, and are fetched before the load; those that templates made are kept up to a number.
    `find` finds the endpoint and the target of a token URL.
    """

    def __init__(
        self, find: Callable[[str, Tls], tuple[HttpEndpoint, str]], make_client: Callable[[], Client]
    ) -> None:
        self._find, self._make_client = find, make_client
        self._lasting: dict[OAuth2, TokenSource] = {}
        self._rendered: dict[OAuth2, TokenSource] = {}
        self._on_answer: OnToken = lambda *_: None
        self._on_secret: Callable[[str], None] = lambda _: None

    def begin(self, on_answer: OnToken, on_secret: Callable[[str], None]) -> Sequence[TokenSource]:
        """Tell who is told, now and later. Returns the sources that last."""
        self._on_answer, self._on_secret = on_answer, on_secret
        return tuple(self._lasting.values())

    def lasting(self, auth: OAuth2, tls: Tls) -> TokenSource:
        """The source of an endpoint, with the TLS of the service that needs its tokens."""
        source = self._lasting.get(auth)
        if source is None:
            source = self._lasting[auth] = self._source(auth, tls, lambda secret: self._on_secret(secret))
        return source

    def rendered(self, auth: OAuth2, tls: Tls) -> TokenSource:
        """The source of what templates made; its secrets are those of the instances that use it."""
        if auth in self._lasting:
            return self._lasting[auth]
        source = self._rendered.pop(auth, None)
        if source is None:
            source = self._source(auth, tls, lambda _: None)
            if len(self._rendered) >= MAX_SOURCES:
                del self._rendered[next(iter(self._rendered))]
        self._rendered[auth] = source
        return source

    def _source(self, auth: OAuth2, tls: Tls, on_secret: Callable[[str], None]) -> TokenSource:
        endpoint, target = self._find(auth.token_url, tls)
        return TokenSource(
            auth,
            endpoint,
            target,
            self._make_client,
            on_answer=lambda *answer: self._on_answer(*answer),
            on_secret=on_secret,
        )


def _received(exchange: Exchange | None) -> Exchange:
    assert exchange is not None, "only the wait for a token ends without an exchange"
    return exchange


def _with_token(request: Request, token: str, deadline_s: float) -> Request:
    headers = (("Authorization", f"Bearer {token}"), *request.headers)
    return request.replace(headers=headers, timeout_s=max(0.001, deadline_s - perf_counter()))


def _has_credentials(request: Request) -> bool:
    return any(name.lower() == "authorization" for name, _ in request.headers)


def _is_at_home(endpoint: HttpEndpoint, target: str) -> bool:
    """Whether a request goes to the origin its credentials are for."""
    if target.startswith("/"):
        return True
    try:
        return split_url(target)[0] == endpoint.destination.origin
    except ExpressionError:
        return False


def _read(exchange: Exchange) -> tuple[dict[str, Any], str]:
    """The answer to a token request (RFC 6749, 5.1), or an empty one and what is wrong with it.

    An answer without a token may say why (5.2). That may hold what we sent: it is shown with secrets hidden.
    """
    where = f"{exchange.method} {exchange.url}"
    if exchange.error is not None:
        return {}, f"{where}: {exchange.error_detail or exchange.error}"
    problem = ""
    try:
        answer = exchange.json
    except (NotJsonError, UnreadableBodyError) as error:
        answer, problem = None, f": {error}"
    fields = answer if isinstance(answer, dict) else {}
    token, kind = fields.get("access_token"), fields.get("token_type")
    is_good = exchange.status // 100 == 2
    if not is_good or "error" in fields:
        return {}, f"{where} answered {exchange.status}{_reason(fields)}"
    if not isinstance(token, str) or not token or not token.isprintable() or not token.isascii():
        return {}, f"{where} answered without an access_token{problem}"
    if isinstance(kind, str) and kind.lower() != "bearer":
        return {}, f"{where} answered with a token of type {_shown(kind)}, not bearer"
    return fields, ""


def _reason(fields: dict[str, Any]) -> str:
    """`error` and `error_description` of an answer, as far as it has them."""
    error, description = (fields.get(name) for name in ("error", "error_description"))
    said = f": {_shown(error)}" if isinstance(error, str) and error else ""
    return f"{said} ({_shown(description)})" if said and isinstance(description, str) and description else said


def _shown(text: str) -> str:
    """A text of the server, on one line and not too long."""
    line = "".join([character if character.isprintable() else " " for character in text])
    return line if len(line) <= _LONGEST_REASON else line[:_LONGEST_REASON] + _CUT


def _life_s(expires_in: object) -> float:
    """Seconds; infinite when the answer has no valid number."""
    try:
        life_s = float(expires_in) if isinstance(expires_in, int | float | str) else math.inf
    except (ValueError, OverflowError):
        return math.inf
    return math.inf if math.isnan(life_s) else max(0.0, life_s)
