"""What happened, as records: the one place where outcomes become lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windtunnel.interfaces import Clock, Sink, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import (
    AssertionRecord,
    Checks,
    FailedCheck,
    InstanceRecord,
    Record,
    RequestFacts,
    RequestRecord,
    StepRecord,
)
from windtunnel.model.vocabulary import InstanceOutcome, KeepBodies
from windtunnel.redaction import Redactor
from windtunnel.storage.bodies import BodyStore

Schedule = Callable[[Callable[[], None]], object]

_MOST_PENDING = 1000
"""Records after which a turn of the loop that does not end is not waited for."""


class InstanceIds:
    """Who a record is about: the ids every line of one instance carries, and what must not stand in one.

    `secrets` are values this instance extracted as secret; it grows while the instance runs.
    """

    __slots__ = ("correlation_id", "index", "instance_id", "phase", "scenario", "secrets", "user")

    def __init__(
        self, *, instance_id: str, correlation_id: str, scenario: str, index: int, user: int, phase: str
    ) -> None:
        self.instance_id, self.correlation_id, self.scenario = instance_id, correlation_id, scenario
        self.index, self.user, self.phase = index, user, phase
        self.secrets: tuple[str, ...] = ()


_NOBODY = InstanceIds(instance_id="", correlation_id="", scenario="", index=0, user=0, phase="token")
"""Token requests are made for all instances."""


class Journal:
    """Writes the records of instances to every sink, with secrets hidden before anybody sees them.

    Records are handed over together, once a turn of the event loop (`schedule` is its `call_soon`). The sink
    that writes to disk comes first: it stamps the records.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        clock: Clock,
        redactor: Redactor,
        bodies: BodyStore | None,
        keep: KeepBodies = "failures",
        schedule: Schedule,
    ) -> None:
        self._sinks = tuple(sinks)
        self._clock = clock
        self._redactor = redactor
        self._bodies = bodies if keep != "none" else None
        self._keep_all = keep == "all"
        self._schedule = schedule
        self._pending: list[Record] = []

    def write(self, record: Record) -> None:
        """Queue one record; it is with every sink before the next turn of the loop ends."""
        pending = self._pending
        if not pending:
            self._schedule(self.flush)
        pending.append(record)
        if len(pending) >= _MOST_PENDING:
            self.flush()

    def flush(self) -> None:
        """Hand everything queued to every sink."""
        records = self._pending
        if records:
            self._pending = []
            for sink in self._sinks:
                sink.write(records)

    def request(
        self, ids: InstanceIds, step: str, exchange: Exchange, *, poll: bool, failed: bool, round: int = 0
    ) -> None:
        """A request of a step that sends several."""
        self.write(
            RequestRecord(
                t=self._clock.unix(exchange.ended or None),
                instance_id=ids.instance_id,
                correlation_id=ids.correlation_id,
                scenario=ids.scenario,
                step=step,
                request=self._facts(ids, exchange, failed=failed, poll=poll, keep=failed and not poll),
                round=round,
                phase=ids.phase,
            )
        )

    def token_request(self, exchange: Exchange) -> None:
        """A request beside the load, for an access token: outside all metrics by its phase."""
        failed = exchange.error is not None or exchange.status != 200
        self.request(_NOBODY, "oauth2", exchange, poll=False, failed=failed)

    def step(
        self, ids: InstanceIds, step: str, action: str, outcome: StepOutcome, *, started: float, round: int = 0
    ) -> None:
        """A step ended."""
        clock = self._clock
        ended = clock.now()
        record = StepRecord(
            t=clock.unix(ended),
            instance_id=ids.instance_id,
            correlation_id=ids.correlation_id,
            scenario=ids.scenario,
            step=step,
            action=action,
            outcome=outcome.outcome,
            duration_us=int((ended - started) * 1e6),
            checks=outcome.checks,
            extracted=outcome.extracted,
            phase=ids.phase,
        )
        if round:
            record.round = round
        passed = outcome.outcome == "passed"
        exchange = outcome.exchange
        if exchange is not None and outcome.requests == 1:
            record.request = self._facts(ids, exchange, failed=outcome.request_failed, poll=False, keep=not passed)
        elif outcome.requests:
            record.requests = outcome.requests
        if outcome.held_us:
            record.held_us = outcome.held_us
        if not passed:
            record.error = outcome.error
            record.message = outcome.message and self._redactor.excerpt(outcome.message, ids.secrets)
            record.checks = self._checks(ids, outcome.checks)
        self.write(record)

    def assertion(self, ids: InstanceIds, name: str, outcome: StepOutcome) -> None:
        """A final assertion was evaluated or skipped."""
        self.write(
            AssertionRecord(
                t=self._clock.unix(),
                instance_id=ids.instance_id,
                correlation_id=ids.correlation_id,
                scenario=ids.scenario,
                name=name,
                outcome=outcome.outcome,
                checks=self._checks(ids, outcome.checks) if outcome.outcome != "passed" else outcome.checks,
                message=outcome.message and self._redactor.excerpt(outcome.message, ids.secrets),
                phase=ids.phase,
            )
        )

    def instance(
        self,
        ids: InstanceIds,
        outcome: InstanceOutcome,
        *,
        scheduled: float,
        started: float,
        steps: int,
        failed_step: str | None = None,
        error: str | None = None,
        message: str | None = None,
    ) -> None:
        """An instance ended. `scheduled` and `started` are readings of the clock."""
        clock = self._clock
        ended = clock.now()
        self.write(
            InstanceRecord(
                t=clock.unix(ended),
                instance_id=ids.instance_id,
                correlation_id=ids.correlation_id,
                scenario=ids.scenario,
                index=ids.index,
                user=ids.user,
                outcome=outcome,
                scheduled=clock.unix(scheduled),
                started=clock.unix(started),
                duration_us=int((ended - started) * 1e6),
                response_time_us=int((ended - scheduled) * 1e6),
                steps=steps,
                failed_step=failed_step,
                error=error,
                message=message and self._redactor.excerpt(message, ids.secrets),
                phase=ids.phase,
            )
        )

    def _facts(
        self, ids: InstanceIds, exchange: Exchange, *, failed: bool, poll: bool, keep: bool
    ) -> RequestFacts:
        # What is nearly always so is left to the defaults: naming a field costs more than filling it.
        facts = RequestFacts(
            method=exchange.method,
            url=self._redactor.url(exchange.url, ids.secrets),
            service=exchange.service,
            status=exchange.status,
            span_id=exchange.span_id,
            bytes_sent=exchange.bytes_sent,
            bytes_received=exchange.bytes_received,
            timings_us=exchange.timings,
        )
        if failed or poll:
            facts.failed, facts.poll = failed, poll
        if exchange.error is not None:
            facts.error = exchange.error
            facts.error_detail = exchange.error_detail and self._redactor.excerpt(
                exchange.error_detail, ids.secrets
            )
        if exchange.attempt != 1 or exchange.resent:
            facts.attempt, facts.resent = exchange.attempt, exchange.resent
        if self._bodies is not None and (keep or self._keep_all):
            facts.request_body = self._bodies.keep(exchange.request_body, ids.secrets)
            facts.response_body = self._bodies.keep(exchange.body, ids.secrets)
        return facts

    def _checks(self, ids: InstanceIds, checks: Checks) -> Checks:
        return [check if isinstance(check, str) else self._hidden(ids, check) for check in checks]

    def _hidden(self, ids: InstanceIds, check: FailedCheck) -> FailedCheck:
        key = check.name.rpartition(":")[2]
        return FailedCheck(
            name=check.name,
            expected=self._redactor.named(key, check.expected, ids.secrets),
            actual=self._redactor.named(key, check.actual, ids.secrets),
        )
