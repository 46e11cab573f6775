"""Runs one instance a call: makes its ids, sets up its user, runs its scenario."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from windtunnel.engine.ids import InstanceIds, RunIds, StepFaults
from windtunnel.engine.instance import Bugs, InstanceContext, RunningInstance, run_section
from windtunnel.engine.journal import Journal
from windtunnel.engine.load.whole import kept_whole
from windtunnel.engine.plan import CompiledScenario, Plan, Section
from windtunnel.engine.user import SetupResult, User, UserState
from windtunnel.interfaces import Client, Clock, FaultInjector, Transport
from windtunnel.model.record import Dropped, PhaseRecord
from windtunnel.model.turbulence import Phases
from windtunnel.model.vocabulary import InstanceOutcome
from windtunnel.tasks import was_cancelled_here

if TYPE_CHECKING:
    from windtunnel.engine.effects import EffectWatcher


def phase_records(phases: Phases, t: float) -> list[PhaseRecord]:
    """The phases of a load that begins at `t`, in unix seconds."""
    return [
        PhaseRecord(t=t, name=name, begin_us=round(phases.begin_s(name) * 1e6), duration_us=round(length_s * 1e6))
        for name, length_s in phases.lengths.items()
    ]


class Runner:
    """Runs the instances of every track of a segment."""

    def __init__(
        self,
        plan: Plan,
        *,
        transport: Transport,
        journal: Journal,
        clock: Clock,
        prepared: Mapping[str, SetupResult] = {},
        faults: FaultInjector | None = None,
        effects: EffectWatcher | None = None,
        on_begin: Callable[[float], None] | None = None,
    ) -> None:
        """`faults` are done to the requests of instances of the load, whose answers `effects` watches."""
        self.clock, self.transport = clock, transport
        self._plan, self._journal, self._prepared = plan, journal, prepared
        self.bugs = Bugs()
        self._context = InstanceContext(facts=plan.facts, clock=clock, journal=journal, bugs=self.bugs)
        self._ids = RunIds(plan.facts.run_id)
        self._whole = kept_whole(plan.tracks, plan.facts.seed) if plan.keep_bodies != "none" else frozenset()
        self._faults, self._effects, self._on_begin = faults, effects, on_begin
        self._is_disturbed = faults is not None or effects is not None
        self._max_late_s = 0.0
        self.in_flight = 0

    def begin(self, began: float) -> None:
        """The load begins, at a reading of the clock: write its phases, and let faults count from there."""
        if self._plan.turbulence is not None:
            for record in phase_records(self._plan.turbulence.phases, self.clock.unix(began)):
                self._journal.write(record)
        if self._on_begin is not None:
            self._on_begin(began)
        if self._faults is not None:
            self._faults.begin(began)

    def end(self) -> None:
        """No further instance begins."""
        if self._faults is not None:
            self._faults.end()

    def user(self, number: int) -> User:
        """A new user."""
        return User(number, self.transport.client())

    async def run(self, user: User, *, index: int, due: float, phase: str) -> None:
        """Run the instance of a global index; `due` is a reading of the clock. Raises only CancelledError."""
        scenario = self._plan.scenario(index)
        ids = self._ids.of_instance(scenario.id, index=index, user=user.number, phase=phase)
        if index in self._whole:
            ids.whole = True
        given, cookies = self._prepared.get(scenario.id), None
        if scenario.user_setup is not None:
            began = self.clock.now()
            try:
                state = user.states.get(scenario.id) or await self._set_up(
                    user, scenario, scenario.user_setup, given
                )
            except asyncio.CancelledError:
                self._end_without_user(ids, "interrupted", due=due + self.clock.now() - began)
                raise
            due += self.clock.now() - began
            if isinstance(state, RunningInstance):
                self._end_without_user(ids, state.progress.outcome, due=due, setup=state)
                await asyncio.sleep(0)  # the next one of this user begins at once: let others have their turn
                return
            given, cookies = state.prepared, state.cookies
        late_s = self.clock.now() - due
        if late_s > self._max_late_s:
            self._max_late_s = late_s
        self.in_flight += 1
        client = self._disturbed(user.client, ids) if self._is_disturbed else user.client
        try:
            instance = await run_section(
                scenario, ids, self._context, client=client, due=due, given=given, cookies=cookies
            )
        finally:
            self.in_flight -= 1
        if not instance.exchanges:
            # An instance that never waited for the network must not block the event loop.
            await asyncio.sleep(0)

    def _disturbed(self, client: Client, ids: InstanceIds) -> Client:
        """The client of an instance in a run with faults. Answers are watched before a fault can change them."""
        if self._effects is not None:
            client = self._effects.around(client, ids.instance_id)
        if self._faults is None:
            return client
        ids.faults = StepFaults()
        return self._faults.of_instance(
            client,
            scenario=ids.scenario,
            index=ids.index,
            instance_id=ids.instance_id,
            correlation_id=ids.correlation_id,
        )

    async def _set_up(
        self, user: User, scenario: CompiledScenario, section: Section, given: SetupResult | None
    ) -> UserState | RunningInstance:
        """Run the `user_setup` of a scenario for a user; its instance when it did not pass."""
        ids = self._ids.of_section("user_setup", scenario.id, user=user.number)
        instance = await run_section(
            section.scenario,
            ids,
            self._context,
            client=user.client,
            due=self.clock.now(),
            given=given,
            stream=f"/user/{user.number}",
        )
        if instance.progress.outcome != "passed":
            return instance
        prepared = (given or SetupResult()).with_variables(instance.scope, section.sets, ids.secrets)
        user.states[scenario.id] = state = UserState(prepared=prepared, cookies=user.client.cookies)
        return state

    def _end_without_user(
        self, ids: InstanceIds, outcome: InstanceOutcome, *, due: float, setup: RunningInstance | None = None
    ) -> None:
        """Write the record of an instance whose user could not be set up. The next one of the user tries again."""
        message = None
        failed_step = "user_setup"
        if setup is not None:
            ids.secrets = setup.ids.secrets
            progress = setup.progress
            failed_step = progress.failed_step or failed_step
            message = f"user_setup: {progress.message}" if progress.message else None
        self._journal.instance(
            ids,
            outcome,
            scheduled=due,
            started=self.clock.now(),
            steps=0,
            failed_step=failed_step,
            error="user_setup",
            message=message,
        )

    def drop(self, *, index: int, due: float, phase: str) -> None:
        """Write the record of an arrival that found no free slot."""
        clock = self.clock
        scenario = self._plan.scenario(index)
        self._journal.write(
            Dropped(t=clock.unix(), scenario=scenario.id, index=index, scheduled=clock.unix(due), phase=phase)
        )

    def spawn(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]], *, name: str) -> None:
        """Run a coroutine as a task of its own, which is in `tasks` while it runs."""
        task = asyncio.create_task(work, name=name)
        tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            error = task.exception() if not task.cancelled() else None
            if task.cancelled() and not was_cancelled_here(task):
                # Its further instances are missing, which must not look like a load that was complete.
                error = asyncio.CancelledError(f"code of the scenarios cancelled {name}")
            if error is not None:
                self.bugs.note(error)

        task.add_done_callback(ended)

    def take_lateness_us(self) -> int:
        """The maximum lateness of a start since the last call, in whole microseconds."""
        late_s, self._max_late_s = self._max_late_s, 0.0
        return int(late_s * 1e6)
