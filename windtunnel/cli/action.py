"""`windtunnel action`."""

from __future__ import annotations

import os
import sys

import typer


def command() -> None:
    """What the GitHub Action runs: reads INPUT_*, writes outputs and the job summary."""
    from windtunnel.ci.job import run_action
    from windtunnel.cli.run import read_flags

    raise typer.Exit(run_action(os.environ, out=sys.stdout, read_flags=read_flags))
