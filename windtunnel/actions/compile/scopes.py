"""What exists only inside a step: the variables of a loop's round and of an include, and short step names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from windtunnel.model.http import Exchange

_ABSENT: Any = object()


@contextmanager
def local_variables(scope: dict[str, Any], local: Mapping[str, Any]) -> Iterator[None]:
    """Set variables, and restore their former values afterwards."""
    around = {name: scope.get(name, _ABSENT) for name in local}
    scope.update(local)
    try:
        yield
    finally:
        for name, value in around.items():
            if value is _ABSENT:
                scope.pop(name, None)
            else:
                scope[name] = value


class LocalSteps(Mapping[str, Exchange]):
    """`steps` inside an included file: its own steps by their short names, all steps by their full names."""

    __slots__ = ("_all", "_prefix")

    def __init__(self, exchanges: Mapping[str, Exchange], prefix: str) -> None:
        self._all, self._prefix = exchanges, prefix

    def over(self, exchanges: Mapping[str, Exchange]) -> LocalSteps:
        """The same view of other responses."""
        return LocalSteps(exchanges, self._prefix)

    def __getitem__(self, name: str) -> Exchange:
        found = self._all.get(self._prefix + name)
        return self._all[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
