"""What a job tells its caller while it runs: the terminal of the command line, the collected text of the API."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from windtunnel.job.progress import Status

if TYPE_CHECKING:
    from windtunnel.report.model import Report


class Observer(Protocol):
    """Receives what a job has to tell, line by line and phase by phase, in the thread of the job."""

    @property
    def progress_every_s(self) -> float | None:
        """Seconds between two calls of `progress`; None for no progress."""

    def section(self, name: str, title: str) -> AbstractContextManager[None]:
        """A phase of the job (validate, run, report) while it is entered. `name` is letters and `_`."""

    def say(self, text: str) -> None:
        """A line of the result that a quiet observer omits."""

    def result(self, text: str) -> None:
        """A line of the result that is always shown."""

    def report(self, report: Report) -> None:
        """The judged run: metrics, thresholds, verdict, and the place of its files."""

    def note(self, text: str) -> None:
        """A line next to the result."""

    def warning(self, text: str) -> None:
        """A line next to the result that says why the result is less reliable."""

    def progress(self, status: Status) -> None:
        """How far the run is."""

    def debug(self, text: str) -> None:
        """A line that helps to find a mistake."""


class TextObserver:
    """Collects the result as text: what the command would write to its standard output, without colour.

    `width` is in columns.
    """

    progress_every_s: float | None = None

    def __init__(self, *, width: int) -> None:
        self._width = width
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        """Everything collected so far, each line with its end."""
        return "".join(f"{line}\n" for line in self._lines)

    @contextlib.contextmanager
    def section(self, name: str, title: str) -> Iterator[None]:
        """Phases are not shown."""
        del name, title
        yield

    def say(self, text: str) -> None:
        """Collect a line."""
        self._lines.append(text)

    def result(self, text: str) -> None:
        """Collect a line."""
        self._lines.append(text)

    def report(self, report: Report) -> None:
        """Collect the table and the verdict."""
        from windtunnel.report import terminal as terminal_report

        self._lines.append(terminal_report.render(report, width=self._width, color=False))

    def note(self, text: str) -> None:
        """Not part of the result."""

    def warning(self, text: str) -> None:
        """Not part of the result."""

    def progress(self, status: Status) -> None:
        """Not part of the result."""

    def debug(self, text: str) -> None:
        """Not part of the result."""
