"""The `choose` step: one of several sub-flows, drawn by weight from the instance's own randomness."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from windtunnel.actions.compile.context import CompileContext
from windtunnel.interfaces import CompiledStep, Instance, StepOutcome
from windtunnel.model.scenario import Step


class ChooseAction:
    """A compiled `choose`. `ends` are the weights added up: a draw below the first is the first option."""

    __slots__ = ("_ends", "_options", "name")

    type = "choose"
    keys = ("options",)

    def __init__(self, name: str, options: Sequence[tuple[CompiledStep, ...]], weights: Sequence[float]) -> None:
        self.name, self._options, self._ends = name, tuple(options), tuple(accumulate(weights))

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> ChooseAction | None:
        """Compile a step; None when problems were noted."""
        weights = [float(block.options.get("weight", 1)) for block in step.blocks]
        options = [steps for steps, _ in context.alternatives(step.blocks)]
        if sum(weights) <= 0:
            (context.at(step) / "options").problem("no option has a weight above zero", hint="weight: 1")
            return None
        return cls(step.name, options, weights)

    async def run(self, instance: Instance) -> StepOutcome:
        """Draw an option and run its steps."""
        drawn = instance.random.random() * self._ends[-1]
        return await instance.run_steps(self._options[bisect(self._ends, drawn)])
