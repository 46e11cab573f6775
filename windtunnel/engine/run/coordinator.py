"""A run from its preflight to its last record: in this process, or in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from windtunnel.engine.load.users import shared_memory
from windtunnel.engine.run.disturbances import Disturbances
from windtunnel.engine.run.preflight import PreflightResult
from windtunnel.engine.run.process import raise_open_file_limit
from windtunnel.engine.run.segment import SegmentParts, run_segment
from windtunnel.engine.run.setup_teardown import SETUP_FAILED, SetupTeardown
from windtunnel.engine.run.shutdown import Stop
from windtunnel.engine.user import SetupResult
from windtunnel.engine.workers.messages import WorkerTask
from windtunnel.engine.workers.pool import WorkerPool
from windtunnel.figures import as_written
from windtunnel.interfaces import Clock, StopCondition
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Evidence
from windtunnel.model.origin import Origin
from windtunnel.model.plan import TestPlan
from windtunnel.storage.reader import RecordReader, RunIdentity
from windtunnel.tasks import background, first_of

if TYPE_CHECKING:
    from windtunnel.engine.run.outside import OutsideSegment
    from windtunnel.engine.run.proxies import Listening, MakeProxy
    from windtunnel.engine.sut.process import SutEnd, SutProcess

CHECK_S = 1.0
"""The interval at which the stop condition is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What `execute` needs. `parts` are those of the first segment, the only one with one worker.

    `preflight` runs before the load. `aggregate` counts while the run goes on: as a sink, or from what the workers
    send. `sut` is the SUT where the run starts it. `reroute` has requests of this process for an origin connect to
    another address. `environment` is that of commands which do faults; `make_proxy` makes the proxies, by default
    the embedded ones. `on_listening` is called with those that listen, `on_slow_end` when
    the SUT takes a while to end.
    """

    test_plan: TestPlan
    parts: SegmentParts
    preflight: Callable[[], Coroutine[Any, Any, PreflightResult]]
    aggregate: Aggregate
    stop_condition: StopCondition | None = None
    sut: SutProcess | None = None
    reroute: Callable[[Origin, str], None] | None = None
    make_proxy: MakeProxy | None = None
    on_listening: Callable[[Sequence[Listening]], None] = lambda _: None
    on_slow_end: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """How a load ended. `evidence` is None when a worker was lost, and with it what it had not yet sent."""

    evidence: Evidence | None
    reroutes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run counted, how complete its records are, and the addresses that replaced those of the SUT.

    `sut_end`: how the SUT ended, where the run started it and it did not last. `not_undone` are the faults that
    could not be undone, a line each.
    """

    aggregate: Aggregate
    evidence: Evidence
    reroutes: Mapping[str, str] = field(default_factory=dict)
    sut_end: SutEnd | None = None
    not_undone: tuple[str, ...] = ()


async def execute(run: RunContext) -> Outcome:
    """Run the preflight and the load, and write every record.

    Nothing of the load is sent when no service answers. A worker that dies stops the run; what it had counted is
    then read back from its records. The sinks are always closed at the end. Raises ConfigError, with nothing sent,
    when a proxy can't listen.
    """
    raise_open_file_limit()
    try:
        async with Disturbances(
            sut=run.sut,
            outside=_outside(run),
            shutdown=run.parts.shutdown,
            on_slow_end=run.on_slow_end,
        ) as around:
            run.on_listening(around.listening)
            load = await _execute(run, around)
        if load.evidence is None:
            aggregate, evidence = _read_back(run)
        else:
            aggregate, evidence = run.aggregate, Evidence.of_all([load.evidence, *around.evidence])
        return Outcome(
            aggregate=aggregate,
            evidence=evidence,
            reroutes=load.reroutes,
            sut_end=around.sut_end,
            not_undone=around.not_undone,
        )
    finally:
        for sink in (run.aggregate, *run.parts.sinks):
            sink.close()


def _outside(run: RunContext) -> OutsideSegment | None:
    """The proxies and drivers of the plan; None without any."""
    if (segment := run.test_plan.turbulence_segment) is None:
        return None
    from windtunnel.engine.run.outside import OutsideSegment  # for the runs that have some
    from windtunnel.engine.run.proxies import embedded_proxies

    parts = _parts_of(run, segment)
    make_proxy = run.make_proxy or embedded_proxies(run.test_plan, parts.clock)
    return OutsideSegment(parts, run.test_plan, make_proxy=make_proxy, environment=run.environment)


async def _execute(run: RunContext, around: Disturbances) -> _Load:
    preflight_result = await _preflight(run, around)
    if preflight_result is None or preflight_result.unreachable is not None:
        # No service answers, or the run was asked to end before its load.
        nothing = preflight_result or PreflightResult()
        run = replace(run, parts=replace(run.parts, before=nothing.records))
        segments = [each for each in run.test_plan.segments if each.kind != "turbulence"]
        evidence = await _send_nothing(run, segments, instead=nothing)
        return _Load(evidence=evidence, reroutes=nothing.reroutes)
    sut = run.test_plan.sut
    resolve = {**sut.http.resolve, **preflight_result.reroutes}
    around.reroute(preflight_result.reroutes)
    for origin, address in around.reroutes.items():
        resolve[f"{origin.host}:{origin.port}"] = address
        if run.reroute is not None:
            run.reroute(origin, address)
    test_plan = replace(run.test_plan, sut=replace(sut, http=replace(sut.http, resolve=resolve)))
    run = replace(run, test_plan=test_plan, parts=replace(run.parts, before=preflight_result.records))
    return _Load(evidence=await _run_with_cap(run, around), reroutes=preflight_result.reroutes)


