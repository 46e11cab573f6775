"""`windtunnel run`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import typer

from windtunnel.cli.options import with_flags
from windtunnel.errors import ConfigError, EvidenceError
from windtunnel.terminal import TerminalObserver

HELP = """Run scenarios against a system under test.

Validates all files first; if one is invalid, nothing is sent. Ends with a table, a verdict and a report.

Exit codes: 0 pass, 1 error of Windtunnel, 2 invalid input, 3 SUT unreachable, 4 inconclusive,
5 evidence incomplete, 99 fail, 130/143 interrupted.
"""


@with_flags("run")
def run(**flags: Any) -> None:
    """Run scenarios against a system under test."""
    from windtunnel.cli.preview import preview
    from windtunnel.job.machine import container_network
    from windtunnel.job.request import request_of
    from windtunnel.job.run import run_job
    from windtunnel.model.plan import OutputSettings
    from windtunnel.signals import SignalInterrupts

    request = request_of(flags, argv=tuple(sys.argv[1:]), container_network=container_network())
    observer = TerminalObserver.standard(color=flags["color"], quiet=flags["quiet"])
    if flags["listing"] or flags["dry_run"]:
        preview(request, environment=os.environ, observer=observer, listing=flags["listing"])
        return
    try:
        with SignalInterrupts(last=True) as interrupts:
            result = run_job(request, environment=os.environ, observer=observer, interrupts=interrupts)
    except ConfigError as error:
        _tell_ci(error, request.overrides.output or OutputSettings().directory)
        raise
    raise typer.Exit(result.exit_code)


def _tell_ci(error: ConfigError, folder: str) -> None:
    """Write what a CI system reads of the problems. On a machine nothing is written of a run that was none."""
    from windtunnel.job.ci_environment import ci_facts
    from windtunnel.job.reports import write_problems

    if ci_facts(os.environ).get("provider") or os.environ.get("CI") == "true":
        # The problems themselves are told; that their file can't be written may be one of them.
        with contextlib.suppress(EvidenceError, OSError):
            write_problems(Path(folder), "invalid", error.problems, os.environ)


def read_flags(words: Sequence[str]) -> dict[str, Any]:
    """What would be typed after `windtunnel run`, as the texts of its flags by their names in Python.

    Raises ValueError for an unknown flag, and for one without its value.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(add_help_option=False)(run)
    # Typer brings its own copy of click or uses the one that is there: this is the UsageError of either.
    usage_error = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
    try:
        return typer.main.get_command(app).make_context("run", list(words)).params
    except usage_error as error:
        raise ValueError(error.format_message()) from None
