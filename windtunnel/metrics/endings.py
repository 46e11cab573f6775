"""How the segments of a run ended, as their closing lines say."""

from __future__ import annotations

from windtunnel.model.record import RunEnded


class Endings:
    """What the closing lines of some segments say together. Plain data: it pickles, and merges in any order.

    `segments` is their number, `first_t` the unix time of the first one, infinite without any. `signal` is the
    lowest number of those that ended a segment. The sets hold reasons: each as in `RunEnded`, `aborted` and
    `capped` those of segments that ended so.
    """

    __slots__ = (
        "aborted",
        "bodies_left_out",
        "bugs",
        "capped",
        "first_t",
        "lost",
        "segments",
        "signal",
        "unreachable",
    )

    def __init__(self) -> None:
        self.segments = self.bodies_left_out = 0
        self.first_t = float("inf")
        self.signal: int | None = None
        self.bugs: set[str] = set()
        self.unreachable: set[str] = set()
        self.lost: set[str] = set()
        self.aborted: set[str] = set()
        self.capped: set[str] = set()

    def add(self, record: RunEnded) -> None:
        """Count one closing line."""
        self.segments += 1
        self.bodies_left_out += record.bodies_left_out
        self.first_t = min(self.first_t, record.t)
        self._signalled(record.signal)
        if record.bug is not None:
            self.bugs.add(record.bug)
        if record.unreachable is not None:
            self.unreachable.add(record.unreachable)
        if record.lost is not None:
            self.lost.add(record.lost)
        if record.aborted:
            self.aborted.add(record.reason)
        if record.capped:
            self.capped.add(record.reason)

    def merge(self, other: Endings) -> None:
        """Add what `other` counted."""
        self.segments += other.segments
        self.bodies_left_out += other.bodies_left_out
        self.first_t = min(self.first_t, other.first_t)
        self._signalled(other.signal)
        self.bugs |= other.bugs
        self.unreachable |= other.unreachable
        self.lost |= other.lost
        self.aborted |= other.aborted
        self.capped |= other.capped

    def _signalled(self, signal: int | None) -> None:
        if signal is not None:
            self.signal = signal if self.signal is None else min(self.signal, signal)
