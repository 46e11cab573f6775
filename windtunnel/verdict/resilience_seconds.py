"""The seconds of a run with faults: what each holds, and whether the steady state held in pieces of them.

Seconds are numbered from the begin of the load; what ended in one belongs to it. A second in which a phase ends
and another begins belongs to the later one, so that no fault is counted as part of the time before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, get_args

from windtunnel.metrics.aggregate import SECOND_S, Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.measure import COMPLETED, Measure, combined, select
from windtunnel.metrics.series import HealthSeries
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import StepRow
from windtunnel.model.summary import ThresholdResult
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Phases
from windtunnel.model.vocabulary import ThresholdWord, TurbulencePhase
from windtunnel.verdict.significance import OF_A_BUCKET, OF_THE_WHOLE, surely_broken
from windtunnel.verdict.thresholds import evaluate_measure, samples_needed, word_of

TOLERATED_BAD = 0.1
"""The share of bad buckets before the faults with which buckets are not made longer."""

LEAST_EXPECTED = 5.0
"""A bucket in which nothing ended is bad where so many instances would have been usual."""

LONGEST_END = 3600
"""Seconds after the end of the load in which instances of it may end."""

_SLACK = 1e-9
"""A sum such as 0.1 + 0.2 is a little off; a phase that ends at a whole second ends there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Instances that ended, and the times of the requests, without those that a fault of ours was done to."""

    passed: int
    failed: int
    injected: int
    requests: int
    requests_failed: int
    durations: Histogram

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of the requests' times."""
        return self.durations.percentile(95) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Seconds from `begin` up to, but not including, `end`. `good` is None where they can't be judged."""

    begin: int
    end: int
    good: bool | None

    @property
    def seconds(self) -> range:
        """The numbers of its seconds."""
        return range(self.begin, self.end)


