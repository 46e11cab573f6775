"""A client that shows what it sends and gets: for one instance and a person who looks on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windtunnel.http.client import HttpClient
from windtunnel.http.endpoint import HttpEndpoint
from windtunnel.http.identity import Identification
from windtunnel.http.routes import Routes
from windtunnel.http.upload import Upload
from windtunnel.model.http import Body, Exchange
from windtunnel.model.sut import HttpSettings

OnExchange = Callable[[Exchange, str], None]
"""Takes an exchange that has ended, and the head of its request as it was sent (empty if it was not)."""


class WatchedClient(HttpClient):
    """An `HttpClient` whose exchanges somebody sees as they end."""

    __slots__ = ("_heads", "_on_exchange")

    def __init__(
        self, routes: Routes, *, identification: Identification, settings: HttpSettings, on_exchange: OnExchange
    ) -> None:
        super().__init__(routes, identification=identification, settings=settings)
        self._heads: dict[int, str] = {}
        self._on_exchange = on_exchange

    async def _exchange(
        self,
        endpoint: HttpEndpoint,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: Body,
        deadline_s: float,
        max_body: int,
    ) -> Exchange:
        exchange = await super()._exchange(endpoint, target, headers, body, deadline_s, max_body)
        self._on_exchange(exchange, self._heads.pop(id(exchange), ""))
        return exchange

    def _prepare(
        self,
        exchange: Exchange,
        endpoint: HttpEndpoint,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: Body,
    ) -> tuple[bytes, Upload | None]:
        wire, upload = super()._prepare(exchange, endpoint, target, headers, body)
        self._heads[id(exchange)] = wire.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        return wire, upload
