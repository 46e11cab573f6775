"""How a run is asked to end before its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["SIGNAL_GRACE_S", "Shutdown"]

SIGNAL_GRACE_S = 3.0


class Shutdown:
    """A request to end, from a signal, a full disk or a stop condition. The first one counts;
    a second one takes the grace away. `lost` names a process of ours that was gone before the end.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.signal: int | None = None
        self.lost: str | None = None
        self.grace_s = SIGNAL_GRACE_S
        self._requested = asyncio.Event()
        self._on_hurry: Callable[[], None] | None = None

    @property
    def requested(self) -> bool:
        """Whether the run was asked to end."""
        return self.reason is not None

    def request(self, reason: str, *, signal: int | None = None, grace_s: float = SIGNAL_GRACE_S) -> None:
        """Ask the run to end: no new instance starts, running ones have `grace_s` seconds."""
        if self.requested:
            self.grace_s = 0.0
            if self._on_hurry is not None:
                self._on_hurry()
            return
        self.reason, self.signal, self.grace_s = reason, signal, grace_s
        self._requested.set()

    def when_hurried(self, act: Callable[[], None] | None) -> None:
        """Call `act` when a second request comes; None for nothing any more."""
        self._on_hurry = act

    async def wait(self) -> None:
        """Return when the run is asked to end."""
        await self._requested.wait()
