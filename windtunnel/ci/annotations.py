"""Annotations at the user's files: problems in them, or why a run did not pass. Worst first."""

from __future__ import annotations

from collections.abc import Iterable

from windtunnel.ci.github import Annotation
from windtunnel.ci.inputs import named_as_inputs
from windtunnel.ci.workspace import Workspace
from windtunnel.errors import Problem
from windtunnel.figures import plural
from windtunnel.model.resilience import NOT_JUDGED, Bound, FaultFigures
from windtunnel.model.summary import ErrorGroup, Summary, ThresholdResult
from windtunnel.model.vocabulary import ThresholdWord, VerdictWord
from windtunnel.report.resilience import bound_name, not_held, spaced
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
    """What did not hold: thresholds, bounds, faults that were never done, then errors by step; none for a pass.

    A verdict that none of these explains (unreachable, interrupted, metastable, …) is the first annotation.
    """
    if summary.verdict == "pass":
        return []
    not_passed = [result for result in summary.thresholds if result.result in _RESULT_ORDER]
    not_passed.sort(key=lambda result: _RESULT_ORDER.index(result.result))
    bounds = not_held(summary.turbulence.bounds) if summary.turbulence else []
    own = {result.reason for result in not_passed} | {bound.reason for bound in bounds}
    unexplained = [reason for reason in summary.reasons if reason.removeprefix(NOT_JUDGED) not in own]
    explained = not_passed or (bounds and not unexplained)
    annotations = []
    if summary.verdict != "fail" or not explained:
        reasons = unexplained or [headline(summary)]
        annotations.append(
            Annotation(title=f"Windtunnel: {summary.verdict}", message=named_as_inputs("\n".join(reasons)))
        )
    annotations += [_of_threshold(result, workspace) for result in not_passed]
    annotations += [_of_bound(bound, workspace) for bound in bounds]
    faults = summary.turbulence.faults if summary.turbulence else []
    annotations += [_of_fault(fault, workspace) for fault in faults if not fault.applied]
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


def _of_bound(bound: Bound, workspace: Workspace) -> Annotation:
    message = f"{bound_name(bound)}, measured {bound.measured}"
    return Annotation(
        title=f"Under faults: {spaced(bound.result)}",
        message=f"{message}\n{bound.reason}" if bound.reason else message,
        file=workspace.path_of(bound.file) if bound.file else None,
        line=bound.line,
    )


def _of_fault(fault: FaultFigures, workspace: Workspace) -> Annotation:
    asked = plural(fault.asked, "time")
    return Annotation(
        title="Under faults: a fault was never done",
        message=f"{fault.name}: asked for {asked}, done 0 times\n{fault.what}",
        file=workspace.path_of(fault.file) if fault.file else None,
        line=fault.line,
    )


def _of_errors(group: ErrorGroup, workspace: Workspace) -> Annotation:
    counted = plural(group.count, "time") + (f" ({of_instances(group)})" if of_instances(group) else "")
    return Annotation(
        title=f"{group.scenario} / {error_place(group)}: {group.outcome}",
        message=f"{group.cause}: {counted}\n{group.example}",
        file=workspace.path_of(group.file) if group.file else None,
        line=group.line,
    )
