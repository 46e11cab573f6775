"""`windtunnel compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.cli.options import with_flags
from windtunnel.terminal import TerminalObserver

_SIDE = "A run id, a path, a folder of runs, latest or a summary.json."


@with_flags("compare")
def compare(
    before: Annotated[str, typer.Argument(metavar="A", help=_SIDE, show_default=False)],
    now: Annotated[str, typer.Argument(metavar="B", help=_SIDE, show_default=False)],
    **flags: Any,
) -> None:
    """Show what changed from run A to run B.

    Exits 0 even if figures changed: two runs of the same code can differ by more than 10%. To fail on a change,
    use a threshold, such as 'http_req_duration: p(95) < baseline * 1.3'.
    """
    from windtunnel.errors import ConfigError
    from windtunnel.job.baseline import read_baseline
    from windtunnel.report import terminal as terminal_report
    from windtunnel.verdict.comparison import compare as compare_runs

    root = Path(flags["output"] or "runs")
    first, second = read_baseline(before, root, flag=""), read_baseline(now, root, flag="")
    if first is None or second is None:
        raise ConfigError.of('"none" is not a run', hint="name two runs to compare")
    observer = TerminalObserver.standard(color=flags["color"])
    observer.result(
        terminal_report.render_comparison(
            compare_runs(first, second), second.run_id, width=observer.width, color=observer.color
        )
    )
