"""From a judged run to the files and the last words that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from windtunnel import plugins
from windtunnel.errors import ConfigError, EvidenceError, did_you_mean
from windtunnel.job.ci_environment import artifact_url
from windtunnel.report import terminal as terminal_report
from windtunnel.report.collect import Analysis, build_report
from windtunnel.report.model import Report
from windtunnel.report.renderers import RENDERERS
from windtunnel.signals import Interrupted, Interruptions
from windtunnel.storage.directory import RunDirectory
from windtunnel.terminal import Terminal

SHORT = ("markdown", "dotenv", "junit", "openmetrics", "k6", "code-quality", "external-links")
"""The renderers whose files every run leaves behind, between `summary.json` and the HTML, which takes longest."""


def write_reports(
    directory: RunDirectory,
    analysis: Analysis,
    terminal: Terminal,
    *,
    environment: Mapping[str, str],
    on_judged: Callable[[], None] = lambda: None,
) -> Report:
    """Write `summary.json`, `summary.md` and `report.html`, and show the final table and verdict.

    `on_judged` is called as soon as all but the HTML is there. A signal leaves out what takes long.
    What can't be written keeps nothing else from being written or shown; the EvidenceError comes afterwards.
    """
    files = _Files(directory, analysis, url=artifact_url(environment, directory.path / "report.html"))
    # A job that is cancelled has a few seconds left: stories, which are read from the records, come last then.
    hurried = analysis.summary.verdict == "interrupted"
    with Interruptions() as interruptions, terminal.section("report", "Report"):
        files.attempt(lambda: directory.write_summary(analysis.summary))
        try:
            with interruptions.allowed():
                report = files.report(with_stories=not hurried)
        except Interrupted:
            report, hurried = files.report(with_stories=False), True
        for name in SHORT:
            files.write(name, report)
        on_judged()
        try:
            with interruptions.allowed():
                report = files.report(with_stories=True) if hurried else report
                files.write("html", report)
        except Interrupted:
            terminal.note(f"report.html is left out; windtunnel report {directory.path} writes it")
    if terminal.quiet:
        terminal.result(f"{analysis.summary.verdict}: {directory.path / 'report.html'}")
    else:
        terminal.result(terminal_report.render(report, width=terminal.width, color=terminal.color))
    if files.failures:
        raise files.failures[0]
    return report


class _Files:
    """The files that a judged run leaves behind. What can't be written is kept in `failures`."""

    def __init__(self, directory: RunDirectory, analysis: Analysis, *, url: str) -> None:
        self._directory, self._analysis, self._url = directory, analysis, url
        self.failures: list[EvidenceError] = []

    def report(self, *, with_stories: bool) -> Report:
        analysis = self._analysis
        report = build_report(
            self._directory, analysis.manifest, analysis.summary, analysis.aggregate, with_stories=with_stories
        )
        return replace(report, url=self._url)

    def write(self, name: str, report: Report) -> None:
        file_name, render = RENDERERS[name]
        self.attempt(lambda: self._directory.write(file_name, render(report)))

    def attempt(self, write: Callable[[], object]) -> None:
        try:
            write()
        except EvidenceError as error:
            self.failures.append(error)


def write_form(name: str, report: Report, directory: RunDirectory) -> Path:
    """Write the file of a renderer, our own or one that an installed package adds; returns its path.

    Raises ConfigError when there is none of that name, or a package's can't do it.
    """
    if name in RENDERERS:
        file_name, render = RENDERERS[name]
        text = render(report)
    else:
        added = plugins.installed(plugins.RENDERERS)
        if name not in added:
            known = [*RENDERERS, *added]
            hint = did_you_mean(name, known) or f"the forms are {', '.join(known)}"
            raise ConfigError.of(f'there is no form "{name}"', hint=hint)
        renderer = plugins.require(added[name])
        try:
            file_name, text = str(renderer.file_name), str(renderer.render(report))
        except Exception as error:  # noqa: BLE001  it is not our code
            kind = type(error).__name__
            raise ConfigError.of(f"the {added[name]} can't render this run: {kind}: {error}") from None
    directory.write(file_name, text)
    return directory.path / file_name
