"""One segment of a run: its records from the first line to the last, and the load between them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.engine.health import Vitals, watch_health
from windtunnel.engine.journal import Journal
from windtunnel.engine.plan import Plan
from windtunnel.engine.runner import Runner
from windtunnel.engine.shutdown import Shutdown, Stop
from windtunnel.engine.watched import OnRecord, WatchedJournal
from windtunnel.engine.worker import Worker
from windtunnel.errors import EvidenceError
from windtunnel.interfaces import Clock, Sink, Transport
from windtunnel.model.load import Segment
from windtunnel.model.manifest import RECORD_VERSION, Evidence
from windtunnel.model.record import RunEnded, RunStarted
from windtunnel.redaction import Redactor
from windtunnel.storage.bodies import BodyStore
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.writer import RecordWriter

__all__ = ["SegmentParts", "run_segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentParts:
    """What a segment is run with; every part handed in, so that a test can own each.

    `on_record` is shown each record of a step, assertion or instance as it is made.
    """

    plan: Plan
    transport: Transport
    directory: RunDirectory
    redactor: Redactor
    clock: Clock
    shutdown: Shutdown
    sinks: Sequence[Sink]
    plan_hash: str
    segment: Segment
    on_record: OnRecord | None = None


async def run_segment(parts: SegmentParts, *, unreachable: str | None = None) -> Evidence:
    """Run the load of one segment and write every record of it; returns what the records are worth.

    Nothing is sent when `unreachable` says why no service accepts a connection. Whatever happens, the segment
    gets its closing line as long as the disk takes it.
    """
    clock, shutdown = parts.clock, parts.shutdown
    writer = RecordWriter(
        parts.directory.segment(parts.segment.number),
        run_id=parts.directory.run_id,
        on_failure=lambda error: _stop_for(error, shutdown),
    )
    journal = _journal(parts, writer)
    journal.write(
        RunStarted(
            t=clock.unix(),
            schema_version=RECORD_VERSION,
            segment=parts.segment.number,
            plan_hash=parts.plan_hash,
            seed=parts.plan.facts.seed,
        )
    )
    runner = Runner(parts.plan, transport=parts.transport, journal=journal, clock=clock)
    worker = Worker(parts.plan, runner=runner, shutdown=shutdown, segment=parts.segment)
    reason = "unreachable"
    try:
        if unreachable is None:
            await parts.transport.begin(on_request=journal.token_request, on_secret=parts.redactor.hide)
            reason = await _load(worker, runner, journal, parts.segment)
    finally:
        await parts.transport.close()
        journal.flush()
        ended = writer.end(
            _last_line(clock.unix(), reason, shutdown.cause, bug=runner.bug, unreachable=unreachable)
        )
        for sink in parts.sinks:
            sink.write([ended])
    return writer.evidence()


def _journal(parts: SegmentParts, writer: RecordWriter) -> Journal:
    named: dict[str, Any] = {
        "clock": parts.clock,
        "redactor": parts.redactor,
        "bodies": BodyStore(parts.directory.bodies, parts.redactor),
        "keep": parts.plan.keep_bodies,
        "schedule": asyncio.get_running_loop().call_soon,
    }
    sinks = [writer, *parts.sinks]
    if parts.on_record is None:
        return Journal(sinks, **named)
    return WatchedJournal(sinks, **named, on_record=parts.on_record)


async def _load(worker: Worker, runner: Runner, journal: Journal, segment: Segment) -> str:
    vitals = Vitals(segment=segment.number, in_flight=lambda: runner.in_flight, lateness_us=runner.lateness_us)
    health = asyncio.create_task(watch_health(journal.write, runner.clock, vitals))
    try:
        return await worker.run()
    finally:
        health.cancel()
        await asyncio.gather(health, return_exceptions=True)


def _last_line(t: float, reason: str, cause: Stop | None, *, bug: str | None, unreachable: str | None) -> RunEnded:
    return RunEnded(
        t=t,
        reason=reason,
        counts={},
        signal=cause.signal if cause else None,
        aborted=cause.aborted if cause else False,
        capped=cause.capped if cause else False,
        lost=cause.reason if cause and cause.lost else None,
        bug=bug,
        unreachable=unreachable,
    )


def _stop_for(error: EvidenceError, shutdown: Shutdown) -> None:
    shutdown.request(Stop(reason=str(error), grace_s=0.0))
