"""The files that a judged run leaves, and the report that the observer shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from windtunnel import plugins
from windtunnel.errors import ConfigError, EvidenceError, Problem, describe, did_you_mean, is_interrupt
from windtunnel.job.ci_environment import artifact_url, settings_file, source_url
from windtunnel.job.interrupts import Interrupted, Interrupts, NoInterrupts
from windtunnel.job.observer import Observer
from windtunnel.model.vocabulary import VerdictWord
from windtunnel.report import gitlab, junit
from windtunnel.report.collect import Analysis, build_report
from windtunnel.report.model import Report
from windtunnel.report.renderers import RENDERERS
from windtunnel.storage.directory import RunDirectory, StagedFile, summary_text

SHORT = ("markdown", "dotenv", "junit", "openmetrics", "k6", "code-quality", "external-links")
"""The renderers of every run, in the order of writing. The HTML, which takes longest, comes after them."""

Check = Callable[[bool], Sequence[str]]
"""What is wrong with the files of a run at this moment, a sentence each; with True they are only looked at."""


def write_reports(
    directory: RunDirectory,
    analysis: Analysis,
    observer: Observer,
    *,
    environment: Mapping[str, str],
    interrupts: Interrupts | None = None,
) -> Report:
    """Write the files of a run that was judged before anew, from its records, and show the report.

    An interrupt skips what takes long. Raises EvidenceError when a file can't be written; the short files are then
    as they were before, all of them.
    """
    interrupts = interrupts or NoInterrupts()
    files = _Files(directory, environment)
    with interrupts.deferred(), observer.section("report", "Report"):
        report, hurried = _short_report(files, analysis, interrupts)
        failures = files.put_short(analysis, report)
        if not failures:
            report, failures = _put_html(files, analysis, report, observer, interrupts, hurried=hurried)
    observer.report(report)
    if failures:
        if analysis.summary.verdict != "pass":
            files.withdraw()  # what is there may be from when it was one
        raise failures[0]
    return report


def publish(
    directory: RunDirectory,
    analysis: Analysis,
    observer: Observer,
    *,
    environment: Mapping[str, str],
    interrupts: Interrupts | None = None,
    check: Check = lambda _: (),
    on_judged: Callable[[Analysis], Sequence[str]] = lambda _: (),
) -> Analysis:
    """Write the files of a new run, with one verdict in all of them, and show the report. Returns the last word.

    `check` is asked before the first file is written and after the last. What it finds, a file that can't be
    written, and what `on_judged` returns make the run incomplete: every file is then written again, or removed
    where that fails. `on_judged` is called when everything but the HTML is written, and again after a change.
    """
    interrupts = interrupts or NoInterrupts()
    files = _Files(directory, environment)
    with interrupts.deferred(), observer.section("report", "Report"):
        try:
            found = [*check(analysis.summary.verdict == "interrupted")]
            if found:
                analysis = analysis.with_findings(found)
                directory.mark_incomplete(found)
            report, hurried = _short_report(files, analysis, interrupts)
            late = [str(failure) for failure in files.put_short(analysis, report)]
            if not late:
                late += on_judged(analysis)
                report, failures = _put_html(files, analysis, report, observer, interrupts, hurried=hurried)
                late += [str(failure) for failure in failures]
            late += [each for each in check(hurried) if each not in found]
            if late:
                analysis = analysis.with_findings(late)
                files.withdraw()
                directory.mark_incomplete([*found, *late])
                report = files.put_what_fits(analysis, with_stories=not hurried)
                on_judged(analysis)
        except BaseException:
            # A bug of ours has a verdict of its own: no file may claim another one.
            files.withdraw()
            raise
    observer.report(report)
    return analysis


def _short_report(files: _Files, analysis: Analysis, interrupts: Interrupts) -> tuple[Report, bool]:
    """The report for the short files, and whether what takes long has to wait.

    A cancelled job has a few seconds left, so that stories, which are read from the records, come last.
    """
    if analysis.summary.verdict == "interrupted":
        return files.report(analysis, with_stories=False), True
    try:
        with interrupts.allowed():
            return files.report(analysis, with_stories=True), False
    except Interrupted:
        return files.report(analysis, with_stories=False), True


def _put_html(
    files: _Files, analysis: Analysis, report: Report, observer: Observer, interrupts: Interrupts, *, hurried: bool
) -> tuple[Report, list[EvidenceError]]:
    try:
        with interrupts.allowed():
            report = files.report(analysis, with_stories=True) if hurried else report
            return report, files.put("html", report)
    except Interrupted:
        path = files.directory.path
        observer.note(f"report.html is not written; `windtunnel report {path}` writes it")
    return report, []


class _Files:
    """The files of a judged run."""

    def __init__(self, directory: RunDirectory, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self._settings_file = settings_file(environment)
        self._url = artifact_url(environment, directory.path / RENDERERS["html"][0])
        self._source_url = source_url(environment, Path.cwd())

    def report(self, analysis: Analysis, *, with_stories: bool) -> Report:
        """What the renderers render."""
        try:
            report = build_report(
                *(self.directory, analysis.manifest, analysis.summary, analysis.aggregate),
                with_stories=with_stories,
            )
        except EvidenceError:
            # Records that can't be read any more have no stories; that they can't is for the verdict to say.
            report = build_report(
                *(self.directory, analysis.manifest, analysis.summary, analysis.aggregate), with_stories=False
            )
        return replace(report, url=self._url, source_url=self._source_url, settings_file=self._settings_file)

    def put_short(self, analysis: Analysis, report: Report) -> list[EvidenceError]:
        """Put the short files in place, `summary.json` last: all of them, or none when one can't be written."""
        staged: list[StagedFile] = []
        try:
            for name, render in (RENDERERS[each] for each in SHORT):
                staged.append(self.directory.stage(name, render(report)))
            staged.append(self.directory.stage("summary.json", summary_text(analysis.summary)))
            for file in staged:
                file.publish()
        except EvidenceError as error:
            for file in staged:
                file.discard()
            return [error]
        return []

    def put(self, name: str, report: Report) -> list[EvidenceError]:
        """Put one file in place."""
        file_name, render = RENDERERS[name]
        content = render(report)
        try:
            self.directory.write(file_name, content)
        except EvidenceError as error:
            return [error]
        return []

    def put_what_fits(self, analysis: Analysis, *, with_stories: bool) -> Report:
        """Write every file that can be written, `summary.json` first; a summary has what could not be."""
        with contextlib.suppress(EvidenceError):
            self.directory.write("summary.json", summary_text(analysis.summary))
        report = self.report(analysis, with_stories=with_stories)
        for name in (*SHORT, "html"):
            self.put(name, report)
        return report

    def withdraw(self) -> None:
        """Remove every file that says a verdict."""
        for name in ("summary.json", *(RENDERERS[each][0] for each in (*SHORT, "html"))):
            self.directory.remove(name)


INVALID = "invalid"
"""The folder, beside those of runs, with what CI systems read of a job that ran nothing."""

_OF_PROBLEMS = ("junit.xml", "ci/gl-codequality.json")
"""Its files."""


def write_problems(
    root: Path, verdict: VerdictWord, problems: Sequence[Problem], environment: Mapping[str, str]
) -> Path:
    """Write the problems that prevented a run below `root`, the folder of the runs; returns JUnit's file.

    Raises EvidenceError or OSError.
    """
    folder = root / INVALID
    if folder.is_symlink():
        raise EvidenceError(f"can't write {folder}: it is a symbolic link")
    (folder / "ci").mkdir(parents=True, exist_ok=True)
    texts = (
        junit.render_problems(verdict, problems),
        gitlab.code_quality_of_problems(problems, settings_file(environment)),
    )
    for name, text in zip(_OF_PROBLEMS, texts, strict=True):
        RunDirectory(folder).write(name, text)
    return folder / _OF_PROBLEMS[0]


def remove_problems(root: Path) -> None:
    """Remove what an earlier job wrote of its problems: the next one runs."""
    if not (root / INVALID).is_symlink():
        for name in _OF_PROBLEMS:
            RunDirectory(root / INVALID).remove(name)


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