class Seconds:
    """The seconds of one run, and the thresholds of its steady state held against them."""

    def __init__(
        self,
        aggregate: Aggregate,
        phases: Phases,
        rows: Sequence[StepRow],
        steady_state: Sequence[Threshold],
        held_back: Sequence[range] = (),
    ) -> None:
        """`held_back` are the seconds in which something of ours may be why nothing ended."""
        windows: Mapping[int, Aggregate] = aggregate.windows.get(SECOND_S, {})
        empty = Aggregate()
        self.phases, self.rows, self.steady_state = phases, rows, steady_state
        self._held_back = {number for piece in held_back for number in piece}
        self.length = math.ceil(phases.length_s - _SLACK)
        # Some of what was due in the last second ends later.
        self._last = last = min(max(windows, default=0), self.length + LONGEST_END)
        self.windows = [windows.get(number, empty) for number in range(max(self.length, last + 1))]
        self._measures: dict[tuple[str, int], Measure] = {}

    def of_phase(self, name: TurbulencePhase) -> range:
        """The seconds of a phase."""
        order: tuple[TurbulencePhase, ...] = get_args(TurbulencePhase)
        later = order[order.index(name) + 1 :]
        end = first_second(self.phases.begin_s(later[0])) if later else self.length
        return range(first_second(self.phases.begin_s(name)), end)

    def phase_of(self, second: int) -> TurbulencePhase:
        """The phase that a second belongs to."""
        names = list(self.phases.lengths)
        return next((name for name in names if second in self.of_phase(name)), names[-1])

    def result(self, threshold: Threshold, *pieces: range) -> ThresholdResult:
        """The result of a threshold over some seconds, taken together."""
        health, span_s = self._surroundings(pieces)
        return evaluate_measure(threshold, self.measure(threshold, *pieces), health, span_s)

    def measure(self, threshold: Threshold, *pieces: range) -> Measure:
        """What a threshold looks at, in some seconds taken together."""
        measures = [self._in_second(threshold, number) for number in self._numbers(pieces)]
        return combined(measures or [select(Aggregate(), threshold.metric)])

    def holds(self, *pieces: range) -> bool | None:
        """Whether the steady state holds; None where it is not broken for sure, and may be by chance."""
        found = self._words(self.steady_state, pieces, OF_A_BUCKET)
        return False if "broken" in found else True if found <= {"pass"} else None

    def keeps(self, *pieces: range, to: Sequence[Threshold] | None = None) -> bool | None:
        """Whether the steady state, or the conditions `to`, are kept in a time, with no more beyond limits than
        chance explains; None where there is too little to judge by.
        """
        found = self._words(self.steady_state if to is None else to, pieces, OF_THE_WHOLE)
        return False if "broken" in found else None if "no_data" in found else True

    def _words(
        self, thresholds: Sequence[Threshold], pieces: Sequence[range], chance: float
    ) -> set[ThresholdWord | Literal["broken"]]:
        """The words of conditions; broken: for sure, where only so rarely chance would do as badly."""
        health, span_s = self._surroundings(pieces)
        found: set[ThresholdWord | Literal["broken"]] = set()
        for threshold in thresholds:
            measure = self.measure(threshold, *pieces)
            word = word_of(threshold, measure, health, span_s)
            surely = surely_broken(threshold, measure, health, chance)
            found.add("broken" if surely or (word == "fail" and surely is None) else word)
        return found

    def counts(self, piece: range) -> Counts:
        """What ended in some seconds."""
        passed = failed = injected = requests = requests_failed = 0
        durations = Histogram()
        for number in piece:
            window = self.windows[number]
            done, wrong = _instances(window)
            passed, failed = passed + done, failed + wrong
            injected += sum(_instances(window.injected)) if window.injected is not None else 0
            for key, series in window.requests.items():
                if is_measured(key.phase) and not key.poll:
                    requests += series.count
                    requests_failed += series.count if key.failed else 0
                    durations.merge(series.duration)
        return Counts(
            passed=passed,
            failed=failed,
            injected=injected,
            requests=requests,
            requests_failed=requests_failed,
            durations=durations,
        )

    @cached_property
    def usual_per_second(self) -> float:
        """Instances that ended in a second of the phase `steady`, on average."""
        steady = self.of_phase("steady")
        counts = self.counts(steady)
        return (counts.passed + counts.failed) / len(steady) if steady else 0.0

    @cached_property
    def bucket(self) -> int:
        """The length of a bucket, in seconds: enough for the samples that each threshold needs, and for the steady
        state to hold in nearly every one of them before the faults.
        """
        steady = self.of_phase("steady")
        length = 1
        for threshold in self.steady_state:
            samples, needed = self.result(threshold, steady).samples, samples_needed(threshold)
            # Arrivals at random vary by their square root.
            wanted = needed + 3 * math.sqrt(needed)
            if samples:
                length = max(length, math.ceil(wanted * len(steady) / samples))
        while length < len(steady) and not _is_usual([piece.good for piece in self.pieces(steady, length)]):
            length = math.ceil(length * 1.25)
        return max(1, min(length, len(steady)))

    @cached_property
    def is_uneven(self) -> bool:
        """Whether a single bucket is bad now and then before the faults too, so that one alone says nothing."""
        return any(piece.good is False for piece in self.pieces(self.of_phase("steady")))

    def pieces(self, seconds: range, length: int | None = None) -> Iterator[Piece]:
        """Buckets of at least the length, in their order. One that can't be judged grows until it can be."""
        length = length or self.bucket
        begin = seconds.start
        while begin < seconds.stop:
            rest = seconds.stop - begin
            end = begin + rest // max(1, rest // length)
            good = self._good(range(begin, end))
            while good is None and end < seconds.stop:
                end = min(end + max(1, (end - begin) // 2), seconds.stop)
                good = self._good(range(begin, end))
            yield Piece(begin=begin, end=end, good=good)
            begin = end

    def _surroundings(self, pieces: Sequence[range]) -> tuple[HealthSeries, float]:
        """(the generator's health in some seconds, how many of them belong to the load)."""
        numbers, health = self._numbers(pieces), HealthSeries()
        for number in numbers:
            health.merge(self.windows[number].health)
        return health, float(sum(number < self.length for number in numbers))

    def _numbers(self, pieces: Sequence[range]) -> list[int]:
        return sorted({number for piece in pieces for number in piece if number < len(self.windows)})

    def _good(self, piece: range) -> bool | None:
        return False if self._is_silent(piece) else self.holds(piece)

    def _is_silent(self, piece: range) -> bool:
        """Whether nothing at all ended where something must have. Nothing is known after the last record."""
        if piece.stop > self._last + 1:
            return False
        counts = self.counts(piece)
        ended = counts.passed + counts.failed + counts.injected + counts.requests
        expected = self.usual_per_second * len(piece) >= LEAST_EXPECTED
        return not ended and expected and self._held_back.isdisjoint(piece)

    def _in_second(self, threshold: Threshold, number: int) -> Measure:
        key = threshold.selector, number
        found = self._measures.get(key)
        if found is None:
            found = select(self.windows[number], threshold.metric, threshold.tags, self.rows)
            self._measures[key] = found
        return found


def first_second(begin_s: float) -> int:
    """The second in which a time of so many seconds begins."""
    return math.floor(begin_s + _SLACK)


def touched(begin_s: float, end_s: float) -> range:
    """The seconds that a time has a part in."""
    return range(first_second(begin_s), math.ceil(end_s - _SLACK))


def _is_usual(good: Sequence[bool | None]) -> bool:
    """Whether so few buckets are bad that it can be chance: singly, and at most one in ten."""
    bad = [number for number, each in enumerate(good) if each is False]
    return len(bad) <= TOLERATED_BAD * len(good) and all(later - one > 1 for one, later in pairwise(bad))


def _instances(window: Aggregate) -> tuple[int, int]:
    """(instances that passed, those that did not)."""
    passed = wrong = 0
    for key, series in window.instances.items():
        if is_measured(key.phase) and key.outcome in COMPLETED:
            passed += series.count if key.outcome == "passed" else 0
            wrong += series.count if key.outcome != "passed" else 0
    return passed, wrong
