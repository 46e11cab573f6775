"""The process of the command: its standard streams and signals, from its first line to its exit code."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from windtunnel.cli.main import main
from windtunnel.job.interrupts import Interrupted
from windtunnel.model.verdict import EXIT_CODES, code_of_signal
from windtunnel.processes import NoWatch, Watch, watched_by
from windtunnel.signals import handle
from windtunnel.streams import make_lasting

if TYPE_CHECKING:
    from windtunnel.cli.child import ChildWatch

ONE_PROCESS = "WINDTUNNEL_ONE_PROCESS"
"""The variable with which code of the user runs in the process of the command too, for debuggers and coverage."""


def run() -> NoReturn:
    """Run the command line and exit, whatever its streams are and whenever a signal comes."""
    code = EXIT_CODES["interrupted"]
    watch = _FirstImport()
    out = None
    try:
        out = make_lasting()
        handle(_interrupt)
        code = _exit_code(watch)
    except Interrupted as interrupted:
        code = code_of_signal(interrupted.number)
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if out is not None and out.error is not None:
            sys.stderr.write(f"standard output can't be written: {out.error.strerror}\n")
            sys.stderr.flush()
    except Interrupted:
        pass  # the reader is stuck, and the exit code stands
    finally:
        # What there was to say is said. Python puts the default back for any handler but this before it ends.
        handle(signal.SIG_IGN)
    if watch.child is not None:
        watch.child.ended(code)
    sys.exit(code)


class _FirstImport(NoWatch):
    """The watch until code of the user is imported: what that needs is loaded then, so that a start is cheap."""

    def __init__(self) -> None:
        self.child: ChildWatch | None = None

    def importing(self, name: str) -> AbstractContextManager[None]:
        """From the first import on, a child does the work, where there are forks."""
        if self.child is None and hasattr(os, "fork") and not os.environ.get(ONE_PROCESS):
            from windtunnel.cli.child import ChildWatch

            self.child = ChildWatch()
        return super().importing(name) if self.child is None else self.child.importing(name)

    def made(self, directory: Path) -> None:
        """Pass it on."""
        if self.child is not None:
            self.child.made(directory)

    @property
    def shared(self) -> tuple[int, ...]:
        """That of the child."""
        return () if self.child is None else self.child.shared


def _exit_code(watch: Watch) -> int:
    try:
        with watched_by(watch):
            main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    raise Interrupted(number)
