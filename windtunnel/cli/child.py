"""A child process for code that is not ours, which the entrypoint waits for, whatever that code does.

load ─▶ importing(file) ─▶ fork ─┬─ child: goes on with the command, tells what it imports, its run, its exit code
                                 └─ parent: passes signals on and waits ─▶ exit code | LostProcessError

The child has a session of its own: Ctrl-C in the terminal reaches the parent alone, so that it counts once. It is
killed when the parent is gone. Without code of the user there is one process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from windtunnel.errors import ConfigError
from windtunnel.figures import as_written
from windtunnel.processes import LostProcessError, ending_of
from windtunnel.signals import as_bytes, held

LAST_RESORT = 4
"""The signal to a command, counted from 1, at which a child that did not end at the others is killed."""

_TO_END_S = 1.0
"""Seconds between the end of a child's pipe and its own; it has closed the pipe itself when it takes longer."""

_COPY_ENDED = b"a copy of this process that your code made with os.fork() did not end itself, and was ended\n"

_SHOW_CURSOR = "\x1b[?25h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds that code of the user has. `import_s`: for one file. `exit_s`: to end after the command has."""

    import_s: float = 30.0
    exit_s: float = 10.0


class ChildWatch:
    """The `Watch` of the entrypoint: from the first code of the user on, a child does the work."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._told: _Told | None = None

    @contextlib.contextmanager
    def importing(self, name: str) -> Iterator[None]:
        """Around an import; the first one divides the process."""
        if self._told is None:
            self._told = self._divide()
        self._told.say("importing", name)
        try:
            yield
        finally:
            self._told.say("imported")

    def made(self, directory: Path) -> None:
        """Note the directory of the run."""
        if self._told is not None:
            self._told.say("made", str(directory.absolute()))

    @property
    def shared(self) -> tuple[int, ...]:
        """The pipe to the parent, whose end says that all processes of the run have ended."""
        return () if self._told is None else (self._told.descriptor,)

    def ended(self, code: int) -> None:
        """Note that the command has ended, and how."""
        if self._told is not None:
            self._told.say("ended", code)

    def _divide(self) -> _Told:
        """Fork. Returns in the child; the parent ends with the child, or raises what became of it."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        with held():
            try:
                (results, told), (lifeline, life) = os.pipe(), os.pipe()
                pid = os.fork()
            except OSError as error:
                raise LostProcessError(
                    f"can't start the process for your code: {error.strerror}",
                    hint="raise the limits of processes and open files (`ulimit -u`, `ulimit -n`)",
                ) from None
            if pid == 0:
                os.setsid()
                os.close(results)
                os.close(life)
                threading.Thread(target=_end_at_the_end_of, args=(lifeline,), daemon=True).start()
                return _Told(told)
            os.close(told)
            os.close(lifeline)
            try:
                child = _Child(pid=pid, results=results, limits=self._limits)
                child.wait()
            finally:
                os.close(results)
                os.close(life)  # a child that is still there ends
        raise _what_became_of(child)


