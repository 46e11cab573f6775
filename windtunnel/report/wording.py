"""The words for a run and its parts: one place, so that the page, the terminal and the Markdown say the same."""

from __future__ import annotations

import msgspec

from windtunnel.figures import EXACT, number
from windtunnel.model.summary import StepSummary, Summary, ThresholdResult
from windtunnel.model.verdict import EXIT_CODES
from windtunnel.model.vocabulary import Operator

UNFINISHED = "This run did not finish. The figures cover what was on disk when it stopped; they are not a pass."
"""Stands above everything else on a report of records without their closing line."""

NO_VALUE = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

ICONS: dict[str, str] = {
    "pass": "✓",
    "fail": "✗",
    "no data": "○",
    "inconclusive": "?",
    "held so far": "…",
    "invalid": "!",
    "unreachable": "!",
    "incomplete": "!",
    "error": "!",
    "interrupted": "■",
}
"""A sign for every word, so that none depends on its colour."""

_BROKEN: dict[Operator, str] = {"<": ">", "<=": ">", ">": "<", ">=": "<", "==": "≠", "!=": "="}
"""What stands between a measured value and the limit that it does not keep to."""

_HEADLINES: dict[str, str] = {
    "inconclusive": "There is not enough sound evidence for a pass or a fail.",
    "invalid": "There was nothing valid to run; nothing was sent.",
    "unreachable": "The system under test did not answer.",
    "incomplete": "The evidence is incomplete, so this run has no result.",
    "error": "Windtunnel failed; this says nothing about the system under test.",
    "interrupted": "The run was stopped before its end.",
}


def honest(summary: Summary) -> Summary:
    """The summary as it may be shown: a run that did not finish is never a pass, whoever wrote the file."""
    if summary.verdict != "pass" or summary.soundness.finished:
        return summary
    return msgspec.structs.replace(
        summary,
        verdict="incomplete",
        exit_code=EXIT_CODES["incomplete"],
        reasons=["the run did not finish", *summary.reasons],
    )


def headline(summary: Summary) -> str:
    """The verdict as a sentence; the reasons stand below it."""
    if summary.run.shard and summary.verdict == "pass":
        number, _, of = summary.run.shard.partition("/")
        return f"Shard {number} of {of} ran soundly; `windtunnel merge` judges all of them together."
    if summary.verdict in _HEADLINES:
        return _HEADLINES[summary.verdict]
    thresholds = summary.thresholds
    failed = sum(1 for threshold in thresholds if threshold.result == "fail")
    only_implied = len(thresholds) == 1 and thresholds[0].origin == "implied"
    if summary.verdict == "pass":
        return "Every instance passed." if only_implied else f"{_all(len(thresholds))} held."
    if only_implied:
        return "Not every instance passed."
    if len(thresholds) == 1:
        return "The threshold did not hold."
    return f"{failed} of {len(thresholds)} thresholds did not hold."


def title(summary: Summary) -> str:
    """What the run is called: its name, or the scenarios it ran."""
    return summary.run.name or ", ".join(summary.run.scenarios) or summary.run_id


def result_word(threshold: ThresholdResult, *, finished: bool) -> str:
    """pass, fail, no data or inconclusive; `held so far` where a pass would say too much."""
    if threshold.result == "pass" and not finished:
        return "held so far"
    return threshold.result.replace("_", " ")


def breach(threshold: ThresholdResult) -> str:
    """How a threshold that failed did so: `p95 812 ms > 500 ms (n = 14,203)`."""
    percentile, operator = threshold.percentile, threshold.operator
    name = threshold.aggregate if percentile is None else f"p{number(percentile, digits=EXACT)}"
    found = "=" if threshold.value == threshold.limit_value and operator in {"<", ">"} else _BROKEN[operator]
    return f"{name} {threshold.measured} {found} {threshold.limit} (n = {threshold.samples:,})"


def remark(threshold: ThresholdResult) -> str:
    """Why a threshold has no answer, without repeating the threshold; empty when its figures say it all."""
    return threshold.explanation or ""


def unjudged(summary: Summary) -> str:
    """What stands where thresholds would, had any been evaluated."""
    if summary.run.shard:
        return f"This is shard {summary.run.shard}; thresholds are judged when the shards are merged."
    return "No threshold was evaluated."


def unsaid(summary: Summary) -> list[str]:
    """Findings of the soundness that don't stand among the reasons already."""
    return [finding for finding in summary.soundness.findings if finding not in summary.reasons]


def failing(step: StepSummary) -> int:
    """How many executions of a step failed or errored."""
    return step.failed + step.errored


def worst_step(summary: Summary) -> StepSummary | None:
    """The step that failed the largest share of its times; where none failed, the slowest by its p95."""
    ran = [row for row in summary.steps if row.count]
    failed = [row for row in ran if failing(row)]
    if failed:
        return max(failed, key=lambda row: failing(row) / row.count)
    timed = [row for row in ran if row.latency.count]
    return max(timed, key=lambda row: row.latency.p95, default=None)


def instances_line(summary: Summary) -> str:
    """`1,857 of 2,000 instances passed, 143 failed`: what is zero is left out."""
    run = summary.run
    if not run.instances:
        return "no instance ended"
    parts = [f"{number(run.passed)} of {number(run.instances)} instances passed"]
    rest = ((run.failed, "failed"), (run.errored, "errored"), (run.interrupted, "interrupted"))
    parts += [f"{number(count)} {word}" for count, word in rest if count]
    return ", ".join(parts)


def _all(thresholds: int) -> str:
    return {0: "Everything", 1: "The threshold", 2: "Both thresholds"}.get(
        thresholds, f"All {thresholds} thresholds"
    )
