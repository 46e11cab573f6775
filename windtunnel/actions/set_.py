"""The `set` step: variables from templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.actions.judge import errored
from windtunnel.actions.place import StepCompiler
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.scenario import Step

__all__ = ["SetAction"]


class SetAction:
    """A compiled `set` step. Variables are set in the order written; each can read those before it."""

    __slots__ = ("_variables", "name")

    type = "set"
    keys = ("variables",)
    secrets: frozenset[str] = frozenset()

    def __init__(self, name: str, variables: list[tuple[str, Callable[[Scope], Any]]]) -> None:
        self.name, self._variables = name, tuple(variables)

    @classmethod
    def compile(cls, step: Step, compiler: StepCompiler) -> SetAction | None:
        """Compile a step; None when problems were noted."""
        place = compiler.at(step) / "variables"
        variables = []
        for name, value in place.mapping(step.options.get("variables")).items():
            here = place / name
            variables.append((str(name), here.template(value).evaluate))
            here.variable(str(name))
        if not variables:
            compiler.at(step).problem("this step sets nothing", hint="variables: { qty: 2 }")
            return None
        return cls(step.name, variables)

    async def run(self, instance: Instance) -> StepOutcome:
        """Set the variables."""
        scope = instance.scope
        for name, evaluate in self._variables:
            try:
                scope[name] = evaluate(scope)
            except ExpressionError as error:
                error.path = (name, *error.path)
                return errored(error)
        return StepOutcome()
