"""One segment of a run: its records from the first line to the last, and the load between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from windtunnel.engine.journal import Journal, OnRecord
from windtunnel.engine.load.executor import LoadExecutor
from windtunnel.engine.load.users import Board, UserCount
from windtunnel.engine.plan import Plan
from windtunnel.engine.run.health import HealthProbe, watch_health
from windtunnel.engine.run.preflight import PreflightResult
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.engine.runner import Runner
from windtunnel.engine.user import SetupResult
from windtunnel.errors import EvidenceError
from windtunnel.interfaces import Clock, MakeFaults, Sink, Transport
from windtunnel.model.load import Segment
from windtunnel.model.manifest import RECORD_VERSION, Evidence
from windtunnel.model.record import Record, RunEnded, RunStarted, Users
from windtunnel.redaction import Redactor
from windtunnel.storage.copies import MAX_BODY_BYTES, MAX_BODY_FILES, BodyStore
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.heads import MAX_HEADS, HeadStore
from windtunnel.storage.writer import RecordWriter
from windtunnel.tasks import background

if TYPE_CHECKING:
    from windtunnel.engine.effects import EffectWatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentParts:
    """What a segment runs with; every part is handed in, so that a test can own each.

    `workers` segments run on this machine at the same time; where they are several they have a `board`.
    `before` are the records from before the load, which the first segment takes. `prepared` is what the setup of
    each scenario left. `on_record` are called with each record of a step, assertion or instance. `faults` makes
    those on requests of the load. `on_begin` is called with the reading of the clock at which the load begins.
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
    workers: int = 1
    board: Board | None = None
    before: tuple[Record, ...] = ()
    prepared: Mapping[str, SetupResult] = field(default_factory=dict)
    on_record: Sequence[OnRecord] = ()
    faults: MakeFaults | None = None
    on_begin: Callable[[float], None] | None = None


class OpenSegment:
    """A segment from its first line to its last. Owned by the call that runs it. Its sinks stay open."""

    def __init__(self, parts: SegmentParts) -> None:
        self._parts = parts
        shutdown = parts.shutdown
        files, size, heads = shares_of_bodies(parts.segment)
        self._bodies = BodyStore(parts.directory.bodies, parts.redactor, files=files, total=size)
        self._heads = HeadStore(parts.redactor, total=heads)
        self._writer = RecordWriter(
            parts.directory.segment(parts.segment),
            run_id=parts.directory.run_id,
            on_failure=lambda error: _stop_for(error, shutdown),
        )
        self.journal = _journal(parts, self._writer, self._bodies, self._heads)
        seed = parts.plan.facts.seed
        first = first_line(parts.clock.unix(), parts.segment, plan_hash=parts.plan_hash, seed=seed)
        for record in (first, *parts.before):
            self.journal.write(record)

    async def begin(self) -> None:
        """Fetch what requests need before the first one is sent."""
        parts = self._parts
        await parts.transport.begin(on_token=self.journal.token_request, on_secret=parts.redactor.hide)

    async def end(
        self, reason: str, *, bug: str | None, unreachable: str | None = None, users: Users | None = None
    ) -> Evidence:
        """Close the connections, write the last line, and return how complete the records and bodies are."""
        parts = self._parts
        try:
            await parts.transport.close()
            self.journal.flush()
            line = _last_line(parts.clock.unix(), reason, parts.shutdown.cause, bug=bug, unreachable=unreachable)
            line.users, line.bodies_left_out = users, self._bodies.left_out + self._heads.left_out
            ended = self._writer.end(parts.redactor.struct(line), damage=self._bodies.differences())
            for sink in parts.sinks:
                sink.write([ended])
        finally:
            self._writer.close()
        return self._writer.evidence().with_written(self._bodies.written)


async def run_segment(
    parts: SegmentParts, *, instead: PreflightResult | None = None, refused: str | None = None
) -> Evidence:
    """Run the load of one segment and write its records; return how complete they are.

    Nothing is sent after a preflight that failed (`instead`), or with a reason not to start the load (`refused`).
    Whatever happens, the segment gets its closing line as long as the disk takes it.
    """
    segment, shutdown = OpenSegment(parts), parts.shutdown
    journal, hide = segment.journal, parts.redactor.struct
    effects = _effects(parts, journal)
    runner = Runner(
        parts.plan,
        transport=parts.transport,
        journal=journal,
        clock=parts.clock,
        prepared=parts.prepared,
        faults=parts.faults and parts.faults(parts.clock, lambda record: journal.write(hide(record))),
        effects=effects,
        on_begin=parts.on_begin,
    )
    users = UserCount(parts.clock, parts.segment, workers=parts.workers, board=parts.board)
    executor = LoadExecutor(parts.plan, runner=runner, shutdown=shutdown, segment=parts.segment, users=users)
    reason = refused or (shutdown.cause.reason if shutdown.cause else "unreachable")
    try:
        if instead is None and refused is None:
            await segment.begin()
            reason = await _load(executor, runner, journal, parts.segment, users)
    finally:
        unreachable = instead.unreachable if instead else None
        evidence = await segment.end(reason, bug=runner.bugs.first, unreachable=unreachable, users=users.take())
    return evidence


def _effects(parts: SegmentParts, journal: Journal) -> EffectWatcher | None:
    """The watcher of effects that the plan has judged; None without."""
    turbulence = parts.plan.turbulence
    if turbulence is None:
        return None
    from windtunnel.engine.effects import EffectWatcher  # for the runs that have faults

    run_id = parts.plan.facts.run_id
    watcher = EffectWatcher.of(turbulence.judge, run_id=run_id, clock=parts.clock, write=journal.write)
    if watcher is not None:
        journal.on_record.append(watcher.on_record)
    return watcher


_SETUP_BODIES = 100
"""Of the bodies of a run, those that setups and teardowns may keep."""


def shares_of_bodies(segment: Segment) -> tuple[int, int, int]:
    """How many bodies a segment keeps at most, how many bytes of them, and how many characters of heads."""
    if segment.kind != "load":
        return _SETUP_BODIES, MAX_BODY_BYTES // _SETUP_BODIES, MAX_HEADS // _SETUP_BODIES
    files = segment.share(MAX_BODY_FILES - _SETUP_BODIES)
    return files, segment.share(MAX_BODY_BYTES), segment.share(MAX_HEADS)


def _journal(parts: SegmentParts, writer: RecordWriter, bodies: BodyStore, heads: HeadStore) -> Journal:
    return Journal(
        [writer, *parts.sinks],
        clock=parts.clock,
        redactor=parts.redactor,
        bodies=bodies,
        heads=heads,
        keep=parts.plan.keep_bodies,
        schedule=asyncio.get_running_loop().call_soon,
        on_record=parts.on_record,
    )


async def _load(
    executor: LoadExecutor, runner: Runner, journal: Journal, segment: Segment, users: UserCount
) -> str:
    probe = HealthProbe(
        segment=segment.number,
        in_flight=lambda: runner.in_flight,
        take_lateness_us=runner.take_lateness_us,
        take_users=users.take,
    )
    async with background(watch_health(journal.write, runner.clock, probe)):
        return await executor.run()


def first_line(t: float, segment: Segment, *, plan_hash: str, seed: int) -> RunStarted:
    """The first line of a segment."""
    return RunStarted(
        t=t,
        schema_version=RECORD_VERSION,
        segment=segment.number,
        kind=segment.kind,
        plan_hash=plan_hash,
        seed=seed,
    )


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
