"""A run from its preflight to its last record: in this process, or in worker processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from windtunnel.engine.run.limits import raise_open_file_limit
from windtunnel.engine.run.preflight import PreflightResult
from windtunnel.engine.run.segment import SegmentParts, run_segment
from windtunnel.engine.run.setup_teardown import SETUP_FAILED, SetupTeardown
from windtunnel.engine.run.shutdown import Stop
from windtunnel.engine.user import SetupResult
from windtunnel.engine.workers.messages import WorkerTask
from windtunnel.engine.workers.pool import WorkerPool
from windtunnel.interfaces import Clock, StopCondition
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence
from windtunnel.model.plan import TestPlan
from windtunnel.storage.reader import RecordReader

CHECK_S = 1.0
"""How often it is asked whether the run shall stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What a run is conducted with. `parts` are those of the only segment when there is one worker.

    `open` does what comes before the load. `aggregate` holds what was counted so far while the run goes on: its
    own sink, or what the workers send.
    """

    test_plan: TestPlan
    parts: SegmentParts
    open: Callable[[], Awaitable[PreflightResult]]
    aggregate: Aggregate
    stop_condition: StopCondition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was counted in the end, what the records are worth, and how the SUT was reached."""

    aggregate: Aggregate
    evidence: Evidence
    reroutes: Mapping[str, str] = field(default_factory=dict)


async def execute(run: RunContext) -> Outcome:
    """Open, run the load, write every record.

    Nothing of the load is sent when no service answers. A worker that dies stops the run; the numbers are read
    back from the records then, where all that it wrote still stands.
    """
    raise_open_file_limit()
    preflight_result = await _preflight(run)
    if preflight_result is None or preflight_result.unreachable is not None:
        # Nobody answers, or the run was asked to end before its load.
        nothing = preflight_result or PreflightResult()
        run = replace(run, parts=replace(run.parts, before=nothing.records))
        said = await _send_nothing(run, instead=nothing)
        return Outcome(aggregate=run.aggregate, evidence=said, reroutes=nothing.reroutes)
    sut = run.test_plan.sut
    resolve = {**sut.http.resolve, **preflight_result.reroutes}
    test_plan = replace(run.test_plan, sut=replace(sut, http=replace(sut.http, resolve=resolve)))
    run = replace(run, test_plan=test_plan, parts=replace(run.parts, before=preflight_result.records))
    outcome = await _run_with_cap(run)
    return replace(outcome, reroutes=preflight_result.reroutes)


async def _preflight(run: RunContext) -> PreflightResult | None:
    """What comes before the load; None when the run is asked to end meanwhile."""
    shutdown = run.parts.shutdown
    preflight_result = asyncio.ensure_future(run.open())
    asked = asyncio.create_task(shutdown.wait())
    try:
        await asyncio.wait({preflight_result, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        preflight_result.cancel()
        await asyncio.gather(asked, preflight_result, return_exceptions=True)
    return None if preflight_result.cancelled() else preflight_result.result()


async def _run_with_cap(run: RunContext) -> Outcome:
    """The load, with what is set up before it and torn down after it."""
    cap = asyncio.create_task(_watch_duration(run))
    try:
        if not any(scenario.setup or scenario.teardown for scenario in run.parts.plan.scenarios):
            evidence = await _load(run, {})
        else:
            evidence = await _load_with_setup(run)
    finally:
        cap.cancel()
        await asyncio.gather(cap, return_exceptions=True)
    if evidence is not None:
        return Outcome(aggregate=run.aggregate, evidence=evidence)
    return _read_back(run)


async def _load_with_setup(run: RunContext) -> Evidence | None:
    """The setups, then the load, then the teardowns, whatever happened; see `engine/run/setup_teardown.py`."""
    sections = SetupTeardown(run.parts, run.aggregate)
    load: Evidence | None = None
    try:
        if await sections.set_up():
            load = await _load(run, sections.prepared)
        else:
            load = await _send_nothing(run, refused=SETUP_FAILED)
        await sections.tear_down()
    finally:
        own = await sections.end()
    return None if load is None else Evidence.of_all([load, own])


async def _load(run: RunContext, prepared: Mapping[str, SetupResult]) -> Evidence | None:
    """Run the load here or in workers; None when a worker was lost, and with it what it had not yet said."""
    watch = asyncio.create_task(_watch_thresholds(run))
    try:
        if run.test_plan.workers == 1:
            parts = replace(run.parts, sinks=(run.aggregate, *run.parts.sinks), prepared=prepared)
            return await run_segment(parts)
        pool = WorkerPool(_worker_tasks(run, prepared), aggregate=run.aggregate, shutdown=run.parts.shutdown)
        return await pool.run()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch_thresholds(run: RunContext) -> None:
    """Ask once a second whether the run shall stop; the answer is the reason."""
    clock: Clock = run.parts.clock
    began = clock.now()
    while run.stop_condition is not None:
        await clock.sleep(CHECK_S)
        reason = run.stop_condition(clock.now() - began)
        if reason is not None:
            run.parts.shutdown.request(Stop(reason=reason, aborted=True))
            return


async def _watch_duration(run: RunContext) -> None:
    """End a run that takes longer than it may."""
    longest_s = run.test_plan.max_duration_s
    if longest_s is not None:
        await run.parts.clock.sleep(longest_s)
        reason = f"after {longest_s:g} s, the longest it may take, its load was not through"
        run.parts.shutdown.request(Stop(reason=reason, capped=True))


async def _send_nothing(
    run: RunContext, *, instead: PreflightResult | None = None, refused: str | None = None
) -> Evidence:
    """Every segment says why nothing of the load was sent."""
    evidence = []
    for number in range(run.test_plan.workers):
        parts = replace(
            run.parts,
            segment=run.test_plan.segment(number),
            sinks=(run.aggregate, *run.parts.sinks),
            before=run.parts.before if number == 0 else (),
        )
        evidence.append(await run_segment(parts, instead=instead, refused=refused))
    return Evidence.of_all(evidence)


def _worker_tasks(run: RunContext, prepared: Mapping[str, SetupResult]) -> list[WorkerTask]:
    parts = run.parts
    return [
        WorkerTask(
            test_plan=run.test_plan,
            directory=parts.directory.path,
            plan_hash=parts.plan_hash,
            segment=run.test_plan.segment(number),
            before=parts.before if number == 0 else (),
            prepared=prepared,
        )
        for number in range(run.test_plan.workers)
    ]


def _read_back(run: RunContext) -> Outcome:
    reader = RecordReader(run.parts.directory.segments(), expected=run.test_plan.workers)
    aggregate = Aggregate.for_thresholds(run.test_plan.thresholds)
    for records in reader.batches():
        aggregate.write(records)
    return Outcome(aggregate=aggregate, evidence=reader.evidence())
