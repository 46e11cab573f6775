"""`windtunnel verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.cli.options import with_flags
from windtunnel.terminal import TerminalObserver


@with_flags("verify")
def verify(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", help="A run id, a path, a folder of runs or latest (default).", show_default=False
        ),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", metavar="RUN", help="The same as RUN.", show_default=False)
    ] = None,
    **flags: Any,
) -> None:
    """Check that the records of a run are as they were written.

    Names the file and the line of a changed line, a gap, a line of another run, a torn last line, and a file that
    ends without its closing line. Exits 0 when all is intact, otherwise 5.
    """
    from windtunnel.errors import ConfigError, visible
    from windtunnel.model.verdict import EXIT_CODES
    from windtunnel.storage.directory import RunDirectory
    from windtunnel.storage.verifying import verify as verified

    if run and run_id and run != run_id:
        raise ConfigError.of(f"RUN is {run!r} and --run-id is {run_id!r}", hint="give one of them")
    found = verified(RunDirectory.find(run or run_id or "latest", Path(flags["output"] or "runs")))
    observer = TerminalObserver.standard(color=False, quiet=False)
    for line in found.lines():
        observer.result(visible(line))
    if not found.intact:
        raise typer.Exit(EXIT_CODES["incomplete"])
