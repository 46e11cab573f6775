"""The `wait` step: polls until `expect` holds, or pauses.

poll ── holds ───────────────────────────────▶ extract, done
  ▲      └─ doesn't ── time for another? ── no ─▶ the step fails with the checks of the last poll;
  └─── interval ◀───────── yes                    of the last answer, if the deadline cut that poll off
"""

from __future__ import annotations

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.request.backoff import Backoff, compile_backoff
from windtunnel.actions.request.pause import Draw, compile_pause
from windtunnel.actions.request.template import REQUEST_KEYS, RequestTemplate, compile_request
from windtunnel.actions.response.checks import compile_judge
from windtunnel.actions.response.judge import Judge, errored, first_failure, hop_failed, receive
from windtunnel.actions.response.text import describe_error
from windtunnel.errors import ExpressionError
from windtunnel.figures import as_written, plural
from windtunnel.interfaces import Action, Instance, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import Checks
from windtunnel.model.scenario import Step

INTERVAL_S = 1.0
TIMEOUT_S = 30.0

_DEADLINES = ("timeout", "connect_timeout")
_Poll = tuple[Exchange, Checks]
"""A poll that ended, with its checks."""


class WaitAction:
    """Compiles a `wait` step to one of its two forms."""

    type = "wait"
    keys = (*REQUEST_KEYS, "expect", "extract", "interval", "backoff", "duration")

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> Action | None:
        """Compile a step; None when problems were noted."""
        field, options = context.at(step), step.options
        polls = "path" in options or "url" in options
        if "duration" not in options:
            if polls:
                return _compile_poll(step, context)
            field.problem(
                "a wait needs `duration` to pause, or `path` to poll", hint="duration: 2s, or path: /orders/1"
            )
            return None
        for key in options:
            if key in cls.keys and key != "duration":
                (field / key).problem(
                    f"`{key}` cannot be combined with `duration`", hint="remove one of them", key=True
                )
        return PauseAction(step.name, compile_pause(field / "duration", options["duration"]))


class PauseAction:
    """A pause of a constant or drawn length."""

    __slots__ = ("_draw", "name")

    type = "wait"
    secrets: frozenset[str] = frozenset()

    def __init__(self, name: str, draw: Draw) -> None:
        self.name, self._draw = name, draw

    async def run(self, instance: Instance) -> StepOutcome:
        """Sleep."""
        try:
            seconds = self._draw(instance)
        except ExpressionError as error:
            return errored(error)
        await instance.clock.sleep(seconds)
        return StepOutcome()


class PollAction:
    """Polls until `expect` holds: at once, then `interval` (or `backoff`) after the end of the last.

    Each poll is rendered and recorded. The step fails when no time is left for another poll.
    """

    __slots__ = ("_backoff", "_judge", "_request", "_timeout_s", "name", "reveal", "secrets")

    type = "wait"

    def __init__(
        self, name: str, request: RequestTemplate, judge: Judge, *, backoff: Backoff, timeout_s: float
    ) -> None:
        self.name, self._request, self._judge = name, request, judge
        self._backoff, self._timeout_s = backoff, timeout_s
        self.secrets, self.reveal = judge.extraction.secrets, judge.extraction.reveal

    async def run(self, instance: Instance) -> StepOutcome:
        """Poll. A transport error is a poll that didn't pass."""
        clock, expectation = instance.clock, self._judge.expectation
        deadline = clock.now() + self._timeout_s
        polls = requests = 0
        before: _Poll | None = None
        delays = self._backoff.delays(instance.random if self._backoff.draws else None)

        def on_hop(hop: Exchange) -> None:
            nonlocal requests
            requests += 1
            instance.observe(hop, step=self.name, poll=True, failed=hop_failed(hop))

        while True:
            # After a late wake-up no time may be left, but the poll that was due is still sent.
            left_s = max(0.001, min(self._request.timeout_s, deadline - clock.now()))
            try:
                request = self._request.render(instance, self.name, on_hop, left_s)
            except ExpressionError as error:
                return errored(error, requests=requests)
            exchange = await instance.client.send(request)
            polls, requests = polls + 1, requests + 1
            receive(instance, self.name, exchange)
            failed = expectation.request_failed(exchange)
            try:
                checks = expectation.evaluate(exchange, instance.scope)
            except ExpressionError as error:
                return self._ended(errored(error, exchange=exchange, requests=requests, failed=failed), instance)
            if checks is expectation.passed:
                return self._ended(self._judge.conclude(exchange, checks, instance, requests=requests), instance)
            delay_s = next(delays)
            if clock.now() + delay_s >= deadline:
                cut = exchange.error in _DEADLINES and left_s < self._request.timeout_s
                outcome = self._judge.conclude(exchange, checks, instance, requests=requests)
                self._explain(outcome, polls, before if cut else None)
                return self._ended(outcome, instance)
            if before is None or exchange.error is None or before[0].error is not None:
                before = exchange, checks
            instance.observe(exchange, step=self.name, poll=True, failed=failed)
            await clock.sleep(delay_s)

    def request_failed(self, exchange: Exchange) -> bool:
        """Whether a poll counts as failed (`http_req_failed`), if it is the last one."""
        return self._judge.request_failed(exchange)

    def _explain(self, outcome: StepOutcome, polls: int, before: _Poll | None) -> None:
        """Say why the wait gave up, after a poll that was cut off by what came `before`."""
        gave_up = f"gave up after {plural(polls, 'poll')} in {as_written(self._timeout_s)}"
        if before is None:
            outcome.message = f"{gave_up}; {outcome.message}"
            return
        exchange, outcome.checks = before
        came = f"the poll before: {describe_error(exchange)}"
        if exchange.error is None:
            came = f"the last answer: {first_failure(outcome.checks)}"
        outcome.message = f"{gave_up}, the last one cut off; {came}"

    def _ended(self, outcome: StepOutcome, instance: Instance) -> StepOutcome:
        """Record the last request, unless it was the only one."""
        if outcome.requests > 1 and outcome.exchange is not None:
            decided = outcome.outcome != "passed"
            failed = outcome.request_failed
            instance.observe(outcome.exchange, step=self.name, poll=False, failed=failed, decided=decided)
        return outcome


def _compile_poll(step: Step, context: CompileContext) -> PollAction | None:
    field, options = context.at(step), step.options
    request = compile_request(step, context, timeout=None)
    judge = compile_judge(step, context, imply_status=True)
    context.responses.add(step.name)
    if "backoff" in options:
        if "interval" in options:
            (field / "interval").problem(
                "`interval` and `backoff` can't be combined", hint="remove one of them", key=True
            )
        backoff = compile_backoff(field / "backoff", options["backoff"])
    else:
        backoff = Backoff.constant((field / "interval").duration(options.get("interval"), INTERVAL_S))
    timeout_s = (field / "timeout").deadline(options.get("timeout"), TIMEOUT_S)
    if request is None:
        return None
    return PollAction(step.name, request, judge, backoff=backoff, timeout_s=timeout_s)
