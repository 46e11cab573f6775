"""Annotations at the user's files: problems in them, or why a run did not pass. Worst first."""

from __future__ import annotations

from collections.abc import Iterable

from windtunnel.ci.github import Annotation
from windtunnel.ci.workspace import Workspace
from windtunnel.errors import Problem
from windtunnel.figures import share
from windtunnel.model.summary import ErrorGroup, StepSummary, Summary, ThresholdResult
from windtunnel.model.vocabulary import ThresholdWord, VerdictWord

_RESULT_ORDER: tuple[ThresholdWord, ...] = ("fail", "no_data", "inconclusive")


def problem_annotations(
    problems: Iterable[Problem], *, verdict: VerdictWord, workspace: Workspace
) -> list[Annotation]:
    """One for each problem of the files, the inputs or the run, at its place."""
    return [
        Annotation(
            title=f"Windtunnel: {verdict}",
            message=f"{problem.text}\nhelp: {problem.hint}" if problem.hint else problem.text,
            file=workspace.path_of(problem.where.file) if problem.where else None,
            line=problem.where.line if problem.where else None,
        )
        for problem in problems
    ]


def summary_annotations(summary: Summary, *, workspace: Workspace) -> list[Annotation]:
    """The thresholds that did not pass, then the errors by step; none for a pass.

    A verdict that no threshold explains (unreachable, interrupted, …) is the first annotation.
    """
    if summary.verdict == "pass":
        return []
    not_passed = [result for result in summary.thresholds if result.result in _RESULT_ORDER]
    not_passed.sort(key=lambda result: _RESULT_ORDER.index(result.result))
    annotations = []
    if summary.verdict != "fail" or not not_passed:
        reasons = "\n".join(summary.reasons) or "see the log"
        annotations.append(Annotation(title=f"Windtunnel: {summary.verdict}", message=reasons))
    places = {(row.scenario, row.step): row for row in summary.steps}
    annotations += [_of_threshold(result, workspace) for result in not_passed]
    annotations += [
        _of_errors(group, places.get((group.scenario, group.step)), workspace) for group in summary.errors
    ]
    return annotations


def _of_threshold(result: ThresholdResult, workspace: Workspace) -> Annotation:
    message = f"{result.name} — measured {result.measured} (n = {result.samples:,})"
    return Annotation(
        title=f"Threshold: {result.result.replace('_', ' ')}",
        message=f"{message}\n{result.reason}" if result.reason else message,
        file=workspace.path_of(result.file) if result.file else None,
        line=result.line,
    )


def _of_errors(group: ErrorGroup, row: StepSummary | None, workspace: Workspace) -> Annotation:
    return Annotation(
        title=f"{group.scenario} / {group.step}: {group.outcome}",
        message=f"{group.cause}: {group.count:,} times ({share(group.share)} of instances)\n{group.example}",
        file=workspace.path_of(row.file) if row and row.file else None,
        line=row.line if row else None,
    )
