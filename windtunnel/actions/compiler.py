"""The table of step types, and the steps of a scenario, compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from windtunnel.actions.assert_ import AssertAction
from windtunnel.actions.http import HttpAction
from windtunnel.actions.judge import errored
from windtunnel.actions.place import StepCompiler
from windtunnel.actions.set_ import SetAction
from windtunnel.actions.wait import WaitAction
from windtunnel.errors import ExpressionError, Problem, did_you_mean
from windtunnel.expressions.functions import Scope
from windtunnel.interfaces import Action, StepOutcome, Transport
from windtunnel.model.scenario import Scenario, Step
from windtunnel.model.sut import Sut

__all__ = ["ACTIONS", "ActionType", "CompiledAssertion", "CompiledStep", "StepCompiler", "compile_steps"]


class ActionType(Protocol):
    """A step type: what compiles a step of it, and the keys of its own that a step may have."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys besides those every step has."""

    def compile(self, step: Step, compiler: StepCompiler) -> Action | None:
        """Compile a step, noting every problem in the compiler; None when there is nothing to run."""


ACTIONS: Mapping[str, ActionType] = {
    "http": HttpAction,
    "wait": WaitAction,
    "assert": AssertAction,
    "set": SetAction,
}
"""Every step type by the name it has in YAML."""

_STEP_KEYS = ("type", "name", "when", "on_failure", "tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledStep:
    """A step that is ready to run.

    `when` is None for a step that always runs; it raises ExpressionError when it can't be evaluated.
    `secrets` are the variables it sets whose values must not be written. `file` and `line` say where it stands.
    """

    name: str
    type: str
    action: Action
    when: Callable[[Scope], bool] | None = None
    on_failure: str = "stop"
    tags: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    file: str | None = None
    line: int | None = None

    def refused(self, scope: Scope) -> StepOutcome | None:
        """None when the step is to run; else its outcome: skipped, or errored by a `when` nobody can evaluate."""
        try:
            return None if self.when is None or self.when(scope) else StepOutcome(outcome="skipped")
        except ExpressionError as error:
            error.path = ("when", *error.path)
            return errored(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledAssertion(CompiledStep):
    """A final assertion that is ready to be evaluated."""


_Step = TypeVar("_Step", bound=CompiledStep)


def compile_steps(
    scenario: Scenario, *, sut: Sut, transport: Transport, names: Iterable[str], problems: list[Problem]
) -> tuple[list[CompiledStep], list[CompiledAssertion]]:
    """The steps of a scenario in order, and its assertions.

    `names` are the variables that are set before the first step. Whatever is wrong goes to `problems`, all of
    it; when that happened, what is returned is not complete and must not be run.
    """
    compiler = StepCompiler(scenario, sut=sut, transport=transport, names=names, problems=problems)
    steps: list[CompiledStep] = []
    seen: set[str] = set()
    for step in scenario.steps:
        _check_name(step, seen, compiler)
        compiled = _compile(step, compiler, ACTIONS, CompiledStep)
        if compiled is not None:
            steps.append(compiled)
    assertions: list[CompiledAssertion] = []
    for step in scenario.assertions:
        _check_name(step, seen, compiler)
        assertion = _compile(step, compiler, {"assert": AssertAction}, CompiledAssertion)
        if assertion is not None:
            assertions.append(assertion)
    return steps, assertions


def _compile(
    step: Step, compiler: StepCompiler, actions: Mapping[str, ActionType], make: type[_Step]
) -> _Step | None:
    place = compiler.at(step)
    action_type = actions.get(step.type)
    if action_type is None:
        hint = did_you_mean(step.type, actions) or f"one of {', '.join(actions)}"
        (place / "type").problem(f'unknown step type "{step.type}"', hint=hint)
        return None
    place.only_keys(step.options, (*_STEP_KEYS, *action_type.keys))
    when = _when(step, compiler)
    action = action_type.compile(step, compiler)
    if action is None:
        return None
    where = compiler.scenario.source.locate(step.path)
    return make(
        name=step.name,
        type=step.type,
        action=action,
        when=when,
        on_failure=step.on_failure,
        tags=step.tags,
        secrets=getattr(action, "secrets", frozenset()),
        file=where.file,
        line=where.line or None,
    )


def _when(step: Step, compiler: StepCompiler) -> Callable[[Scope], bool] | None:
    return None if step.when is None or step.when is True else (compiler.at(step) / "when").condition(step.when)


def _check_name(step: Step, seen: set[str], compiler: StepCompiler) -> None:
    """Names are the rows of every report: two of one name could not be told apart."""
    if step.name in seen:
        (compiler.at(step) / "name").problem(f'there is already a step "{step.name}"', hint="names are unique")
    seen.add(step.name)
