"""`windtunnel verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from windtunnel.cli.options import RunArgument, RunIdOption, named_run, with_flags
from windtunnel.terminal import TerminalObserver


@with_flags("verify")
def verify(
    run: RunArgument = None,
    run_id: RunIdOption = None,
    **flags: Any,
) -> None:
    """Check that the records of a run are as they were written.

    Names the file and the line of a changed line, a gap, a line of another run, a torn last line, and a file that
    ends without its closing line. Exits 0 when all is intact, otherwise 5.
    """
    from windtunnel.errors import visible
    from windtunnel.model.verdict import EXIT_CODES
    from windtunnel.storage.directory import RunDirectory
    from windtunnel.storage.verifying import verify as verified

    found = verified(RunDirectory.find(named_run(run, run_id), Path(flags["output"] or "runs")))
    observer = TerminalObserver.standard(color=False, quiet=False)
    for line in found.lines():
        observer.result(visible(line))
    if not found.intact:
        raise typer.Exit(EXIT_CODES["incomplete"])
