"""Bytes at a rate: what may go through so far is `rate · time`, one byte at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_TICK_S = 0.02


class Pace:
    """Hands bytes to `take` at a rate in bytes per second, and calls `emptied` when all of them are through."""

    def __init__(self, rate: float, take: Callable[[bytes], None], emptied: Callable[[], None]) -> None:
        self._rate, self._take, self._emptied = rate, take, emptied
        self._waiting = bytearray()
        self._credit = 1.0
        self._at_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, data: bytes) -> None:
        """Bytes to hand on."""
        if self._is_over:
            return
        self._waiting += data
        if self._timer is None and self._waiting:
            self._at_s = asyncio.get_running_loop().time()
            self._tick()

    def drop(self) -> None:
        """Forget what is waiting, and take nothing more."""
        self._is_over = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._credit += (now - self._at_s) * self._rate
        self._at_s = now
        count = min(int(self._credit), len(self._waiting))
        if count:
            self._credit -= count
            piece = bytes(self._waiting[:count])
            del self._waiting[:count]
            self._take(piece)
        if self._is_over:
            return
        if self._waiting:
            wait_s = max(_TICK_S, (1 - self._credit) / self._rate)
            self._timer = loop.call_later(wait_s, self._tick)
        elif count:
            self._credit = min(self._credit, 1.0)
            self._emptied()
