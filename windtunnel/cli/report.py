"""`windtunnel report`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from windtunnel.cli.options import BaselineRun, Color, Output, Quiet, RunId
from windtunnel.terminal import Terminal


def report(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run id, a path, or latest (default).", show_default=False),
    ] = None,
    run_id: RunId = None,
    forms: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Write this form too, one of an installed package perhaps. Repeatable.",
            show_default=False,
        ),
    ] = None,
    output: Output = None,
    baseline: BaselineRun = None,
    quiet: Quiet = False,
    color: Color = None,
) -> None:
    """Render the report of a run again from its records, finished or not.

    Exits 0 when the report was rendered, whatever the verdict in it.
    """
    from windtunnel.errors import ConfigError
    from windtunnel.job.baseline import NONE, read_baseline
    from windtunnel.job.reports import write_form, write_reports
    from windtunnel.report.collect import analyse
    from windtunnel.storage.directory import RunDirectory

    if run and run_id and run != run_id:
        raise ConfigError.of(f"RUN is {run!r} and --run-id is {run_id!r}", hint="give one of them")
    root = Path(output or "runs")
    directory = RunDirectory.find(run or run_id or "latest", root)
    if baseline == NONE:
        raise ConfigError.of("--baseline none is for a run; a report has its own or the one that is named here")
    if (compared_with := read_baseline(baseline, root)) is not None:
        directory.write_baseline(compared_with)
    terminal = Terminal.standard(color=color, quiet=quiet)
    rendered = write_reports(directory, analyse(directory), terminal, environment=os.environ)
    for name in forms or ():
        terminal.say(f"{name}  {write_form(name, rendered, directory)}")
