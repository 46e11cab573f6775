"""`windtunnel action`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from windtunnel.job.run import JobResult

HELP = "Run as the GitHub Action: read INPUT_* variables, write outputs and a job summary."


def command() -> None:
    """Run as the GitHub Action."""
    from windtunnel.job.run import run_job

    raise typer.Exit(action(os.environ, out=sys.stdout, run=run_job))


def action(environment: Mapping[str, str], *, out: TextIO, run: Callable[..., JobResult]) -> int:
    """Run the action and return its exit code. Everything goes to one stream, so that the log stays in order.

    Text of the job is made harmless, because the runner reads commands from every line of its log.
    """
    from windtunnel.ci.action import run_action
    from windtunnel.cli.run import read_flags
    from windtunnel.signals import SignalInterrupts
    from windtunnel.terminal import TerminalObserver, harmless, log_form

    log = harmless(out)
    observer = TerminalObserver(
        out=log,
        err=log,
        color=False,
        interactive=False,
        form=log_form(environment),
        raw=out,
        debugging=environment.get("RUNNER_DEBUG") == "1",
    )
    with SignalInterrupts(last=True) as interrupts:
        return run_action(
            environment,
            commands=out,
            observer=observer,
            interrupts=interrupts,
            read_flags=read_flags,
            run=run,
        )
