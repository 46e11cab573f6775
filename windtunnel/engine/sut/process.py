"""The SUT that a run starts itself (`--exec`), as the run sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.engine.sut.keeper import END, KILL, SutTask
from windtunnel.processes import ending_of
from windtunnel.storage.directory import SUT_LOG
from windtunnel.tasks import cancel_and_wait

_BOOTSTRAP = "import sys; sys.path[:] = {path!r}; from windtunnel.engine.sut.keeper import serve; serve()"
"""The program of the keeper. It imports from where this process does, and nothing from the working directory."""

_LONGEST_QUOTE = 300
_LONGEST_REPORT = 1_000_000


async def _never() -> None:
    await asyncio.Event().wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class SutEnd:
    """How the command of `--exec` ended, as a sentence, and the last lines that it wrote."""

    how: str
    last: tuple[str, ...] = ()
    code: int | None = None

    @property
    def reason(self) -> str:
        """The sentence with the last line."""
        said = self.last[-1][:_LONGEST_QUOTE] if self.last else ""
        if said:
            return f"{self.how}: {said} ({SUT_LOG})"
        return self.how if self.code is None else f"{self.how} and wrote nothing"

    @property
    def help(self) -> str:
        """What to do about a command that ended well before its SUT answered."""
        return "; give a command that goes on until it is ended" if self.code == 0 else ""


class SutProcess:
    """One command, from its start to its end. Owned by the coordinator.

    `pid` is that of the command, `end` how it ended, once it has.
    """

    def __init__(self, task: SutTask, *, more_s: float = 5.0) -> None:
        """`more_s` are the seconds beyond the grace of the command until its keeper is killed."""
        self._task, self._more_s = task, more_s
        self._known = asyncio.Event()
        self._ended = asyncio.Event()
        self.end: SutEnd | None = None
        self.pid: int | None = None

    @asynccontextmanager
    async def running(
        self, variables: Mapping[str, str], *, hurry: Callable[[], Coroutine[Any, Any, None]] = _never
    ) -> AsyncIterator[None]:
        """Run the command during the block, with more variables; one that can't be started has ended at once.

        When `hurry` returns, a command that has not ended yet is killed.
        """
        task = replace(self._task, environment={**self._task.environment, **variables})
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                keeper = _spawn(theirs)
        except OSError as error:
            ours.close()
            self._has_ended(f"could not be started: {error.strerror}")
            yield
            return
        reports, lifeline = await asyncio.open_connection(sock=ours, limit=_LONGEST_REPORT)
        heard = asyncio.create_task(self._hear(reports, keeper))
        try:
            lifeline.write(pickle.dumps(task))
            await self._known.wait()
            yield
        finally:
            try:
                await self._stop(lifeline, heard, keeper, hurry)
            finally:
                await cancel_and_wait([heard])
                lifeline.close()

    async def wait(self) -> SutEnd:
        """Return when the command has ended by itself."""
        await self._ended.wait()
        assert self.end is not None
        return self.end

    async def _hear(self, reports: asyncio.StreamReader, keeper: subprocess.Popen[bytes]) -> None:
        """Take what the keeper tells, until it has ended."""
        with contextlib.suppress(ConnectionError):
            while line := await reports.readline():
                self._take(**json.loads(line))
        self._has_ended(
            f"is not looked after: our process for it {ending_of(await asyncio.to_thread(keeper.wait))}"
        )

    def _take(self, event: str, **facts: Any) -> None:
        if event == "started":
            self.pid = facts["pid"]
            self._known.set()
        elif event == "failed":
            self._has_ended(f"could not be started: {facts['why']}")
        elif event == "ended":
            code = facts["code"]
            self._has_ended(ending_of(code), tuple(facts["last"]), code)

    def _has_ended(self, how: str, last: tuple[str, ...] = (), code: int | None = None) -> None:
        if self.end is None:
            self.end = SutEnd(how=f"the command of --exec {how}", last=last, code=code)
        self._known.set()
        self._ended.set()

    async def _stop(
        self,
        lifeline: asyncio.StreamWriter,
        heard: asyncio.Task[None],
        keeper: subprocess.Popen[bytes],
        hurry: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """End the command and return when nothing of it is left: SIGTERM, and SIGKILL after its grace."""
        _say(lifeline, END)
        hurried = asyncio.create_task(hurry())
        try:
            await asyncio.wait([heard, hurried], timeout=self._task.grace_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_wait([hurried])
        _say(lifeline, KILL)
        await asyncio.wait([heard], timeout=self._more_s)
        if not heard.done():
            keeper.kill()
            await heard


def _say(lifeline: asyncio.StreamWriter, word: bytes) -> None:
    """Tell the keeper, unless it has ended."""
    if not lifeline.transport.is_closing():
        lifeline.write(word)


def _spawn(theirs: socket.socket) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal reaches the coordinator alone. A plain process, which no event
    # loop that is closed early kills: it ends when the lifeline does.
    return subprocess.Popen(  # noqa: S603  our own interpreter and our own module
        [sys.executable, "-c", _BOOTSTRAP.format(path=sys.path)],
        stdin=theirs.fileno(),
        stdout=theirs.fileno(),
        start_new_session=True,
    )
