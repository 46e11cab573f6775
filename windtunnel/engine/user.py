"""A user: connections that outlive an instance, and what a `user_setup` left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from windtunnel.interfaces import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupResult:
    """Variables that are set when an instance begins, and values that must stand in none of its records."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    def with_those(self, scope: Mapping[str, Any], names: Iterable[str], secrets: tuple[str, ...]) -> SetupResult:
        """These, and whichever of `names` are set in a scope."""
        found = {name: scope[name] for name in names if name in scope}
        return SetupResult(variables={**self.variables, **found}, secrets=tuple({*self.secrets, *secrets}))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """What the `user_setup` of one scenario left to one user. The cookies go on from instance to instance."""

    prepared: SetupResult
    cookies: object


class User:
    """One user of a load, owned by whoever runs its instances. `kept` is by the id of the scenario."""

    __slots__ = ("client", "number", "states")

    def __init__(self, number: int, client: Client) -> None:
        self.number, self.client = number, client
        self.states: dict[str, UserState] = {}
