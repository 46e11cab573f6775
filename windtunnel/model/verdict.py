"""The eight words a run can end with, and the number each gives the shell."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import get_args

import msgspec

from windtunnel.model.vocabulary import FailOn, VerdictWord

EXIT_CODES: dict[VerdictWord, int] = {
    "pass": 0,
    "error": 1,
    "invalid": 2,
    "unreachable": 3,
    "inconclusive": 4,
    "incomplete": 5,
    "fail": 99,
    "interrupted": 130,
}
"""`interrupted` is 130 after SIGINT and 143 after SIGTERM and SIGHUP: see `code_of_signal`."""

PRECEDENCE: tuple[VerdictWord, ...] = get_args(VerdictWord)
"""When several apply, the first of these decides; every reason is listed all the same."""


Finding = tuple[VerdictWord, str]
"""A word of the verdict, and the sentence that says why."""

NO_TLS = "no TLS connection to the SUT could be made"
"""The part of a reason that says that a SUT accepts connections, but not the TLS in them."""


_FORGIVEN = frozenset({EXIT_CODES["fail"], EXIT_CODES["inconclusive"]})


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the run is worth: the word, the exit code, and every reason, the deciding one first."""

    word: VerdictWord
    exit_code: int
    reasons: tuple[str, ...] = ()


def worst(findings: Sequence[Finding], *, signal_number: int = 2) -> Verdict:
    """The verdict of (word, reason) findings by `PRECEDENCE`; no finding at all is a pass."""
    ranked = sorted(findings, key=lambda finding: PRECEDENCE.index(finding[0]))
    word: VerdictWord = ranked[0][0] if ranked else "pass"
    exit_code = code_of_signal(signal_number) if word == "interrupted" else EXIT_CODES[word]
    return Verdict(word=word, exit_code=exit_code, reasons=tuple(reason for _, reason in ranked))


def code_of_signal(number: int) -> int:
    """The exit code of a process that a signal ended in order; SIGHUP, from a terminal, is like SIGTERM."""
    return EXIT_CODES["interrupted"] if number == signal.SIGINT else 128 + signal.SIGTERM


def exit_code_of(verdict_code: int, fail_on: FailOn) -> int:
    """The exit code of the process, for that of its verdict.

    | fail_on | |
    |---|---|
    | thresholds | that of the verdict |
    | errors | the same; the implied threshold holds in addition to the user's (`verdict.thresholds.in_force`) |
    | never | 0 for fail and inconclusive; other verdicts keep theirs, because nothing was judged |
    """
    return 0 if fail_on == "never" and verdict_code in _FORGIVEN else verdict_code
