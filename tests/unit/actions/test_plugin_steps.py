"""What a step type of another package returns is checked before it becomes a record."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint
from typing import Any, cast

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


def run(outcome: Any) -> StepOutcome:
    plugin = Plugin(
        group=ACTIONS,
        name="echo",
        distribution="windtunnel-echo",
        version="1.0",
        entry=EntryPoint(name="echo", value="echo:Echo", group=ACTIONS),
    )
    action = PluginStepType(plugin, _StepType(outcome)).compile(cast(Any, _Step()), cast(Any, None))
    assert action is not None
    return asyncio.run(action.run(cast(Any, None)))


def test_an_outcome_of_the_vocabulary_is_taken_as_it_is() -> None:
    assert run("failed") == StepOutcome(outcome="failed")


def test_any_other_outcome_is_an_error_of_the_package() -> None:
    outcome = run("splendid")

    assert (outcome.outcome, outcome.error) == ("errored", "plugin")
    assert outcome.message == (
        'the step type echo (windtunnel-echo 1.0) returned the outcome "splendid"; '
        "it can be passed, failed, errored, skipped or interrupted"
    )
