"""Failures and notes by what they have in common, each with its first few examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeGuard, get_args

from windtunnel.model.http import ERROR_KINDS
from windtunnel.model.record import Checks
from windtunnel.model.vocabulary import FailureOutcome, NoteKind, Outcome

EXAMPLES = 5
"""How many instances a group of failures names."""

LONGEST_EXAMPLE = 500
"""Characters kept of what a failure said."""

_GONE_WRONG: tuple[Outcome, ...] = get_args(FailureOutcome)


class FailureKey(NamedTuple):
    """What one group of failures has in common. `step` is "" for what went wrong outside every step."""

    phase: str
    scenario: str
    step: str
    cause: str
    outcome: FailureOutcome


class NoteKey(NamedTuple):
    """What notes of one kind have in common."""

    service: str
    kind: NoteKind


class OccurrenceSeries:
    """Failures or notes of one key, and the first few of them by time: the same however the records were split."""

    __slots__ = ("_first", "count", "first_t", "last_t")

    def __init__(self) -> None:
        self.count = 0
        self.first_t, self.last_t = float("inf"), float("-inf")
        self._first: list[tuple[float, str, str]] = []  # (t, instance id, what it said), in ascending order

    def add(self, t: float, instance_id: str, message: str, *, count: int = 1) -> None:
        """Count what one record says."""
        self.count += count
        self.first_t, self.last_t = min(self.first_t, t), max(self.last_t, t)
        if len(self._first) < EXAMPLES or t <= self._first[-1][0]:
            self._keep([(t, instance_id, message[:LONGEST_EXAMPLE])])

    def merge(self, other: OccurrenceSeries) -> None:
        """Add what `other` counted."""
        self.count += other.count
        self.first_t, self.last_t = min(self.first_t, other.first_t), max(self.last_t, other.last_t)
        self._keep(other._first)

    @property
    def example(self) -> str:
        """What the first one said."""
        return self._first[0][2] if self._first else ""

    @property
    def instances(self) -> list[str]:
        """The ids of the first instances that had one."""
        return [instance_id for _, instance_id, _ in self._first]

    def _keep(self, found: Sequence[tuple[float, str, str]]) -> None:
        earliest: dict[str, tuple[float, str, str]] = {}
        for each in sorted([*self._first, *found]):
            earliest.setdefault(each[1], each)
        self._first = list(earliest.values())[:EXAMPLES]


def is_failure(outcome: Outcome) -> TypeGuard[FailureOutcome]:
    """Whether an outcome is a failure, of the SUT or of ours."""
    return outcome in _GONE_WRONG


def explain(checks: Checks, error: str, message: str | None) -> tuple[str, str]:
    """The cause of a failure, and what it said.

    A transport error comes before checks, because then every check fails with it; any other error after them.
    """
    failed = next((check for check in checks if not isinstance(check, str)), None)
    if failed is None or error in ERROR_KINDS:
        return error, message or error
    return failed.name, f"expected {failed.expected} but got {failed.actual}"
