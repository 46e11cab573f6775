"""The `parallel` step: branches that run at the same time inside one instance, and join.

scope ──copy──▶ branch 1 ──┐
  ├────copy──▶ branch 2 ──┼─▶ what each has set, in the order in which they are written
  └────copy──▶ branch 3 ──┘
"""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.actions.compile.context import CompileContext
from windtunnel.interfaces import Branch, Instance, StepOutcome
from windtunnel.model.scenario import Step


class ParallelAction:
    """A compiled `parallel`. All branches run to their end, even if one fails: the result must not depend on which
    is faster.
    """

    __slots__ = ("_branches", "name")

    type = "parallel"
    keys = ("branches",)

    def __init__(self, name: str, branches: Sequence[Branch]) -> None:
        self.name, self._branches = name, tuple(branches)

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> ParallelAction:
        """Compile a step; problems are noted."""
        branches = [Branch(steps=steps, sets=sets) for steps, sets in context.alternatives(step.blocks)]
        taken: dict[str, int] = {}
        for number, branch in enumerate(branches):
            for name in sorted(branch.sets):
                first = taken.setdefault(name, number)
                if first != number:
                    context.field(step.blocks[number]).problem(
                        f'branch {first + 1} and branch {number + 1} both set "{name}"',
                        hint="give the variables different names: branches run at the same time",
                    )
        return cls(step.name, branches)

    async def run(self, instance: Instance) -> StepOutcome:
        """Run the branches and wait for all of them."""
        return await instance.run_together(self._branches)
