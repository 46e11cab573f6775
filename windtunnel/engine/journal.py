"""Makes the records: the one place where outcomes become lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windtunnel.engine.ids import InstanceIds, StepFaults
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
from windtunnel.model.vocabulary import AssertionAction, InstanceOutcome, KeepBodies
from windtunnel.redaction import Redactor
from windtunnel.storage.copies import BodyStore
from windtunnel.storage.heads import HeadStore

Schedule = Callable[[Callable[[], None]], object]
OnRecord = Callable[[InstanceIds, Record], None]

_MAX_PENDING = 1000
"""Records that are handed over without waiting for the end of the turn of the loop."""


class Journal:
    """Makes the records of instances, with secrets hidden, and writes them to every sink.

    Records are handed over together, once a turn of the event loop (`schedule` is its `call_soon`). The sink that
    writes to disk comes first: it stamps the records. `on_record` are called at once with each record of a step,
    an assertion or an instance, and the ids of the instance.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        clock: Clock,
        redactor: Redactor,
        bodies: BodyStore | None,
        heads: HeadStore | None = None,
        keep: KeepBodies = "failures",
        schedule: Schedule,
        on_record: Sequence[OnRecord] = (),
    ) -> None:
        self.on_record = list(on_record)
        self._sinks = tuple(sinks)
        self._clock = clock
        self._redactor = redactor
        self._bodies = bodies if keep != "none" else None
        self._heads = heads or HeadStore(redactor)
        self._keep_all = keep == "all"
        self._schedule = schedule
        self._pending: list[Record] = []

    def write(self, record: Record) -> None:
        """Queue one record; it is with every sink before the next turn of the loop ends."""
        pending = self._pending
        if not pending:
            self._schedule(self.flush)
        pending.append(record)
        if len(pending) >= _MAX_PENDING:
            self.flush()

    def flush(self) -> None:
        """Hand everything queued to every sink."""
        records = self._pending
        if records:
            self._pending = []
            for sink in self._sinks:
                sink.write(records)

    def request(
        self,
        ids: InstanceIds,
        step: str,
        exchange: Exchange,
        *,
        poll: bool,
        failed: bool,
        decided: bool = False,
        round: int = 0,
    ) -> None:
        """A request of a step that sends several. `decided`: the step did not pass by it."""
        facts = self._facts(ids, exchange, failed=failed, poll=poll, keep=(failed or decided) and not poll)
        if exchange.hop:
            facts.hop = True
        if ids.faults is not None:
            _note(ids.faults, step, facts, exchange)
        self.write(
            RequestRecord(
                t=self._clock.unix(exchange.ended or None),
                instance_id=ids.instance_id,
                correlation_id=ids.correlation_id,
                scenario=ids.scenario,
                step=self._redactor.text(step, ids.secrets),
                request=facts,
                round=round,
                phase=ids.phase,
            )
        )

    def token_request(self, exchange: Exchange, failed: bool, secrets: tuple[str, ...]) -> None:
        """A request for an access token, outside all metrics by its phase."""
        # It may be for several instances, or for all of them.
        ids = InstanceIds(phase="token")
        ids.hide(*secrets)
        self.request(ids, "oauth2", exchange, poll=False, failed=failed)

    def shown(self, ids: InstanceIds, name: str) -> str:
        """A name that code gave to a step or an assertion, without secrets. No other name can hold one."""
        return self._redactor.text(name, ids.secrets)

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
        if ids.faults is not None:
            _mark(record, ids.faults, exchange)
        if not passed:
            record.error = outcome.error
            record.message = outcome.message and self._redactor.excerpt(outcome.message, ids.secrets)
            record.checks = self._checks(ids, outcome.checks)
        elif self._redactor.holds_secrets:
            record.checks = [self._redactor.text(str(check)) for check in outcome.checks]
        self.write(record)
        for hook in self.on_record:
            hook(ids, record)

    def assertion(
        self,
        ids: InstanceIds,
        name: str,
        outcome: StepOutcome,
        *,
        action: AssertionAction = "assert",
        last: Exchange | None = None,
    ) -> None:
        """A final assertion was evaluated, on the exchange `last` if that was, or skipped."""
        record = AssertionRecord(
            t=self._clock.unix(),
            instance_id=ids.instance_id,
            correlation_id=ids.correlation_id,
            scenario=ids.scenario,
            name=name,
            action=action,
            outcome=outcome.outcome,
            checks=self._checks(ids, outcome.checks),
            message=outcome.message and self._redactor.excerpt(outcome.message, ids.secrets),
            fault=last.fault if last is not None and outcome.outcome != "passed" else None,
            phase=ids.phase,
        )
        self.write(record)
        for hook in self.on_record:
            hook(ids, record)

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
        fault: str | None = None,
    ) -> None:
        """An instance ended. `scheduled` and `started` are readings of the clock."""
        clock = self._clock
        ended = clock.now()
        if scheduled > started:  # a timer can fire a little early, by its resolution
            scheduled = started
        t = clock.unix(ended)
        record = InstanceRecord(
            t=t,
            instance_id=ids.instance_id,
            correlation_id=ids.correlation_id,
            scenario=ids.scenario,
            index=ids.index,
            user=ids.user,
            outcome=outcome,
            scheduled=t - (ended - scheduled),
            started=t - (ended - started),
            duration_us=int((ended - started) * 1e6),
            response_time_us=int((ended - scheduled) * 1e6),
            steps=steps,
            failed_step=failed_step and self._redactor.text(failed_step, ids.secrets),
            error=error,
            message=message and self._redactor.excerpt(message, ids.secrets),
            fault=fault,
            phase=ids.phase,
        )
        if ids.whole:
            record.whole = True
        self.write(record)
        for hook in self.on_record:
            hook(ids, record)

    def _facts(
        self, ids: InstanceIds, exchange: Exchange, *, failed: bool, poll: bool, keep: bool
    ) -> RequestFacts:
        # Fields that are nearly always at their default are set below: a keyword argument costs more.
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
        if exchange.attempt != 1 or exchange.resent or exchange.replaced:
            facts.attempt, facts.resent, facts.replaced = exchange.attempt, exchange.resent, exchange.replaced
        if exchange.notes is not None:
            facts.notes = exchange.notes
        if keep or self._keep_all or (ids.whole and not poll):
            self._keep(facts, exchange, ids.secrets, passed=not keep)
        return facts

    def _keep(self, facts: RequestFacts, exchange: Exchange, secrets: Sequence[str], *, passed: bool) -> None:
        """Add heads and bodies to the facts of a request, as far as there is room for them."""
        bodies, passed = self._bodies, passed and not self._keep_all
        if bodies is None:
            return
        sent, sent_beyond = self._heads.keep(exchange.request_head, secrets, passed=passed)
        came, came_beyond = self._heads.keep(exchange.head, secrets, passed=passed)
        facts.request_headers, facts.response_headers = sent, came
        facts.headers_left_out = sent_beyond + came_beyond
        facts.request_body = bodies.keep(exchange.request_body, secrets, passed=passed)
        facts.response_body = bodies.keep(exchange.in_utf8(bodies.reads), secrets, passed=passed)

    def _checks(self, ids: InstanceIds, checks: Checks) -> Checks:
        text = self._redactor.text
        return [
            text(check, ids.secrets) if isinstance(check, str) else self._hidden(ids, check) for check in checks
        ]

    def _hidden(self, ids: InstanceIds, check: FailedCheck) -> FailedCheck:
        text = self._redactor.text
        expected, actual = self._redactor.compared(
            check.key or check.name, check.expected, check.actual, ids.secrets
        )
        return FailedCheck(
            name=text(check.name, ids.secrets),
            expected=expected,
            actual=actual,
            key=text(check.key, ids.secrets),
        )


def _note(faults: StepFaults, step: str, facts: RequestFacts, exchange: Exchange) -> None:
    """Mark a request that a fault was done to, and keep that for its step."""
    if exchange.fault is not None:
        facts.fault = faults.names[step] = exchange.fault
    if exchange.held_us:
        faults.held_us[step] = faults.held_us.get(step, 0) + exchange.held_us


def _mark(record: StepRecord, faults: StepFaults, exchange: Exchange | None) -> None:
    """Say of a step by which fault its time, and its failure if it failed, are not the SUT's own.

    The time that faults held it is taken off its duration. What was observed is counted there already.
    """
    held_us = faults.held_us.pop(record.step, 0)
    if record.request is not None and exchange is not None:
        held_us += exchange.held_us
    record.duration_us = max(0, record.duration_us - held_us)
    fault = exchange.fault if exchange is not None else None
    if record.request is not None:
        record.request.fault = fault
    earlier = faults.names.pop(record.step, None)
    record.fault = fault or (earlier if record.outcome == "passed" else None)
