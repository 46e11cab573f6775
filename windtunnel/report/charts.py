"""Geometry of the charts as plain numbers, which the page puts into SVG.

Widths are percent of the drawing, so that text in it keeps its size on any screen; heights are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from windtunnel.figures import duration
from windtunnel.metrics.histogram import Bucket
from windtunnel.report.model import Latency, RequestStory, StepStory, Story

RequestPart = Literal["queue", "dns", "connect", "tls", "send", "wait", "receive"]
"""The parts of a request, in the order in which they happen."""

PHASES: tuple[RequestPart, ...] = get_args(RequestPart)

Anchor = Literal["start", "middle", "end"]
"""Which end of a label is at its place (SVG's `text-anchor`)."""

MOST_BINS = 60
_SMALLEST_SPAN = 1.25
_LEAST_HEIGHT = 1.5
_LEAST_WIDTH = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bin: `passed` and `failed` samples between two durations, and the places of its two parts."""

    x: float
    width: float
    passed: int
    failed: int
    passed_y: float
    passed_height: float
    failed_y: float
    failed_height: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A percentile: a line at `x`, from its label down.

    Every label has a row of its own, the highest percentile the top one, and stands to the left of its line
    where there is room: so it meets no other line.
    """

    x: float
    label: str
    row: int
    anchor: Anchor


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled value of the axis; `minor` ones are hidden on a narrow screen."""

    x: float
    label: str
    minor: bool
    anchor: Anchor


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A histogram of durations over a logarithmic axis. `top` is the number of samples in the highest bar."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    top: int
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a waterfall bar: `kind` is one of PHASES, or `step` for time outside of requests."""

    kind: RequestPart | Literal["step"]
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One row of a waterfall, on the time axis of its instance."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Durations in microseconds to percent of the width, logarithmically."""

    low: float
    high: float

    @classmethod
    def over(cls, low_us: float, high_us: float) -> _Axis:
        low = max(1.0, low_us) / 1.04
        high = max(low * _SMALLEST_SPAN, high_us * 1.04)
        return cls(low, high)

    @property
    def span(self) -> float:
        return math.log(self.high / self.low)

    def place(self, us: float) -> float:
        return 100 * min(1.0, max(0.0, math.log(max(us, self.low) / self.low) / self.span))

    def value(self, share: float) -> float:
        return self.low * math.exp(self.span * share)


def shape(latency: Latency, *, height: float, most_bins: int = MOST_BINS) -> Shape:
    """The histogram of a latency that has at least one sample."""
    distribution = latency.distribution
    axis = _Axis.over(distribution.min * 1000, distribution.max * 1000)
    # A bin narrower than the buckets it is filled from (0.8 %) would show stripes that aren't there.
    bins = max(8, min(most_bins, int(axis.span / 0.016)))
    passed, failed = _binned(latency.passed, axis, bins), _binned(latency.failed, axis, bins)
    top = max(p + f for p, f in zip(passed, failed, strict=True)) or 1
    return Shape(
        bars=tuple(_bars(axis, passed, failed, top, height)),
        marks=_marks(axis, latency),
        ticks=_ticks(axis),
        top=top,
        height=height,
    )


def track(step: StepStory, story: Story) -> Track:
    """One step's row: its whole length, and the parts of its requests on top."""
    total = max(
        1,
        story.duration_us,
        *(other.began_us + other.duration_us for other in story.steps),
    )
    segments = [_segment("step", step.began_us, step.duration_us, total)]
    for request in step.requests:
        segments += _parts(request, total)
    return Track(segments=tuple(segments))


def _parts(request: RequestStory, total: int) -> list[Segment]:
    found, at = [], request.began_us
    for phase in PHASES:
        length = getattr(request.timings, phase)
        if length:
            found.append(_segment(phase, at, length, total))
        at += length
    return found


def _segment(kind: RequestPart | Literal["step"], began_us: int, length_us: int, total: int) -> Segment:
    # Even what took no time worth drawing leaves a mark, inside the track.
    width = min(100.0, max(_LEAST_WIDTH, 100 * length_us / total))
    return Segment(kind=kind, x=round(min(100 * began_us / total, 100 - width), 3), width=round(width, 3))


def _binned(buckets: Sequence[Bucket], axis: _Axis, bins: int) -> list[int]:
    counts = [0] * bins
    for bucket in buckets:
        middle = (bucket.lower_us + bucket.upper_us - 1) / 2
        counts[min(bins - 1, int(axis.place(middle) / 100 * bins))] += bucket.count
    return counts


def _bars(axis: _Axis, passed: list[int], failed: list[int], top: int, height: float) -> list[Bar]:
    width = 100 / len(passed)
    bars = []
    for index, (good, bad) in enumerate(zip(passed, failed, strict=True)):
        if not good and not bad:
            continue
        bad_height = max(_LEAST_HEIGHT, height * bad / top) if bad else 0.0
        good_height = max(_LEAST_HEIGHT, height * good / top) if good else 0.0
        good_height = min(good_height, height - bad_height)
        low, high = (duration(axis.value((index + side) / len(passed)) / 1000) for side in (0, 1))
        bars.append(
            Bar(
                x=round(index * width, 3),
                width=round(width, 3),
                passed=good,
                failed=bad,
                passed_y=round(height - good_height, 2),
                passed_height=round(good_height, 2),
                failed_y=round(height - good_height - bad_height, 2),
                failed_height=round(bad_height, 2),
                label=low if low == high else f"{low} to {high}",
            )
        )
    return bars


def _marks(axis: _Axis, latency: Latency) -> tuple[Mark, ...]:
    distribution = latency.distribution
    values = (("p99", distribution.p99), ("p95", distribution.p95), ("p50", distribution.med))
    return tuple(
        Mark(
            x=round(axis.place(ms * 1000), 3),
            label=f"{name} {duration(ms)}",
            row=row,
            anchor="end" if axis.place(ms * 1000) > 28 else "start",
        )
        for row, (name, ms) in enumerate(values)
    )


def _ticks(axis: _Axis) -> tuple[Tick, ...]:
    """Round values (1, 2, 5 and so on), as many as fit; whole decades have precedence."""
    decades = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    steps: tuple[float, ...] = (1, 2, 5) if axis.span > math.log(4) else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    if axis.span > math.log(2000):
        steps = (1, 3) if axis.span < math.log(100_000) else (1,)
    values = [(10.0**decade * step, step == 1) for decade in decades for step in steps]
    inside = [(us, whole) for us, whole in values if axis.low <= us <= axis.high]
    return tuple(
        Tick(
            x=round(axis.place(us), 3),
            label=duration(us / 1000),
            minor=not whole and len(inside) > 4,
            anchor="start" if axis.place(us) < 3 else "end" if axis.place(us) > 97 else "middle",
        )
        for us, whole in inside
    )
