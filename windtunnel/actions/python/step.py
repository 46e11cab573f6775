"""The `python` step: calls `module:function`, which may be async, with the context of the instance."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.python.blocks import outcome_of
from windtunnel.actions.python.context import Context
from windtunnel.actions.python.requests import RequestFactory
from windtunnel.actions.response.judge import errored
from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.scenario import Step
from windtunnel.tasks import came_from_outside
from windtunnel.user_code.modules import function_in

Function = Callable[..., Any]
HELD_S = 0.05
"""Seconds after which a function that is not async is reported: it blocks the event loop."""


class PythonAction:
    """A compiled `python` step. `args` become keyword arguments, `sets` are the variables it must set."""

    __slots__ = ("_args", "_function", "_requests", "_sets", "name")

    type = "python"
    keys = ("call", "args", "sets")
    secrets: frozenset[str] = frozenset()

    def __init__(
        self,
        name: str,
        function: Function,
        *,
        args: list[tuple[str, Callable[[Scope], Any]]],
        sets: frozenset[str],
        requests: RequestFactory,
    ) -> None:
        self.name, self._function, self._args, self._sets = name, function, tuple(args), sets
        self._requests = requests

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> PythonAction | None:
        """Compile a step; None when problems were noted."""
        field, options = context.at(step), step.options
        args = []
        for name, value in (field / "args").mapping(options.get("args")).items():
            args.append((str(name), (field / "args" / name).template(value).evaluate))
        function = _function(field / "call", str(options.get("call")), step, [name for name, _ in args])
        sets = [str(name) for name in options.get("sets", ())]
        for index, name in enumerate(sets):
            (field / "sets" / index).variable(name)
        context.responses.add(step.name)
        if function is None:
            return None
        requests = RequestFactory(context.scenario, sut=context.sut, transport=context.transport)
        return cls(step.name, function, args=args, sets=frozenset(sets), requests=requests)

    async def run(self, instance: Instance) -> StepOutcome:
        """Call the function. An exception in it is the outcome of the step."""
        context = Context(instance, self._requests, step=self.name, settable=self._sets)
        try:
            args = {name: evaluate(instance.scope) for name, evaluate in self._args}
        except ExpressionError as error:
            return errored(error)
        started = instance.clock.now()
        held_s = 0.0
        try:
            result = self._function(context, **args)
            held_s = instance.clock.now() - started
            if inspect.isawaitable(result):
                await _awaited(result)
            ended = self._after(context)
        except BaseException as error:
            if came_from_outside(error):
                raise
            ended = outcome_of(error)
        outcome = context.conclude(ended)
        outcome.held_us = int(held_s * 1e6) if held_s > HELD_S else 0
        return outcome

    def _after(self, context: Context) -> StepOutcome:
        missing = sorted(self._sets - context.variables.set)
        if missing:
            message = f"the function did not set {', '.join(missing)}, which the step's `sets` names"
            return StepOutcome(outcome="errored", error="python", message=message)
        return StepOutcome()


async def _awaited(result: Awaitable[Any]) -> None:
    await result


def _function(field: Field, call: str, step: Step, args: list[str]) -> Function | None:
    """The function; None after a problem was noted."""
    folder = str(Path(step.source.file).parent)
    try:
        function: Function = function_in(folder, call, step.source.project)
    except ConfigError as error:
        for problem in error.problems:
            if problem.where is None:
                field.problem(problem.message, hint=problem.hint)
            elif problem not in field.context.problems:
                field.context.problems.append(problem)
        return None
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of what is written in C has none
        return function
    try:
        signature.bind(None, **dict.fromkeys(args))
    except TypeError as error:
        name = getattr(function, "__name__", call)
        field.problem(f"{name}(context{''.join(f', {each}=…' for each in args)}) can't be called: {error}")
    return function
