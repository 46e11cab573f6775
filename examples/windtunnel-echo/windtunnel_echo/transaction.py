"""The `transaction` step: runs its steps; when one of them fails, runs the steps that undo them.

steps ── pass ──▶ done
  └───── fail ──▶ rollback ──▶ the step has failed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.extending import Action, CompileContext, CompiledStep, Instance, Step, StepOutcome


class TransactionAction:
    """A compiled `transaction` step."""

    type = "transaction"
    keys = ("steps", "rollback")
    schema: Mapping[str, Any] = {
        "required": ["steps", "rollback"],
        "properties": {
            "steps": {"$ref": "#/$defs/steps", "description": "The steps of the transaction."},
            "rollback": {"$ref": "#/$defs/steps", "description": "The steps that undo it after a failure."},
        },
    }

    def __init__(self, name: str, steps: Sequence[CompiledStep], rollback: Sequence[CompiledStep]) -> None:
        self.name, self._steps, self._rollback = name, steps, rollback

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> Action | None:
        """Compile the steps of both lists. The rollback can read the variables that the steps set."""
        blocks = {block.key: context.block(block) for block in step.blocks}
        return cls(step.name, blocks["steps"], blocks["rollback"])

    async def run(self, instance: Instance) -> StepOutcome:
        """Run the steps, and the rollback when they fail. The outcome is that of the steps."""
        outcome = await instance.run_steps(self._steps)
        if outcome.outcome != "passed":
            await instance.run_steps(self._rollback)
        return outcome
