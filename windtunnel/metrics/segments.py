"""What the first and the last lines of segments say of a run: when it began, and how and why it ended."""

from __future__ import annotations

from windtunnel.model.record import RunEnded, RunStarted


class SegmentLines:
    """`started` and `last_started` are the unix times of the first and of the last segment's first line,
    `first_ended` that of the first closing line; infinite without any. The sets are reasons, as `RunEnded` has
    them. Merged in any order, the result is the same.
    """

    def __init__(self) -> None:
        self.started, self.last_started = float("inf"), float("-inf")
        self.first_ended = float("inf")
        self.segments_ended = self.bodies_left_out = 0
        self.signal: int | None = None
        self.bugs: set[str] = set()
        self.unreachable: set[str] = set()
        self.lost: set[str] = set()
        self.aborted: set[str] = set()
        self.capped: set[str] = set()

    def add_first(self, record: RunStarted) -> None:
        """Count the first line of a segment."""
        self.started = min(self.started, record.t)
        self.last_started = max(self.last_started, record.t)

    def add_last(self, record: RunEnded) -> None:
        """Count the last line of a segment."""
        self.segments_ended += 1
        self.bodies_left_out += record.bodies_left_out
        self.first_ended = min(self.first_ended, record.t)
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

    def merge_lines(self, other: SegmentLines) -> None:
        """Add what `other` counted of these lines."""
        self.started = min(self.started, other.started)
        self.last_started = max(self.last_started, other.last_started)
        self.first_ended = min(self.first_ended, other.first_ended)
        self.segments_ended += other.segments_ended
        self.bodies_left_out += other.bodies_left_out
        self._signalled(other.signal)
        self.bugs |= other.bugs
        self.unreachable |= other.unreachable
        self.lost |= other.lost
        self.aborted |= other.aborted
        self.capped |= other.capped

    def _signalled(self, signal: int | None) -> None:
        if signal is not None:
            self.signal = signal if self.signal is None else min(self.signal, signal)
