"""The `repeat` step: runs its steps a number of times, for each item of a list, or while a condition holds.

times: 3                        loop.index counts from 1, loop.index0 from 0; loop.first, loop.last, loop.length
for_each: "{{ items }}"         the same, and the item under the name `as` gives it (item)
while: "{{ more }}"             loop.index, loop.index0, loop.first
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from windtunnel.actions.compile.context import CompileContext, Field, assigned_variables
from windtunnel.actions.compile.scopes import local_variables
from windtunnel.actions.response.judge import errored
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.text import kind_of
from windtunnel.figures import given, plural
from windtunnel.interfaces import CompiledStep, Instance, StepOutcome
from windtunnel.model.scenario import Step

MAX_TIMES = 1_000_000

_ROUNDS_BEFORE_YIELD = 100
"""Rounds after which other tasks get a turn, even if no step has waited."""

_Locals = Mapping[str, Any]
_Rounds = Callable[[Scope], Iterator[_Locals]]
"""The local variables of each round in turn. Raises ExpressionError, and _Endless."""


class _Endless(Exception):  # noqa: N818  (caught by the step that runs the loop)
    """The condition still holds after the maximum number of rounds."""


class RepeatAction:
    """A compiled `repeat`. It ends at the first round that ends the flow."""

    __slots__ = ("_rounds", "_steps", "name")

    type = "repeat"
    keys = ("times", "for_each", "as", "while", "max_times", "steps")

    def __init__(self, name: str, rounds: _Rounds, steps: tuple[CompiledStep, ...]) -> None:
        self.name, self._rounds, self._steps = name, rounds, steps

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> RepeatAction | None:
        """Compile a step; None when problems were noted."""
        field, options = context.at(step), step.options
        (block,) = step.blocks
        kinds = [kind for kind in _KINDS if kind in options]
        if len(kinds) != 1:
            field.problem("a repeat needs exactly one of times, for_each and while", hint="times: 3")
            return None
        # A round can read what an earlier round has set, also in the condition.
        before, written = set(context.names), set(context.written)
        later = assigned_variables(block.steps)
        local = {"loop", *([str(options.get("as", "item"))] if "for_each" in options else [])}
        if kinds == ["while"]:
            context.names |= later
        rounds = _KINDS[kinds[0]](field, options)
        if "for_each" in options:
            (field / "as").variable(str(options.get("as", "item")))
        context.names |= later | local
        steps = context.block(block)
        context.forget(local - before, written=local - written)
        return cls(step.name, rounds, steps)

    async def run(self, instance: Instance) -> StepOutcome:
        """Run the rounds."""
        around, worst = instance.round, StepOutcome()
        try:
            for number, local in enumerate(self._rounds(instance.scope), 1):
                instance.round = number
                with local_variables(instance.scope, local):
                    outcome = await instance.run_steps(self._steps)
                if outcome.outcome != "passed" and worst.outcome != "errored":
                    worst = outcome
                if outcome.outcome != "passed" and outcome.stops:
                    return outcome
                if number % _ROUNDS_BEFORE_YIELD == 0:
                    await asyncio.sleep(0)
        except ExpressionError as error:
            return errored(error)
        except _Endless as endless:
            return StepOutcome(outcome="failed", error="max_times", message=str(endless))
        finally:
            instance.round = around
        return worst


def _loop(number: int, length: int | None = None) -> dict[str, Any]:
    """`loop` in the round `number`, counted from 0."""
    loop = {"index": number + 1, "index0": number, "first": number == 0}
    return loop if length is None else {**loop, "last": number == length - 1, "length": length}


def _times(field: Field, options: Mapping[str, Any]) -> _Rounds:
    times = (field / "times").template(options["times"])

    def rounds(scope: Scope) -> Iterator[_Locals]:
        count = times(scope)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_TIMES:
            raise ExpressionError(f"times is {given(count)}, not a whole number from 0 to {MAX_TIMES:,}")
        return ({"loop": _loop(number, count)} for number in range(count))

    return rounds


def _for_each(field: Field, options: Mapping[str, Any]) -> _Rounds:
    items, name = (field / "for_each").template(options["for_each"]), str(options.get("as", "item"))

    def rounds(scope: Scope) -> Iterator[_Locals]:
        found = items(scope)
        if not isinstance(found, list | tuple):
            raise ExpressionError(f"for_each takes a list, not {kind_of(found)}")
        return ({"loop": _loop(number, len(found)), name: item} for number, item in enumerate(found))

    return rounds


def _while(field: Field, options: Mapping[str, Any]) -> _Rounds:
    holds = (field / "while").condition(options["while"])
    most = options.get("max_times")
    if isinstance(most, bool) or not isinstance(most, int):
        field.problem("`while` needs `max_times`", hint="max_times: 20")
        most = 1

    def rounds(scope: Scope) -> Iterator[_Locals]:
        for number in range(most):
            if not holds(scope):
                return
            yield {"loop": _loop(number)}
        if holds(scope):
            raise _Endless(f"the condition still holds after {plural(most, 'round')}")

    return rounds


_KINDS: Mapping[str, Callable[[Field, Mapping[str, Any]], _Rounds]] = {
    "times": _times,
    "for_each": _for_each,
    "while": _while,
}
"""Every kind of loop by its key."""
