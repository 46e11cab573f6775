"""An `http` step with `retry`: sends the same request again after an outcome that `on` names.

attempt ── not in `on`, or the last one ──▶ expect, extract
  ▲  └─ in `on` ──┐
  └─── backoff ◀──┘

The request is rendered once. Every attempt is recorded with its number and counts in `http_reqs`, and in
`http_req_failed` if it failed; only the last one is judged by `expect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.actions.compile.context import Field
from windtunnel.actions.request.backoff import Backoff, compile_backoff
from windtunnel.actions.request.template import RequestTemplate
from windtunnel.actions.response.checks import statuses_of
from windtunnel.actions.response.judge import Judge, errored, hop_failed, receive
from windtunnel.errors import ExpressionError
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.vocabulary import ErrorKind

MAX_ATTEMPTS = 100

ERRORS: Mapping[str, frozenset[ErrorKind]] = {
    "timeout": frozenset({"timeout", "connect_timeout"}),
    "connection": frozenset(
        {"refused", "unreachable", "connect_timeout", "reset", "closed", "dns", "proxy"},
    ),
}
"""The groups of errors that `on` may name, besides statuses."""

DEFAULT_ON = ("timeout", "connection", 502, 503, 504)


class Retry:
    """Which outcomes are retried, how often, and after which delay."""

    __slots__ = ("_errors", "_statuses", "attempts", "backoff")

    def __init__(
        self, *, attempts: int, errors: frozenset[ErrorKind], statuses: frozenset[int], backoff: Backoff
    ) -> None:
        self.attempts, self._errors, self._statuses, self.backoff = attempts, errors, statuses, backoff

    def wants(self, exchange: Exchange) -> bool:
        """Whether this outcome is retried."""
        return exchange.error in self._errors if exchange.error else exchange.status in self._statuses


class RetryingHttpAction:
    """A compiled `http` step with retries."""

    __slots__ = ("_judge", "_request", "_retry", "name", "reveal", "secrets")

    type = "http"

    def __init__(self, name: str, request: RequestTemplate, judge: Judge, retry: Retry) -> None:
        self.name, self._request, self._judge, self._retry = name, request, judge, retry
        self.secrets, self.reveal = judge.extraction.secrets, judge.extraction.reveal

    async def run(self, instance: Instance) -> StepOutcome:
        """Send until no retry is due, then judge the last exchange."""
        retry, requests = self._retry, 0

        def on_hop(hop: Exchange) -> None:
            nonlocal requests
            requests += 1
            instance.observe(hop, step=self.name, poll=False, failed=hop_failed(hop))

        try:
            request = self._request.render(instance, self.name, on_hop, self._request.timeout_s)
        except ExpressionError as error:
            return errored(error)
        delays = retry.backoff.delays(instance.random if retry.backoff.draws else None)
        while True:
            exchange = await instance.client.send(request)
            requests += 1
            receive(instance, self.name, exchange)
            if request.attempt == retry.attempts or not retry.wants(exchange):
                break
            instance.observe(exchange, step=self.name, poll=False, failed=self.request_failed(exchange))
            await instance.clock.sleep(next(delays))
            request = request.replace(attempt=request.attempt + 1)
        outcome = self._judge.outcome(exchange, instance, requests=requests)
        if requests > 1:
            decided = outcome.outcome != "passed"
            failed = outcome.request_failed
            instance.observe(exchange, step=self.name, poll=False, failed=failed, decided=decided)
        if request.attempt > 1 and outcome.message:
            outcome.message = f"after {request.attempt} attempts; {outcome.message}"
        return outcome

    def request_failed(self, exchange: Exchange) -> bool:
        """Whether an attempt counts as failed (`http_req_failed`)."""
        return self._judge.request_failed(exchange)


def compile_retry(field: Field, value: Any) -> Retry:
    """The retry of a step; problems are noted."""
    options = field.mapping(value)
    field.only_keys(options, ("attempts", "on", "backoff"))
    attempts = options.get("attempts")
    if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= MAX_ATTEMPTS:
        field.problem(f"`attempts` must be a whole number from 1 to {MAX_ATTEMPTS}", hint="retry: { attempts: 3 }")
        attempts = 1
    on = options.get("on", DEFAULT_ON)
    reasons = on if isinstance(on, list | tuple) else (on,)
    errors: set[ErrorKind] = set()
    statuses: set[int] = set()
    for number, reason in enumerate(reasons):
        here = field / "on" / number if isinstance(on, list | tuple) else field / "on"
        if isinstance(reason, str) and reason in ERRORS:
            errors |= ERRORS[reason]
        elif isinstance(reason, int | str):
            statuses |= statuses_of(here, reason)
        else:
            here.problem(
                "`on` must be timeout, connection, or a status such as 503 or 5xx", hint='on: [timeout, "5xx"]'
            )
    return Retry(
        attempts=attempts,
        errors=frozenset(errors),
        statuses=frozenset(statuses),
        backoff=compile_backoff(field / "backoff", options.get("backoff")),
    )
