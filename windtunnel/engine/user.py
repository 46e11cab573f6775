"""A user: its connections, which outlive an instance, what its `user_setup` left, and its client in branches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from windtunnel.interfaces import Client, Request
from windtunnel.model.http import Exchange

MAX_CONCURRENT_REQUESTS = 6
"""The maximum number of requests of one user at the same time, as of a browser to one host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupResult:
    """Variables that are set at the start of an instance, and values that none of its records contains."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    def with_variables(
        self, scope: Mapping[str, Any], names: Iterable[str], secrets: tuple[str, ...]
    ) -> SetupResult:
        """These, and those of `names` that are set in a scope."""
        found = {name: scope[name] for name in names if name in scope}
        return SetupResult(variables={**self.variables, **found}, secrets=tuple({*self.secrets, *secrets}))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """What the `user_setup` of one scenario left to one user. The cookies pass from instance to instance."""

    prepared: SetupResult
    cookies: object


class User:
    """One user of a load, owned by the task that runs its instances. `states` is by the id of the scenario."""

    __slots__ = ("client", "number", "states")

    def __init__(self, number: int, client: Client) -> None:
        self.number, self.client = number, client
        self.states: dict[str, UserState] = {}


class SharedClient:
    """The client of a user whose branches run at the same time. Requests beyond the limit wait in a queue."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._free = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def send(self, request: Request) -> Exchange:
        """Send a request when a connection is free; the time until then is that of the queue."""
        asked = perf_counter()
        had_to_wait = self._free.locked()
        async with self._free:
            waited_s = perf_counter() - asked if had_to_wait else 0.0
            exchange = await self._client.send(request)
        exchange.timings.queue += int(waited_s * 1e6)
        return exchange

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        """Pass the call on to the client of the user."""
        self._client.begin_instance(instance_id=instance_id, correlation_id=correlation_id, cookies=cookies)

    @property
    def cookies(self) -> object:
        """The cookies of the user."""
        return self._client.cookies

    def close(self) -> None:
        """Pass the call on to the client of the user."""
        self._client.close()
