"""`with` blocks of the user's code that have a record: a step of its own work, and a group of steps."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from windtunnel.actions.python.response import UnexpectedResponse
from windtunnel.actions.response.judge import first_failure
from windtunnel.actions.response.text import shorten, show
from windtunnel.errors import describe
from windtunnel.interfaces import Action, CompiledStep, Instance, StepOutcome
from windtunnel.model.record import Checks, FailedCheck
from windtunnel.model.vocabulary import AssertionAction
from windtunnel.tasks import came_from_outside

MAX_FRAMES = 5
"""Maximum number of frames shown, the innermost ones."""

_OURS = str(Path(__file__).parents[2]) + os.sep
_LIBRARY = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def describe_exception(error: BaseException) -> tuple[str, str]:
    """The kind of an exception, and its message with places: `KeyError: 'id'`, then `  at shop.py:12 in buy`.

    Frames of Python's library, of installed packages and of Windtunnel are omitted, unless there is no other.
    """
    frames = list(traceback.extract_tb(error.__traceback__))
    own = [frame for frame in frames if _is_users(frame.filename)] or frames[-1:]
    places = [f"\n  at {_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in own[-MAX_FRAMES:]]
    return type(error).__name__, describe(error) + "".join(reversed(places))


def _is_users(filename: str) -> bool:
    return not (filename.startswith(("<", _OURS, *_LIBRARY)))


def _short(filename: str) -> str:
    """The path relative to the working directory, if the file is inside it."""
    short = os.path.relpath(filename)
    return filename if short.startswith(os.pardir) else short


class FlowStopped(BaseException):
    """Ends the flow. It is a BaseException, so that `except Exception` in the user's code does not catch it."""


def check_outcome(name: str, condition: object, *, expected: object, actual: object) -> StepOutcome:
    """The outcome of a check in the user's code."""
    checks: Checks = [name]
    if condition:
        return StepOutcome(checks=checks)
    came = actual if actual is not None else condition
    failed = FailedCheck(name=name, expected=_shown(expected), actual=_shown(came))
    checks = [failed]
    return StepOutcome(outcome="failed", error="check", message=first_failure(checks), checks=checks)


def outcome_of(error: BaseException) -> StepOutcome:
    """The outcome of code that an exception ended: a failure of the SUT, the run's end, or an error."""
    if isinstance(error, FlowStopped) or (isinstance(error, UnexpectedResponse) and not error.passed):
        return StepOutcome()
    if isinstance(error, asyncio.CancelledError) and came_from_outside(error):
        return StepOutcome(outcome="interrupted", error="interrupted")
    if isinstance(error, UnexpectedResponse):
        return StepOutcome(outcome="failed", error="extract", message=f"{error.step}: {error}")
    kind, message = describe_exception(error)
    return StepOutcome(outcome="errored", error=kind, message=message)


class StepRecorder:
    """Writes the records of one instance's code.

    `failures` is the number of steps and assertions that did not pass, `asserted` the assertions made.
    """

    __slots__ = ("asserted", "failures", "instance")

    def __init__(self, instance: Instance) -> None:
        self.instance, self.failures = instance, 0
        self.asserted: set[str] = set()

    async def run(self, action: Action) -> StepOutcome:
        """Run an action as a step. Raises FlowStopped when the instance has reached its maximum of steps."""
        kept = _Kept(action)
        step = CompiledStep(name=action.name, type=action.type, action=kept, named_by_code=True)
        await self.instance.run_steps((step,))
        if kept.outcome is None:
            self.failures += 1
            raise FlowStopped
        self._count(kept.outcome)
        return kept.outcome

    def end_step(self, name: str, type: str, outcome: StepOutcome, *, started: float) -> None:
        """Record a step."""
        self._count(outcome)
        self.instance.end_step(name, type, outcome, started=started)

    def end_assertion(self, name: str, outcome: StepOutcome, *, action: AssertionAction = "assert") -> bool:
        """Record an assertion. Returns whether it passed."""
        self.asserted.add(name)
        self._count(outcome)
        self.instance.end_assertion(name, outcome, action=action)
        return outcome.outcome == "passed"

    def skip(self, names: Iterable[str]) -> None:
        """Record the assertions that were not made as skipped, after an early end."""
        for name in names:
            if name not in self.asserted:
                self.instance.end_assertion(name, StepOutcome(outcome="skipped"))

    def _count(self, outcome: StepOutcome) -> None:
        if outcome.outcome != "passed":
            self.failures += 1


class _Kept:
    """An action that keeps its outcome for the caller."""

    __slots__ = ("_action", "name", "outcome", "type")

    def __init__(self, action: Action) -> None:
        self._action, self.name, self.type = action, action.name, action.type
        self.outcome: StepOutcome | None = None

    async def run(self, instance: Instance) -> StepOutcome:
        self.outcome = await self._action.run(instance)
        return self.outcome


class StepBlock:
    """A step of the user's own work: it lasts as long as the block, and fails when a check in it fails."""

    __slots__ = ("_checks", "_name", "_recorder", "_started")

    def __init__(self, name: str, recorder: StepRecorder) -> None:
        self._name, self._recorder = name, recorder
        self._checks: Checks = []
        self._started = 0.0

    def check(self, name: str, condition: object, *, expected: object = "true", actual: object = None) -> bool:
        """Record a check in this step. Returns whether it passed."""
        outcome = check_outcome(name, condition, expected=expected, actual=actual)
        self._checks += outcome.checks
        return outcome.outcome == "passed"

    def __enter__(self) -> StepBlock:
        self._started = self._recorder.instance.clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome = StepOutcome() if error is None else outcome_of(error)
        failed = any(isinstance(check, FailedCheck) for check in self._checks)
        if failed and outcome.outcome == "passed":
            outcome = StepOutcome(outcome="failed", error="check", message=first_failure(self._checks))
        outcome.checks = self._checks
        self._recorder.end_step(self._name, "python", outcome, started=self._started)
        _mark_recorded(error)


class GroupBlock:
    """A part of the flow with a row of its own."""

    __slots__ = ("_failures_before", "_name", "_recorder", "_started")

    def __init__(self, name: str, recorder: StepRecorder) -> None:
        self._name, self._recorder = name, recorder
        self._started, self._failures_before = 0.0, 0

    def __enter__(self) -> GroupBlock:
        self._started, self._failures_before = self._recorder.instance.clock.now(), self._recorder.failures
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome = StepOutcome() if error is None else outcome_of(error)
        if outcome.outcome == "passed" and self._recorder.failures > self._failures_before:
            outcome = StepOutcome(outcome="failed", error="nested", message="a step inside did not pass")
        self._recorder.end_step(self._name, "group", outcome, started=self._started)
        _mark_recorded(error)


def _mark_recorded(error: BaseException | None) -> None:
    """Mark an exception that is in the record of a block: the code around it does not record it again."""
    if error is not None:
        with contextlib.suppress(Exception):  # a class of the user's may refuse attributes
            error.recorded = True  # type: ignore[attr-defined]


def _shown(value: object) -> str:
    return shorten(value) if isinstance(value, str) else show(value)
