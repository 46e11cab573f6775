"""How many users run and instances are in flight, which `vus` and `vus_max` are made of.

Users of a closed load come and go at the times of the plan, which every process knows of all users: their number
is the same at every run, and with any number of processes. Of the instances of an open load each process knows its
own; the processes of a run add them up on a `Board`.
"""

from __future__ import annotations

import mmap
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from windtunnel.interfaces import Clock
from windtunnel.model.load import Segment
from windtunnel.model.record import Users

_BYTES = 8


class Board:
    """A number of each process, in memory that they share. Each writes its own alone, so that none has to wait."""

    def __init__(self, descriptor: int, *, processes: int, place: int) -> None:
        self._numbers = memoryview(mmap.mmap(descriptor, processes * _BYTES)).cast("q")
        self._place = place

    def put(self, number: int) -> int:
        """Write the number of this process; return the sum of all."""
        self._numbers[self._place] = number
        return sum(self._numbers)


@contextmanager
def shared_memory(processes: int) -> Iterator[int]:
    """The descriptor of the memory of a `Board`, for as long as the block runs."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("windtunnel")
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        os.ftruncate(descriptor, processes * _BYTES)
        yield descriptor
    finally:
        os.close(descriptor)


class UserCount:
    """The users and instances of one segment over time, and the most of all segments of this machine together.

    Counted from the first load's start to the end of the last one, after which no instance starts: users that find
    no further instance, and instances that end later, change nothing any more. `workers` segments run here beside
    each other; `board` is theirs.
    """

    def __init__(self, clock: Clock, segment: Segment, *, workers: int = 1, board: Board | None = None) -> None:
        self._clock, self._segment, self._workers, self._board = clock, segment, workers, board
        self._began: float | None = None
        self._loads: set[int] = set()  # those that have not ended
        self._end_us = 0
        self._latest_us: int | None = None
        self._users: defaultdict[int, int] = defaultdict(int)  # of each closed load, in this segment
        self._all_users: defaultdict[int, int] = defaultdict(int)  # the same, in all segments of this machine
        self._in_flight = 0
        self._number = 0
        # The sum of change * its time: the area under the number until T is number * T - this.
        self._changes_us = 0
        self._most = 0
        self._taken_us = self._taken_area_us = 0

    def begin(self, began: float, *, loads: Iterable[int], latest: float | None = None) -> None:
        """Loads begin, the first at `began`, a reading of the clock; all end at `latest`, where that is known."""
        self._began, self._loads = began, set(loads)
        self._latest_us = None if latest is None else self._us(latest)

    def enter(self, load: int, user: int, at: float) -> None:
        """A user of a closed load enters at a time of the plan; all users are told of, also those of others."""
        self._change_users(load, user, 1, at)

    def leave(self, load: int, user: int, at: float) -> None:
        """A user of a closed load is to start no further instance from a time of the plan on."""
        self._change_users(load, user, -1, at)

    def start(self) -> None:
        """An instance of an open load started."""
        self._change_in_flight(1)

    def end(self) -> None:
        """An instance of an open load ended."""
        self._change_in_flight(-1)

    def end_load(self, load: int, at: float) -> None:
        """No further instance of a load starts from `at` on. Its users stay to the end if it is the last load.

        What is said first holds.
        """
        if load not in self._loads:
            return
        self._loads.discard(load)
        self._end_us = max(self._end_us, self._us(at))
        if self._loads:
            self._change(-self._users.pop(load, 0), at)
            self._all_users.pop(load, None)

    def take(self) -> Users | None:
        """What there was since the last call; None before the load."""
        if self._began is None:
            return None
        now_us = self._us(self._clock.now())
        if self._latest_us is not None:
            now_us = min(now_us, self._latest_us)
        if not self._loads:
            now_us = min(now_us, self._end_us)
        now_us = max(now_us, self._taken_us)
        area_us = self._number * now_us - self._changes_us
        taken = Users(
            segment=self._segment.number,
            machine=self._segment.number // self._workers,
            now=self._number,
            most=self._most,
            area_us=area_us - self._taken_area_us,
            span_us=now_us - self._taken_us,
        )
        self._taken_us, self._taken_area_us = now_us, area_us
        self._most = 0 if self._has_ended(now_us) else self._total()
        return taken

    def _change_users(self, load: int, user: int, by: int, at: float) -> None:
        segment = user % self._segment.of
        if segment // self._workers != self._segment.number // self._workers:
            return
        self._all_users[load] += by
        if segment == self._segment.number:
            self._users[load] += by
            self._change(by, at)
        self._most = max(self._most, self._total())

    def _change_in_flight(self, by: int) -> None:
        at = self._clock.now()
        self._in_flight += by
        if self._has_ended(self._us(at)):
            return
        self._change(by, at)
        total = self._total()
        if total > self._most:
            self._most = total

    def _change(self, by: int, at: float) -> None:
        self._number += by
        self._changes_us += by * self._us(at)

    def _total(self) -> int:
        """The number now in all segments of this machine."""
        in_flight = self._in_flight if self._board is None else self._board.put(self._in_flight)
        return sum(self._all_users.values()) + in_flight

    def _has_ended(self, at_us: int) -> bool:
        return not self._loads and at_us >= self._end_us

    def _us(self, at: float) -> int:
        return round((at - (self._began or 0.0)) * 1e6)
