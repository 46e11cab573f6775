"""Hard deadlines for any number of connections with one timer.

Time is cut into slots of 10 ms. A connection that waits for a response is in a slot that is not later than its
deadline. When the time of a slot comes, each connection in it expires if its deadline has passed, moves to a later
slot if its deadline is later by now, and leaves if it waits for nothing. So a request costs one comparison, and a
connection is moved once a timeout rather than once a request.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

NEVER = math.inf

_SLOT_S = 0.010
_MARGIN_S = 0.001
"""uvloop rounds timers to whole milliseconds; one that fires early would only fire again."""


class Expiring(Protocol):
    """Something with a deadline. `slot_s` is set by `Deadlines`: the time of its slot, `NEVER` without one.

    Both are seconds of `perf_counter`. `expire` is called once, never before `deadline_s`.
    """

    deadline_s: float
    slot_s: float

    def expire(self, now: float) -> None:
        """The deadline has passed."""


CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Deadlines:
    """Expires things at their deadlines, at most 20 ms late on an idle loop, and never early."""

    __slots__ = ("_call_later", "_clock", "_order", "_slots", "_timer", "_timer_s")

    def __init__(self, *, clock: Callable[[], float] = perf_counter, call_later: CallLater | None = None) -> None:
        """`call_later` replaces the running loop's in tests."""
        self._clock, self._call_later = clock, call_later
        self._slots: dict[float, set[Expiring]] = {}
        self._order: list[float] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = NEVER

    def watch(self, expiring: Expiring) -> None:
        """Have it expire at `deadline_s`. Needed only when `slot_s` is later than that; cheap otherwise."""
        if expiring.slot_s <= expiring.deadline_s:
            return
        self._leave(expiring)
        # The next full slot, not the nearest: rounding may never put a slot before the deadline.
        slot_s = (math.floor(expiring.deadline_s / _SLOT_S) + 1) * _SLOT_S
        slot = self._slots.get(slot_s)
        if slot is None:
            slot = self._slots[slot_s] = set()
            heapq.heappush(self._order, slot_s)
        slot.add(expiring)
        expiring.slot_s = slot_s
        if slot_s < self._timer_s:
            self._arm(slot_s)

    def forget(self, expiring: Expiring) -> None:
        """Remove it; without anything left there is no timer."""
        self._leave(expiring)
        if not self._slots:
            self._order.clear()
            self._disarm()

    def _leave(self, expiring: Expiring) -> None:
        slot = self._slots.get(expiring.slot_s)
        if slot is not None:
            slot.discard(expiring)
            if not slot:
                del self._slots[expiring.slot_s]
        expiring.slot_s = NEVER

    def _fire(self) -> None:
        self._timer, self._timer_s = None, NEVER
        now = self._clock()
        while self._order and self._order[0] <= now:
            for expiring in self._slots.pop(heapq.heappop(self._order), ()):
                expiring.slot_s = NEVER
                if expiring.deadline_s <= now:
                    expiring.expire(now)
                elif expiring.deadline_s < NEVER:
                    self.watch(expiring)
        # The times of slots that have become empty are still in the heap.
        while self._order and self._order[0] not in self._slots:
            heapq.heappop(self._order)
        if self._order and self._order[0] < self._timer_s:
            self._arm(self._order[0])

    def _arm(self, slot_s: float) -> None:
        self._disarm()
        call_later = self._call_later or asyncio.get_running_loop().call_later
        self._timer = call_later(max(0.0, slot_s - self._clock()) + _MARGIN_S, self._fire)
        self._timer_s = slot_s

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_s = None, NEVER
