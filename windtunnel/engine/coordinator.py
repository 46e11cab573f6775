"""A run from its preflight to its last record. With one worker everything happens in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windtunnel.engine.health import watch_health
from windtunnel.engine.journal import Journal
from windtunnel.engine.limits import raise_open_file_limit
from windtunnel.engine.plan import Plan
from windtunnel.engine.runner import Runner
from windtunnel.engine.shutdown import Shutdown
from windtunnel.engine.worker import Worker
from windtunnel.errors import EvidenceError
from windtunnel.interfaces import Clock, Preflight, Sink, Transport
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import RunStarted
from windtunnel.redaction import Redactor
from windtunnel.storage.bodies import BodyStore
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.writer import RecordWriter

__all__ = ["RECORD_VERSION", "Conduct", "conduct"]

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What a run is conducted with; every part handed in, so that a test can own each."""

    plan: Plan
    transport: Transport
    preflight: Preflight
    directory: RunDirectory
    redactor: Redactor
    clock: Clock
    shutdown: Shutdown
    sinks: Sequence[Sink]
    plan_hash: str
    segment: Segment


async def conduct(parts: Conduct) -> Evidence:
    """Connect, run the load, write every record; returns what the records are worth.

    Nothing is sent when no service accepts a connection. Whatever happens, the segment gets its closing line
    as long as the disk takes it.
    """
    raise_open_file_limit()
    loop = asyncio.get_running_loop()
    clock, shutdown = parts.clock, parts.shutdown
    writer = RecordWriter(
        parts.directory.segment(parts.segment.number),
        run_id=parts.directory.run_id,
        on_failure=lambda error: _stop_for(error, shutdown),
    )
    bodies = BodyStore(parts.directory.bodies, parts.redactor)
    journal = Journal(
        [writer, *parts.sinks],
        clock=clock,
        redactor=parts.redactor,
        bodies=bodies,
        keep=parts.plan.keep_bodies,
        schedule=loop.call_soon,
    )
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
    unreachable = _nobody_answers(await parts.preflight())
    reason = "unreachable"
    try:
        if unreachable is None:
            reason = await _load(worker, runner, journal)
    finally:
        await parts.transport.close()
        journal.flush()
        ended = writer.end(
            t=clock.unix(), reason=reason, signal=shutdown.signal, bug=runner.bug, unreachable=unreachable
        )
        for sink in parts.sinks:
            sink.write([ended])
    return writer.evidence()


async def _load(worker: Worker, runner: Runner, journal: Journal) -> str:
    health = asyncio.create_task(
        watch_health(
            journal.write, runner.clock, in_flight=lambda: runner.in_flight, lateness_us=runner.lateness_us
        )
    )
    try:
        return await worker.run()
    finally:
        health.cancel()
        await asyncio.gather(health, return_exceptions=True)


def _nobody_answers(origins: Mapping[str, str | None]) -> str | None:
    """Why no origin accepts a connection, or None when one does (semantics 6) or there is none to ask."""
    if not origins or any(error is None for error in origins.values()):
        return None
    return "; ".join(f"{origin}: {error}" for origin, error in origins.items())


def _stop_for(error: EvidenceError, shutdown: Shutdown) -> None:
    shutdown.request(str(error), grace_s=0.0)
