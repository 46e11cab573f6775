"""From a load to times: when instances start, when users enter and leave. Pure: no clock, no waiting.

A load is a line of straight pieces over time, `value(t)`: users, or starts per second. The area under it is the
number of starts due by then, so start k (0, 1, …) is due where the area reaches k: evenly spaced while the line is
flat, closer and closer while it rises. Poisson arrivals are the same with random gaps of mean 1 in
place of 1 (an inhomogeneous Poisson process by time change).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from windtunnel.model.load import ClosedLoad, Load, OpenLoad, Stage

ENTER_TOGETHER = 50
ENTRY_GAP_S = 0.01
"""Users of a constant load enter 50 at a time, every 10 ms. Entering all at one instant would open all connections
at once, and keep the users in step from then on."""

_ALMOST = 1e-9
"""The rounding error of a whole start."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A straight piece of the line, from `first` at `begin_s` to `last` at `begin_s + length_s`."""

    begin_s: float
    length_s: float
    first: float
    last: float

    @property
    def area(self) -> float:
        return self.length_s * (self.first + self.last) / 2

    def when(self, area: float) -> float:
        """The time at which the area under this piece reaches `area`, which is at most the whole of it."""
        # first·t + slope·t²/2 = area, in the form that neither a flat line nor a rise from 0 divides by zero.
        slope = (self.last - self.first) / self.length_s
        root = math.sqrt(max(0.0, self.first * self.first + 2 * slope * area))
        return self.begin_s + (2 * area / (self.first + root) if area else 0.0)


def arrivals(load: OpenLoad, seed: str) -> Iterator[float]:
    """The times at which instances are due, in seconds since the load began, ascending.

    100 a second for 60 seconds are exactly 6,000. Poisson arrivals depend on `seed` alone.
    """
    pieces = _line(load.stages, load.start) if load.stages else [_flat(load)]
    gaps = _random_gaps(seed) if load.arrival == "poisson" else None
    area, passed, started = (next(gaps) if gaps else 0.0), 0.0, 0
    for piece in pieces:
        while area < passed + piece.area - _ALMOST:
            if load.count is not None and started >= load.count:
                return
            yield piece.when(area - passed)
            started += 1
            area += next(gaps) if gaps else 1.0
        passed += piece.area


def entry_s(user: int) -> float:
    """When a user of a constant load enters, in seconds since the load began."""
    return user // ENTER_TOGETHER * ENTRY_GAP_S


def user_changes(load: ClosedLoad) -> Iterator[tuple[float, int]]:
    """(seconds since the load began, users from then on) for each user that enters or leaves, ascending.

    The number of users is the value of the line, rounded half up.
    """
    users = 0
    while users < math.floor(load.start + 0.5):
        users += 1
        yield 0.0, users
    for piece in _line(load.stages, load.start):
        target = math.floor(piece.last + 0.5)
        step = 1 if target > users else -1
        while users != target:
            crossing = users + 0.5 if step > 0 else users - 0.5
            users += step
            share = (crossing - piece.first) / (piece.last - piece.first) if piece.last != piece.first else 0.0
            yield piece.begin_s + piece.length_s * min(1.0, max(0.0, share)), users


def stage_at(load: Load, at_s: float) -> Stage | None:
    """The stage of a time: the last one for any later time, None without stages."""
    end_s = 0.0
    for stage in load.stages:
        end_s += stage.duration_s
        if at_s < end_s:
            return stage
    return load.stages[-1] if load.stages else None


def _flat(load: OpenLoad) -> _Piece:
    by_count = math.inf if load.count is None else load.count / load.rate
    length_s = by_count if load.duration_s is None else load.duration_s
    return _Piece(0.0, length_s, load.rate, load.rate)


def _line(stages: Sequence[Stage], start: float) -> Iterator[_Piece]:
    begin_s, value = 0.0, start
    for stage in stages:
        yield _Piece(begin_s, stage.duration_s, value, stage.target)
        begin_s, value = begin_s + stage.duration_s, stage.target


def _random_gaps(seed: str) -> Iterator[float]:
    draw = random.Random(seed)
    while True:
        yield draw.expovariate(1.0)
