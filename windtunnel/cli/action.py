"""`windtunnel action`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from windtunnel.job.run import JobResult


def command() -> None:
    """What the GitHub Action runs: reads INPUT_*, writes outputs and the job summary."""
    from windtunnel.job.run import run_job

    raise typer.Exit(action(os.environ, out=sys.stdout, run=run_job))


def action(environment: Mapping[str, str], *, out: TextIO, run: Callable[..., JobResult]) -> int:
    """The action with one stream for everything, so that its log stays in order.

    What the job says is made harmless: the runner reads commands from every line of its output.
    """
    from windtunnel.ci.action import run_action
    from windtunnel.ci.log import log_form
    from windtunnel.cli.run import read_flags
    from windtunnel.signals import SignalInterrupts
    from windtunnel.terminal import TerminalObserver, harmless

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
    return run_action(
        environment,
        commands=out,
        observer=observer,
        interrupts=SignalInterrupts(),
        read_flags=read_flags,
        run=run,
    )
