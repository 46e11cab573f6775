"""`windtunnel merge`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from windtunnel.cli.options import with_flags
from windtunnel.terminal import TerminalObserver


@with_flags("merge")
def merge(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="The runs of all shards: run ids, paths, or folders that hold runs at any depth.",
            show_default=False,
        ),
    ],
    **flags: Any,
) -> None:
    """Merge the shards of a run into one run, with one report and one exit code.

    A missing shard makes the run incomplete (exit 5).
    """
    import time

    from windtunnel.job.baseline import NONE, read_baseline
    from windtunnel.job.reports import publish
    from windtunnel.model.verdict import exit_code_of
    from windtunnel.report.collect import analyse
    from windtunnel.signals import SignalInterrupts
    from windtunnel.storage.directory import RunDirectory, new_run_id
    from windtunnel.storage.merging import find_shards, merge_into, merged_manifest

    root = Path(flags["output"] or "runs")
    shards = find_shards(runs, root)
    run_id = new_run_id(time.time())
    baseline = flags["baseline"]
    compared_with = read_baseline(baseline, root) or shards[0].baseline()
    manifest = merged_manifest(shards, run_id=run_id, without_baseline=baseline == NONE)
    directory = RunDirectory.create(root, run_id)
    merge_into(directory, shards, manifest)
    if compared_with is not None:
        directory.write_baseline(compared_with)
    observer = TerminalObserver.standard(color=flags["color"], quiet=flags["quiet"])
    with SignalInterrupts(last=True) as interrupts:
        judged = publish(directory, analyse(directory), observer, environment=os.environ, interrupts=interrupts)
    raise typer.Exit(exit_code_of(judged.summary.exit_code, manifest.fail_on))
