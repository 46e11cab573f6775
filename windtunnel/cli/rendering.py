"""From a judged run to the files and the last words that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from windtunnel.ci.gitlab import artifact_url
from windtunnel.cli.terminal import Terminal
from windtunnel.errors import EvidenceError
from windtunnel.report import terminal as terminal_report
from windtunnel.report.collect import Analysis, build_report
from windtunnel.report.model import Report
from windtunnel.report.renderers import RENDERERS
from windtunnel.storage.directory import RunDirectory

__all__ = ["write_reports"]

WRITTEN = ("markdown", "dotenv", "junit", "openmetrics", "k6", "code-quality", "external-links", "html")
"""The renderers whose files every run leaves behind, after `summary.json`; the slow one last."""


def write_reports(
    directory: RunDirectory,
    analysis: Analysis,
    terminal: Terminal,
    *,
    environment: Mapping[str, str],
    on_judged: Callable[[], None] = lambda: None,
) -> Report:
    """Write `summary.json`, `summary.md` and `report.html`, and show the final table and verdict.

    `on_judged` is called as soon as all but the HTML is there, which takes longest.
    What can't be written keeps nothing else from being written or shown; the EvidenceError comes afterwards.
    """
    failures: list[EvidenceError] = []

    def attempt(write: Callable[[], object]) -> None:
        try:
            write()
        except EvidenceError as error:
            failures.append(error)

    attempt(lambda: directory.write_summary(analysis.summary))
    report = replace(
        build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate),
        url=artifact_url(environment, directory.path / "report.html"),
    )
    for name in WRITTEN:
        if name == "html":
            on_judged()
        file_name, render = RENDERERS[name]
        attempt(lambda: directory.write(file_name, render(report)))  # noqa: B023  called at once
    if terminal.quiet:
        terminal.result(f"{analysis.summary.verdict}: {directory.path / 'report.html'}")
    else:
        terminal.result(terminal_report.render(report, width=terminal.width, color=terminal.color))
    if failures:
        raise failures[0]
    return report
