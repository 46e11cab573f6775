"""The real clock."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """`time.perf_counter` with one fixed offset to unix time, so that no step of the wall clock shows in a run."""

    __slots__ = ("_offset",)

    now = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        self._offset = time.time() - time.perf_counter()

    def unix(self, now: float | None = None) -> float:
        """The unix time that belongs to a reading of `now()`, the present one by default."""
        return self._offset + (time.perf_counter() if now is None else now)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
