"""Load models.

closed   a number of users, each starts its next instance when the last has ended: load follows the SUT
open     instances start by the clock, whether or not earlier ones have ended: load does not follow the SUT
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from windtunnel.figures import EXACT, as_written, number, plural
from windtunnel.model.vocabulary import Arrival, SegmentKind, SpecialPhase

WARMUP = "warmup"
"""The phase of every warm-up stage begins with this; a warm-up is outside all metrics."""

OUTSIDE_THE_LOAD = frozenset(get_args(SpecialPhase))
"""The phases that are no stage of the load."""

MOST_AT_ONCE = 10_000
LEAST_AT_ONCE = 50
SECONDS_AT_ONCE = 10.0


def is_measured(phase: str) -> bool:
    """Whether a phase belongs to the measured load: warm-up stages and the phases outside the load do not."""
    return phase not in OUTSIDE_THE_LOAD and not phase.startswith(WARMUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A linear ramp from the current load to `target` over `duration_s`.

    `target` is users in a closed load and starts a second in an open one.
    """

    duration_s: float
    target: float
    name: str
    warmup: bool = False

    @property
    def phase(self) -> str:
        """The phase of the instances that are due in this stage."""
        return f"{WARMUP}:{self.name}" if self.warmup else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoad:
    """`parallel` users, or as many as `stages` say, each running one instance after another.

    Without stages it ends after `count` instances over the whole run or when `duration_s` has passed, whichever
    comes first; one of the two is always given. With stages, it begins with `start` users. Two instances of a
    user start at least `pace_s` apart. Instances still running at the end have `graceful_stop_s` to end.
    """

    parallel: int = 1
    count: int | None = None
    duration_s: float | None = None
    stages: tuple[Stage, ...] = ()
    start: float = 0.0
    pace_s: float | None = None
    graceful_stop_s: float = 30.0

    @property
    def most_at_once(self) -> int:
        """Maximum number of concurrent instances."""
        if self.stages:
            return max(1, round(max(self.start, *(stage.target for stage in self.stages))))
        return min(self.parallel, self.count or self.parallel)

    @property
    def length_s(self) -> float | None:
        """Seconds until the last start; None when only a count ends it."""
        return _length_s(self.stages) if self.stages else self.duration_s

    def __str__(self) -> str:
        if _is_constant(self.start, self.stages):
            text = _phases(plural(round(self.start), "user"), self.stages)
        elif self.stages:
            text = f"stages of users: {_stages(self.start, self.stages)}"
        else:
            users = plural(self.parallel, "user")
            text = f"{users}, {' or '.join(_ends(self.count, self.duration_s))}"
        return f"{text}, an instance every {as_written(self.pace_s)} each" if self.pace_s else text


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoad:
    """Instances start at `rate` a second, or as `stages` say, beginning with `start` a second.

    `arrival`: `uniform` is evenly spaced, `poisson` at random with that mean. Without stages it ends after
    `count` starts or when `duration_s` has passed, whichever comes first. A start that finds `max_parallel`
    instances running is dropped, and counted.
    """

    rate: float = 0.0
    count: int | None = None
    duration_s: float | None = None
    stages: tuple[Stage, ...] = ()
    start: float = 0.0
    arrival: Arrival = "uniform"
    max_parallel: int | None = None
    graceful_stop_s: float = 30.0

    @property
    def peak(self) -> float:
        """The highest rate, in starts a second."""
        return max(self.start, *(stage.target for stage in self.stages)) if self.stages else self.rate

    @property
    def most_at_once(self) -> int:
        """Maximum number of concurrent instances: `max_parallel`, or the arrivals of ten seconds within bounds."""
        if self.max_parallel is not None:
            return self.max_parallel
        return min(MOST_AT_ONCE, max(LEAST_AT_ONCE, round(self.peak * SECONDS_AT_ONCE)))

    @property
    def length_s(self) -> float | None:
        """Seconds until the last start; None when only a count ends it."""
        return _length_s(self.stages) if self.stages else self.duration_s

    def __str__(self) -> str:
        if _is_constant(self.start, self.stages):
            text = _phases(f"{_number(self.start)} starts/s", self.stages)
        elif self.stages:
            text = f"stages of starts per second: {_stages(self.start, self.stages)}"
        else:
            text = f"{_number(self.rate)} starts/s, {' or '.join(_ends(self.count, self.duration_s))}"
        random = ", at random (Poisson)" if self.arrival == "poisson" else ""
        return f"{text}{random}, at most {self.most_at_once:,} at once"


Load = ClosedLoad | OpenLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The part of a run that one process does, with a record file of its own.

    `load`: of all instances, those whose number % `of` is `number`. `setup`: no instances of the load, but the
    setups and teardowns of a shard; `turbulence`: what its proxies and drivers do. These have the number of the
    shard's first worker.
    """

    number: int = 0
    of: int = 1
    kind: SegmentKind = "load"

    @classmethod
    def of_shard(cls, text: str) -> Segment:
        """The part that a shard has: that of `2/4` is the second of four. Reads what `str()` of one wrote."""
        number, _, of = text.partition("/")
        return cls(number=int(number) - 1, of=int(of))

    def __str__(self) -> str:
        return f"{self.number + 1}/{self.of}"

    @property
    def name(self) -> str:
        """The name of its record file, without the suffix: `0003`, `setup-0000`."""
        return f"{self.number:04d}" if self.kind == "load" else f"{self.kind}-{self.number:04d}"

    def share(self, total: int) -> int:
        """How many of the numbers 0 to `total` - 1 are this segment's."""
        return (total - self.number + self.of - 1) // self.of if total > self.number else 0


def _length_s(stages: Sequence[Stage]) -> float:
    return sum(stage.duration_s for stage in stages)


def _is_constant(start: float, stages: Sequence[Stage]) -> bool:
    """Whether the load is the same in all stages, as in the phases of a run with faults."""
    return bool(stages) and all(stage.target == start for stage in stages)


def _phases(load: str, stages: Sequence[Stage]) -> str:
    lengths = ", ".join(f"{stage.name} {as_written(stage.duration_s)}" for stage in stages)
    return f"{load} for {as_written(_length_s(stages))}: {lengths}"


def _stages(start: float, stages: Sequence[Stage]) -> str:
    steps = [
        f"{_number(stage.target)} in {as_written(stage.duration_s)}{' (warm-up)' if stage.warmup else ''}"
        for stage in stages
    ]
    return ", ".join([f"from {_number(start)} to {steps[0]}", *(f"to {step}" for step in steps[1:])])


def _ends(count: int | None, duration_s: float | None) -> list[str]:
    ends = [] if count is None else [plural(count, "instance")]
    return ends if duration_s is None else [*ends, as_written(duration_s)]


def _number(value: float) -> str:
    return number(value, digits=EXACT)
