"""Access tokens (OAuth 2.0, client credentials): one for all users of a process, fetched before it is needed.

    no token ──fetch──▶ valid ──80 % of its life──▶ valid, the next is fetched meanwhile ──its end──▶ no token
                          └──────────────────401──────────────────▶ no token

`flow` decides what is sent, as a generator that sends nothing: it yields requests and receives their exchanges.
`fetch` sends the request for a token, one at a time: everyone who needs a token waits for the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from urllib.parse import urlencode

from windtunnel.errors import ExpressionError, NotJsonError, UnreadableBodyError
from windtunnel.http.endpoint import AuthFlow, HttpEndpoint
from windtunnel.interfaces import Client, Request
from windtunnel.model.auth import OAuth2
from windtunnel.model.http import Exchange
from windtunnel.model.origin import split_url

FETCH_S = 30.0
RENEW_AT = 0.8
"""The share of a token's life after which the next one is fetched."""

MARGIN_S = 1.0
"""A token is no longer sent in the last second of its life, since it has to arrive."""

MAX_TOKEN_BODY = 1024 * 1024


class TokenSource:
    """The token of one client at one server. Owned by the transport of the process.

    `on_exchange` receives the exchange of every token request, `on_token` every token.
    """

    def __init__(
        self, auth: OAuth2, endpoint: HttpEndpoint, target: str, make_client: Callable[[], Client]
    ) -> None:
        credentials = (("Authorization", auth.authorization),) if auth.authorization else ()
        self.token_request = Request(
            endpoint=endpoint,
            target=target,
            headers=(*credentials, ("Content-Type", "application/x-www-form-urlencoded")),
            body=urlencode(auth.form).encode(),
            timeout_s=FETCH_S,
            max_body=MAX_TOKEN_BODY,
            follow_redirects=False,
            step="oauth2",
        )
        self._make_client = make_client
        self._client: Client | None = None
        self._fetching: asyncio.Task[Exchange] | None = None
        self._token: str | None = None
        self._renew_at = self._ends_at = 0.0
        self._failure = ""
        self.on_exchange: Callable[[Exchange], None] = lambda _: None
        self.on_token: Callable[[str], None] = lambda _: None

    def flow(self, request: Request) -> AuthFlow:
        """Send a request with a token, and once more with a new one if the answer is 401.

        An absolute URL at another origin is sent without one, and so is a request with credentials of its own.
        """
        endpoint, deadline_s = request.endpoint, perf_counter() + request.timeout_s
        assert isinstance(endpoint, HttpEndpoint), "the endpoint was made by another transport"
        bare = request.replace(endpoint=replace(endpoint, authorizer=None))
        if not _is_at_home(endpoint, request.target) or _has_credentials(request):
            return (yield bare)
        if self._is_expired(perf_counter()):
            yield self.token_request
        token = self._token
        if token is None:
            return self._unsent(request, endpoint)
        exchange = yield _with_token(bare, token, deadline_s)
        if exchange.status != 401 or exchange.error is not None:
            return exchange
        if token == self._token:
            self._token = None
        if self._is_expired(perf_counter()):
            yield self.token_request
        renewed = self._token
        if renewed is None or renewed == token:
            return exchange
        if request.on_hop is not None:
            request.on_hop(exchange)
        return (yield _with_token(bare.replace(attempt=request.attempt + 1), renewed, deadline_s))

    async def fetch(self) -> Exchange:
        """Send the token request, or wait for the one under way."""
        # A caller may be cancelled; the others still need the token.
        return await asyncio.shield(self._start_fetching())

    def receive(self, exchange: Exchange, *, asked_at: float) -> None:
        """Take the answer to a token request sent at `asked_at`: its token, or why there is none."""
        token, life_s, self._failure = _read(exchange)
        if token is not None:
            self.on_token(token)
            self._token = token
            self._ends_at = asked_at + life_s - MARGIN_S
            self._renew_at = asked_at + life_s * RENEW_AT
        self.on_exchange(exchange)

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
        if self._client is None:
            self._client = self._make_client()
        asked_at = perf_counter()
        exchange = await self._client.send(self.token_request)
        self.receive(exchange, asked_at=asked_at)
        return exchange

    def _unsent(self, request: Request, endpoint: HttpEndpoint) -> Exchange:
        exchange = Exchange(
            endpoint.method, endpoint.url + request.target, endpoint.service.name, attempt=request.attempt
        )
        exchange.error, exchange.error_detail = "token", self._failure
        exchange.started = exchange.ended = perf_counter()
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


def _read(exchange: Exchange) -> tuple[str | None, float, str]:
    """(token, seconds it lives, "") of an answer to a token request, or (None, 0, what is wrong with it).

    RFC 6749, 5.1. The server's text of an error is not repeated: it may hold what we sent.
    """
    where = f"{exchange.method} {exchange.url}"
    if exchange.error is not None:
        return None, 0.0, f"{where}: {exchange.error_detail or exchange.error}"
    if exchange.status != 200:
        return None, 0.0, f"{where} answered {exchange.status}"
    try:
        answer = exchange.json
    except (NotJsonError, UnreadableBodyError) as error:
        return None, 0.0, f"{where} answered without an access_token: {error}"
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isprintable() or not token.isascii():
        return None, 0.0, f"{where} answered without an access_token"
    return token, _life_s(answer.get("expires_in")), ""


def _life_s(expires_in: object) -> float:
    """Seconds; infinite when the answer has no valid number."""
    try:
        life_s = float(expires_in) if isinstance(expires_in, int | float | str) else 0.0
    except ValueError:
        return float("inf")
    return life_s if life_s > 0 else float("inf")
