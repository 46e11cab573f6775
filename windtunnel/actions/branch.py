"""The `branch` step: the steps of the first case whose condition holds, or of `else`, or none.

if ── holds ──▶ its steps
 └─▶ elif ── holds ──▶ its steps
       └─▶ else ──▶ its steps
"""

from __future__ import annotations

from collections.abc import Callable

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.response.judge import errored
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.interfaces import CompiledStep, Instance, StepOutcome
from windtunnel.model.scenario import Block, Step

_Case = tuple[Callable[[Scope], bool], tuple[CompiledStep, ...]]


class BranchAction:
    """A compiled `branch`. It passes if no case holds."""

    __slots__ = ("_cases", "name")

    type = "branch"
    keys = ("cases",)

    def __init__(self, name: str, cases: list[_Case]) -> None:
        self.name, self._cases = name, tuple(cases)

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> BranchAction:
        """Compile a step; problems are noted."""
        conditions = [
            _condition(block, context, first=number == 0, last=number == len(step.blocks) - 1)
            for number, block in enumerate(step.blocks)
        ]
        return cls(
            step.name,
            list(zip(conditions, [steps for steps, _ in context.alternatives(step.blocks)], strict=True)),
        )

    async def run(self, instance: Instance) -> StepOutcome:
        """Find the case and run its steps."""
        scope = instance.scope
        for number, (holds, steps) in enumerate(self._cases):
            try:
                found = holds(scope)
            except ExpressionError as error:
                error.path = ("cases", number, *error.path)
                return errored(error)
            if found:
                return await instance.run_steps(steps)
        return StepOutcome()


def _condition(block: Block, context: CompileContext, *, first: bool, last: bool) -> Callable[[Scope], bool]:
    field = context.field(block)
    if "else" in block.options:
        if first:
            (field / "else").problem("a branch begins with `if`", hint='if: "{{ qty > 1 }}"', key=True)
        elif not last:
            (field / "else").problem("`else` must be the last case", key=True)
        return lambda _: True
    key, other = ("if", "elif") if first else ("elif", "if")
    if key not in block.options:
        message = "the first case must be `if`" if first else "a case after the first must be `elif` or `else`"
        (field / other).problem(message, hint=f"write `{key}:` for `{other}:`", key=True)
    return (field / (key if key in block.options else other)).condition(
        block.options.get(key, block.options.get(other))
    )
