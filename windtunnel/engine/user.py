"""A user: its connections, which outlive an instance, and what its `user_setup` left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from windtunnel.interfaces import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupResult:
    """Variables that are set at the begin of an instance, and values that stand in none of its records."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    def with_those(self, scope: Mapping[str, Any], names: Iterable[str], secrets: tuple[str, ...]) -> SetupResult:
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
