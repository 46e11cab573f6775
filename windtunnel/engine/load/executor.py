"""Runs the load of a plan, or of a segment of it, in one event loop."""

from __future__ import annotations

import asyncio
from typing import Protocol

from windtunnel.engine.load.closed import ClosedTrack
from windtunnel.engine.load.open import OpenTrack
from windtunnel.engine.load.users import UserCount
from windtunnel.engine.plan import Plan, Track
from windtunnel.engine.run.shutdown import Shutdown
from windtunnel.engine.runner import Runner
from windtunnel.model.load import ClosedLoad, Segment
from windtunnel.tasks import cancel_and_wait, first_of


class _RunningTrack(Protocol):
    """A track whose load runs. `tasks` are its users or instances that have not ended."""

    tasks: set[asyncio.Task[None]]

    async def arrive(self, began: float) -> float:
        """Start instances from `began` on, a reading of the clock; return when no further one starts.

        Returns the moment from which on none starts, by the plan if that fixes it: it may be yet to come.
        """

    def stop(self) -> None:
        """Start no further instance."""


class LoadExecutor:
    """Runs every track of a plan at the same time.

    start instances ──▶ (last start | stop) ──▶ let them end ──▶ (all ended | grace over) ──▶ cancel the rest
    """

    def __init__(
        self, plan: Plan, *, runner: Runner, shutdown: Shutdown, segment: Segment, users: UserCount
    ) -> None:
        self._runner, self._shutdown, self._users = runner, shutdown, users
        self._tracks = [(track, _running(track, runner, segment, users)) for track in plan.tracks]

    async def run(self) -> str:
        """Run the load to its end and return why it ended. Never raises for what an instance did."""
        began = self._runner.clock.now()
        self._runner.begin(began)
        self._begin_users(began)
        tracks: set[asyncio.Task[None]] = set()
        for track, running in self._tracks:
            self._runner.spawn(self._run_track(track, running, began), tracks, name=f"track-{track.number}")
        try:
            await _wait_for_all(tracks)
        finally:
            await cancel_and_wait(tracks)
        cause = self._shutdown.cause
        return cause.reason if cause else "completed"

    def _begin_users(self, began: float) -> None:
        tracks = [track for track, _ in self._tracks]
        ends = [
            None if track.load.length_s is None else track.start_after_s + track.load.length_s for track in tracks
        ]
        known = [each for each in ends if each is not None]
        self._users.begin(
            began + min(track.start_after_s for track in tracks),
            loads=[track.number for track in tracks],
            latest=began + max(known) if len(known) == len(ends) else None,
        )

    async def _run_track(self, track: Track, running: _RunningTrack, began: float) -> None:
        try:
            ended = await first_of(self._start_instances(track, running, began), self._shutdown.wait())
            running.stop()
            self._runner.end()
            self._users.end_load(track.number, self._runner.clock.now() if ended is None else ended)
            await first_of(_wait_for_all(running.tasks), self._wait_for_grace(track.load.graceful_stop_s))
        finally:
            running.stop()
            await cancel_and_wait(running.tasks)

    async def _start_instances(self, track: Track, running: _RunningTrack, began: float) -> float | None:
        if track.start_after_s:
            await self._runner.clock.sleep(track.start_after_s)
        return await running.arrive(began + track.start_after_s)

    async def _wait_for_grace(self, graceful_stop_s: float) -> None:
        """Return when running instances have had their time; a request to end gives them the grace instead."""
        shutdown = self._shutdown
        if not shutdown.requested:
            await first_of(shutdown.wait(), self._runner.clock.sleep(graceful_stop_s))
        if shutdown.requested:
            await shutdown.wait_for_grace()


def _running(track: Track, runner: Runner, segment: Segment, users: UserCount) -> _RunningTrack:
    if isinstance(track.load, ClosedLoad):
        return ClosedTrack(track, track.load, runner=runner, segment=segment, users=users)
    return OpenTrack(track, track.load, runner=runner, segment=segment, users=users)


async def _wait_for_all(tasks: set[asyncio.Task[None]]) -> None:
    """Return when the set is empty: each task leaves it at its end."""
    while tasks:
        await asyncio.wait(tasks)
