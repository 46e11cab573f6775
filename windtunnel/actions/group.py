"""The `group` step: a part of the flow with a name, a row and a duration of its own."""

from __future__ import annotations

from windtunnel.actions.compile.context import CompileContext
from windtunnel.interfaces import CompiledStep, Instance, StepOutcome
from windtunnel.model.scenario import Step


class GroupAction:
    """A compiled `group`."""

    __slots__ = ("_steps", "name")

    type = "group"
    keys = ("steps",)

    def __init__(self, name: str, steps: tuple[CompiledStep, ...]) -> None:
        self.name, self._steps = name, steps

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> GroupAction:
        """Compile a step; problems are noted."""
        (block,) = step.blocks
        return cls(step.name, context.block(block))

    async def run(self, instance: Instance) -> StepOutcome:
        """Run the steps inside."""
        return await instance.run_steps(self._steps)
