"""Runs instances, one for each call: gives it its ids, its place in time and its records."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine
from typing import Any

from windtunnel.engine.ids import CorrelationIds
from windtunnel.engine.instance import RunningInstance, run_instance
from windtunnel.engine.journal import Identity, Journal
from windtunnel.engine.plan import Plan
from windtunnel.interfaces import Client, Clock, Transport
from windtunnel.model.record import Dropped

__all__ = ["Runner"]


class Runner:
    """What every track of a worker starts its instances with. `bug` is the first exception that was ours."""

    def __init__(self, plan: Plan, *, transport: Transport, journal: Journal, clock: Clock) -> None:
        self.clock, self.transport = clock, transport
        self._plan, self._journal = plan, journal
        self._correlation_ids = CorrelationIds(plan.facts.run_id)
        self._late_max_s = 0.0
        self.in_flight = 0
        self.bug: str | None = None

    async def run(self, client: Client, *, index: int, user: int, due: float, phase: str) -> None:
        """Run the instance of a global index; `due` is a reading of the clock. Only cancellation gets out."""
        plan = self._plan
        scenario = plan.scenario(index)
        who = Identity(
            instance_id=f"{scenario.id}-{index}",
            correlation_id=self._correlation_ids.of(index),
            scenario=scenario.id,
            index=index,
            user=user,
            phase=phase,
        )
        client.begin_instance(instance_id=who.instance_id, correlation_id=who.correlation_id)
        instance = RunningInstance(
            who, plan.facts, scenario, client=client, clock=self.clock, journal=self._journal
        )
        late_s = self.clock.now() - due
        if late_s > self._late_max_s:
            self._late_max_s = late_s
        self.in_flight += 1
        try:
            await run_instance(instance, scenario, journal=self._journal, scheduled=due, on_bug=self.note_bug)
        finally:
            self.in_flight -= 1
        if not instance.exchanges:
            # A flow that never waited for the network must not keep the loop to itself.
            await asyncio.sleep(0)

    def drop(self, *, index: int, due: float, phase: str) -> None:
        """Write down that an instance found no free slot."""
        clock = self.clock
        scenario = self._plan.scenario(index)
        self._journal.write(
            Dropped(t=clock.unix(), scenario=scenario.id, index=index, scheduled=clock.unix(due), phase=phase)
        )

    def spawn(self, doing: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]], *, name: str) -> None:
        """Run something beside everything else; it stands in `tasks` while it runs."""
        task = asyncio.create_task(doing, name=name)
        tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self.note_bug("".join(traceback.format_exception(type(error), error, error.__traceback__)))

        task.add_done_callback(ended)

    def lateness_us(self) -> int:
        """How late the latest start was since this was last asked for, in whole microseconds."""
        late_s, self._late_max_s = self._late_max_s, 0.0
        return int(late_s * 1e6)

    def note_bug(self, text: str) -> None:
        """Keep the traceback of an exception that was ours; the first one counts."""
        if self.bug is None:
            self.bug = text
