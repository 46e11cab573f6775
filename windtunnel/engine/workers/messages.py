"""The messages between the coordinator and its worker processes.

    coordinator ── WorkerTask, Start, Stop ──▶ worker
    coordinator ◀── Ready, Began, PartialAggregate, Ended ── worker

Each message is its length (8 bytes, big-endian) and a pickle: both ends are the same program, connected by a pair
of sockets of their own.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from windtunnel.engine.run.shutdown import Stop
from windtunnel.engine.user import SetupResult
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Evidence
from windtunnel.model.plan import TestPlan
from windtunnel.model.record import Record

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTask:
    """The segment a worker runs, the records from before the load, and what the setup of each scenario left.

    `board` is the descriptor of the memory in which all workers count instances in flight.
    """

    test_plan: TestPlan
    directory: Path
    plan_hash: str
    segment: Segment
    prepared: Mapping[str, SetupResult]
    board: int | None = None
    before: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything is compiled: the load can start."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start the load."""


@dataclass(frozen=True, slots=True)
class Began:
    """The load begins, at a reading of the clock that all processes of the run share."""

    now: float


@dataclass(frozen=True, slots=True)
class PartialAggregate:
    """What was counted since the last one, to be merged; also the sign that the worker lives.

    `stopping` is the worker's reason to stop, such as its full disk.
    """

    aggregate: Aggregate
    stopping: Stop | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The segment has its last line. `failure` is the traceback of an exception of ours that ended it, `unusable`
    what is wrong with the plan in that process.
    """

    evidence: Evidence | None
    failure: str | None = None
    unusable: str | None = None


Message = WorkerTask | Ready | Start | Began | Stop | PartialAggregate | Ended


class Channel:
    """One end of the connection between coordinator and worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, connection: socket.socket) -> Channel:
        """A channel over a connected socket, which it owns from now on."""
        return cls(*await asyncio.open_connection(sock=connection))

    def send(self, message: Message) -> None:
        """Queue a message. No error when the other end does not read it, or is gone."""
        if self._writer.is_closing():
            return
        content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        self._writer.write(_LENGTH.pack(len(content)) + content)

    async def receive(self) -> Message | None:
        """The next message; None when the other end has closed."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            message = pickle.loads(await self._reader.readexactly(length))  # noqa: S301  from ourselves only
        except (asyncio.IncompleteReadError, OSError):
            return None
        assert isinstance(message, Message)
        return message

    async def close(self) -> None:
        """Send what is queued, then close."""
        try:
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()
        except OSError:
            return