async def _preflight(run: RunContext, around: Disturbances) -> PreflightResult | None:
    """The result of the preflight; None when the run is asked to end meanwhile."""
    return await first_of(run.preflight(), run.parts.shutdown.wait(), around.ended_before_load())


async def _run_with_cap(run: RunContext, around: Disturbances) -> Evidence | None:
    """Run the load with its setup and teardown, for no longer than the plan allows."""
    setup = run.test_plan.setup_segment
    async with background(_watch_duration(run), around.watch_sut()):
        return await (_load(run, {}, around) if setup is None else _load_with_setup(run, setup, around))


async def _load_with_setup(run: RunContext, segment: Segment, around: Disturbances) -> Evidence | None:
    """The setups, then the load, then always the teardowns; see `engine/run/setup_teardown.py`."""
    sections = SetupTeardown(_parts_of(run, segment))
    load: Evidence | None = None
    try:
        if await sections.set_up():
            load = await _load(run, sections.prepared, around)
        else:
            load = await _send_nothing(run, run.test_plan.load_segments, refused=SETUP_FAILED)
        await sections.tear_down()
    finally:
        own = await sections.end()
    return None if load is None else Evidence.of_all([load, own])


async def _load(run: RunContext, prepared: Mapping[str, SetupResult], around: Disturbances) -> Evidence | None:
    """Run the load here or in workers; None when a worker was lost, and with it what it had not yet sent."""
    try:
        async with background(_watch_thresholds(run)):
            return await _load_of_segments(run, prepared, around)
    finally:
        await around.end_load()


async def _load_of_segments(
    run: RunContext, prepared: Mapping[str, SetupResult], around: Disturbances
) -> Evidence | None:
    if run.test_plan.workers == 1:
        parts = _parts_of(run, run.parts.segment)
        return await run_segment(replace(parts, prepared=prepared, on_begin=around.begin))
    with shared_memory(run.test_plan.workers) as board:
        tasks = _worker_tasks(run, prepared, board)
        pool = WorkerPool(tasks, aggregate=run.aggregate, shutdown=run.parts.shutdown, on_begin=around.begin)
        return await pool.run()


async def _watch_thresholds(run: RunContext) -> None:
    """Ask the stop condition once a second, and end the run with the reason that it gives."""
    clock: Clock = run.parts.clock
    began = clock.now()
    while run.stop_condition is not None:
        await clock.sleep(CHECK_S)
        reason = run.stop_condition(clock.now() - began)
        if reason is not None:
            run.parts.shutdown.request(Stop(reason=reason, aborted=True))
            return


async def _watch_duration(run: RunContext) -> None:
    """End a run that takes longer than its maximum duration."""
    longest_s = run.test_plan.max_duration_s
    if longest_s is not None:
        await run.parts.clock.sleep(longest_s)
        reason = f"the load did not end within the maximum duration of {as_written(longest_s)}"
        run.parts.shutdown.request(Stop(reason=reason, capped=True))


async def _send_nothing(
    run: RunContext,
    segments: Sequence[Segment],
    *,
    instead: PreflightResult | None = None,
    refused: str | None = None,
) -> Evidence:
    """Write the record files of segments, each with the reason why nothing of it was sent."""
    evidence = [
        await run_segment(_parts_of(run, segment), instead=instead, refused=refused) for segment in segments
    ]
    return Evidence.of_all(evidence)


def _parts_of(run: RunContext, segment: Segment) -> SegmentParts:
    """The parts of a segment in this process. The first segment takes the records from before the load."""
    parts = run.parts
    return replace(
        parts,
        segment=segment,
        sinks=(run.aggregate, *parts.sinks),
        before=parts.before if segment == parts.segment else (),
    )


def _worker_tasks(run: RunContext, prepared: Mapping[str, SetupResult], board: int) -> list[WorkerTask]:
    parts = run.parts
    return [
        WorkerTask(
            test_plan=run.test_plan,
            directory=parts.directory.path,
            plan_hash=parts.plan_hash,
            segment=segment,
            before=parts.before if segment == parts.segment else (),
            prepared=prepared,
            board=board,
        )
        for segment in run.test_plan.load_segments
    ]


def _read_back(run: RunContext) -> tuple[Aggregate, Evidence]:
    parts = run.parts
    reader = RecordReader(
        parts.directory.segments(),
        expected=run.test_plan.segments,
        identity=RunIdentity(
            run_ids=(parts.directory.run_id,), plan_hash=parts.plan_hash, seed=run.test_plan.seed
        ),
    )
    aggregate = Aggregate.for_judging(run.test_plan.thresholds, run.test_plan.turbulence)
    for records in reader.batches():
        aggregate.write(records)
    return aggregate, reader.evidence()
