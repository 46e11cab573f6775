"""The closed model: each user starts an instance when its previous one has ended."""

from __future__ import annotations

import asyncio
import math

from windtunnel.engine.load.pacing import entry_s, stage_at, user_changes
from windtunnel.engine.load.users import UserCount
from windtunnel.engine.plan import Track
from windtunnel.engine.runner import Runner
from windtunnel.model.load import ClosedLoad, Segment
from windtunnel.tasks import cancel, first_of


class ClosedTrack:
    """The users of one track. A worker with one segment of it has every `of`-th user and instance.

    `tasks` are the users that have not ended; they end by themselves after `stop`.
    """

    def __init__(
        self, track: Track, load: ClosedLoad, *, runner: Runner, segment: Segment, users: UserCount
    ) -> None:
        self._track, self._load, self._runner, self._segment, self._users = track, load, runner, segment, users
        self._clock = runner.clock
        self._began = 0.0
        self._next = segment.number
        self._stopped = False
        self._rows_ended = asyncio.Event()
        self._none_left: float | None = None
        self._active: set[int] = set()
        self._stopping: set[int] = set()
        self._pausing: dict[int, asyncio.Task[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def arrive(self, began: float) -> float:
        """Start instances from `began` on, a reading of the clock; return when no further one starts.

        Returns the moment of the plan's end, or that at which the first user found no further instance.
        """
        self._began, length_s = began, self._load.length_s
        if self._load.stages:
            await first_of(self._follow_stages(), self._wait_for_rows_end())
        else:
            for user in range(self._load.most_at_once):
                await self._sleep_until(entry_s(user))
                self._enter(user, entry_s(user))
            if self.tasks:
                left_s = None if length_s is None else max(0.0, began + length_s - self._clock.now())
                await asyncio.wait(self.tasks, timeout=left_s)
        if self._none_left is not None:
            return self._none_left
        if length_s is not None and (self._load.stages or self.tasks):
            return began + length_s
        return min(self._clock.now(), began + (math.inf if length_s is None else length_s))

    def stop(self) -> None:
        """Start no further instance."""
        self._stopped = True
        for task in self._pausing.values():
            cancel(task)

    async def _follow_stages(self) -> None:
        before = 0
        for at_s, users in user_changes(self._load):
            await self._sleep_until(at_s)
            # Users are numbered from 0: the newest is the first to go.
            if users > before:
                self._enter(users - 1, at_s)
            else:
                self._leave(users, at_s)
            before = users
        await self._sleep_until(self._load.length_s or 0.0)

    async def _wait_for_rows_end(self) -> None:
        """Return when a data file has no row for a further instance."""
        await self._rows_ended.wait()

    async def _sleep_until(self, at_s: float) -> None:
        left_s = self._began + at_s - self._clock.now()
        if left_s > 0:
            await self._clock.sleep(left_s)

    def _enter(self, user: int, at_s: float) -> None:
        self._users.enter(self._track.number, user, self._began + at_s)
        if user % self._segment.of != self._segment.number:
            return
        self._stopping.discard(user)
        if user not in self._active:
            self._active.add(user)
            self._runner.spawn(self._run_user(user), self.tasks, name=f"user-{user}")

    def _leave(self, user: int, at_s: float) -> None:
        self._users.leave(self._track.number, user, self._began + at_s)
        self._stopping.add(user)
        if user in self._pausing:
            cancel(self._pausing[user])

    async def _run_user(self, user: int) -> None:
        runner, clock, load = self._runner, self._clock, self._load
        running = runner.user(self._track.first_user + user)
        due = clock.now()
        try:
            while user not in self._stopping and (number := self._next_number()) is not None:
                stage = stage_at(load, due - self._began)
                await runner.run(
                    running,
                    index=self._track.index(number),
                    due=due,
                    phase=stage.phase if stage else "",
                )
                now = clock.now()
                due = now if load.pace_s is None else max(now, due + load.pace_s)
                if due > now:
                    await self._pause(user, due - now)
        finally:
            self._active.discard(user)
            running.client.close()

    def _next_number(self) -> int | None:
        """The number of the next instance of this track, or None when no further one starts."""
        load, number = self._load, self._next
        if self._stopped:
            return None
        if load.count is not None and number >= load.count:
            self._note_none_left()
            return None
        if load.duration_s is not None and self._clock.now() >= self._began + load.duration_s:
            return None
        if self._track.rows_end is not None and number >= self._track.rows_end:
            self._note_none_left()
            self._rows_ended.set()
            return None
        self._next = number + self._segment.of
        return number

    def _note_none_left(self) -> None:
        if self._none_left is None:
            self._none_left = self._clock.now()

    async def _pause(self, user: int, seconds: float) -> None:
        """Wait, unless no instance follows; a user that leaves meanwhile is cancelled."""
        task = asyncio.current_task()
        assert task is not None
        if self._stopped or user in self._stopping:
            return
        self._pausing[user] = task
        try:
            await self._clock.sleep(seconds)
        finally:
            del self._pausing[user]
