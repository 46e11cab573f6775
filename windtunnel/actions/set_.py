"""The `set` step: variables from templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.response.judge import errored
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.scenario import Step


class SetAction:
    """A compiled `set` step. Variables are set in the order written; each can read those before it."""

    __slots__ = ("_variables", "name")

    type = "set"
    keys = ("variables",)
    secrets: frozenset[str] = frozenset()

    def __init__(self, name: str, variables: list[tuple[str, Callable[[Scope], Any]]]) -> None:
        self.name, self._variables = name, tuple(variables)

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> SetAction | None:
        """Compile a step; None when problems were noted."""
        field = context.at(step) / "variables"
        variables = []
        for name, value in field.mapping(step.options.get("variables")).items():
            here = field / name
            variables.append((str(name), here.template(value).evaluate))
            here.variable(str(name))
        if not variables:
            context.at(step).problem("this step sets nothing", hint="variables: { qty: 2 }")
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
