"""A step that holds steps can tell an exception out of one of them from one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from windtunnel.engine.ids import InstanceIds
from windtunnel.engine.instance import Bugs, InstanceContext, RunningInstance, run_section
from windtunnel.engine.journal import Journal
from windtunnel.engine.plan import CompiledScenario, RunFacts
from windtunnel.interfaces import CompiledStep, Instance, StepOutcome
from windtunnel.redaction import Redactor
from windtunnel.testing.scripted import ScriptedTransport
from windtunnel.testing.virtual_clock import VirtualClock

OURS, ITS_OWN = RuntimeError("ours"), ValueError("its own")


@dataclass
class Raising:
    """A step with a bug of ours."""

    name = type = "raising"

    async def run(self, instance: Instance) -> StepOutcome:
        raise OURS


class Holding:
    """Runs a step with a bug, and asks the instance whose the exceptions are."""

    name = type = "holding"

    def __init__(self) -> None:
        self.answers: list[bool] = []

    async def run(self, instance: Instance) -> StepOutcome:
        self.answers.append(instance.raised_inside(ITS_OWN))
        with pytest.raises(RuntimeError) as caught:
            await instance.run_steps([CompiledStep(name="raising", type="raising", action=Raising())])
        self.answers += [instance.raised_inside(caught.value), instance.raised_inside(ITS_OWN)]
        return StepOutcome()


def test_only_the_exception_of_a_step_inside_is_raised_inside() -> None:
    holding = Holding()

    async def scenario() -> RunningInstance:
        clock = VirtualClock()
        written: list[Callable[[], None]] = []
        journal = Journal([], clock=clock, redactor=Redactor(), bodies=None, schedule=written.append)
        compiled = CompiledScenario(
            id="shop",
            variables=(),
            steps=(CompiledStep(name="holding", type="holding", action=holding),),
            assertions=(),
            stop_on_step=True,
            stop_on_assertion=True,
            max_steps=10,
        )
        context = InstanceContext(facts=RunFacts(run_id="run", seed=1), clock=clock, journal=journal, bugs=Bugs())
        client = ScriptedTransport().client()
        return await run_section(compiled, InstanceIds(phase=""), context, client=client, due=clock.now())

    asyncio.run(scenario())

    assert holding.answers == [False, True, False]
