"""Variables that are there for a while: those of a loop's round and of an include."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_ABSENT: Any = object()


@contextmanager
def local_variables(scope: dict[str, Any], local: Mapping[str, Any]) -> Iterator[None]:
    """Set variables, and afterwards set them back to what they were, or to not being there."""
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
