"""Standard output and error as the commands see them: colour or none, quiet or not."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TextIO

__all__ = ["Terminal"]

NARROW, WIDE = 60, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a command writes: results to `out`, progress and problems to `err`."""

    out: TextIO
    err: TextIO
    color: bool
    interactive: bool
    quiet: bool = False

    @classmethod
    def standard(cls, *, color: bool | None = None, quiet: bool = False) -> Terminal:
        """The process's own streams. Colour only on a terminal, unless asked for; never with NO_COLOR."""
        on_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        wanted = on_terminal and not os.environ.get("NO_COLOR") if color is None else color
        return cls(
            out=sys.stdout,
            err=sys.stderr,
            color=wanted,
            interactive=sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI"),
            quiet=quiet,
        )

    @property
    def width(self) -> int:
        """Columns to write in."""
        return max(NARROW, min(WIDE, shutil.get_terminal_size((100, 24)).columns))

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


def _write(stream: TextIO, text: str) -> None:
    """Write a line. A reader that has gone (`| head`) takes nothing from the run nor from its verdict."""
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        # What is still in the stream's buffer goes nowhere, at the end of the process too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
