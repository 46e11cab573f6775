"""Counts the attempts of each logical request: those with the same id, idempotency key, method and target."""

from __future__ import annotations

from dataclasses import dataclass

MOST_REMEMBERED = 65_536
"""Logical requests that are remembered; of more, the one that was sent longest ago is forgotten."""

Identity = tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The number of a request among those of its logical request, from 1, and seconds since the one before."""

    number: int
    since_s: float = 0.0


class Attempts:
    """Remembers the last attempt of the logical requests that were sent last, `MOST_REMEMBERED` at most.

    Memory is bounded whatever ids callers send: some 20 MB when full. Owned by one proxy.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._last: dict[Identity, tuple[int, float]] = {}

    def next(self, identity: Identity, now: float) -> Attempt:
        """Count one more attempt, which begins at this reading of the clock."""
        last = self._last
        before = last.pop(identity, None)
        if before is None:
            if len(last) >= self._most:
                del last[next(iter(last))]
            last[identity] = 1, now
            return Attempt(number=1)
        number, began = before
        last[identity] = number + 1, now
        return Attempt(number=number + 1, since_s=now - began)
