"""`thundering_herd`: requests are held until there are so many of them, and then sent at the same moment.

Each process gathers a herd of its own. No request waits without end: it is let go after `LONGEST_S`, at the end
of the fault's time, and at the end of the load.
"""

from __future__ import annotations

import asyncio

from windtunnel.figures import as_written
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings

LONGEST_S = 10.0
MOST = 10_000


class ThunderingHerd:
    """Holds requests. The time that one is held is no part of its own; its outcome is the SUT's.

    `_held` are those that wait, each with a future that is true once the herd is complete.
    """

    keys = ("size",)
    main = "size"
    passes_on = True

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[asyncio.Future[bool]] = []

    @classmethod
    def compile(cls, settings: Settings) -> ThunderingHerd:
        """See `FaultType.compile`."""
        return cls(settings.whole("size", least=2, most=MOST))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"wait for each other, and are sent {self._size:,} at a time"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        began = case.clock.now()
        is_complete = await self._gathered(min(LONGEST_S, case.left_s))
        held_s = case.clock.now() - began
        if is_complete:
            case.applied(f"one of {self._size:,}", delay_s=held_s)
        else:
            waited = as_written(round(held_s, 3))
            case.missed(f"fewer than {self._size:,} came within {waited}", delay_s=held_s)
        return await forward(request)

    def end(self) -> None:
        """Let go of all that wait."""
        self._let_go(False)

    async def _gathered(self, longest_s: float) -> bool:
        """Wait for the rest of the herd: whether it is complete."""
        mine = asyncio.get_running_loop().create_future()
        self._held.append(mine)
        if len(self._held) >= self._size:
            self._let_go(True)
        try:
            await asyncio.wait((mine,), timeout=longest_s)
        finally:
            if mine in self._held:
                self._held.remove(mine)
        return mine.done() and mine.result()

    def _let_go(self, is_complete: bool) -> None:
        held, self._held = self._held, []
        for future in held:
            if not future.done():
                future.set_result(is_complete)
