"""The context of a `python` step's function, and the variables that user code sees."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from windtunnel.actions.python.blocks import FlowStopped, check_outcome
from windtunnel.actions.python.http import Http, unsent
from windtunnel.actions.python.requests import RequestFactory
from windtunnel.actions.python.response import Response
from windtunnel.actions.python.rows import rows_of
from windtunnel.actions.response.judge import first_failure
from windtunnel.errors import did_you_mean
from windtunnel.expressions.sandbox import is_reserved
from windtunnel.interfaces import Action, Instance, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import Checks, FailedCheck
from windtunnel.model.vocabulary import OnFailure


class Variables(MutableMapping[str, Any]):
    """A view of the instance's scope. `settable` are the names that may be set, all of them when it is None."""

    __slots__ = ("_scope", "_settable", "set")

    def __init__(self, scope: dict[str, Any], settable: frozenset[str] | None = None) -> None:
        self._scope, self._settable = scope, settable
        self.set: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name in self._scope and not is_reserved(name):
            return self._scope[name]
        raise KeyError(f'there is no variable "{name}"; {did_you_mean(name, self) or "set it first"}')

    def __setitem__(self, name: str, value: Any) -> None:
        if is_reserved(name):
            raise KeyError(f'"{name}" is a reserved name; choose another one for the variable')
        if self._settable is not None and name not in self._settable:
            raise KeyError(f'the step may not set "{name}"; add it to `sets`')
        self._scope[name] = value
        self.set.add(name)

    def __delitem__(self, name: str) -> None:
        self[name]  # only what can be seen can be taken away
        del self._scope[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._scope if not is_reserved(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Context:
    """One run of a `python` step. Its requests and checks are the step's own: there is one row for all of it.

    `variables` can be read; those in the step's `sets` can be set. `http` sends as in a Python scenario; the name
    of a request appears in messages only.
    """

    __slots__ = (
        "_checks",
        "_failure",
        "_instance",
        "_last",
        "_observed",
        "_requests",
        "_step",
        "http",
        "variables",
    )

    def __init__(
        self, instance: Instance, requests: RequestFactory, *, step: str, settable: frozenset[str]
    ) -> None:
        self._instance, self._step = instance, step
        self.http = Http(requests, self._run_action, inside=step)
        self.variables = Variables(instance.scope, settable)
        self._checks: Checks = []
        self._failure: StepOutcome | None = None
        self._last: StepOutcome | None = None
        self._requests = 0
        self._observed = True

    @property
    def index(self) -> int:
        """The number of this instance in the whole run, from 0."""
        index: int = self._instance.scope["instance_index"]
        return index

    @property
    def random(self) -> random.Random:
        """Random numbers that depend on seed, scenario and index alone, so that a replay draws the same."""
        return self._instance.random

    @property
    def data(self) -> Any:
        """The row of each data file, by its name: `data.account.email`, `data["account"]["email"]`."""
        return rows_of(self._instance.scope)

    @property
    def response(self) -> Response | None:
        """The last response of the instance; None before the first."""
        last = self._instance.last_exchange
        return None if last is None else Response("the last response", last, passed=True)

    @property
    def steps(self) -> Mapping[str, Response]:
        """The responses of earlier steps, by step name."""
        return {name: Response(name, exchange, passed=True) for name, exchange in self._instance.exchanges.items()}

    async def pause(self, shortest: float, longest: float | None = None) -> None:
        """Wait for a number of seconds, or a random one between two."""
        seconds = shortest if longest is None else self.random.uniform(shortest, longest)
        await self._instance.clock.sleep(seconds)

    def check(self, name: str, condition: object, *, expected: object = "true", actual: object = None) -> bool:
        """Record a check. A failed one fails the step. Returns whether it passed."""
        outcome = check_outcome(name, condition, expected=expected, actual=actual)
        self._checks += outcome.checks
        return outcome.outcome == "passed"

    def conclude(self, ended: StepOutcome) -> StepOutcome:
        """The outcome of the step after its function: `ended` is that of the function alone."""
        if ended.outcome == "passed" and self._failure is not None:
            ended = StepOutcome(
                outcome=self._failure.outcome, error=self._failure.error, message=self._failure.message
            )
        if ended.outcome == "passed" and any(isinstance(check, FailedCheck) for check in self._checks):
            ended = StepOutcome(outcome="failed", error="check", message=first_failure(self._checks))
        ended.checks = self._checks
        ended.requests = self._requests
        if self._last is not None:
            ended.exchange, ended.request_failed = self._last.exchange, self._last.request_failed
            if self._requests > 1:
                self._observe_last()
        return ended

    async def _run_action(self, action: Action, on_failure: OnFailure | None) -> tuple[Exchange, bool]:
        outcome = await action.run(self._instance)
        self._observe_last()
        self._last, self._requests = outcome, self._requests + outcome.requests
        # An action that sends several requests has recorded each of them; a single one may be the whole step.
        self._observed = outcome.requests > 1
        self._checks += outcome.checks
        passed = outcome.outcome == "passed"
        if not passed:
            self._failure = self._failure or outcome
            if on_failure == "stop":
                raise FlowStopped
        return outcome.exchange or unsent(outcome), passed

    def _observe_last(self) -> None:
        last = self._last
        if last is not None and last.exchange is not None and not self._observed:
            self._observed = True
            decided = last.outcome != "passed"
            failed = last.request_failed
            self._instance.observe(last.exchange, step=self._step, poll=False, failed=failed, decided=decided)
