"""`windtunnel action`."""

from __future__ import annotations

import os
import sys

import typer


def command() -> None:
    """What the GitHub Action runs: reads INPUT_*, writes outputs and the job summary."""
    from windtunnel.cli.action_job import action

    raise typer.Exit(action(os.environ, out=sys.stdout))
