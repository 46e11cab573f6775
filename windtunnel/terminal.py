"""Standard output and error as the observer of a job: colour, live progress, folded sections in CI logs.

For the command line and the API alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from windtunnel.ci.github import SafeLog
from windtunnel.ci.log import GitHubLog, GitLabLog, LogForm, PlainLog
from windtunnel.figures import duration, number, offset
from windtunnel.report.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from windtunnel.job.progress import Status
    from windtunnel.report.model import Report

NARROW, WIDE = 60, 120
LIVE_S, LOG_S = 0.5, 10.0
"""Seconds between two updates of the live line, and between two lines of progress in a log."""

_MOST_FAULTS, _LONGEST_FAULT = 3, 40


def log_form(environment: Mapping[str, str]) -> LogForm:
    """The form of the platform that the environment names."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return GitHubLog()
    return GitLabLog() if environment.get("GITLAB_CI") == "true" else PlainLog()


@dataclass(slots=True, kw_only=True)
class TerminalObserver:
    """Writes results to `out`, progress and problems to `err`.

    `form` folds the log of a CI job; its commands go to `raw`, past a stream that makes text harmless.
    `debugging`: show lines that help to find a mistake.
    """

    out: TextIO
    err: TextIO
    color: bool
    interactive: bool
    quiet: bool = False
    form: LogForm = field(default_factory=PlainLog)
    raw: TextIO | None = None
    debugging: bool = False
    _live: _LiveLine | None = field(default=None, init=False, repr=False)

    @classmethod
    def standard(cls, *, color: bool | None = None, quiet: bool = False) -> TerminalObserver:
        """The process's own streams. Colour only on a terminal, unless asked for; never with NO_COLOR."""
        environment = os.environ
        on_terminal = sys.stdout.isatty() and environment.get("TERM") != "dumb"
        wanted = on_terminal and not environment.get("NO_COLOR") if color is None else color
        out, err = sys.stdout, sys.stderr
        if environment.get("GITHUB_ACTIONS") == "true":
            out, err = harmless(out), harmless(err)
        return cls(
            out=out,
            err=err,
            form=log_form(environment),
            raw=sys.stdout,
            debugging=environment.get("RUNNER_DEBUG") == "1",
            color=wanted,
            interactive=sys.stderr.isatty() and environment.get("TERM") != "dumb" and not environment.get("CI"),
            quiet=quiet,
        )

    @property
    def width(self) -> int:
        """Columns to write in."""
        return terminal_width()

    @property
    def progress_every_s(self) -> float | None:
        """Seconds between two updates; None when quiet."""
        if self.quiet:
            return None
        return LIVE_S if self.interactive else LOG_S

    @contextlib.contextmanager
    def section(self, name: str, title: str) -> Iterator[None]:
        """A phase of the job, which a CI platform may fold. The live line ends with it."""
        self._command(self.form.opening(name, title))
        try:
            yield
        finally:
            if self._live is not None:
                self._live.close()
                self._live = None
            self._command(self.form.closing(name))

    def say(self, text: str = "") -> None:
        """A line of the result, omitted when quiet."""
        if not self.quiet:
            self.result(_shown(text))

    def result(self, text: str) -> None:
        """A line of the result."""
        _write(self.out, text)

    def report(self, report: Report) -> None:
        """The table and the verdict; the verdict and the HTML report alone when quiet."""
        from windtunnel.report import terminal as terminal_report

        if self.quiet:
            self.result(f"{report.summary.verdict}: {Path(report.directory) / 'report.html'}")
        else:
            self.result(terminal_report.render(report, width=self.width, color=self.color))

    def note(self, text: str) -> None:
        """A line next to the result."""
        _write(self.err, _shown(text))

    def warning(self, text: str) -> None:
        """A warning next to the result."""
        self.note(f"warning: {text}")

    def progress(self, status: Status) -> None:
        """Update the live line; in a log, add a line."""
        if not self.interactive:
            self.note(progress_line(status))
            return
        if self._live is None:
            self._live = _LiveLine(self.err, color=self.color, width=self.width)
        self._live.show(status)

    def debug(self, text: str) -> None:
        """A line that helps to find a mistake, shown when debugging."""
        if self.debugging:
            self._command(self.form.debug(text))

    def _command(self, line: str) -> None:
        if line and not self.quiet:
            _write(self.raw or self.out, line)


class _LiveLine:
    """One line that renews itself: spinner, bar, numbers."""

    def __init__(self, stream: TextIO, *, color: bool, width: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        console = Console(file=stream, no_color=not color, width=width)
        columns = (SpinnerColumn(), BarColumn(bar_width=16), TextColumn("{task.description}", markup=False))
        self._bar: Progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._task = self._bar.add_task("", total=1.0)
        self._bar.start()

    def show(self, status: Status) -> None:
        self._bar.update(self._task, completed=status.done, description=progress_line(status))
        self._bar.refresh()

    def close(self) -> None:
        self._bar.stop()


def progress_line(status: Status) -> str:
    """`12 s  240/500 instances, 3 not passed · 50 running · 1,234 req/s · p95 12 ms · about 8 s left`.

    In a run with faults the phase comes first: `12 s  inject: lost reply · 240 instances · …`.
    """
    of_count = f"/{status.planned:,}" if status.planned else ""
    bad = f", {status.not_passed:,} not passed" if status.not_passed else ""
    dropped = f", {status.dropped:,} dropped" if status.dropped else ""
    phase = f"{_phase(status)} · " if status.phase else ""
    parts = [
        f"{offset(round(status.elapsed_s)):>5}  {phase}{status.instances:,}{of_count} instances{bad}",
        f"{status.in_flight:,} running{dropped}",
        f"{number(status.requests_per_s)} req/s",
    ]
    if status.p95_ms is not None:
        parts.append(f"p95 {duration(status.p95_ms)}")
    if 0.02 < status.done < 1 and status.elapsed_s > 1:
        parts.append(f"about {offset(round(status.elapsed_s * (1 - status.done) / status.done))} left")
    return " · ".join(parts)


def _phase(status: Status) -> str:
    """`steady`, `inject: payments brownout, lost reply and 2 more`."""
    names = [printable(name, limit=_LONGEST_FAULT) for name in status.faults[:_MOST_FAULTS]]
    more = f" and {len(status.faults) - len(names)} more" if len(status.faults) > len(names) else ""
    return f"{status.phase}: {', '.join(names)}{more}" if names else f"{status.phase}"


def terminal_width() -> int:
    """Columns of the terminal, from 60 to 120; 100 without one."""
    return max(NARROW, min(WIDE, shutil.get_terminal_size((100, 24)).columns))


def harmless(stream: TextIO) -> TextIO:
    """The stream for text of all kinds, in which a CI runner finds no command."""
    # To the type checker a text stream is what `open` returns; an observer only writes and flushes.
    return cast(TextIO, SafeLog(stream))


def _shown(text: str) -> str:
    return text if text.isprintable() else printable(text, lines=True)


def _write(stream: TextIO, text: str) -> None:
    """Write a line, with what the stream's encoding lacks replaced.

    A reader that has gone (`| head`) takes nothing from the run nor from its verdict.
    """
    try:
        try:
            stream.write(f"{text}\n")
        except UnicodeEncodeError as error:
            stream.write(f"{text.encode(error.encoding, 'replace').decode(error.encoding)}\n")
        stream.flush()
    except BrokenPipeError:
        # What is still in the stream's buffer goes nowhere, at the end of the process too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
