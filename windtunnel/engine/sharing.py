"""One user's client, shared by branches that run at the same time."""

from __future__ import annotations

import asyncio
from time import perf_counter

from windtunnel.interfaces import Client, Request
from windtunnel.model.http import Exchange

AT_ONCE = 6
"""Requests that one user may have under way at the same time, as a browser has to one host."""


class SharedClient:
    """A client that lets only so many requests through at a time; the others wait for a free connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._free = asyncio.Semaphore(AT_ONCE)

    async def send(self, request: Request) -> Exchange:
        """Send a request when a connection is free; the time until then counts as waiting in the queue."""
        asked = perf_counter()
        had_to_wait = self._free.locked()
        async with self._free:
            waited_s = perf_counter() - asked if had_to_wait else 0.0
            exchange = await self._client.send(request)
        exchange.timings.queue += int(waited_s * 1e6)
        return exchange

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        """Pass on."""
        self._client.begin_instance(instance_id=instance_id, correlation_id=correlation_id, cookies=cookies)

    @property
    def cookies(self) -> object:
        """Those of the client."""
        return self._client.cookies

    def close(self) -> None:
        """Pass on."""
        self._client.close()
