"""The open model: instances start at their times, whether or not earlier ones have ended."""

from __future__ import annotations

import asyncio

from windtunnel.engine.load.pacing import arrivals, stage_at
from windtunnel.engine.load.users import UserCount
from windtunnel.engine.plan import Track
from windtunnel.engine.runner import Runner
from windtunnel.engine.user import User
from windtunnel.model.load import OpenLoad, Segment

OVERDUE_AT_A_TIME = 64
"""Overdue starts that are made before other tasks run again."""


class OpenTrack:
    """The arrivals of one track. A worker with one segment of it starts every `of`-th one.

    Each running instance has a slot, and with it a client; the slot that became free last is used next, so that
    its connections are warm. `tasks` are the instances that have not ended.
    """

    def __init__(
        self, track: Track, load: OpenLoad, *, runner: Runner, segment: Segment, users: UserCount
    ) -> None:
        self._track, self._load, self._runner, self._segment, self._users = track, load, runner, segment, users
        self._slots = segment.share(load.most_at_once)
        self._free: list[User] = []
        self._taken = 0
        self._began = 0.0
        self.tasks: set[asyncio.Task[None]] = set()

    async def arrive(self, began: float) -> float:
        """Start each instance when it is due, from `began` on, a reading of the clock; return after the last.

        Returns the moment of the plan's end, or that of the last start where a number ends the load.
        """
        self._began = began
        clock, segment = self._runner.clock, self._segment
        overdue, started, last_s = 0, 0, 0.0
        for number, due_s in enumerate(arrivals(self._load, self._track.seed)):
            if self._track.rows_end is not None and number >= self._track.rows_end:
                return max(clock.now(), began + last_s)
            started, last_s = number + 1, due_s
            if number % segment.of != segment.number:
                continue
            due = began + due_s
            left_s = due - clock.now()
            if left_s > 0:
                overdue = 0
                await clock.sleep(left_s)
            else:
                overdue += 1
                if overdue % OVERDUE_AT_A_TIME == 0:
                    await asyncio.sleep(0)
            self._start(number, due)
        by_time = self._load.length_s is not None and started != self._load.count
        return max(clock.now(), began + ((self._load.length_s or 0.0) if by_time else last_s))

    def stop(self) -> None:
        """Close the free clients. Only `arrive` starts instances."""
        for user in self._free:
            user.client.close()
        self._free.clear()

    def _start(self, number: int, due: float) -> None:
        stage = stage_at(self._load, due - self._began)
        phase = stage.phase if stage else ""
        index = self._track.index(number)
        if self._free:
            user = self._free.pop()
        elif self._taken < self._slots:
            slot, segment = self._taken, self._segment
            user = self._runner.user(self._track.first_user + slot * segment.of + segment.number)
            self._taken += 1
        else:
            self._runner.drop(index=index, due=due, phase=phase)
            return
        self._users.start()
        self._runner.spawn(self._run(user, index, due, phase), self.tasks, name=f"arrival-{number}")

    async def _run(self, user: User, index: int, due: float, phase: str) -> None:
        try:
            await self._runner.run(user, index=index, due=due, phase=phase)
        except BaseException:
            user.client.close()
            raise
        finally:
            self._users.end()
        self._free.append(user)
