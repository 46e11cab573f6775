"""The worker process: takes orders, runs its segment, says what it counted."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Sequence

from windtunnel.engine.clock import SystemClock
from windtunnel.engine.plan import compile_plan
from windtunnel.engine.run.limits import raise_open_file_limit
from windtunnel.engine.run.loop import run_loop
from windtunnel.engine.run.segment import SegmentParts, run_segment
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.engine.tasks import background
from windtunnel.engine.workers.messages import Channel, Ended, PartialAggregate, Ready, Start, WorkerTask
from windtunnel.http.transport import HttpTransport
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import Record
from windtunnel.redaction import Redactor
from windtunnel.storage.directory import RunDirectory

REPORT_S = 0.25
"""How often a worker says what it counted."""

COORDINATOR_GONE = "the coordinating process ended before its workers"


def serve(descriptor: int) -> None:
    """Be a worker for whoever has the other end of the socket `descriptor`, until the segment has ended."""
    connection = socket.socket(fileno=descriptor)
    run_loop(lambda: _serve(connection))


async def _serve(connection: socket.socket) -> None:
    channel = await Channel.over(connection)
    task = await channel.receive()
    if isinstance(task, WorkerTask):
        try:
            channel.send(Ended(await _carry_out(task, channel)))
        except Exception:  # noqa: BLE001  whatever it is, the coordinator makes it a verdict
            channel.send(Ended(None, traceback.format_exc()))
    await channel.close()


async def _carry_out(task: WorkerTask, channel: Channel) -> Evidence | None:
    """Compile the plan, wait for the start, run the segment. None when there was no start."""
    raise_open_file_limit()
    test_plan, directory = task.test_plan, RunDirectory(task.directory)
    transport = HttpTransport(test_plan.sut, directory.run_id)
    shutdown, totals = Shutdown(), _Totals(Aggregate.for_thresholds(test_plan.thresholds))
    parts = SegmentParts(
        plan=compile_plan(test_plan, transport=transport, run_id=directory.run_id),
        transport=transport,
        directory=directory,
        redactor=Redactor(secrets=test_plan.secrets, names=test_plan.sut.redact),
        clock=SystemClock(),
        shutdown=shutdown,
        sinks=(totals,),
        plan_hash=task.plan_hash,
        segment=task.segment,
        before=task.before,
        prepared=task.prepared,
    )
    channel.send(Ready())
    if await channel.receive() is None:
        return None
    try:
        async with background(_listen(channel, shutdown), _report(channel, totals, shutdown)):
            return await run_segment(parts)
    finally:
        channel.send(PartialAggregate(totals.take(), shutdown.cause))


async def _listen(channel: Channel, shutdown: Shutdown) -> None:
    """Do what the coordinator says; without one there is nobody left to run a load for."""
    while (message := await channel.receive()) is not None:
        if isinstance(message, Stop):
            shutdown.request(message)
        else:
            assert isinstance(message, Start)
    shutdown.request(Stop(reason=COORDINATOR_GONE, grace_s=0.0, lost=True))


async def _report(channel: Channel, totals: _Totals, shutdown: Shutdown) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        channel.send(PartialAggregate(totals.take(), shutdown.cause))


class _Totals:
    """A sink that counts since it was last asked."""

    def __init__(self, aggregate: Aggregate) -> None:
        self._aggregate = aggregate

    def write(self, records: Sequence[Record]) -> None:
        self._aggregate.write(records)

    def take(self) -> Aggregate:
        taken, self._aggregate = self._aggregate, self._aggregate.successor()
        return taken
