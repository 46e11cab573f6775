"""From a judged run to the files and the last words that a person reads."""

from __future__ import annotations

from windtunnel.cli.terminal import Terminal
from windtunnel.report import terminal as terminal_report
from windtunnel.report.collect import Analysis, build_report
from windtunnel.report.model import Report
from windtunnel.report.renderers import RENDERERS
from windtunnel.storage.directory import RunDirectory

__all__ = ["write_reports"]

WRITTEN = ("markdown", "html")
"""The renderers whose files every run leaves behind, beside `summary.json`; the quick one first."""


def write_reports(directory: RunDirectory, analysis: Analysis, terminal: Terminal) -> Report:
    """Write `summary.md` and `report.html`, and show the final table and verdict in the terminal."""
    report = build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate)
    for name in WRITTEN:
        file_name, render = RENDERERS[name]
        directory.write(file_name, render(report))
    text = terminal_report.render(report, width=terminal.width, color=terminal.color)
    if terminal.quiet:
        terminal.result(f"{analysis.summary.verdict}: {directory.path / 'report.html'}")
    else:
        terminal.result(text)
    return report
