"""Processes of a run that can end without their result: how one ended, and who watches the code of the user.

    load ─▶ `user_code` / `plugins` ── importing(file) ──▶ the watch of this process, if there is one

The command line puts a `Watch` here before it loads anything (`windtunnel/cli/child.py`); a worker and a caller of
`windtunnel.run()` have none.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from windtunnel.errors import EvidenceError


class LostProcessError(EvidenceError):
    """The process with the code of the user ended without its result. `directory` is its run, if there is one."""

    def __init__(self, message: str, *, hint: str | None = None, directory: Path | None = None) -> None:
        self.directory = directory
        super().__init__(message, hint=hint)

    @classmethod
    def by(cls, error: BaseException, *, directory: Path | None = None) -> LostProcessError:
        """The error of an exception of code of the user that would have ended the process."""
        return cls(
            f"the process with your code was ended by {error!r}, raised outside of a step",
            hint="return from a callback, a task or a signal handler; in a step it is the outcome of the step",
            directory=directory,
        )


class Watch(Protocol):
    """A process that looks after code that is not ours."""

    def importing(self, name: str) -> AbstractContextManager[None]:
        """Around the import of code of the user, before any of it runs.

        Raises LostProcessError where that code, or what it did later, ended its process; ConfigError where its
        import took too long.
        """

    def made(self, directory: Path) -> None:
        """Note the directory of the run."""

    @property
    def shared(self) -> tuple[int, ...]:
        """Descriptors that every process of the run holds open until it ends."""


class NoWatch:
    """Code of the user runs in this process, unwatched."""

    def importing(self, name: str) -> AbstractContextManager[None]:
        """Nothing to do."""
        del name
        return contextlib.nullcontext()

    def made(self, directory: Path) -> None:
        """Nothing to note."""

    @property
    def shared(self) -> tuple[int, ...]:
        """None."""
        return ()


_watch: Watch = NoWatch()


def watch() -> Watch:
    """The watch of this process."""
    return _watch


@contextlib.contextmanager
def watched_by(given: Watch) -> Iterator[None]:
    """Make `given` the watch of this process inside."""
    global _watch  # one process has one
    before, _watch = _watch, given
    try:
        yield
    finally:
        _watch = before


def ending_of(code: int) -> str:
    """How a process ended, by its return code as in `subprocess`: negative for a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}"
