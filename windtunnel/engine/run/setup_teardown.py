"""Setups and teardowns, once a run: every setup before the load, every teardown after it, even after a failure.

connect ─▶ setup ── passed ──▶ load ──▶ teardown
             └──── failed ─────────────▶ teardown        nothing of the load is sent

They have a record file of their own, written by the coordinating process, also when workers run the load. What a
setup left, also one that ended half way, is what the teardown of its scenario begins with: cookies and variables.
The instances of the load get the variables that its steps set.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from windtunnel.engine.ids import RunIds
from windtunnel.engine.instance import Bugs, InstanceContext, RunningInstance, run_section
from windtunnel.engine.plan import CompiledScenario, Section
from windtunnel.engine.run.segment import OpenSegment, SegmentParts
from windtunnel.engine.user import SetupResult
from windtunnel.interfaces import Client
from windtunnel.model.manifest import Evidence
from windtunnel.model.vocabulary import SectionPhase
from windtunnel.tasks import first_of

SETUP_FAILED = "setup failed"

TEARDOWN_S = 60.0
"""The time limit of all teardowns together, unless the run was asked to end."""


class SetupTeardown:
    """The setups and teardowns of a run, one scenario after the other. Owned by the one call that runs it."""

    def __init__(self, parts: SegmentParts) -> None:
        self._parts = parts
        self._segment = OpenSegment(self._parts)
        self._ids = RunIds(parts.plan.facts.run_id)
        self._bugs = Bugs()
        self._context = InstanceContext(
            facts=parts.plan.facts,
            clock=parts.clock,
            journal=self._segment.journal,
            bugs=self._bugs,
        )
        self._clients: dict[str, Client] = {}
        self._setups: dict[str, RunningInstance] = {}
        self.prepared: dict[str, SetupResult] = {}

    async def set_up(self) -> bool:
        """Run every setup; return whether all passed. `prepared` is what they left, by scenario."""
        shutdown = self._parts.shutdown
        passed = await first_of(self._set_up(), shutdown.wait_for_grace())
        return bool(passed) and not shutdown.requested

    async def tear_down(self) -> None:
        """Run every teardown, also after a failed setup; after a request to end, within the grace of that."""
        shutdown, clock = self._parts.shutdown, self._parts.clock
        await first_of(self._tear_down(), clock.sleep(TEARDOWN_S), shutdown.wait_for_grace())

    async def end(self) -> Evidence:
        """Write the last line and return how complete the records are."""
        for client in self._clients.values():
            client.close()
        cause = self._parts.shutdown.cause
        return await self._segment.end(cause.reason if cause else "completed", bug=self._bugs.first)

    async def _set_up(self) -> bool:
        await self._segment.begin()
        passed = True
        for scenario in self._parts.plan.scenarios:
            if scenario.setup is None:
                continue
            instance = await self._run(
                scenario.setup, scenario, "setup", begun=partial(self._setups.__setitem__, scenario.id)
            )
            passed = passed and instance.progress.outcome == "passed"
            self.prepared[scenario.id] = SetupResult().with_variables(
                instance.scope, scenario.setup.sets, instance.ids.secrets
            )
        return passed

    async def _tear_down(self) -> None:
        for scenario in self._parts.plan.scenarios:
            if scenario.teardown is not None:
                await self._run(scenario.teardown, scenario, "teardown", given=self._left_by_setup(scenario))

    def _left_by_setup(self, scenario: CompiledScenario) -> SetupResult | None:
        """The variables that the setup of a scenario had at its end, also where a failure or a stop ended it."""
        instance = self._setups.get(scenario.id)
        if instance is None or scenario.setup is None:
            return None
        names = scenario.setup.sets.union(name for name, _ in scenario.setup.scenario.variables)
        return SetupResult().with_variables(instance.scope, names, instance.ids.secrets)

    async def _run(
        self,
        section: Section,
        scenario: CompiledScenario,
        phase: SectionPhase,
        *,
        given: SetupResult | None = None,
        begun: Callable[[RunningInstance], None] | None = None,
    ) -> RunningInstance:
        """Run a section of a scenario, whose teardown has the client of its setup, with the cookies of it."""
        client = self._clients.get(scenario.id)
        cookies = None if client is None else client.cookies
        if client is None:
            client = self._clients[scenario.id] = self._parts.transport.client()
        return await run_section(
            section.scenario,
            self._ids.of_section(phase, scenario.id),
            self._context,
            client=client,
            due=self._parts.clock.now(),
            given=given,
            cookies=cookies,
            stream=f"/{phase}",
            begun=begun,
        )
