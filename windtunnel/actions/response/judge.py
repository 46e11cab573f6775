"""The judgement of a response for its step: `expect` first, then `extract`, and the outcome of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windtunnel.actions.response.extract import Extraction, MissingValue
from windtunnel.actions.response.text import describe_error, shorten, show_error
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.http import GENERATOR_ERRORS, Exchange
from windtunnel.model.record import Checks, FailedCheck

NO_RESPONSE = "no response"
_UNAUTHORIZED = 401


def hop_failed(hop: Exchange) -> bool:
    """Whether an exchange that is not the last one of its request counts as failed (`http_req_failed`).

    A redirect does not, nor does a 401 that a new token answers; what a fault has sent again may.
    """
    return hop.error is not None or (hop.status >= 400 and hop.status != _UNAUTHORIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation on a complete response.

    `run(exchange, scope)` is None if it holds, otherwise the actual value as text; both it and `expected(scope)`
    raise ExpressionError if an expected value cannot be rendered. `needs_response` is False for a condition that
    reads variables only, `extracts` True for one that reads what its own step extracts, and extracts it.
    """

    name: str
    run: Callable[[Exchange, Scope], str | None]
    expected: Callable[[Scope], str]
    needs_response: bool = True
    extracts: bool = False
    key: str = ""

    def failure(self, actual: str, scope: Scope) -> FailedCheck:
        """The failed check as a record holds it, with the actual value."""
        expected = shorten(self.expected(scope))
        return FailedCheck(name=self.name, expected=expected, actual=shorten(actual), key=self.key)


class Expectation:
    """The checks of one step. `passed` is the list for a response that passes all, shared by every record.

    `extracts`: one of them extracts what the step extracts.
    """

    __slots__ = ("_checks", "_runs", "_statuses", "extracts", "passed")

    def __init__(self, checks: Sequence[Check], statuses: frozenset[int]) -> None:
        self._checks = tuple(checks)
        self._runs = tuple(check.run for check in checks)
        self._statuses = statuses
        self.passed: Checks = [check.name for check in checks]
        self.extracts = any(check.extracts for check in checks)

    def evaluate(self, exchange: Exchange, scope: Scope) -> Checks:
        """Every check on an exchange; the list `passed` itself if all hold. Raises ExpressionError."""
        if exchange.error is not None:
            return self.unanswered(show_error(exchange), scope)
        for position, run in enumerate(self._runs):
            if run(exchange, scope) is not None:
                return self._with_failures(exchange, scope, position)
        return self.passed

    def without_response(self, scope: Scope) -> Checks:
        """Every check without any exchange; only conditions that read no response are evaluated."""
        nothing = Exchange("", "", "")
        checks: Checks = []
        for check in self._checks:
            actual = NO_RESPONSE if check.needs_response else check.run(nothing, scope)
            checks.append(check.name if actual is None else check.failure(actual, scope))
        return self.passed if checks == self.passed else checks

    def unanswered(self, actual: str, scope: Scope) -> Checks:
        """Every check as failed, with one reason."""
        checks: Checks = []
        for check in self._checks:
            try:
                checks.append(check.failure(actual, scope))
            except ExpressionError as error:  # the transport failure is what matters
                expected = shorten(f"a value that can't be rendered: {error}")
                checks.append(FailedCheck(name=check.name, expected=expected, actual=actual, key=check.key))
        return checks

    def request_failed(self, exchange: Exchange) -> bool:
        """`http_req_failed`: no complete response, or an unexpected status (>= 400 by default)."""
        return exchange.error is not None or exchange.status not in self._statuses

    def _with_failures(self, exchange: Exchange, scope: Scope, first: int) -> Checks:
        checks: Checks = list(self.passed)
        for position in range(first, len(self._checks)):
            check = self._checks[position]
            actual = check.run(exchange, scope)
            if actual is not None:
                checks[position] = check.failure(actual, scope)
        return checks


class Judge:
    """The compiled `expect` and `extract` of one step."""

    __slots__ = ("expectation", "extraction")

    def __init__(self, expectation: Expectation, extraction: Extraction) -> None:
        self.expectation, self.extraction = expectation, extraction

    def outcome(self, exchange: Exchange, instance: Instance, *, requests: int) -> StepOutcome:
        """The outcome of a step with this exchange."""
        try:
            checks = self.expectation.evaluate(exchange, instance.scope)
        except ExpressionError as error:
            return errored(error, exchange=exchange, requests=requests, failed=self.request_failed(exchange))
        return self.conclude(exchange, checks, instance, requests=requests)

    def conclude(self, exchange: Exchange, checks: Checks, instance: Instance, *, requests: int) -> StepOutcome:
        """The outcome of a step after its checks: extracts if all of them hold."""
        if exchange.error is not None:
            return StepOutcome(
                outcome="errored" if exchange.error in GENERATOR_ERRORS else "failed",
                error=exchange.error,
                message=describe_error(exchange),
                checks=checks,
                exchange=exchange,
                requests=requests,
                request_failed=True,
            )
        # An http step always checks the status: when every check holds, the request has not failed.
        passed = checks is self.expectation.passed
        failed = not passed and self.expectation.request_failed(exchange)
        if not passed:
            return StepOutcome(
                outcome="failed",
                error="check",
                message=first_failure(checks),
                checks=checks,
                exchange=exchange,
                requests=requests,
                request_failed=failed,
            )
        try:
            extraction = self.extraction
            if self.expectation.extracts:
                extracted = extraction.names_found_early(instance.scope)
            else:
                extracted = extraction.run(exchange, instance.scope) if extraction.names else extraction.names
        except MissingValue as missing:
            return StepOutcome(
                outcome="failed",
                error="extract",
                message=str(missing),
                checks=checks,
                exchange=exchange,
                requests=requests,
                request_failed=failed,
            )
        except ExpressionError as error:
            return errored(error, checks=checks, exchange=exchange, requests=requests, failed=failed)
        return StepOutcome(
            checks=checks, extracted=extracted, exchange=exchange, requests=requests, request_failed=failed
        )

    def request_failed(self, exchange: Exchange) -> bool:
        """Whether the request counts as failed (`http_req_failed`)."""
        return self.expectation.request_failed(exchange)


def receive(instance: Instance, step: str, exchange: Exchange) -> None:
    """Keep the exchange of a step under its name; a complete response becomes the last response."""
    instance.exchanges[step] = exchange
    if exchange.error is None:
        instance.last_exchange = instance.scope["response"] = exchange


def errored(
    error: ExpressionError,
    *,
    checks: Checks | None = None,
    exchange: Exchange | None = None,
    requests: int = 0,
    failed: bool = False,
) -> StepOutcome:
    """The outcome of a step with a template that cannot be rendered: a failure of the scenario."""
    where = ".".join(map(str, error.path))
    return StepOutcome(
        outcome="errored",
        error="template",
        message=shorten(f"{where}: {error}" if where else str(error), 500),
        checks=[] if checks is None else checks,
        exchange=exchange,
        requests=requests,
        request_failed=failed,
    )


def first_failure(checks: Checks) -> str:
    """The first check that failed, as a sentence, and how many more did.

    Values of the response stay in the checks, where their names tell which of them are secret.
    """
    failed = [check for check in checks if isinstance(check, FailedCheck)]
    if not failed:
        return ""
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    first = failed[0]
    if first.name in ("status_code", "latency"):
        return f"{first.name}: expected {first.expected} but got {first.actual}{others}"
    return f"{first.name} does not hold{others}"
