"""Annotations at the user's files: problems in them, or why a run did not pass. Worst first."""

from __future__ import annotations

from collections.abc import Iterable

from windtunnel.ci.github import Annotation
from windtunnel.ci.inputs import named_as_inputs
from windtunnel.ci.workspace import Workspace
from windtunnel.errors import Problem
from windtunnel.figures import plural
from windtunnel.model.summary import ErrorGroup, Summary, ThresholdResult
from windtunnel.model.vocabulary import ThresholdWord, VerdictWord
from windtunnel.report.wording import error_place, headline, of_instances

_RESULT_ORDER: tuple[ThresholdWord, ...] = ("fail", "no_data", "inconclusive")


def problem_annotations(
    problems: Iterable[Problem], *, verdict: VerdictWord, workspace: Workspace
) -> list[Annotation]:
    """One for each problem of the files, the inputs or the run, at its place; whole, since the log shows it."""
    return [
        Annotation(
            title=f"Windtunnel: {verdict}",
            message=str(problem),
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
        own = {result.reason for result in not_passed}
        reasons = [reason for reason in summary.reasons if reason not in own] or [headline(summary)]
        annotations.append(
            Annotation(title=f"Windtunnel: {summary.verdict}", message=named_as_inputs("\n".join(reasons)))
        )
    annotations += [_of_threshold(result, workspace) for result in not_passed]
    annotations += [_of_errors(group, workspace) for group in summary.errors]
    return annotations


def _of_threshold(result: ThresholdResult, workspace: Workspace) -> Annotation:
    message = f"{result.name}, measured {result.measured} (n = {result.samples:,})"
    return Annotation(
        title=f"Threshold: {result.result.replace('_', ' ')}",
        message=f"{message}\n{result.explanation}" if result.explanation else message,
        file=workspace.path_of(result.file) if result.file else None,
        line=result.line,
    )


def _of_errors(group: ErrorGroup, workspace: Workspace) -> Annotation:
    counted = plural(group.count, "time") + (f" ({of_instances(group)})" if of_instances(group) else "")
    return Annotation(
        title=f"{group.scenario} / {error_place(group)}: {group.outcome}",
        message=f"{group.cause}: {counted}\n{group.example}",
        file=workspace.path_of(group.file) if group.file else None,
        line=group.line,
    )
