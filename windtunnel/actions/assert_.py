"""The `assert` step, and the final assertions of a scenario: checks on a response that has been received."""

from __future__ import annotations

from typing import Any

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.response.checks import compile_judge
from windtunnel.actions.response.judge import NO_RESPONSE, Judge, errored, first_failure
from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.scenario import Step


class AssertAction:
    """A compiled `assert`: looks at the last response, or at that of the step named by `step`. Sends nothing."""

    __slots__ = ("_judge", "_step", "name", "reveal", "secrets")

    type = "assert"
    keys = ("step", "expect", "extract")

    def __init__(self, name: str, judge: Judge, step: str | None) -> None:
        self.name, self._judge, self._step = name, judge, step
        self.secrets, self.reveal = judge.extraction.secrets, judge.extraction.reveal

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> AssertAction | None:
        """Compile a step; None when problems were noted."""
        field = context.at(step)
        judge = compile_judge(step, context, imply_status=False)
        if not step.options.get("expect"):
            field.problem("this step checks nothing", hint="expect: { status_code: 200 }")
        source = step.options.get("step")
        if source is not None:
            local = f"{step.prefix}{source}"
            source = local if local in context.steps else source
            if source not in context.responses and context.scenario.omission is None:
                _unknown_step(source, step, context)
        return cls(step.name, judge, source)

    async def run(self, instance: Instance) -> StepOutcome:
        """Check, then extract."""
        exchange = instance.last_exchange if self._step is None else instance.exchanges.get(self._step)
        if exchange is None:
            return self._without_response(instance)
        if exchange is instance.last_exchange:
            return self._judged(exchange, instance)
        scope = instance.scope
        last = scope.pop("response", None)
        scope["response"] = exchange  # conditions read the checked response as `response`
        try:
            return self._judged(exchange, instance)
        finally:
            scope["response"] = last
            if last is None:
                del scope["response"]

    def _judged(self, exchange: Exchange, instance: Instance) -> StepOutcome:
        """The outcome without the request, which belongs to the step that sent it."""
        outcome = self._judge.outcome(exchange, instance, requests=0)
        outcome.exchange, outcome.request_failed = None, False
        return outcome

    def _without_response(self, instance: Instance) -> StepOutcome:
        expectation, scope = self._judge.expectation, instance.scope
        try:
            checks = expectation.without_response(scope)
        except ExpressionError as error:
            return errored(error)
        if checks is not expectation.passed:
            return StepOutcome(outcome="failed", error="check", message=first_failure(checks), checks=checks)
        if self._judge.extraction.names:
            return StepOutcome(outcome="failed", error="extract", message=NO_RESPONSE, checks=checks)
        return StepOutcome(checks=checks)


def _unknown_step(name: Any, step: Step, context: CompileContext) -> None:
    field = context.at(step) / "step"
    if name in context.steps:
        hint = f"steps with a response: {', '.join(sorted(context.responses))}" if context.responses else None
        field.problem(f'step "{name}" has no response at this point: it runs later or sends nothing', hint=hint)
    else:
        field.problem(f'there is no step "{name}"', hint=did_you_mean(str(name), context.responses))
