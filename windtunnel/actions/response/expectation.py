"""The checks of one step, compiled, and what they make of a response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windtunnel.actions.response.text import shorten, show_error
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.model.http import Exchange
from windtunnel.model.record import Checks, FailedCheck

NO_RESPONSE = "no response"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation on a complete response.

    `run(exchange, scope)` is None when it holds, otherwise what came; both it and `expected(scope)` raise
    ExpressionError when an expected value can't be rendered. `needs_response` is False for a condition that
    reads variables only.
    """

    name: str
    run: Callable[[Exchange, Scope], str | None]
    expected: Callable[[Scope], str]
    needs_response: bool = True

    def failure(self, actual: str, scope: Scope) -> FailedCheck:
        """The check as it goes into the record, with what came instead."""
        return FailedCheck(name=self.name, expected=shorten(self.expected(scope)), actual=shorten(actual))


class Expectation:
    """The checks of one step. `passed` is the list of a response that meets them all, shared by every record."""

    __slots__ = ("_checks", "_runs", "_statuses", "passed")

    def __init__(self, checks: Sequence[Check], statuses: frozenset[int]) -> None:
        self._checks = tuple(checks)
        self._runs = tuple(check.run for check in checks)
        self._statuses = statuses
        self.passed: Checks = [check.name for check in checks]

    def evaluate(self, exchange: Exchange, scope: Scope) -> Checks:
        """Every check on what came; the very list `passed` when all of them hold. Raises ExpressionError."""
        if exchange.error is not None:
            return self.unanswered(show_error(exchange), scope)
        for position, run in enumerate(self._runs):
            if run(exchange, scope) is not None:
                return self._with_failures(exchange, scope, position)
        return self.passed

    def without_response(self, scope: Scope) -> Checks:
        """Every check when nothing was received at all; conditions on variables alone are evaluated even so."""
        nothing = Exchange("", "", "")
        checks: Checks = []
        for check in self._checks:
            actual = NO_RESPONSE if check.needs_response else check.run(nothing, scope)
            checks.append(check.name if actual is None else check.failure(actual, scope))
        return self.passed if checks == self.passed else checks

    def unanswered(self, actual: str, scope: Scope) -> Checks:
        """Every check failed, for one reason."""
        checks: Checks = []
        for check in self._checks:
            try:
                checks.append(check.failure(actual, scope))
            except ExpressionError as error:  # the transport failure is what matters
                expected = shorten(f"a value that can't be rendered: {error}")
                checks.append(FailedCheck(name=check.name, expected=expected, actual=actual))
        return checks

    def request_failed(self, exchange: Exchange) -> bool:
        """`http_req_failed`: no complete response, or a status that was not asked for (without asking, >= 400)."""
        return exchange.error is not None or exchange.status not in self._statuses

    def _with_failures(self, exchange: Exchange, scope: Scope, first: int) -> Checks:
        checks: Checks = list(self.passed)
        for position in range(first, len(self._checks)):
            check = self._checks[position]
            actual = check.run(exchange, scope)
            if actual is not None:
                checks[position] = check.failure(actual, scope)
        return checks
