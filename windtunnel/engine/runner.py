"""Runs instances, one for each call: gives it its ids, its place in time and its records."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine, Mapping
from typing import Any

from windtunnel.engine.ids import CorrelationIds
from windtunnel.engine.instance import RunningInstance, run_instance
from windtunnel.engine.journal import Identity, Journal
from windtunnel.engine.plan import CompiledScenario, Plan
from windtunnel.engine.user import Kept, Prepared, User
from windtunnel.interfaces import Clock, Transport
from windtunnel.model.record import Dropped

__all__ = ["Runner"]

_FIRST_USER_ID = -(1 << 32)
"""Below every number that a correlation id is made of otherwise."""


class Runner:
    """What every track of a worker starts its instances with. `bug` is the first exception that was ours."""

    def __init__(
        self,
        plan: Plan,
        *,
        transport: Transport,
        journal: Journal,
        clock: Clock,
        prepared: Mapping[str, Prepared] = {},
    ) -> None:
        self.clock, self.transport = clock, transport
        self._plan, self._journal, self._prepared = plan, journal, prepared
        self._correlation_ids = CorrelationIds(plan.facts.run_id)
        self._late_max_s = 0.0
        self.in_flight = 0
        self.bug: str | None = None

    def user(self, number: int) -> User:
        """A new user."""
        return User(number, self.transport.client())

    async def run(self, user: User, *, index: int, due: float, phase: str) -> None:
        """Run the instance of a global index; `due` is a reading of the clock. Only cancellation gets out."""
        plan, client = self._plan, user.client
        scenario = plan.scenario(index)
        who = Identity(
            instance_id=f"{scenario.id}-{index}",
            correlation_id=self._correlation_ids.of(index),
            scenario=scenario.id,
            index=index,
            user=user.number,
            phase=phase,
        )
        given, cookies = self._prepared.get(scenario.id), None
        if scenario.user_setup is not None:
            began = self.clock.now()
            kept = user.kept.get(scenario.id) or await self._set_up(user, scenario, given)
            due += self.clock.now() - began
            if isinstance(kept, RunningInstance):
                self._end_without_user(who, kept, due)
                return
            given, cookies = kept.prepared, kept.cookies
        client.begin_instance(instance_id=who.instance_id, correlation_id=who.correlation_id, cookies=cookies)
        instance = RunningInstance(
            who, plan.facts, scenario, client=client, clock=self.clock, journal=self._journal, given=given
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

    async def _set_up(
        self, user: User, scenario: CompiledScenario, given: Prepared | None
    ) -> Kept | RunningInstance:
        """Run the `user_setup` of a scenario for a user; the failed instance of it when it did not pass."""
        section = scenario.user_setup
        assert section is not None
        number = self._plan.scenarios.index(scenario)
        who = Identity(
            instance_id=f"{scenario.id}-user-{user.number}",
            correlation_id=self._correlation_ids.of(
                _FIRST_USER_ID - user.number * len(self._plan.scenarios) - number
            ),
            scenario=scenario.id,
            index=-1,
            user=user.number,
            phase="user_setup",
        )
        user.client.begin_instance(instance_id=who.instance_id, correlation_id=who.correlation_id)
        instance = RunningInstance(
            who,
            self._plan.facts,
            section.scenario,
            client=user.client,
            clock=self.clock,
            journal=self._journal,
            given=given,
            stream=f"/user/{user.number}",
        )
        await run_instance(
            instance,
            section.scenario,
            journal=self._journal,
            scheduled=self.clock.now(),
            on_bug=self.note_bug,
        )
        if instance.course.outcome != "passed":
            return instance
        prepared = (given or Prepared()).with_those(instance.scope, section.sets, who.secrets)
        user.kept[scenario.id] = kept = Kept(prepared=prepared, cookies=user.client.cookies)
        return kept

    def _end_without_user(self, who: Identity, setup: RunningInstance, due: float) -> None:
        """An instance whose user could not be set up has not passed. The user's next one tries again."""
        course = setup.course
        who.secrets = setup.who.secrets
        self._journal.instance(
            who,
            course.outcome,
            scheduled=due,
            started=self.clock.now(),
            steps=0,
            failed_step=course.failed_step,
            error=course.error,
            message=f"user_setup: {course.message}" if course.message else None,
        )

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
