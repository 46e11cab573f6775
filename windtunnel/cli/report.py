"""`windtunnel report`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.cli.options import with_flags
from windtunnel.terminal import Terminal


@with_flags("report")
def report(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run id, a path, or latest (default).", show_default=False),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", metavar="RUN", help="The same as RUN.", show_default=False)
    ] = None,
    forms: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Also write the report in this format, such as one of an installed package. Repeatable.",
            show_default=False,
        ),
    ] = None,
    **flags: Any,
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
    root = Path(flags["output"] or "runs")
    directory = RunDirectory.find(run or run_id or "latest", root)
    baseline = flags["baseline"]
    if baseline == NONE:
        raise ConfigError.of(
            "none is a baseline for a run, not for a report",
            hint="remove it to keep the baseline of the run",
            flag="--baseline",
        )
    if (compared_with := read_baseline(baseline, root)) is not None:
        directory.write_baseline(compared_with)
    terminal = Terminal.standard(color=flags["color"], quiet=flags["quiet"])
    rendered = write_reports(directory, analyse(directory), terminal, environment=os.environ)
    for name in forms or ():
        terminal.say(f"{name}  {write_form(name, rendered, directory)}")
