"""The variables of an instance as the user's code sees them: without what is Windtunnel's own in the scope."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from windtunnel.errors import did_you_mean
from windtunnel.expressions.functions import is_reserved


class Variables(MutableMapping[str, Any]):
    """A view of the instance's scope. `settable` are the names that may be set, all of them when it is None."""

    __slots__ = ("_scope", "_settable", "set")

    def __init__(self, scope: dict[str, Any], settable: frozenset[str] | None = None) -> None:
        self._scope, self._settable = scope, settable
        self.set: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name in self._scope and not is_reserved(name):
            return self._scope[name]
        raise KeyError(f'there is no variable "{name}"; {did_you_mean(name, self) or "set it first"}')

    def __setitem__(self, name: str, value: Any) -> None:
        if is_reserved(name):
            raise KeyError(f'"{name}" is a reserved name; choose another one for the variable')
        if self._settable is not None and name not in self._settable:
            raise KeyError(f'the step may not set "{name}"; write it into its `sets`')
        self._scope[name] = value
        self.set.add(name)

    def __delitem__(self, name: str) -> None:
        self[name]  # only what can be seen can be taken away
        del self._scope[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._scope if not is_reserved(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)
