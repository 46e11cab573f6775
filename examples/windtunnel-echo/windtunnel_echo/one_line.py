"""The renderer `one-line`: the verdict in one line. A module can be a renderer."""

from __future__ import annotations

from windtunnel.extending import Report

file_name = "one-line.txt"


def render(report: Report) -> str:
    """One line: the verdict, and how many instances passed."""
    summary = report.summary
    return f"{summary.verdict}: {summary.run.passed} of {summary.run.instances} instances passed\n"
