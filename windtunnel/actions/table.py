"""The table of step types, and the step types of plugins. A new type is a module here and a row in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, get_args

from windtunnel import plugins
from windtunnel.actions.assert_ import AssertAction
from windtunnel.actions.branch import BranchAction
from windtunnel.actions.choose import ChooseAction
from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.group import GroupAction
from windtunnel.actions.http import HttpAction
from windtunnel.actions.include import IncludeAction
from windtunnel.actions.parallel import ParallelAction
from windtunnel.actions.python.blocks import describe_exception
from windtunnel.actions.python.step import PythonAction
from windtunnel.actions.repeat import RepeatAction
from windtunnel.actions.set_ import SetAction
from windtunnel.actions.wait import WaitAction
from windtunnel.errors import describe, is_interrupt
from windtunnel.interfaces import Action, Instance, StepOutcome
from windtunnel.model.scenario import Step
from windtunnel.model.vocabulary import Outcome
from windtunnel.plugins import Plugin
from windtunnel.tasks import came_from_outside


class ActionType(Protocol):
    """A step type: it compiles its steps, and knows their keys."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its steps, besides those of every step."""

    def compile(self, step: Step, context: CompileContext) -> Action | None:
        """Compile a step; problems are noted in `context`. None when there is nothing to run."""


ACTIONS: Mapping[str, ActionType] = {
    "http": HttpAction,
    "wait": WaitAction,
    "assert": AssertAction,
    "set": SetAction,
    "group": GroupAction,
    "branch": BranchAction,
    "choose": ChooseAction,
    "repeat": RepeatAction,
    "parallel": ParallelAction,
    "include": IncludeAction,
    "python": PythonAction,
}
"""Every step type by the name it has in YAML."""


_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_ALTERNATIVES = f"{', '.join(_OUTCOMES[:-1])} or {_OUTCOMES[-1]}"


class PluginStepType:
    """A step type of a plugin: used like the types of Windtunnel, and named in the errors it causes."""

    def __init__(self, plugin: Plugin, added: Any) -> None:
        self._plugin, self._added = plugin, added
        self.keys: tuple[str, ...] = tuple(added.keys)

    def compile(self, step: Step, context: CompileContext) -> Action | None:
        """Compile a step; None when problems were noted. An exception of the plugin is a problem."""
        try:
            action: Action | None = self._added.compile(step, context)
        except BaseException as error:
            if is_interrupt(error):
                raise
            context.at(step).problem(
                f"the {self._plugin} cannot compile this step: {describe(error)}",
                hint=f"this is a bug in {self._plugin.distribution}",
            )
            return None
        return None if action is None else _PluginAction(self._plugin, action, step.name)


class _PluginAction:
    """An action of a plugin. An exception that it raises is the outcome of its step."""

    __slots__ = ("_action", "_plugin", "name", "secrets", "type")

    def __init__(self, plugin: Plugin, action: Action, name: str) -> None:
        self._plugin, self._action, self.name, self.type = plugin, action, name, plugin.name
        self.secrets: frozenset[str] = getattr(action, "secrets", frozenset())

    async def run(self, instance: Instance) -> StepOutcome:
        """Run the action."""
        try:
            outcome = await self._action.run(instance)
        except BaseException as error:
            if came_from_outside(error) or instance.raised_inside(error):
                raise
            kind, message = describe_exception(error)
            return StepOutcome(outcome="errored", error=kind, message=f"the {self._plugin} raised {message}")
        if outcome.outcome not in _OUTCOMES:
            # Such a record could not be read back.
            message = f'the {self._plugin} returned the outcome "{outcome.outcome}"; it can be {_ALTERNATIVES}'
            return StepOutcome(outcome="errored", error="plugin", message=message)
        return outcome


def plugin_step_type(name: str) -> PluginStepType | None:
    """The step type that a plugin adds under a name; None when there is none. Raises ConfigError."""
    plugin = plugins.installed(plugins.ACTIONS).get(name)
    return None if plugin is None else PluginStepType(plugin, plugins.require(plugin))
