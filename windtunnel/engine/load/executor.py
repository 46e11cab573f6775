"""Carries out the load of a plan, or a segment of it, in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol

from windtunnel.engine.load.closed import ClosedTrack
from windtunnel.engine.load.open import OpenTrack
from windtunnel.engine.plan import Plan, Track
from windtunnel.engine.run.shutdown import Shutdown
from windtunnel.engine.runner import Runner
from windtunnel.model.load import ClosedLoad, Segment


class _RunningTrack(Protocol):
    """A track at work. `tasks` are what still runs of it."""

    tasks: set[asyncio.Task[None]]

    async def arrive(self, began: float) -> None:
        """Let instances start, from a reading of the clock on; returns when no further one may."""

    def stop(self) -> None:
        """Let no further instance start."""


class LoadExecutor:
    """Runs every track of a plan at the same time.

    arrivals ──▶ (their end | asked to end) ──▶ grace ──▶ cancel what still runs
    """

    def __init__(self, plan: Plan, *, runner: Runner, shutdown: Shutdown, segment: Segment) -> None:
        self._runner, self._shutdown = runner, shutdown
        self._tracks = [(track, _running(track, runner, segment)) for track in plan.tracks]

    async def run(self) -> str:
        """Run the load to its end and say why it ended. Never raises for what an instance did."""
        began = self._runner.clock.now()
        self._shutdown.when_hurried(self._hurry)
        conducts: set[asyncio.Task[None]] = set()
        for track, running in self._tracks:
            self._runner.spawn(self._conduct(track, running, began), conducts, name=f"track-{track.number}")
        try:
            while conducts:
                await asyncio.wait(conducts)
        finally:
            self._shutdown.when_hurried(None)
            _cancel(conducts)
            await asyncio.gather(*conducts, return_exceptions=True)
        cause = self._shutdown.cause
        return cause.reason if cause else "completed"

    async def _conduct(self, track: Track, running: _RunningTrack, began: float) -> None:
        finished: list[asyncio.Task[None]] = []
        try:
            await self._unless_asked(self._arrive(track, running, began))
            running.stop()
            if running.tasks:
                finished.append(asyncio.create_task(_all_done(running.tasks)))
                grace_s = self._shutdown.grace_s if self._shutdown.requested else track.load.graceful_stop_s
                await self._grace(finished[0], grace_s)
        finally:
            running.stop()
            left = [*running.tasks, *finished]
            _cancel(left)
            await asyncio.gather(*left, return_exceptions=True)

    async def _arrive(self, track: Track, running: _RunningTrack, began: float) -> None:
        if track.start_after_s:
            await self._runner.clock.sleep(track.start_after_s)
        await running.arrive(began + track.start_after_s)

    async def _unless_asked(self, doing: Coroutine[Any, Any, None]) -> None:
        """Do something until it is done or the run is asked to end."""
        task = asyncio.create_task(doing)
        asked = asyncio.create_task(self._shutdown.wait())
        try:
            await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            task.cancel()
            await asyncio.gather(asked, task, return_exceptions=True)
        if not task.cancelled():
            task.result()

    async def _grace(self, finished: asyncio.Task[None], grace_s: float) -> None:
        """Let running instances end; a request to end that comes meanwhile shortens the grace to its own."""
        asked = asyncio.create_task(self._shutdown.wait())
        already = self._shutdown.requested
        try:
            watched = {finished} if already else {finished, asked}
            await asyncio.wait(watched, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
            if not already and self._shutdown.requested and not finished.done():
                await asyncio.wait({finished}, timeout=self._shutdown.grace_s)
        finally:
            asked.cancel()

    def _hurry(self) -> None:
        for _, running in self._tracks:
            _cancel(running.tasks)


def _running(track: Track, runner: Runner, segment: Segment) -> _RunningTrack:
    if isinstance(track.load, ClosedLoad):
        return ClosedTrack(track, track.load, runner=runner, segment=segment)
    return OpenTrack(track, track.load, runner=runner, segment=segment)


async def _all_done(tasks: set[asyncio.Task[None]]) -> None:
    while tasks:
        await asyncio.wait(tasks)


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tuple(tasks):
        task.cancel()
