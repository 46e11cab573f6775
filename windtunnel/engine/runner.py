"""Runs instances, one for each call: gives it its ids, its place in time and its records."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine, Mapping
from typing import Any

from windtunnel.engine.ids import CorrelationIds
from windtunnel.engine.instance import RunningInstance, run_instance
from windtunnel.engine.journal import InstanceIds, Journal
from windtunnel.engine.plan import CompiledScenario, Plan
from windtunnel.engine.user import SetupResult, User, UserState
from windtunnel.interfaces import Clock, Transport
from windtunnel.model.record import Dropped

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
        prepared: Mapping[str, SetupResult] = {},
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
        ids = InstanceIds(
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
            state = user.states.get(scenario.id) or await self._set_up(user, scenario, given)
            due += self.clock.now() - began
            if isinstance(state, RunningInstance):
                self._end_without_user(ids, state, due)
                return
            given, cookies = state.prepared, state.cookies
        client.begin_instance(instance_id=ids.instance_id, correlation_id=ids.correlation_id, cookies=cookies)
        instance = RunningInstance(
            ids, plan.facts, scenario, client=client, clock=self.clock, journal=self._journal, given=given
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
        self, user: User, scenario: CompiledScenario, given: SetupResult | None
    ) -> UserState | RunningInstance:
        """Run the `user_setup` of a scenario for a user; the failed instance of it when it did not pass."""
        section = scenario.user_setup
        assert section is not None
        number = self._plan.scenarios.index(scenario)
        ids = InstanceIds(
            instance_id=f"{scenario.id}-user-{user.number}",
            correlation_id=self._correlation_ids.of(
                _FIRST_USER_ID - user.number * len(self._plan.scenarios) - number
            ),
            scenario=scenario.id,
            index=-1,
            user=user.number,
            phase="user_setup",
        )
        user.client.begin_instance(instance_id=ids.instance_id, correlation_id=ids.correlation_id)
        instance = RunningInstance(
            ids,
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
        if instance.progress.outcome != "passed":
            return instance
        prepared = (given or SetupResult()).with_those(instance.scope, section.sets, ids.secrets)
        user.states[scenario.id] = state = UserState(prepared=prepared, cookies=user.client.cookies)
        return state

    def _end_without_user(self, ids: InstanceIds, setup: RunningInstance, due: float) -> None:
        """An instance whose user could not be set up has not passed. The user's next one tries again."""
        progress = setup.progress
        ids.secrets = setup.ids.secrets
        self._journal.instance(
            ids,
            progress.outcome,
            scheduled=due,
            started=self.clock.now(),
            steps=0,
            failed_step=progress.failed_step,
            error=progress.error,
            message=f"user_setup: {progress.message}" if progress.message else None,
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
