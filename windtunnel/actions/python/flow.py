"""A scenario that is a function: run for every instance, whatever the function does."""

from __future__ import annotations

from windtunnel.actions.python.blocks import FlowStopped, StepRecorder, outcome_of
from windtunnel.actions.python.requests import RequestFactory
from windtunnel.actions.python.user import User
from windtunnel.interfaces import Instance, Transport
from windtunnel.model.scenario import FlowFunction, Scenario
from windtunnel.model.sut import Sut
from windtunnel.model.vocabulary import OnFailure


class PythonFlow:
    """What runs the function of a Python scenario.

    An exception of the function is an outcome, told as a step of the function's name: an error of the scenario's,
    or a failure when a response had not got what the function looked for. Assertions that can be read off the
    function and were not made when it ended early are on record as skipped, as those of YAML are.
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
    def compile(cls, scenario: Scenario, *, sut: Sut, transport: Transport) -> PythonFlow | None:
        """What runs the scenario; None for one that is made of steps."""
        if scenario.function is None:
            return None
        requests = RequestFactory(scenario, sut=sut, transport=transport)
        on_failure: OnFailure = "stop" if scenario.stop_when.step_fails else "continue"
        assertions = tuple(assertion.name for assertion in scenario.assertions)
        return cls(scenario.function, requests, on_failure=on_failure, assertions=assertions)

    async def run(self, instance: Instance) -> None:
        """Run the function once. Only cancellation gets out."""
        started, recorder = instance.clock.now(), StepRecorder(instance)
        try:
            await self._function(User(recorder, self._requests, on_failure=self._on_failure))
        except FlowStopped:
            if recorder.failures:
                recorder.skip(self._assertions)
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever the user's code raises is its outcome
            outcome = outcome_of(error)
            if outcome.outcome != "passed" and not getattr(error, "told", False):
                instance.end_step(self._function.name, "python", outcome, started=started)
            recorder.skip(self._assertions)
