"""Words for a run and its parts, which the page, the terminal and the Markdown share."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePath
from shlex import quote

import msgspec

from windtunnel.figures import EXACT, number, share
from windtunnel.model.load import Segment
from windtunnel.model.summary import Distribution, ErrorGroup, NoteGroup, StepSummary, Summary, ThresholdResult
from windtunnel.model.sut import DEFAULT_SERVICE
from windtunnel.model.verdict import EXIT_CODES, NO_TLS
from windtunnel.model.vocabulary import Operator
from windtunnel.report.resilience import injected_instances, is_broken, sentence, under_faults
from windtunnel.report.text import printable

UNFINISHED = "This run did not finish. The figures cover what was on disk when it stopped; they are not a pass."
"""The first line of a report on records without their closing line."""

NOTES_TITLE = "notes on responses"
"""Above what a service does against the standards, in responses that were read all the same."""

NO_VALUE = "\N{EN DASH}"
OF_REQUESTS = "each request"
"""The line below a step whose requests took another time than the step."""

MAX_REASONS = 10
"""Reasons of a verdict that are shown; the others are counted."""

MOST_CAUSES = 3
"""Causes of failures that are told before all others."""

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
"""A sign for every word: colour alone carries no meaning."""

OUTCOME_ICONS: dict[str, str] = {
    "passed": "✓",
    "failed": "✗",
    "errored": "!",
    "skipped": "-",
    "interrupted": "■",
    "unfinished": "…",
}
"""A sign for the outcome of an instance, a step or an assertion."""

_LONGEST_TYPED = 200

_BROKEN: dict[Operator, str] = {"<": ">", "<=": ">", ">": "<", ">=": "<", "==": "≠", "!=": "="}
"""The relation of a measured value to the limit that it breaks, by operator."""

_HEADLINES: dict[str, str] = {
    "inconclusive": "There is not enough sound evidence for a pass or a fail.",
    "invalid": "There was nothing valid to run; nothing was sent.",
    "unreachable": "The system under test did not answer.",
    "incomplete": "The evidence is incomplete, so this run has no result.",
    "error": "Windtunnel failed; this says nothing about the system under test.",
    "interrupted": "The run was stopped before its end.",
}


def honest(summary: Summary) -> Summary:
    """The summary to show: a run that did not finish is never a pass, even if its file says so."""
    if summary.verdict != "pass" or summary.soundness.finished:
        return summary
    return msgspec.structs.replace(
        summary,
        verdict="incomplete",
        exit_code=EXIT_CODES["incomplete"],
        reasons=["the run did not finish", *summary.reasons],
    )


def headline(summary: Summary) -> str:
    """The verdict as a sentence, without the reasons."""
    if summary.run.shard and summary.verdict == "pass":
        shard = Segment.of_shard(summary.run.shard)
        return (
            f"Shard {shard.number + 1} of {shard.of} ran soundly; `windtunnel merge` judges all shards together."
        )
    if summary.verdict == "unreachable" and any(NO_TLS in reason for reason in summary.reasons):
        return "The system under test was reached, but no TLS connection to it could be made."
    if summary.verdict in _HEADLINES:
        return _HEADLINES[summary.verdict]
    thresholds = summary.thresholds
    failed = sum(1 for threshold in thresholds if threshold.result == "fail")
    only_implied = len(thresholds) == 1 and thresholds[0].origin == "implied"
    faults = under_faults(summary)
    if summary.verdict == "pass":
        every = "Outside of the faults every instance passed" if faults else "Every instance passed"
        return _with_faults(every if only_implied else f"{_all(len(thresholds))} held", faults)
    if summary.turbulence is not None and not failed:
        # What broke is the bearing of faults, or else a guard or a threshold ended the run.
        return sentence(faults) if is_broken(summary.turbulence) else _HEADLINES["interrupted"]
    if only_implied:
        return _with_faults("Not every instance passed", faults)
    if len(thresholds) == 1:
        return _with_faults("The threshold did not hold", faults)
    return _with_faults(f"{failed} of {len(thresholds)} thresholds did not hold", faults)


def _with_faults(text: str, faults: str) -> str:
    return f"{text}; {faults}." if faults else f"{text}."


def title(summary: Summary) -> str:
    """The name of the run, or else of its scenarios."""
    return summary.run.name or ", ".join(summary.run.scenarios) or summary.run_id


def result_word(threshold: ThresholdResult, *, finished: bool) -> str:
    """pass, fail, no data or inconclusive; `held so far` for a pass of an unfinished run."""
    if threshold.result == "pass" and not finished:
        return "held so far"
    return threshold.result.replace("_", " ")


def breach(threshold: ThresholdResult) -> str:
    """How a threshold failed: `p95 812 ms > 500 ms (n = 14,203)`."""
    percentile, operator = threshold.percentile, threshold.operator
    name = threshold.aggregate if percentile is None else f"p{number(percentile, digits=EXACT)}"
    found = "=" if threshold.value == threshold.limit_value and operator in {"<", ">"} else _BROKEN[operator]
    return f"{name} {threshold.measured} {found} {threshold.limit} (n = {threshold.samples:,})"


def remark(threshold: ThresholdResult, summary: Summary) -> str:
    """Why a threshold could not be judged; empty when it was, and when a reason of the verdict says it already."""
    return "" if threshold.reason in summary.reasons[:MAX_REASONS] else threshold.explanation or ""


def unjudged(summary: Summary) -> str:
    """The text in place of thresholds when none was evaluated."""
    if summary.run.shard:
        return f"This is shard {summary.run.shard}; thresholds are judged when the shards are merged."
    return "No threshold was evaluated."


def unsaid(summary: Summary) -> list[str]:
    """Findings of the soundness that are not among the reasons, of the verdict or of how faults were borne."""
    said = {*summary.reasons, *(summary.turbulence.reasons if summary.turbulence else ())}
    return [finding for finding in summary.soundness.findings if finding not in said]


def of_service(note: NoteGroup) -> str:
    """What is told of a service: `shop: 3 cookies refused: Domain is not that of the server`."""
    return note.message if note.service in {"", DEFAULT_SERVICE} else f"{note.service}: {note.message}"


def failing(step: StepSummary) -> int:
    """Number of executions of a step that failed or errored."""
    return step.failed + step.errored


def error_place(group: ErrorGroup) -> str:
    """Where a group of failures happened: a step, `user_setup: login`, or outside every step."""
    if group.phase:
        return f"{group.phase}: {group.step}" if group.step else group.phase
    return group.step or "outside every step"


def place_of(group: ErrorGroup) -> str:
    """`scenarios/checkout.yaml:14`: the place of the step of a group of failures; empty where it is unknown."""
    if not group.file:
        return ""
    return f"{group.file}:{group.line}" if group.line else group.file


def named_run(directory: str, run_id: str) -> str:
    """How a run is named in a command: by its id in the folder `runs`, else by its path."""
    path = PurePath(directory)
    return run_id if not directory or path == PurePath("runs") / run_id else directory


def trace_command(run: str, instance_id: str) -> str:
    """The command line that shows one instance of a run; for an id too long to type, the first that failed."""
    which = f"--instance-id {quote(printable(instance_id))}" if len(instance_id) <= _LONGEST_TYPED else "--failed"
    return f"windtunnel trace {quote(printable(run, limit=4096))} {which}"


def of_instances(group: ErrorGroup) -> str:
    """`2% of instances`; empty for what is part of no instance."""
    return f"{share(group.share)} of instances" if group.phase in {"", "user_setup"} else ""


def has_retries(summary: Summary) -> bool:
    """Whether any step sent more than its first attempts."""
    return any(row.retries for row in summary.steps)


def requests_beside(row: StepSummary, lag_ms: float) -> Distribution | None:
    """The times of a step's requests, where they are worth showing beside those of the step.

    That is where an execution sent several, or where the median or p95 of the step is longer by more than 1 ms,
    a tenth, and the lag of the event loop (p99): its connections took that time, or code of the user's.
    """
    sent, step = row.request_latency, row.latency
    if sent is None or not sent.count or not step.count:
        return None
    several = row.requests > row.count - row.skipped
    apart = any(
        ours - theirs > max(1.0, 0.1 * ours, lag_ms)
        for ours, theirs in ((step.med, sent.med), (step.p95, sent.p95))
    )
    return sent if several or apart else None


def worst_step(summary: Summary) -> StepSummary | None:
    """The step with the largest share of failures; without failures the slowest one by p95.

    What holds other steps fails and takes long by those, and a pause takes as long as it was told to.
    """
    holding = {
        (row.scenario, row.step)
        for row, after in pairwise(summary.steps)
        if after.scenario == row.scenario and after.depth > row.depth
    }
    ran = [row for row in summary.steps if row.count and (row.scenario, row.step) not in holding]
    if failed := [row for row in ran if failing(row)]:
        return max(failed, key=lambda row: failing(row) / row.count)
    timed = [row for row in ran if row.latency.count]
    sending = [row for row in timed if row.requests]
    return max(sending or timed, key=lambda row: row.latency.p95, default=None)


def instances_line(summary: Summary) -> str:
    """`1,857 of 2,000 instances passed, 143 failed`, without zeros; then those that failed by a fault."""
    run = summary.run
    by_fault = injected_instances(summary.turbulence) if summary.turbulence else 0
    if not run.instances and not by_fault:
        return "no instance ended"
    parts = [f"{number(run.passed)} of {number(run.instances)} instances passed"]
    rest = ((run.failed, "failed"), (run.errored, "errored"), (run.interrupted, "interrupted"))
    parts += [f"{number(count)} {word}" for count, word in rest if count]
    verb = "counts" if by_fault == 1 else "count"
    more = f"; {number(by_fault)} more failed by a fault and {verb} nowhere else" if by_fault else ""
    return ", ".join(parts) + more


def _all(thresholds: int) -> str:
    return {0: "Everything", 1: "The threshold", 2: "Both thresholds"}.get(
        thresholds, f"All {thresholds} thresholds"
    )
