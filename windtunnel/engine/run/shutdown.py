"""How a run is asked to end before its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

SIGNAL_GRACE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a run shall end: no new instance starts, running ones have `grace_s` seconds.

    `signal` is the number of the signal that asked. `aborted`: a stop condition of the plan did. `capped`: the
    run may take no longer. `lost`: a process of ours was gone.
    """

    reason: str
    signal: int | None = None
    grace_s: float = SIGNAL_GRACE_S
    aborted: bool = False
    capped: bool = False
    lost: bool = False


class Shutdown:
    """A request to end, from a signal, a full disk or a stop condition. The first one counts; a second one takes
    the grace away.
    """

    def __init__(self) -> None:
        self.cause: Stop | None = None
        self.grace_s = SIGNAL_GRACE_S
        self._requested = asyncio.Event()
        self._on_hurry: Callable[[], None] | None = None

    @property
    def requested(self) -> bool:
        """Whether the run was asked to end."""
        return self.cause is not None

    def request(self, cause: Stop) -> None:
        """Ask the run to end."""
        if self.requested:
            self.grace_s = 0.0
            if self._on_hurry is not None:
                self._on_hurry()
            return
        self.cause, self.grace_s = cause, cause.grace_s
        self._requested.set()

    def when_hurried(self, act: Callable[[], None] | None) -> None:
        """Call `act` when a second request comes; None for nothing any more."""
        self._on_hurry = act

    async def wait(self) -> None:
        """Return when the run is asked to end."""
        await self._requested.wait()
