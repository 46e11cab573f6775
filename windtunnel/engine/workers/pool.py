"""Worker processes, each with a segment of the run: started, heard and stopped together."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windtunnel.engine.run.segment import first_line
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.engine.workers.messages import Began, Channel, Ended, PartialAggregate, Ready, Start, WorkerTask
from windtunnel.figures import offset
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence
from windtunnel.processes import ending_of, watch
from windtunnel.redaction import Redactor
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.writer import close_segment
from windtunnel.tasks import all_of, background, first_of, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that a worker has until it is killed.

    `start_s`: to say that it is ready. `silence_s`: between two messages; a live one sends four a second.
    `exit_s`: to end its process after its segment has ended.
    """

    start_s: float = 60.0
    silence_s: float = 30.0
    exit_s: float = 10.0


_BOOTSTRAP = (
    "import sys, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = {path!r}; "
    "from windtunnel.engine.workers.process import serve; serve({descriptor})"
)
"""The program of a worker. It imports from where this process does, and nothing from the working directory.

An interrupt is for the coordinator, which tells its workers.
"""


class WorkerPool:
    """The workers of a run. What they count is added to `aggregate` as it arrives.

    spawn ──▶ all Ready ──▶ Start ──▶ Began ──▶ (PartialAggregate …) ──▶ Ended | lost

    A run that is asked to end while its workers start gives up those that are not ready within the grace.
    """

    def __init__(
        self,
        tasks: Sequence[WorkerTask],
        *,
        aggregate: Aggregate,
        shutdown: Shutdown,
        patience: Patience = Patience(),
        on_begin: Callable[[float], None] | None = None,
    ) -> None:
        """`on_begin` is called with the reading of the clock at which the first worker begins its load."""
        self._members = [_WorkerHandle(task, patience.exit_s) for task in tasks]
        self._aggregate, self._shutdown, self._patience = aggregate, shutdown, patience
        self._on_begin = on_begin

    async def run(self) -> Evidence | None:
        """Run every segment to its end; None when a worker was lost, and with it what it had not yet sent.

        Every segment has its closing line then; that of a lost worker says so.
        """
        try:
            await first_of(self._start_all(), self._shutdown.wait_for_grace())
            async with background(self._pass_on_requests()):
                for member in self._members:
                    member.start_load()
                await all_of([self._attend(member) for member in self._members])
        finally:
            for member in self._members:
                member.kill()
            await all_of([member.wait() for member in self._members])
        lost = [member for member in self._members if member.evidence is None]
        for member in lost:
            member.close_segment(self._shutdown.cause)
        return None if lost else Evidence.of_all([each.evidence for each in self._members if each.evidence])

    async def _start_all(self) -> None:
        await all_of([self._start(member) for member in self._members])

    async def _start(self, member: _WorkerHandle) -> None:
        await member.start()
        if member.is_alive:
            await member.receive(self._patience.start_s)
        if not member.is_ready:
            await self._lose(member)

    async def _attend(self, member: _WorkerHandle) -> None:
        """Receive from one worker until it has ended or is lost."""
        while member.is_alive:
            message = await member.receive(self._patience.silence_s)
            if isinstance(message, Began):
                self._begin(message.now)
            elif isinstance(message, PartialAggregate):
                self._aggregate.merge(message.aggregate)
                if message.stopping is not None and not self._shutdown.requested:
                    self._shutdown.request(message.stopping)
        if member.evidence is None:
            await self._lose(member)

    def _begin(self, now: float) -> None:
        """The load begins with its first worker."""
        if self._on_begin is not None:
            self._on_begin(now)
            self._on_begin = None

    async def _lose(self, member: _WorkerHandle) -> None:
        """End the run, since the workers that are left are not the load that was asked for."""
        member.kill()
        await member.wait()
        if not self._shutdown.requested:
            self._shutdown.request(Stop(reason=member.exit_reason))

    async def _pass_on_requests(self) -> None:
        """Pass on to the workers that the run shall end, and a second request, which ends the grace."""
        shutdown = self._shutdown
        for wait in (shutdown.wait, shutdown.wait_for_repeat):
            await wait()
            assert shutdown.cause is not None
            for member in self._members:
                member.send(shutdown.cause)


