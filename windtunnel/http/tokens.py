"""Access tokens (OAuth 2.0, client credentials): one for all users of a process, fetched before it is needed.

    no token ──fetch──▶ valid ──80 % of its life──▶ valid, a new one is fetched beside ──its end──▶ no token
                          └──────────────────401──────────────────▶ no token

Whoever needs a token while one is being fetched waits for that one: there is one request at a time. Requests that
carry no token of ours know nothing of all this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from windtunnel.errors import ExpressionError
from windtunnel.http.endpoint import HttpEndpoint, Pairs
from windtunnel.interfaces import Client
from windtunnel.model.auth import OAuth2
from windtunnel.model.http import Body, Exchange
from windtunnel.model.origin import split_url

FETCH_S = 30.0
RENEW_AT = 0.8
"""The share of a token's life after which the next one is fetched."""

MARGIN_S = 1.0
"""So long before its end a token is no longer sent: it has to arrive."""

MAX_TOKEN_BODY = 1024 * 1024


class TokenSource:
    """The token of one client at one server. Owned by the transport of the process.

    `on_request` is told of every token request, `on_token` of every token.
    """

    def __init__(
        self, auth: OAuth2, endpoint: HttpEndpoint, target: str, make_client: Callable[[], Client]
    ) -> None:
        self._endpoint, self._target, self._make_client = endpoint, target, make_client
        self._body = urlencode(auth.form).encode()
        self._headers: Pairs = (("Authorization", auth.authorization),) if auth.authorization else ()
        self._client: Client | None = None
        self._flight: asyncio.Task[None] | None = None
        self._token: str | None = None
        self._renew_at = self._ends_at = 0.0
        self._failure = ""
        self.on_request: Callable[[Exchange], None] = lambda _: None
        self.on_token: Callable[[str], None] = lambda _: None

    async def fetch(self) -> None:
        """Fetch a token, or wait for the one that is being fetched. What goes wrong is told to who needs it."""
        if self._flight is None:
            self._flight = asyncio.ensure_future(self._fetch())
            self._flight.add_done_callback(self._landed)
        # Who waits may be cancelled; the others still want the token.
        await asyncio.shield(self._flight)

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
        """Send a request of an endpoint with a token, and once more with a new one if the answer is 401.

        An absolute URL at another origin gets none.
        """
        bare = replace(endpoint, tokens=None)
        deadline_s = perf_counter() + timeout_s

        async def attempt(authorization: Pairs) -> Exchange:
            return await client.send(
                bare,
                target,
                headers=(*authorization, *headers),
                body=body,
                timeout_s=max(0.001, deadline_s - perf_counter()),
                on_hop=on_hop,
                **more,
            )

        if not _is_at_home(endpoint, target) or any(name.lower() == "authorization" for name, _ in headers):
            return await attempt(())
        token = await self._valid()
        if token is None:
            return self._unsent(endpoint, target)
        exchange = await attempt(_bearer(token))
        if exchange.status != 401 or exchange.error is not None:
            return exchange
        if token == self._token:
            self._token = None
        renewed = await self._valid()
        if renewed is None or renewed == token:
            return exchange
        if on_hop is not None:
            on_hop(exchange)
        return await attempt(_bearer(renewed))

    async def _valid(self) -> str | None:
        now = perf_counter()
        if self._token is None or now >= self._ends_at:
            self._token = None
            await self.fetch()
        elif now >= self._renew_at and self._flight is None:
            self._flight = asyncio.ensure_future(self._fetch())
            self._flight.add_done_callback(self._landed)
        return self._token

    def _landed(self, _: asyncio.Task[None]) -> None:
        self._flight = None

    async def _fetch(self) -> None:
        if self._client is None:
            self._client = self._make_client()
        asked_at = perf_counter()
        exchange = await self._client.send(
            self._endpoint,
            self._target,
            headers=(*self._headers, ("Content-Type", "application/x-www-form-urlencoded")),
            body=self._body,
            timeout_s=FETCH_S,
            max_body=MAX_TOKEN_BODY,
            follow_redirects=False,
        )
        token, life_s, self._failure = _read(exchange)
        if token is not None:
            self.on_token(token)
            self._token = token
            self._ends_at = asked_at + life_s - MARGIN_S
            self._renew_at = asked_at + life_s * RENEW_AT
        self.on_request(exchange)

    def _unsent(self, endpoint: HttpEndpoint, target: str) -> Exchange:
        exchange = Exchange(endpoint.method, endpoint.url + target, endpoint.service.name)
        exchange.error, exchange.error_detail = "token", self._failure
        exchange.started = exchange.ended = perf_counter()
        return exchange


def _bearer(token: str) -> Pairs:
    return (("Authorization", f"Bearer {token}"),)


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

    RFC 6749, 5.1. What the server says of an error is not repeated: it may hold what we sent.
    """
    where = f"{exchange.method} {exchange.url}"
    if exchange.error is not None:
        return None, 0.0, f"{where}: {exchange.error_detail or exchange.error}"
    if exchange.status != 200:
        return None, 0.0, f"{where} answered {exchange.status}"
    try:
        answer = exchange.json
    except ValueError:
        answer = None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isprintable() or not token.isascii():
        return None, 0.0, f"{where} answered without an access_token"
    return token, _life_s(answer.get("expires_in")), ""


def _life_s(expires_in: object) -> float:
    """Seconds; a token lives for ever when nothing sensible says otherwise."""
    try:
        life_s = float(expires_in) if isinstance(expires_in, int | float | str) else 0.0
    except ValueError:
        return float("inf")
    return life_s if life_s > 0 else float("inf")
