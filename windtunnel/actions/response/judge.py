"""What a response is worth to its step: `expect` first, then `extract`, and the outcome of both."""

from __future__ import annotations

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.response.checks import compile_expectation
from windtunnel.actions.response.expectation import Expectation
from windtunnel.actions.response.extract import Extraction, MissingValue, compile_extraction
from windtunnel.actions.response.text import shorten, show_error
from windtunnel.errors import ExpressionError
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.http import GENERATOR_ERRORS, Exchange
from windtunnel.model.record import Checks, FailedCheck
from windtunnel.model.scenario import Step


class Judge:
    """The compiled `expect` and `extract` of one step."""

    __slots__ = ("expectation", "extraction")

    def __init__(self, expectation: Expectation, extraction: Extraction) -> None:
        self.expectation, self.extraction = expectation, extraction

    @classmethod
    def compile(cls, step: Step, context: CompileContext, *, imply_status: bool) -> Judge:
        """Compile both; problems are gathered in the compiler. `imply_status`: see compile_expectation."""
        field, options = context.at(step), step.options
        return cls(
            compile_expectation(
                field / "expect",
                options.get("expect"),
                imply_status=imply_status,
                imply_no_errors="graphql" in options,
            ),
            compile_extraction(field / "extract", options.get("extract")),
        )

    def outcome(self, exchange: Exchange, instance: Instance, *, requests: int) -> StepOutcome:
        """The outcome of a step that received `exchange` (or why it received nothing)."""
        try:
            checks = self.expectation.evaluate(exchange, instance.scope)
        except ExpressionError as error:
            return errored(error, exchange=exchange, requests=requests, failed=self.request_failed(exchange))
        return self.conclude(exchange, checks, instance, requests=requests)

    def conclude(self, exchange: Exchange, checks: Checks, instance: Instance, *, requests: int) -> StepOutcome:
        """The outcome of a step whose checks have been made: extracts when they all hold."""
        if exchange.error is not None:
            return StepOutcome(
                outcome="errored" if exchange.error in GENERATOR_ERRORS else "failed",
                error=exchange.error,
                message=show_error(exchange),
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
    """Remember what a step received, under its name; a complete response is also the last response."""
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
    """The outcome of a step with a template that can't be rendered: the scenario's doing, not the SUT's."""
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
