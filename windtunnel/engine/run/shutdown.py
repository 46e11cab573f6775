"""The request to end a run early."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from windtunnel.tasks import first_of

SIGNAL_GRACE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a run ends early: no new instance starts, running ones have `grace_s` seconds.

    `signal` is the number of the signal that ended it. `aborted`: a stop condition of the plan held. `capped`: the
    maximum duration has passed. `lost`: a process of ours ended without its result.
    """

    reason: str
    signal: int | None = None
    grace_s: float = SIGNAL_GRACE_S
    aborted: bool = False
    capped: bool = False
    lost: bool = False


class Shutdown:
    """A request to end the run: from a signal, a full disk or a stop condition.

    The first request counts; a second one ends the grace. Made before the event loop, so that a signal has a place
    to go at any time; waited for in one loop only.
    """

    def __init__(self) -> None:
        self.cause: Stop | None = None
        self.grace_s = SIGNAL_GRACE_S
        self._requested = asyncio.Event()
        self._repeated = asyncio.Event()

    @property
    def requested(self) -> bool:
        """Whether the run was asked to end."""
        return self.cause is not None

    def request(self, cause: Stop) -> None:
        """Ask the run to end."""
        if self.requested:
            self.grace_s = 0.0
            self._repeated.set()
            return
        self.cause, self.grace_s = cause, cause.grace_s
        self._requested.set()

    async def wait(self) -> None:
        """Return at the first request."""
        await self._requested.wait()

    async def wait_for_repeat(self) -> None:
        """Return at the second request, which ends the grace."""
        await self._repeated.wait()

    async def wait_for_grace(self) -> None:
        """Return when the run was asked to end and its grace is over."""
        await self.wait()
        await first_of(self.wait_for_repeat(), asyncio.sleep(self.grace_s))
