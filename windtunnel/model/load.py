"""How much load, in which shape."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ClosedLoad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoad:
    """`parallel` users, each running one instance after another.

    Ends after `count` instances over the whole run or when `duration_s` has passed, whichever comes first;
    one of the two is always given. Instances still running then have `graceful_stop_s` to end.
    """

    parallel: int = 1
    count: int | None = None
    duration_s: float | None = None
    graceful_stop_s: float = 30.0

    def __str__(self) -> str:
        users = f"{self.parallel:,} user{'s' if self.parallel != 1 else ''}"
        ends = []
        if self.count is not None:
            ends.append(f"{self.count:,} instance{'s' if self.count != 1 else ''}")
        if self.duration_s is not None:
            ends.append(f"{self.duration_s:g} s")
        return f"{users}, {' or '.join(ends)}"
