"""The files that a judged run leaves, and the report that the observer shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from windtunnel import plugins
from windtunnel.errors import ConfigError, EvidenceError, describe, did_you_mean, is_interrupt
from windtunnel.job.ci_environment import artifact_url
from windtunnel.job.interrupts import Interrupted, Interrupts, NoInterrupts
from windtunnel.job.observer import Observer
from windtunnel.report.collect import Analysis, build_report
from windtunnel.report.model import Report
from windtunnel.report.renderers import RENDERERS
from windtunnel.storage.directory import RunDirectory

SHORT = ("markdown", "dotenv", "junit", "openmetrics", "k6", "code-quality", "external-links")
"""The renderers of every run, in the order of writing. The HTML, which takes longest, comes after them."""


def write_reports(
    directory: RunDirectory,
    analysis: Analysis,
    observer: Observer,
    *,
    environment: Mapping[str, str],
    interrupts: Interrupts | None = None,
    on_judged: Callable[[], None] = lambda: None,
) -> Report:
    """Write `summary.json`, the short files and `report.html`, and show the report.

    `on_judged` is called when everything but the HTML is written. An interrupt skips what takes long. A file that
    can't be written stops no other one; its EvidenceError is raised at the end.
    """
    interrupts = interrupts or NoInterrupts()
    files = _Files(directory, analysis, url=artifact_url(environment, directory.path / "report.html"))
    # A cancelled job has a few seconds left, so that stories, which are read from the records, come last.
    hurried = analysis.summary.verdict == "interrupted"
    with interrupts.deferred(), observer.section("report", "Report"):
        files.attempt(lambda: directory.write_summary(analysis.summary))
        try:
            with interrupts.allowed():
                report = files.report(with_stories=not hurried)
        except Interrupted:
            report, hurried = files.report(with_stories=False), True
        for name in SHORT:
            files.write(name, report)
        on_judged()
        try:
            with interrupts.allowed():
                report = files.report(with_stories=True) if hurried else report
                files.write("html", report)
        except Interrupted:
            observer.note(f"report.html is not written; `windtunnel report {directory.path}` writes it")
    observer.report(report)
    if files.failures:
        raise files.failures[0]
    return report


class _Files:
    """Writes the files of a judged run. `failures` holds the errors of those that can't be written."""

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


def write_format(name: str, report: Report, directory: RunDirectory) -> Path:
    """Write the file of a renderer, built in or from an installed package; returns its path.

    Raises ConfigError for an unknown name, and when the renderer of a package fails.
    """
    if name in RENDERERS:
        file_name, render = RENDERERS[name]
        text = render(report)
    else:
        added = plugins.installed(plugins.RENDERERS)
        if name not in added:
            known = [*RENDERERS, *added]
            hint = did_you_mean(name, known) or f"the formats are {', '.join(known)}"
            raise ConfigError.of(f'unknown format "{name}"', hint=hint)
        renderer = plugins.require(added[name])
        try:
            file_name, text = str(renderer.file_name), str(renderer.render(report))
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise ConfigError.of(f"the {added[name]} can't render this run: {describe(error)}") from None
    directory.write(file_name, text)
    return directory.path / file_name
