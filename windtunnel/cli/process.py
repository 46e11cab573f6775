"""The process of the command: its standard streams and signals, from its first line to its exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from windtunnel.cli.child import ChildWatch
from windtunnel.cli.main import main
from windtunnel.job.interrupts import Interrupted
from windtunnel.model.verdict import EXIT_CODES, code_of_signal
from windtunnel.processes import watched_by
from windtunnel.signals import handle
from windtunnel.streams import make_lasting

ONE_PROCESS = "WINDTUNNEL_ONE_PROCESS"
"""The variable with which code of the user runs in the process of the command too, for debuggers and coverage."""


def run() -> NoReturn:
    """Run the command line and exit, whatever its streams are and whenever a signal comes."""
    code = EXIT_CODES["interrupted"]
    watch = ChildWatch() if hasattr(os, "fork") and not os.environ.get(ONE_PROCESS) else None
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
        pass  # whoever reads is stuck, and the exit code stands
    finally:
        # What there was to say is said. Python puts the default back for any handler but this before it ends.
        handle(signal.SIG_IGN)
    if watch is not None:
        watch.ended(code)
    sys.exit(code)


def _exit_code(watch: ChildWatch | None) -> int:
    try:
        with watched_by(watch) if watch is not None else contextlib.nullcontext():
            main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    raise Interrupted(number)