class _WorkerHandle:
    """One worker process as the coordinator sees it. `evidence` is None until the worker has ended well."""

    def __init__(self, task: WorkerTask, exit_s: float) -> None:
        self._task, self._exit_s = task, exit_s
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._silent_s: float | None = None
        self._failure: str | None = None
        self._unusable: str | None = None  # what the user can mend
        self._given_up = False
        self.is_ready = False
        self.is_alive = False
        self.evidence: Evidence | None = None

    async def start(self) -> None:
        """Start the process; where the system refuses, `is_alive` stays False."""
        try:
            ours, theirs = socket.socketpair()
            try:
                await self._spawn(theirs)
            except OSError:
                ours.close()
                raise
        except OSError as error:
            self._unusable = f"could not be started: {error.strerror}"
            return
        self._channel = await Channel.over(ours)
        self.is_alive = True
        self.send(self._task)

    async def _spawn(self, theirs: socket.socket) -> None:
        program = _BOOTSTRAP.format(path=sys.path, descriptor=theirs.fileno())
        board = () if self._task.board is None else (self._task.board,)
        with theirs:
            # A session of its own: Ctrl-C in the terminal reaches the coordinator, which tells its workers.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *board, *watch().shared),
                start_new_session=True,
            )

    def send(self, message: WorkerTask | Start | Stop) -> None:
        if self._channel is not None and self.is_alive:
            self._channel.send(message)

    def start_load(self) -> None:
        """Start the load, or give up a worker that is not ready."""
        if self.is_ready:
            self.send(Start())
        elif self.is_alive or self._process is None:
            self._given_up = self._unusable is None
            self.kill()

    async def receive(self, timeout_s: float) -> Began | PartialAggregate | None:
        """Take the next message, and return it when it is about the load."""
        assert self._channel is not None
        try:
            message = await within(timeout_s, self._channel.receive())
        except asyncio.TimeoutError:
            message, self._silent_s = None, timeout_s
        if isinstance(message, Began | PartialAggregate):
            return message
        if isinstance(message, Ready):
            self.is_ready = True
        elif isinstance(message, Ended):
            self.evidence, self._failure, self._unusable = message.evidence, message.failure, message.unusable
            self.is_alive = False
        else:
            self.is_alive = False
        return None

    def kill(self) -> None:
        """Kill the process unless its segment has ended."""
        if self._process is not None and self._process.returncode is None and self.evidence is None:
            self._process.kill()

    async def wait(self) -> None:
        """Return when the process has ended. One that goes on after its segment has ended is killed."""
        try:
            await within(self._exit_s, self._wait())
        except asyncio.TimeoutError:
            assert self._process is not None
            self._process.kill()
            await self._process.wait()

    async def _wait(self) -> None:
        if self._channel is not None:
            await self._channel.close()
        if self._process is not None:
            await self._process.wait()

    @property
    def exit_reason(self) -> str:
        """How the process ended, when it ended without its result."""
        task = self._task
        worker = task.segment.number % task.test_plan.workers + 1
        return f"worker {worker} of {task.test_plan.workers} {self._exit_text()}"

    def _exit_text(self) -> str:
        if self._unusable is not None:
            test_plan = self._task.test_plan
            return Redactor(secrets=test_plan.secrets, names=test_plan.sut.redact).text(self._unusable)
        if self._silent_s is not None:
            return f"said nothing for {offset(self._silent_s)} and was ended"
        if self._failure is not None:
            return f"ended by an exception: {self._failure.strip().splitlines()[-1]}"
        assert self._process is not None
        assert self._process.returncode is not None
        return ending_of(self._process.returncode)

    def close_segment(self, cause: Stop | None) -> None:
        """Write the closing line in place of the worker; `cause` is why the run was asked to end."""
        given_up = self._given_up and cause is not None
        task, directory = self._task, RunDirectory(self._task.directory)
        close_segment(
            directory.segment(task.segment),
            first_line(time.time(), task.segment, plan_hash=task.plan_hash, seed=task.test_plan.seed),
            run_id=directory.run_id,
            reason=cause.reason if cause and given_up else self.exit_reason,
            signal=cause.signal if cause and given_up else None,
            lost=not given_up,
            bug=self._failure,
        )
