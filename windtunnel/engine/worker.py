"""Users running instances one after another: the closed model, in one event loop."""

from __future__ import annotations

import asyncio
import traceback

from windtunnel.engine.ids import CorrelationIds
from windtunnel.engine.instance import RunningInstance, run_instance
from windtunnel.engine.journal import Identity, Journal
from windtunnel.engine.plan import Plan
from windtunnel.engine.shutdown import Shutdown
from windtunnel.interfaces import Clock, Transport

__all__ = ["Worker"]


class Worker:
    """Runs the load of a plan. Deals instance indexes, one at a time, to whichever user is free.

    arrivals ──▶ (count reached | duration over | asked to end) ──▶ grace ──▶ cancel what still runs
    """

    def __init__(
        self,
        plan: Plan,
        *,
        transport: Transport,
        journal: Journal,
        clock: Clock,
        shutdown: Shutdown,
    ) -> None:
        self._plan = plan
        self._load = plan.load
        self._transport = transport
        self._journal = journal
        self._clock = clock
        self._shutdown = shutdown
        self._correlation_ids = CorrelationIds(plan.facts.run_id)
        self._next_index = 0
        self._ends_at: float | None = None
        self.in_flight = 0
        self.bug: str | None = None

    async def run(self) -> str:
        """Run the load to its end and say why it ended. Never raises for what an instance did."""
        if self._load.duration_s is not None:
            self._ends_at = self._clock.now() + self._load.duration_s
        users = min(self._load.parallel, self._load.count or self._load.parallel)
        tasks = [asyncio.create_task(self._user(number), name=f"user-{number}") for number in range(users)]
        self._shutdown.when_hurried(lambda: _cancel(tasks))
        over = asyncio.create_task(self._arrivals_over(), name="arrivals")
        finished = asyncio.create_task(_all_done(tasks), name="users")
        try:
            await asyncio.wait({over, finished}, return_when=asyncio.FIRST_COMPLETED)
            if not finished.done():
                grace_s = self._shutdown.grace_s if self._shutdown.requested else self._load.graceful_stop_s
                await self._grace(finished, grace_s)
        finally:
            over.cancel()
            _cancel(tasks)
            await asyncio.gather(over, finished, *tasks, return_exceptions=True)
        self._note_crashed_users(tasks)
        return self._shutdown.reason or "completed"

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

    async def _arrivals_over(self) -> None:
        """Return when no further instance may start, unless the count ends the run first."""
        if self._load.duration_s is None:
            await self._shutdown.wait()
            return
        asked = asyncio.create_task(self._shutdown.wait())
        try:
            await asyncio.wait({asked}, timeout=self._load.duration_s)
        finally:
            asked.cancel()

    def _deal(self) -> int | None:
        """The index of the next instance, or None when no further one may start."""
        index = self._next_index
        if self._shutdown.requested or (self._load.count is not None and index >= self._load.count):
            return None
        if self._ends_at is not None and self._clock.now() >= self._ends_at:
            return None
        self._next_index = index + 1
        return index

    async def _user(self, number: int) -> None:
        plan = self._plan
        client = self._transport.client()
        try:
            while (index := self._deal()) is not None:
                scenario = plan.scenario(index)
                who = Identity(
                    instance_id=f"{scenario.id}-{index}",
                    correlation_id=self._correlation_ids.of(index),
                    scenario=scenario.id,
                    index=index,
                    user=number,
                )
                client.begin_instance(instance_id=who.instance_id, correlation_id=who.correlation_id)
                instance = RunningInstance(
                    who, plan.facts, client=client, clock=self._clock, journal=self._journal
                )
                self.in_flight += 1
                try:
                    await run_instance(
                        instance,
                        scenario,
                        journal=self._journal,
                        scheduled=self._clock.now(),
                        on_bug=self._note_bug,
                    )
                finally:
                    self.in_flight -= 1
                if not instance.exchanges:
                    # A flow that never waited for the network must not keep the loop to itself.
                    await asyncio.sleep(0)
        finally:
            client.close()

    def _note_bug(self, text: str) -> None:
        if self.bug is None:
            self.bug = text

    def _note_crashed_users(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._note_bug("".join(traceback.format_exception(type(error), error, error.__traceback__)))


async def _all_done(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
