"""Compile the steps of a scenario, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from windtunnel.actions.assert_ import AssertAction
from windtunnel.actions.compile.context import AnyName, CompileContext, Field
from windtunnel.actions.response.judge import errored
from windtunnel.actions.table import ACTIONS, ActionType, plugin_step_type
from windtunnel.errors import ExpressionError, Problem
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.template import Template
from windtunnel.interfaces import Action, CompiledStep, StepOutcome, Transport
from windtunnel.model.scenario import Scenario, Step
from windtunnel.model.sut import Sut
from windtunnel.model.vocabulary import SectionPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledAssertion:
    """A final assertion that is ready to be evaluated."""

    name: str
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSection:
    """The steps of a setup, user setup or teardown, and the variables that they can set."""

    steps: tuple[CompiledStep, ...]
    sets: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledParts:
    """The compiled parts of a scenario. `variables` are rendered in order when an instance begins.

    `once` are those that need no row of a data file, for setups and teardowns, which have none; `once_per_user`
    those that need none but the user's.
    """

    variables: tuple[tuple[str, Template], ...]
    once: tuple[tuple[str, Template], ...]
    once_per_user: tuple[tuple[str, Template], ...]
    setup: CompiledSection | None
    user_setup: CompiledSection | None
    teardown: CompiledSection | None
    steps: tuple[CompiledStep, ...]
    assertions: tuple[CompiledAssertion, ...]


def compile_scenario(
    scenario: Scenario, *, sut: Sut, transport: Transport, problems: list[Problem], names: Iterable[str] = ()
) -> CompiledParts:
    """Everything of a scenario that runs, in the order in which it runs.

    `names` are variables that are set before the scenario's own. Every problem is added to `problems`; if there
    is one, the result is incomplete and must not be run.
    """
    context = CompileContext(
        scenario, sut=sut, transport=transport, names=names, problems=problems, compile_step=_compile
    )
    if scenario.auth is not None:
        from windtunnel.actions.request.auth import note_objections

        note_objections(Field(context, ("auth",), scenario.source), scenario.auth, scenario.headers)
    variables = _variables(scenario, context)
    context.variables = dict(variables)
    once, once_per_user = variables, variables
    if any("data" in template.names for _, template in variables):
        from windtunnel.actions.compile.references import variables_at

        once, once_per_user = (variables_at(scenario, variables, place) for place in ("setup", "user_setup"))
    every, some = set(context.names), {*names, *(name for name, _ in once)}
    setup = _section(scenario.setup, context, some, "setup")
    prepared = setup.sets if setup else frozenset()
    for_user = some | prepared | {name for name, _ in once_per_user}
    user_setup = _section(scenario.user_setup, context, for_user, "user_setup")
    context.begin(every | prepared | (user_setup.sets if user_setup else frozenset()))
    steps: tuple[CompiledStep, ...] = ()
    assertions: list[CompiledAssertion] = []
    if scenario.function is None:
        steps = context.steps_of(scenario.steps)
        assertions = _assertions(scenario, context)
    else:
        # The function runs in place of the steps: only their services are known before.
        for step in scenario.steps:
            if step.options:
                context.service(step)
        _check_shared(context)
    return CompiledParts(
        variables=variables,
        once=once,
        once_per_user=once_per_user,
        setup=setup,
        user_setup=user_setup,
        steps=steps,
        assertions=tuple(assertions),
        teardown=_section(scenario.teardown, context, some | prepared, "teardown"),
    )


def _check_shared(context: CompileContext) -> None:
    """Note what is wrong with `auth` and `headers` for the requests of code, which sets variables by itself."""
    from windtunnel.actions.request.template import is_shared

    if not is_shared(context, {}):
        return
    from windtunnel.actions.request.shared import OwnParts, Shared

    names, context.names = context.names, AnyName()
    place = Field(context, (), context.scenario.source)
    for service in context.sut.all_services:
        Shared(context, OwnParts(name="", field=place, headers={})).adjusted(service)
    context.names = names


def _assertions(scenario: Scenario, context: CompileContext) -> list[CompiledAssertion]:
    actions = [(step.name, AssertAction.compile(step, context)) for step in scenario.assertions]
    return [CompiledAssertion(name=name, action=action) for name, action in actions if action is not None]


def _section(
    steps: Sequence[Step], context: CompileContext, names: Iterable[str], place: SectionPhase
) -> CompiledSection | None:
    """The steps of a section, which see these variables and no response of other sections; None without steps."""
    if not steps:
        return None
    context.begin(names, place)
    compiled = context.steps_of(steps)
    return CompiledSection(steps=compiled, sets=frozenset(context.written))


def _variables(scenario: Scenario, context: CompileContext) -> tuple[tuple[str, Template], ...]:
    variables = []
    for name, value in scenario.variables.items():
        field = Field(context, ("variables", name), scenario.source)
        variables.append((name, field.template(value)))
        field.variable(name)
    return tuple(variables)


def _compile(step: Step, context: CompileContext) -> CompiledStep | None:
    refused = _compile_when(step, context)
    action = _action(step, context)
    if action is None:
        return None
    return CompiledStep(
        name=step.name,
        type=step.type,
        action=action,
        refused=refused,
        on_failure=step.on_failure,
        secrets=getattr(action, "secrets", frozenset()),
        reveal=getattr(action, "reveal", None),
        holds_steps=bool(step.blocks),
    )


def _action(step: Step, context: CompileContext) -> Action | None:
    action_type: ActionType | None = ACTIONS.get(step.type) or plugin_step_type(step.type)
    assert action_type is not None, "the schema lists the step types"
    return action_type.compile(step, context)


def _compile_when(step: Step, context: CompileContext) -> Callable[[Scope], StepOutcome | None] | None:
    """The compiled `when` of a step; None for a step that always runs."""
    if step.when is None or step.when is True:
        return None
    holds = (context.at(step) / "when").condition(step.when)

    def refused(scope: Scope) -> StepOutcome | None:
        try:
            return None if holds(scope) else StepOutcome(outcome="skipped")
        except ExpressionError as error:
            error.path = ("when", *error.path)
            return errored(error)

    return refused
