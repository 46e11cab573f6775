"""The process between a run and the command of `--exec`: it starts the command, keeps its output, and ends it.

    coordinator ── lifeline (standard input: the task, END, KILL) ──▶ keeper ─▶ command and what that starts
                ◀─ reports (standard output: a JSON object a line) ─        ◀─ their output ─▶ sut.log

At END the command gets SIGTERM, and SIGKILL after a grace or at KILL. The same when the lifeline ends without a
word: then the coordinator was killed. A copy of it that code of the user made with `os.fork` holds the lifeline
too: so this process looks for its parent once a second. Where it is killed itself, Linux kills the command too.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from windtunnel.engine.sut.family import adopt_orphans, end_with_parent, kill, terminate
from windtunnel.engine.sut.output import SutOutput
from windtunnel.model.sut import Redactions
from windtunnel.redaction import Redactor

_LIFELINE, _REPORTS = 0, 1
_NUMBERS = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
_BLOCK = 65_536
_KILL_EVERY_S = 0.02
_LOOK_S = 1.0

END, KILL = b"E", b"K"
"""What the coordinator says: end the command; kill what is left of it."""

GRACE_S = 15.0
"""Seconds that the command has to end after SIGTERM. `docker compose up` gives its containers ten."""

_TO_GO_S = 2.0
"""Seconds that killed processes have to be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SutTask:
    """What to start. `log` is the file of the output, without the values of `secrets` and those under `names`."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    log: Path
    secrets: tuple[str, ...] = ()
    names: Redactions = Redactions()  # noqa: RUF009  frozen
    grace_s: float = GRACE_S


def serve() -> None:
    """Start what the coordinator asks for, and return when nothing of it is left."""
    # A signal to all processes of the run is for the coordinator, which says when the SUT ends.
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)
    with open(_LIFELINE, "rb", closefd=False) as lifeline:
        task = pickle.load(lifeline)  # noqa: S301  from the process that started this one
    assert isinstance(task, SutTask)
    try:
        output = SutOutput(task.log, Redactor(secrets=task.secrets, names=task.names))
        process = _start(task)
    except OSError as error:
        _report("failed", why=error.strerror or str(error))
        return
    _report("started", pid=process.pid)
    _Keeper(task, process, output).run()


def _start(task: SutTask) -> subprocess.Popen[bytes]:
    adopt_orphans()
    return subprocess.Popen(  # noqa: S603  what the caller of the run typed; no shell reads it
        task.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(task.environment),
        cwd=task.folder,
        bufsize=0,
        start_new_session=True,
        preexec_fn=partial(_before_exec, os.getpid()),
    )


def _before_exec(parent: int) -> None:
    end_with_parent(parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)


def _report(event: str, **facts: object) -> None:
    """Tell the coordinator, if it is still there."""
    with contextlib.suppress(OSError):
        os.write(_REPORTS, json.dumps({"event": event, **facts}).encode() + b"\n")


class _Keeper:
    """One command from its start until nothing of it is left.

    It has ended when its first process has, with a code other than 0, or when that and everything it started has:
    a daemon goes on after its first process.
    """

    def __init__(self, task: SutTask, process: subprocess.Popen[bytes], output: SutOutput) -> None:
        assert process.stdout is not None
        self._task, self._process, self._output = task, process, output
        self._source = process.stdout.fileno()
        os.set_blocking(self._source, False)
        self._wake, self._waker = os.pipe()
        self._sources = [_LIFELINE, self._source, self._wake]
        self._parent = os.getppid()
        self._code: int | None = None
        self._all_gone = self._told = False
        self._kill_at: float | None = None
        self._give_up_at: float | None = None

    def run(self) -> None:
        """Return when every process is gone."""
        threading.Thread(target=self._reap, daemon=True).start()
        while not self._all_gone and not self._is_given_up():
            for source in select.select(self._sources, [], [], self._patience())[0]:
                if source == self._source:
                    self._read()
                elif source == _LIFELINE:
                    self._obey(os.read(_LIFELINE, _BLOCK))
                else:
                    os.read(source, _BLOCK)
            if self._code and not self._told:
                self._tell()
                self._begin_end()
            if os.getppid() != self._parent:
                self._begin_end()
            self._kill_when_due()
        self._tell()
        self._output.close()

    def _reap(self) -> None:
        """Collect how every child ends, also those that came to this process; for a thread."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, 0)
                if pid == self._process.pid:
                    self._code = self._process.returncode = os.waitstatus_to_exitcode(status)
                    os.write(self._waker, b"1")
        self._all_gone = True
        os.write(self._waker, b"1")

    def _read(self) -> bool:
        """Take a part of the output; whether there was one."""
        try:
            data = os.read(self._source, _BLOCK)
        except BlockingIOError:
            return False
        self._output.feed(data)
        if not data and self._source in self._sources:
            self._sources.remove(self._source)
        return bool(data)

    def _obey(self, words: bytes) -> None:
        """Do what the coordinator says; nothing at all means that it is gone."""
        if not words:
            self._sources.remove(_LIFELINE)
        self._begin_end()
        if KILL in words:
            self._kill_at = time.monotonic()
            self._give_up_at = self._kill_at + _TO_GO_S

    def _tell(self) -> None:
        """Tell, once, how the command ended, and its last lines."""
        if not self._told:
            self._told = True
            until = time.monotonic() + _TO_GO_S
            while self._read() and time.monotonic() < until:
                pass
            _report("ended", code=self._code, last=self._output.last)

    def _begin_end(self) -> None:
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._task.grace_s
            self._give_up_at = self._kill_at + _TO_GO_S
            terminate(self._process.pid)

    def _kill_when_due(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = time.monotonic() + _KILL_EVERY_S
            kill(self._process.pid)

    def _patience(self) -> float:
        return _LOOK_S if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())

    def _is_given_up(self) -> bool:
        """Whether killed processes stay all the same: in a call of the system that no signal ends."""
        return self._give_up_at is not None and time.monotonic() >= self._give_up_at
