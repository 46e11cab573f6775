"""Standard output and error as the commands see them: colour or none, quiet or not."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO, cast

from windtunnel.ci.github import SafeLog
from windtunnel.ci.log import LogForm, PlainLog, log_form

NARROW, WIDE = 60, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a command writes: results to `out`, progress and problems to `err`.

    `form` is how the log of a CI job is folded; what it says goes to `raw`, past whatever makes `out` harmless.
    `debugging`: who runs this wants to look closer.
    """

    out: TextIO
    err: TextIO
    color: bool
    interactive: bool
    quiet: bool = False
    form: LogForm = field(default_factory=PlainLog)
    raw: TextIO | None = None
    debugging: bool = False

    @classmethod
    def standard(cls, *, color: bool | None = None, quiet: bool = False) -> Terminal:
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
        return max(NARROW, min(WIDE, shutil.get_terminal_size((100, 24)).columns))

    @contextlib.contextmanager
    def section(self, name: str, title: str) -> Iterator[None]:
        """A phase of the work, which a CI platform may fold."""
        self._command(self.form.opening(name, title))
        try:
            yield
        finally:
            self._command(self.form.closing(name))

    def debug(self, text: str) -> None:
        """A line for who looks closer."""
        if self.debugging:
            self._command(self.form.debug(text))

    def say(self, text: str = "") -> None:
        """A line of result, left out when quiet."""
        if not self.quiet:
            self.result(text)

    def result(self, text: str) -> None:
        """A line that is shown always."""
        _write(self.out, text)

    def note(self, text: str) -> None:
        """A line beside the result: progress, warnings."""
        _write(self.err, text)

    def _command(self, line: str) -> None:
        if line and not self.quiet:
            _write(self.raw or self.out, line)


def harmless(stream: TextIO) -> TextIO:
    """The stream for text of all kinds, in which a CI runner finds no command."""
    # To the type checker a text stream is what `open` returns; a terminal only writes and flushes.
    return cast(TextIO, SafeLog(stream))


def _write(stream: TextIO, text: str) -> None:
    """Write a line. A reader that has gone (`| head`) takes nothing from the run nor from its verdict."""
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        # What is still in the stream's buffer goes nowhere, at the end of the process too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
