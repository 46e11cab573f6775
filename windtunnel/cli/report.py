"""`windtunnel report`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.cli.options import RunArgument, RunIdOption, named_run, with_flags
from windtunnel.terminal import TerminalObserver


@with_flags("report")
def report(
    run: RunArgument = None,
    run_id: RunIdOption = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Also write this format, built in or from an installed package. Repeatable.",
            show_default=False,
        ),
    ] = None,
    **flags: Any,
) -> None:
    """Render the report of a run again from its records, even if the run did not finish.

    Exits 0 when the report is written, also when the run failed.
    """
    from windtunnel.errors import ConfigError
    from windtunnel.job.baseline import NONE, read_baseline
    from windtunnel.job.reports import write_format, write_reports
    from windtunnel.report.collect import analyse
    from windtunnel.signals import SignalInterrupts
    from windtunnel.storage.directory import RunDirectory

    root = Path(flags["output"] or "runs")
    directory = RunDirectory.find(named_run(run, run_id), root)
    baseline = flags["baseline"]
    if baseline == NONE:
        hint = "omit --baseline to keep the baseline of the run, or name another run"
        raise ConfigError.of(f"{NONE} is not valid for a report", hint=hint, flag="--baseline")
    if (compared_with := read_baseline(baseline, root)) is not None:
        directory.write_baseline(compared_with)
    observer = TerminalObserver.standard(color=flags["color"], quiet=flags["quiet"])
    analysis = analyse(directory)
    with SignalInterrupts(last=True) as interrupts:
        rendered = write_reports(directory, analysis, observer, environment=os.environ, interrupts=interrupts)
        for name in formats or ():
            observer.say(f"{name}  {write_format(name, rendered, directory)}")
