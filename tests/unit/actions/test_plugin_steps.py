"""What a step type of another package returns is checked before it becomes a record."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint
from typing import Any, cast

import pytest

from windtunnel.actions.table import PluginStepType
from windtunnel.interfaces import StepOutcome
from windtunnel.plugins import ACTIONS, Plugin


class _Action:
    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    async def run(self, instance: Any) -> StepOutcome:
        return StepOutcome(outcome=self._outcome)


class _StepType:
    keys = ("text",)

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    def compile(self, step: Any, context: Any) -> _Action:
        return _Action(self._outcome)


class _Step:
    name = "hello"


ECHO = Plugin(
    group=ACTIONS,
    name="echo",
    distribution="windtunnel-echo",
    version="1.0",
    entry=EntryPoint(name="echo", value="echo:Echo", group=ACTIONS),
)


def run(outcome: Any) -> StepOutcome:
    action = PluginStepType(ECHO, _StepType(outcome)).compile(cast(Any, _Step()), cast(Any, None))
    assert action is not None
    return asyncio.run(action.run(cast(Any, None)))


class _Instance:
    """An instance in which `inside`, if anything, came out of a step that it ran."""

    def __init__(self, inside: Exception | None) -> None:
        self._inside = inside

    def raised_inside(self, error: Exception) -> bool:
        return error is self._inside


class _RaisingAction(_Action):
    """Raises from a function with the name of one of ours."""

    async def run(self, instance: Any) -> StepOutcome:
        return await self.run_steps()

    async def run_steps(self) -> StepOutcome:
        raise self._outcome


class _RaisingType(_StepType):
    def compile(self, step: Any, context: Any) -> _Action:
        return _RaisingAction(self._outcome)


def raise_in_plugin(error: Exception, *, inside: Exception | None) -> StepOutcome:
    action = PluginStepType(ECHO, _RaisingType(error)).compile(cast(Any, _Step()), cast(Any, None))
    assert action is not None
    return asyncio.run(action.run(cast(Any, _Instance(inside))))


def test_an_exception_of_the_plugin_is_the_outcome_of_its_step_whatever_its_functions_are_called() -> None:
    outcome = raise_in_plugin(ValueError("no luck"), inside=None)
    assert (outcome.outcome, outcome.error) == ("errored", "ValueError")
    assert "echo" in (outcome.message or "")


def test_an_exception_of_a_step_inside_goes_on_as_a_bug_of_ours() -> None:
    error = ValueError("ours")
    with pytest.raises(ValueError, match="ours"):
        raise_in_plugin(error, inside=error)


def test_an_outcome_of_the_vocabulary_is_taken_as_it_is() -> None:
    assert run("failed") == StepOutcome(outcome="failed")


def test_any_other_outcome_is_an_error_of_the_package() -> None:
    outcome = run("splendid")

    assert (outcome.outcome, outcome.error) == ("errored", "plugin")
    assert outcome.message == (
        'the step type echo (windtunnel-echo 1.0) returned the outcome "splendid"; '
        "it can be passed, failed, errored, skipped or interrupted"
    )
