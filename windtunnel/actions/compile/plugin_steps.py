"""Step types that other packages add: used like our own, except that what they raise is told as theirs."""

from __future__ import annotations

from typing import Any, get_args

from windtunnel import plugins
from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.python.failure import describe_exception
from windtunnel.interfaces import Action, Instance, StepOutcome
from windtunnel.model.scenario import Step
from windtunnel.model.vocabulary import Outcome
from windtunnel.plugins import Plugin

_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_ALTERNATIVES = f"{', '.join(_OUTCOMES[:-1])} or {_OUTCOMES[-1]}"


class PluginStepType:
    """A step type of a distribution."""

    def __init__(self, plugin: Plugin, added: Any) -> None:
        self._plugin, self._added = plugin, added
        self.keys: tuple[str, ...] = tuple(added.keys)

    def compile(self, step: Step, context: CompileContext) -> Action | None:
        """Compile a step; None when problems were noted, and that it can't do so is one of them."""
        try:
            action: Action | None = self._added.compile(step, context)
        except Exception as error:  # noqa: BLE001  it is not our code
            kind = type(error).__name__
            context.at(step).problem(
                f"the {self._plugin} can't make anything of this step: {kind}: {error}",
                hint=f"this is a mistake in {self._plugin.distribution}",
            )
            return None
        return None if action is None else _PluginAction(self._plugin, action, step.name)


class _PluginAction:
    """An action whose exceptions are an outcome of its step."""

    __slots__ = ("_action", "_plugin", "name", "secrets", "type")

    def __init__(self, plugin: Plugin, action: Action, name: str) -> None:
        self._plugin, self._action, self.name, self.type = plugin, action, name, plugin.name
        self.secrets: frozenset[str] = getattr(action, "secrets", frozenset())

    async def run(self, instance: Instance) -> StepOutcome:
        try:
            outcome = await self._action.run(instance)
        except Exception as error:  # noqa: BLE001  it is not our code
            kind, message = describe_exception(error)
            return StepOutcome(outcome="errored", error=kind, message=f"the {self._plugin} raised {message}")
        if outcome.outcome not in _OUTCOMES:
            # Such a record could not be read back.
            message = f'the {self._plugin} returned the outcome "{outcome.outcome}"; it can be {_ALTERNATIVES}'
            return StepOutcome(outcome="errored", error="plugin", message=message)
        return outcome


def plugin_step_type(name: str) -> PluginStepType | None:
    """The step type that a distribution adds under a name; None when none does. Raises ConfigError."""
    plugin = plugins.installed(plugins.ACTIONS).get(name)
    return None if plugin is None else PluginStepType(plugin, plugins.require(plugin))
