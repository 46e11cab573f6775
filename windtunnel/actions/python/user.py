"""The user in the code of a scenario (requests, pauses, checks), and the flow that runs the code."""

from __future__ import annotations

import inspect
import random
from collections.abc import Mapping
from typing import Any

from windtunnel.actions.python.blocks import (
    FlowStopped,
    GroupBlock,
    StepBlock,
    StepRecorder,
    check_outcome,
    outcome_of,
)
from windtunnel.actions.python.context import Variables
from windtunnel.actions.python.http import Http, unsent
from windtunnel.actions.python.requests import RequestFactory
from windtunnel.actions.python.response import Response
from windtunnel.actions.python.rows import rows_of
from windtunnel.actions.response.judge import Judge, first_failure
from windtunnel.actions.wait import PauseAction
from windtunnel.interfaces import Action, Instance, StepOutcome, Transport
from windtunnel.model.http import Exchange
from windtunnel.model.scenario import FlowFunction, Scenario
from windtunnel.model.sut import Sut
from windtunnel.model.vocabulary import OnFailure
from windtunnel.tasks import came_from_outside


class User:
    """One instance of a scenario: the argument of its function. Each instance has a new one."""

    __slots__ = ("_instance", "_on_failure", "_recorder", "_requests", "http", "variables")

    def __init__(
        self, recorder: StepRecorder, requests: RequestFactory, *, on_failure: OnFailure = "continue"
    ) -> None:
        self._recorder, self._requests, self._on_failure = recorder, requests, on_failure
        instance = self._instance = recorder.instance
        self.http = Http(requests, self._run_action)
        self.variables = Variables(instance.scope)

    @property
    def index(self) -> int:
        """The number of this instance in the whole run, from 0."""
        index: int = self._instance.scope["instance_index"]
        return index

    @property
    def number(self) -> int:
        """The number of the user, from 0; one user runs many instances after another."""
        number: int = self._instance.scope["user_index"]
        return number

    @property
    def instance_id(self) -> str:
        """The id of this instance, as in the report."""
        return str(self._instance.scope["instance_id"])

    @property
    def correlation_id(self) -> str:
        """The id that every request of this instance carries, which is its trace id too."""
        return str(self._instance.scope["correlation_id"])

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return str(self._instance.scope["run_id"])

    @property
    def data(self) -> Any:
        """The row of each data file, by its name: `data.account.email`, `data["account"]["email"]`."""
        return rows_of(self._instance.scope)

    @property
    def random(self) -> random.Random:
        """Random numbers that depend on seed, scenario and index alone, so that a replay draws the same."""
        return self._instance.random

    async def pause(self, shortest: float, longest: float | None = None, *, name: str | None = None) -> None:
        """Pause for a number of seconds, or a random one between two. With a name, it is a step with a row."""
        seconds = shortest if longest is None else self.random.uniform(shortest, longest)
        if name is None:
            await self._instance.clock.sleep(seconds)
        else:
            await self._recorder.run(PauseAction(name, lambda _: seconds))

    def check(self, name: str, condition: object, *, expected: object = "true", actual: object = None) -> bool:
        """Record a check. A failed one fails the instance, and the flow goes on. Returns whether it passed.

        `expected` and `actual` are shown for a failed check, with secrets hidden.
        """
        if inspect.isawaitable(condition):
            raise TypeError(f'the check "{name}" needs a value, not an awaitable')
        outcome = check_outcome("condition", condition, expected=expected, actual=actual)
        return self._recorder.end_assertion(name, outcome, action="check")

    def expect(self, name: str, expect: Mapping[str, Any], *, response: Response | None = None) -> bool:
        """Check a response as an assertion of YAML does: the last one, unless another is given.

        A failed check fails the instance, and the flow goes on. Returns whether all passed.
        """
        instance, judge = self._instance, self._requests.assertion(expect)
        exchange = instance.last_exchange if response is None else response.exchange
        outcome = _without_response(judge, instance) if exchange is None else _judged(judge, exchange, instance)
        return self._recorder.end_assertion(name, outcome)

    def group(self, name: str) -> GroupBlock:
        """`with user.group("login"):` makes the steps inside a group: it has a row and a duration of its own."""
        return GroupBlock(name, self._recorder)

    def step(self, name: str) -> StepBlock:
        """`with user.step("sign") as step:` makes your own work a step: timed, with `step.check` and a row."""
        return StepBlock(name, self._recorder)

    def stop(self) -> None:
        """End the flow of this instance here. It passes, if nothing failed before."""
        raise FlowStopped

    async def _run_action(self, action: Action, on_failure: OnFailure | None) -> tuple[Exchange, bool]:
        outcome = await self._recorder.run(action)
        passed = outcome.outcome == "passed"
        if not passed and (on_failure or self._on_failure) == "stop":
            raise FlowStopped
        return outcome.exchange or unsent(outcome), passed


def _judged(judge: Judge, exchange: Exchange, instance: Instance) -> StepOutcome:
    """The checks on one response; conditions read it as `response`."""
    scope = instance.scope
    before = scope.get("response")
    scope["response"] = exchange
    try:
        outcome = judge.outcome(exchange, instance, requests=0)
    finally:
        scope["response"] = before
        if before is None:
            del scope["response"]
    outcome.exchange, outcome.request_failed = None, False
    return outcome


def _without_response(judge: Judge, instance: Instance) -> StepOutcome:
    checks = judge.expectation.without_response(instance.scope)
    if checks is judge.expectation.passed:
        return StepOutcome(checks=checks)
    return StepOutcome(outcome="failed", error="check", message=first_failure(checks), checks=checks)


class PythonFlow:
    """Runs the function of a Python scenario.

    An exception of the function is an outcome, recorded as a step of the function's name: an error of the
    scenario, or a failure when a response lacks what the function reads from it. Assertions that are written in
    the function and were not made when it ended early are recorded as skipped, as those of YAML are.
    """

    __slots__ = ("_assertions", "_function", "_on_failure", "_requests")

    def __init__(
        self,
        function: FlowFunction,
        requests: RequestFactory,
        *,
        on_failure: OnFailure,
        assertions: tuple[str, ...],
    ) -> None:
        self._function, self._requests, self._on_failure = function, requests, on_failure
        self._assertions = assertions

    @classmethod
    def compile(cls, scenario: Scenario, function: FlowFunction, *, sut: Sut, transport: Transport) -> PythonFlow:
        """The flow of a scenario with this function."""
        requests = RequestFactory(scenario, sut=sut, transport=transport)
        on_failure: OnFailure = "stop" if scenario.stop_when.step_fails else "continue"
        assertions = tuple(assertion.name for assertion in scenario.assertions)
        return cls(function, requests, on_failure=on_failure, assertions=assertions)

    async def run(self, instance: Instance) -> None:
        """Run the function once. Only cancellation is raised."""
        started, recorder = instance.clock.now(), StepRecorder(instance)
        try:
            await self._function(User(recorder, self._requests, on_failure=self._on_failure))
        except FlowStopped:
            if recorder.failures:
                recorder.skip(self._assertions)
        except BaseException as error:
            if came_from_outside(error):
                raise
            outcome = outcome_of(error)
            if outcome.outcome != "passed" and not getattr(error, "recorded", False):
                instance.end_step(self._function.name, "python", outcome, started=started)
            recorder.skip(self._assertions)
