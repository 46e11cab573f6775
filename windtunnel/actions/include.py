"""The `include` step: a flow from another file, with variables of its own.

Later steps see what the steps inside extract and set, but not the `variables` of the include and of the file.
Names are local to the file: `steps.get_token` in it is `login/get_token` everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.compile.scopes import LocalSteps, local_variables
from windtunnel.actions.response.judge import errored
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.interfaces import CompiledStep, Instance, StepOutcome
from windtunnel.model.scenario import Step

_Variables = list[tuple[str, Callable[[Scope], Any]]]


class IncludeAction:
    """A compiled `include`. `given` are rendered outside, `defaults` inside, where they may read those given."""

    __slots__ = ("_defaults", "_given", "_prefix", "_steps", "name")

    type = "include"
    keys = ("file", "variables")

    def __init__(
        self, name: str, given: _Variables, defaults: _Variables, steps: tuple[CompiledStep, ...]
    ) -> None:
        self.name, self._given, self._defaults, self._steps = name, given, defaults, steps
        self._prefix = f"{name}/"

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> IncludeAction | None:
        """Compile a step; None if the file could not be read, which was noted before."""
        if not step.blocks:
            return None
        (block,) = step.blocks
        before, written = set(context.names), set(context.written)
        outside, inside = context.at(step) / "variables", context.field(block) / "variables"
        given: _Variables = [
            (name, (outside / name).template(value).evaluate)
            for name, value in outside.mapping(step.options.get("variables")).items()
        ]
        for name, _ in given:
            (outside / name).variable(name)
        defaults: _Variables = []
        for name, value in inside.mapping(block.options.get("variables")).items():
            if name not in dict(given):
                defaults.append((name, (inside / name).template(value).evaluate))
                (inside / name).variable(name)
        local = {name for name, _ in (*given, *defaults)}
        steps = context.block(block)
        context.forget(local - before, written=local - written)
        return cls(step.name, given, defaults, steps)

    async def run(self, instance: Instance) -> StepOutcome:
        """Run the file's steps with the variables set."""
        scope = instance.scope
        try:
            local = {name: evaluate(scope) for name, evaluate in self._given}
            for name, evaluate in self._defaults:
                local[name] = evaluate({**scope, **local})
        except ExpressionError as error:
            error.path = ("variables", *error.path)
            return errored(error)
        local["steps"] = LocalSteps(instance.exchanges, self._prefix)
        with local_variables(scope, local):
            return await instance.run_steps(self._steps)
