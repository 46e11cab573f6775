"""The way out of a job: no line that it tells and no error that it raises holds a secret, and only we end it.

Loading, compiling and running a job happen inside `without_secrets`; it is told to a `RedactedObserver`. From the
start of the load on, `exits_told` makes an error of what would end the process past every verdict.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import BugError, ConfigError, EvidenceError, Location, Problem, UnreachableError
from windtunnel.job.interrupts import Interrupted
from windtunnel.job.observer import Observer
from windtunnel.job.progress import Status
from windtunnel.processes import LostProcessError
from windtunnel.redaction import Redactor

if TYPE_CHECKING:
    from windtunnel.report.model import Report


class RedactedObserver:
    """Hands on to another observer what a job tells, without secrets. The report is made of what has none."""

    def __init__(self, observer: Observer, redactor: Redactor) -> None:
        self._observer, self._redactor = observer, redactor

    @property
    def progress_every_s(self) -> float | None:
        """That of the other one."""
        return self._observer.progress_every_s

    def section(self, name: str, title: str) -> AbstractContextManager[None]:
        """Hand on the phase."""
        return self._observer.section(name, title)

    def say(self, text: str) -> None:
        """Hand on a line of the result that a quiet observer omits."""
        self._observer.say(self._redactor.text(text))

    def result(self, text: str) -> None:
        """Hand on a line of the result."""
        self._observer.result(self._redactor.text(text))

    def report(self, report: Report) -> None:
        """Hand on the judged run."""
        self._observer.report(report)

    def note(self, text: str) -> None:
        """Hand on a line next to the result."""
        self._observer.note(self._redactor.text(text))

    def warning(self, text: str) -> None:
        """Hand on a warning."""
        self._observer.warning(self._redactor.text(text))

    def progress(self, status: Status) -> None:
        """Hand on how far the run is."""
        self._observer.progress(status)

    def debug(self, text: str) -> None:
        """Hand on a line that helps to find a mistake."""
        self._observer.debug(self._redactor.text(text))


@contextmanager
def without_secrets(redactor: Callable[[], Redactor]) -> Iterator[None]:
    """Raise what the block raises without secrets: those that are known by then.

    An exception that is a bug of ours becomes a BugError with its traceback.
    """
    try:
        yield
    except ConfigError as error:
        raise hidden_problems(error, redactor()) from None
    except (UnreachableError, EvidenceError) as error:
        hide = redactor().text
        error.args, error.hint = (hide(str(error)),), error.hint and hide(error.hint)
        raise error from None
    except BugError:
        raise
    except Exception as error:  # noqa: BLE001  the text of any exception may quote a secret
        raise BugError(redactor().text("".join(traceback.format_exception(error)).rstrip())) from None


@contextmanager
def exits_told(directory: Path) -> Iterator[None]:
    """Raise LostProcessError, with the directory of the run, when the user's code ended the loop or what follows.

    In a callback, a task of its own or a signal handler it is no outcome of any step: `sys.exit(0)` there would
    end the process as if the run had passed.
    """
    import asyncio  # a command that runs no load starts without it

    try:
        yield
    except Interrupted:
        raise
    except LostProcessError as lost:
        lost.directory = directory
        raise
    except (SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:
        raise LostProcessError.by(error, directory=directory) from None


def hidden_problems(error: ConfigError, redactor: Redactor) -> ConfigError:
    """The same error without secrets in its messages, hints and excerpts."""
    return ConfigError(_hidden(problem, redactor) for problem in error.problems)


def _hidden(problem: Problem, redactor: Redactor) -> Problem:
    hide, where = redactor.text, problem.where
    return replace(
        problem,
        message=hide(problem.message),
        hint=problem.hint and hide(problem.hint),
        where=where and _without(where, redactor),
    )


def _without(where: Location, redactor: Redactor) -> Location:
    """The place without secrets. A line that held one is shown without its mark, which would be misplaced."""
    excerpt = redactor.text(where.excerpt)
    if excerpt == where.excerpt:
        return replace(where, file=redactor.text(where.file))
    return replace(where, file=redactor.text(where.file), excerpt="")
