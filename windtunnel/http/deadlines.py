"""Hard deadlines for any number of connections with one timer.

Time is cut into slots of 10 ms. A connection that waits for a response knows its deadline and stands in some
slot that is not later. When a slot's time has come, whoever in it is due expires; whoever has got a later
deadline meanwhile moves to that slot; whoever waits for nothing leaves. So a request costs one comparison, and a
connection is touched once a timeout rather than once a request.
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


class Watched(Protocol):
    """Something with a deadline. `slot_s` belongs to the wheel: when it looks at this again, `NEVER` for not.

    Both are seconds of `perf_counter`. `expire` is called once, never before `deadline_s`.
    """

    deadline_s: float
    slot_s: float

    def expire(self, now: float) -> None:
        """The deadline has passed."""


CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Deadlines:
    """Keeps the deadlines of what it is given. Fires at most 20 ms late on an idle loop, and never early."""

    __slots__ = ("_call_later", "_clock", "_order", "_slots", "_timer", "_timer_s")

    def __init__(self, *, clock: Callable[[], float] = perf_counter, call_later: CallLater | None = None) -> None:
        """`call_later` stands in for the running loop's in tests."""
        self._clock, self._call_later = clock, call_later
        self._slots: dict[float, set[Watched]] = {}
        self._order: list[float] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = NEVER

    def watch(self, watched: Watched) -> None:
        """Look after `watched.deadline_s`. Needed only where `slot_s` is later than it; cheap otherwise."""
        if watched.slot_s <= watched.deadline_s:
            return
        self._leave(watched)
        # The next full slot, not the nearest: rounding may never put a slot before the deadline.
        slot_s = (math.floor(watched.deadline_s / _SLOT_S) + 1) * _SLOT_S
        slot = self._slots.get(slot_s)
        if slot is None:
            slot = self._slots[slot_s] = set()
            heapq.heappush(self._order, slot_s)
        slot.add(watched)
        watched.slot_s = slot_s
        if slot_s < self._timer_s:
            self._arm(slot_s)

    def forget(self, watched: Watched) -> None:
        """Let go of it; without anything left there is no timer."""
        self._leave(watched)
        if not self._slots:
            self._order.clear()
            self._disarm()

    def _leave(self, watched: Watched) -> None:
        slot = self._slots.get(watched.slot_s)
        if slot is not None:
            slot.discard(watched)
            if not slot:
                del self._slots[watched.slot_s]
        watched.slot_s = NEVER

    def _fire(self) -> None:
        self._timer, self._timer_s = None, NEVER
        now = self._clock()
        while self._order and self._order[0] <= now:
            for watched in self._slots.pop(heapq.heappop(self._order), ()):
                watched.slot_s = NEVER
                if watched.deadline_s <= now:
                    watched.expire(now)
                elif watched.deadline_s < NEVER:
                    self.watch(watched)
        # Slots that emptied in between have left their time behind.
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
