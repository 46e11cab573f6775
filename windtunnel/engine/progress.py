"""What an instance, and a step with steps inside, has become so far: steps, outcome, first failure."""

from __future__ import annotations

from windtunnel.engine.plan import CompiledScenario
from windtunnel.figures import plural
from windtunnel.interfaces import StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import MAX_STEPS
from windtunnel.model.vocabulary import InstanceOutcome, Outcome

PASSED = StepOutcome()
"""The outcome of steps of which none failed."""


def too_many(max_steps: int) -> StepOutcome:
    """The outcome of an instance that reached its maximum of steps."""
    message = f"the instance ran {plural(max_steps, 'step')}, its maximum; raise max_steps"
    return StepOutcome(outcome="errored", error=MAX_STEPS, message=message)


class Progress:
    """The steps an instance has run, its outcome and first failure.

    `bug` is the first exception of ours, `bug_at` the step that raised it. `fault` is the name of the fault on our
    own requests that made the first failure.
    """

    __slots__ = (
        "bug",
        "bug_at",
        "error",
        "failed_step",
        "fault",
        "max_steps",
        "message",
        "outcome",
        "steps",
        "stop_on_step",
    )

    def __init__(self, scenario: CompiledScenario) -> None:
        self.max_steps, self.stop_on_step = scenario.max_steps, scenario.stop_on_step
        self.outcome: InstanceOutcome = "passed"
        self.steps = 0
        self.bug: BaseException | None = None
        self.bug_at: str | None = None
        self.failed_step: str | None = None
        self.error: str | None = None
        self.message: str | None = None
        self.fault: str | None = None

    def note(self, step: str, result: StepOutcome, last: Exchange | None = None) -> None:
        """Count the outcome of a step or assertion in that of the instance: errored > failed > passed.

        `last` is the last exchange of the instance, which an outcome without one of its own speaks of.
        """
        if result.outcome in {"passed", "skipped", "interrupted"}:
            return
        if self.failed_step is None:
            self.failed_step, self.error, self.message = step, result.error, result.message
            exchange = result.exchange or last
            self.fault = exchange.fault if exchange is not None else None
        if self.outcome != "errored":
            self.outcome = "errored" if result.outcome == "errored" else "failed"


class BlockOutcome:
    """The outcome of the step that holds some steps: the worst of theirs. `stops`: one of them ended the flow."""

    __slots__ = ("_message", "_outcome", "stops")

    def __init__(self) -> None:
        self._outcome: Outcome = "passed"
        self._message, self.stops = "", False

    def note(self, step: str, outcome: Outcome) -> None:
        """Add a step that failed or errored."""
        self._worsen(outcome, f"step {step} {outcome}")

    def take(self, other: StepOutcome) -> None:
        """Add the outcome of a branch."""
        if other.outcome != "passed":
            self._worsen(other.outcome, other.message or "")
            self.stops = self.stops or other.stops

    def result(self) -> StepOutcome:
        """The outcome of the step that holds them."""
        if self._outcome == "passed":
            return PASSED
        return StepOutcome(outcome=self._outcome, error="nested", message=self._message, stops=self.stops)

    def _worsen(self, outcome: Outcome, message: str) -> None:
        self._message = self._message or message
        if self._outcome != "errored":
            self._outcome = outcome
