"""How a run with faults went, piece by piece: when the system degraded, and when it recovered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import get_args

from windtunnel.model.resilience import Bucket, FaultFigures, Recovery
from windtunnel.model.vocabulary import TurbulencePhase
from windtunnel.verdict.resilience_seconds import Piece, Seconds, first_second, touched

STILL_BAD = 0.5
"""A system that passes less than this share of its usual instances a second, long after the faults, is stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What happened when. Times are seconds since the load began.

    `pieces` are the buckets of all phases but the warm-up, `disturbed` those since the first fault. `degraded_s`
    is the begin of the first bad one of them. `recovered_s` is the begin of the first good time that lasted after
    the last fault; None where none did, if `is_unclear` for lack of samples. `relapsed_s` is the begin of the
    first bad one after that.
    """

    first_fault_s: float
    last_end_s: float
    pieces: tuple[Piece, ...]
    disturbed: tuple[Piece, ...]
    degraded_s: float | None
    recovered_s: float | None
    relapsed_s: float | None
    is_unclear: bool

    @property
    def time_to_degrade_s(self) -> float | None:
        """From the first fault; None where the system did not degrade."""
        return None if self.degraded_s is None else max(0.0, self.degraded_s - self.first_fault_s)

    @property
    def time_to_recover_s(self) -> float | None:
        """From the end of the last fault; None where the system never recovered or did not have to."""
        if self.degraded_s is None or self.recovered_s is None:
            return None
        return max(0.0, self.recovered_s - self.last_end_s)

    @property
    def recovery(self) -> Recovery:
        """Whether it recovered."""
        if self.degraded_s is None:
            return "not_needed"
        if self.recovered_s is not None:
            return "recovered"
        return "unknown" if self.is_unclear else "never"


def course_of(seconds: Seconds, faults: Sequence[FaultFigures], hold_s: float) -> Course:
    """The course of a run with these faults."""
    bands = [band for fault in faults for band in fault.bands]
    inject = seconds.of_phase("inject")
    first_fault_s = min((band.begin_s for band in bands), default=float(inject.start))
    last_end_s = max((band.end_s for band in bands), default=float(inject.stop))
    first, calm = first_second(first_fault_s), math.ceil(last_end_s - 1e-9)
    pieces = [
        piece
        for name in get_args(TurbulencePhase)
        if name != "warmup"
        for part in _cut(seconds.of_phase(name), first, calm)
        for piece in seconds.pieces(part)
    ]
    if seconds.is_uneven:
        pieces = _without_single_ones(pieces)
    disturbed = [piece for piece in pieces if piece.begin >= max(first, inject.start)]
    bad = next((piece.begin for piece in disturbed if piece.good is False), None)
    whole = [touched(band.begin_s, band.end_s) for band in bands], [range(max(first, inject.start), inject.stop)]
    if bad is None and any(seconds.keeps(*part) is False for part in whole):
        bad = first  # too little in each piece, and too much in all of them
    after = [piece for piece in disturbed if piece.begin >= calm]
    recovered_s = _lasting(seconds, range(min(calm, seconds.length), seconds.length), hold_s)
    relapses = [piece.begin for piece in after if piece.good is False and piece.begin > (recovered_s or math.inf)]
    late = range(max(seconds.length - math.ceil(hold_s), calm), seconds.length)
    return Course(
        first_fault_s=first_fault_s,
        last_end_s=last_end_s,
        pieces=tuple(pieces),
        disturbed=tuple(disturbed),
        degraded_s=None if bad is None else float(bad),
        recovered_s=recovered_s,
        relapsed_s=float(relapses[0]) if relapses else None,
        is_unclear=recovered_s is None and seconds.keeps(late) is None and not _has_bad(seconds, late),
    )


def buckets_of(seconds: Seconds, course: Course, faults: Sequence[FaultFigures]) -> list[Bucket]:
    """The pieces with what they hold, for a page and for a machine."""
    found = []
    for piece in course.pieces:
        counts = seconds.counts(piece.seconds)
        found.append(
            Bucket(
                begin_s=float(piece.begin),
                end_s=float(piece.end),
                phase=seconds.phase_of(piece.begin),
                passed=counts.passed,
                failed=counts.failed,
                injected=counts.injected,
                p95_ms=counts.p95_ms,
                good=piece.good,
                faults=[
                    fault.name
                    for fault in faults
                    if any(band.begin_s < piece.end and band.end_s > piece.begin for band in fault.bands)
                ],
            )
        )
    return found


def rate_afterwards(seconds: Seconds) -> float | None:
    """Passed instances per second in the last half of `recover`, as a share of those of `steady`."""
    steady, recover = seconds.of_phase("steady"), seconds.of_phase("recover")
    late = recover[len(recover) // 2 :]
    usual = seconds.counts(steady).passed / len(steady) if steady else 0.0
    return seconds.counts(late).passed / len(late) / usual if late and usual else None


def _cut(seconds: range, *places: int) -> list[range]:
    """The parts of some seconds, cut at these places."""
    inside = sorted({place for place in places if seconds.start < place < seconds.stop})
    edges = [seconds.start, *inside, seconds.stop]
    return [range(begin, end) for begin, end in pairwise(edges) if begin < end]


def _without_single_ones(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces; a bad one between others that are not bad says nothing."""
    bad = [False, *(piece.good is False for piece in pieces), False]
    return [
        replace(piece, good=None) if bad[number] and not bad[number - 1] and not bad[number + 1] else piece
        for number, piece in enumerate(pieces, 1)
    ]


def _needed(seconds: Seconds, hold_s: float) -> int:
    """How many seconds have to be good in a row."""
    return max(math.ceil(hold_s), seconds.bucket)


def _lasting(seconds: Seconds, after: range, hold_s: float) -> float | None:
    """The first second of the first good time of `hold_s`, or of all there is; and of a bucket at least."""
    needed = min(_needed(seconds, hold_s), len(after))
    for begin in after[: len(after) - needed + 1] if needed else ():
        time = range(begin, begin + needed)
        if seconds.keeps(time) and not _has_bad(seconds, time):
            return float(begin)
    return None


def _has_bad(seconds: Seconds, time: range) -> bool:
    """Whether a bucket of a time is bad."""
    pieces = list(seconds.pieces(time))
    return any(piece.good is False for piece in (_without_single_ones(pieces) if seconds.is_uneven else pieces))