class _Told:
    """The child's end: messages to the parent, a JSON array a line."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._pid = os.getpid()
        self._pipe = _identity(descriptor)

    def say(self, *message: object) -> None:
        """Send a message, unless code of the user has closed the pipe or put another file in its place.

        Ends a copy of the process that code of the user made (`os.fork`) and let come back to ours: it would run
        the load a second time, and have a word on the result.
        """
        if os.getpid() != self._pid:
            os.write(2, _COPY_ENDED)
            os._exit(1)
        with contextlib.suppress(OSError):
            if _identity(self.descriptor) == self._pipe:
                os.write(self.descriptor, json.dumps(message).encode() + b"\n")


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _end_at_the_end_of(lifeline: int) -> None:
    """Kill this process when the pipe ends: its parent, which waits for the result, is gone."""
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(slots=True, kw_only=True)
class _Child:
    """The child as the parent sees it. `code` is its own word, `status` that of the system, once it has ended."""

    pid: int
    results: int
    limits: Limits
    code: int | None = None
    status: int | None = None
    directory: Path | None = None
    hung: str | None = None
    lingered: bool = False
    signals: int = 0
    imports: list[tuple[str, float]] = field(default_factory=list)
    _exit_by: float | None = None
    _begun: bytes = b""
    _open: bool = True
    _unheard_by: float | None = None

    def wait(self) -> None:
        """Return when the child has ended. Passes signals on, and ends it when its time is over."""
        with as_bytes() as signals:
            while not self._has_ended():
                sources = [signals, self.results] if self._open else [signals]
                readable, _, _ = select.select(sources, [], [], self._patience())
                if self.results in readable:
                    self._hear()
                if signals in readable:
                    for number in os.read(signals, 4096):
                        self._on_signal(number)
                self._enforce()
            # The workers of a child without a result write their last records now, and hold the pipe until then.
            until = time.monotonic() + (self.limits.exit_s if self.code is None else 0.0)
            while self._open and select.select([self.results], [], [], max(0.0, until - time.monotonic()))[0]:
                self._hear()

    def _has_ended(self) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = os.waitstatus_to_exitcode(status)
        return bool(pid)

    def _deadlines(self) -> list[float]:
        if self.hung is not None or self.lingered:
            return []  # it was killed
        deadlines = (self._exit_by, self._unheard_by, *(by for _, by in self.imports))
        return [deadline for deadline in deadlines if deadline is not None]

    def _patience(self) -> float | None:
        deadlines = self._deadlines()
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _hear(self) -> None:
        received = os.read(self.results, 65536)
        if not received:
            # It has ended, or code of the user has closed the pipe: then no later word comes.
            self._open, self._unheard_by = False, time.monotonic() + _TO_END_S
        *lines, self._begun = (self._begun + received).split(b"\n")
        for line in lines:
            # Code of the user can write into any descriptor that is open: what is no message is none.
            with contextlib.suppress(ValueError, TypeError, RecursionError):
                self._take(*json.loads(line))

    def _take(self, kind: str, value: object = None) -> None:
        now = time.monotonic()
        if kind == "importing":
            self.imports.append((str(value), now + self.limits.import_s))
        elif kind == "imported":
            del self.imports[-1:]
        elif kind == "made":
            self.directory = Path(str(value))
        elif kind == "ended" and isinstance(value, int) and 0 <= value <= 255:
            self.code, self._exit_by = value, now + self.limits.exit_s

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGTSTP:
            os.kill(self.pid, signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.kill(self.pid, signal.SIGCONT)
        elif number != signal.SIGCHLD:
            self.signals += 1
            os.kill(self.pid, number if self.signals < LAST_RESORT else signal.SIGKILL)

    def _enforce(self) -> None:
        now = time.monotonic()
        if self._unheard_by is not None and now >= self._unheard_by:
            self._unheard_by = None
            self.imports.clear()
        elif self.hung is None and self.imports and now >= self.imports[0][1]:
            self.hung = self.imports[0][0]
            os.kill(self.pid, signal.SIGKILL)
        elif not self.lingered and self._exit_by is not None and now >= self._exit_by:
            self.lingered = True
            os.kill(self.pid, signal.SIGKILL)


def _what_became_of(child: _Child) -> ConfigError | LostProcessError:
    """The error of a child without a result; with one, this process ends as the child did."""
    if child.code is not None:
        if child.lingered:
            after = as_written(child.limits.exit_s)
            sys.stderr.write(f"your code still ran {after} after the end of the command, and was ended\n")
            sys.stderr.flush()
        os._exit(child.code)
    if sys.stderr.isatty():
        sys.stderr.write(_SHOW_CURSOR)  # a live line of the child may have hidden it
    if child.hung is not None:
        return ConfigError.of(
            f'"{child.hung}" is still being imported after {as_written(child.limits.import_s)}',
            hint="it is imported before anything is sent: move what takes long into a setup or a step",
        )
    assert child.status is not None
    if child.signals >= LAST_RESORT:
        how = f"did not end after {LAST_RESORT - 1} signals and was killed"
        return LostProcessError(f"the process with your code {how}", directory=child.directory)
    during = f" while it imported {child.imports[-1][0]}" if child.imports else ""
    hint = None if child.status < 0 else "did your code, or a library of it, call os._exit()?"
    text = f"the process with your code {ending_of(child.status)}{during}, without its result"
    return LostProcessError(text, hint=hint, directory=child.directory)
