"""What shall make a job red (rule 7).

thresholds   the verdict: thresholds, the implied one among them unless the plan speaks of instances itself
errors       the same, and any instance that did not pass, whatever the thresholds allow for
never        neither fail nor inconclusive; what leaves no verdict at all (error, invalid, unreachable, incomplete,
             interrupted) still does
"""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.model.threshold import IMPLIED, Threshold
from windtunnel.model.verdict import EXIT_CODES
from windtunnel.model.vocabulary import FailOn

_FORGIVEN = frozenset({EXIT_CODES["fail"], EXIT_CODES["inconclusive"]})


def in_force(thresholds: Sequence[Threshold], fail_on: FailOn = "thresholds") -> tuple[Threshold, ...]:
    """The user's thresholds, after the implied one. One of theirs that speaks of instances, checks or failed
    requests takes its place, unless errors shall fail the run.
    """
    if fail_on != "errors" and any(threshold.speaks_of_instances for threshold in thresholds):
        return tuple(thresholds)
    return (IMPLIED, *thresholds)


def exit_code_of(verdict_code: int, fail_on: FailOn) -> int:
    """The number the process ends with, for the one that its verdict stands for."""
    return 0 if fail_on == "never" and verdict_code in _FORGIVEN else verdict_code
