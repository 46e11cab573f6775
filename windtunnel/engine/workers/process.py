"""The worker process: receives its task, runs its segment, sends what it counted."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Sequence

from windtunnel.engine.load.users import Board
from windtunnel.engine.parts import run_parts
from windtunnel.engine.run.process import raise_open_file_limit, run_loop
from windtunnel.engine.run.segment import run_segment
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.engine.workers.messages import Began, Channel, Ended, PartialAggregate, Ready, Start, WorkerTask
from windtunnel.errors import ConfigError
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import Record
from windtunnel.redaction import Redactor
from windtunnel.storage.directory import RunDirectory
from windtunnel.streams import make_lasting
from windtunnel.tasks import background

REPORT_S = 0.25
"""The interval at which a worker sends what it counted."""

COORDINATOR_GONE = "the coordinating process ended before its workers"


def serve(descriptor: int) -> None:
    """Work for the coordinator at the other end of the socket `descriptor`, until the segment has ended."""
    make_lasting()
    connection = socket.socket(fileno=descriptor)
    run_loop(lambda: _serve(connection))


async def _serve(connection: socket.socket) -> None:
    channel = await Channel.over(connection)
    redactor = Redactor()
    try:
        task = await channel.receive()
        if isinstance(task, WorkerTask):
            redactor = Redactor(secrets=task.test_plan.secrets, names=task.test_plan.sut.redact)
            channel.send(Ended(await _run_task(task, channel, redactor)))
    except ConfigError as error:
        # Code of the user that does something else in a second process, or a file that has changed meanwhile.
        channel.send(Ended(None, unusable=f"can't load the plan: {str(error).splitlines()[0]}"))
    except Exception:  # noqa: BLE001  the coordinator makes a verdict of any exception
        channel.send(Ended(None, redactor.text(traceback.format_exc())))
    await channel.close()


async def _run_task(task: WorkerTask, channel: Channel, redactor: Redactor) -> Evidence | None:
    """Compile the plan, wait for the start, run the segment. None when there was no start."""
    raise_open_file_limit()
    directory, shutdown = RunDirectory(task.directory, redactor), Shutdown()
    parts = run_parts(task.test_plan, run_id=directory.run_id, redactor=redactor)
    totals = _Totals(parts.aggregate(), channel, shutdown)
    segment = parts.segment(
        task.segment,
        directory,
        shutdown=shutdown,
        plan_hash=task.plan_hash,
        sinks=(totals,),
        board=_board(task),
        before=task.before,
        prepared=task.prepared,
        on_begin=lambda began: channel.send(Began(began)),
    )
    channel.send(Ready())
    if await channel.receive() is None:
        return None
    try:
        async with background(_receive_stops(channel, shutdown), totals.send_regularly()):
            return await run_segment(segment)
    finally:
        totals.close()


def _board(task: WorkerTask) -> Board | None:
    if task.board is None:
        return None
    workers = task.test_plan.workers
    return Board(task.board, processes=workers, place=task.segment.number % workers)


async def _receive_stops(channel: Channel, shutdown: Shutdown) -> None:
    """Pass on the coordinator's requests to end; without a coordinator the load ends at once."""
    while (message := await channel.receive()) is not None:
        if isinstance(message, Stop):
            shutdown.request(message)
        else:
            assert isinstance(message, Start)
    shutdown.request(Stop(reason=COORDINATOR_GONE, grace_s=0.0, lost=True))


class _Totals:
    """A sink that sends to the coordinator what was counted since it last did."""

    def __init__(self, aggregate: Aggregate, channel: Channel, shutdown: Shutdown) -> None:
        self._aggregate, self._channel, self._shutdown = aggregate, channel, shutdown

    def write(self, records: Sequence[Record]) -> None:
        self._aggregate.write(records)

    async def send_regularly(self) -> None:
        """Send at an interval, until cancelled."""
        while True:
            await asyncio.sleep(REPORT_S)
            self._send()

    def close(self) -> None:
        """Send what is left."""
        self._send()

    def _send(self) -> None:
        counted, self._aggregate = self._aggregate, self._aggregate.successor()
        self._channel.send(PartialAggregate(counted, self._shutdown.cause))
