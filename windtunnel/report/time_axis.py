"""An axis of time as plain numbers: places are percent of the width, so that a drawing fits any screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from windtunnel.figures import offset
from windtunnel.report.charts import Anchor

_LEAST_WIDTH = 0.4

_STEPS_S = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 14_400, 43_200, 86_400),
)
"""Round distances between two ticks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTick:
    """A labelled moment; `minor` ones are hidden on a narrow screen."""

    x: float
    label: str
    minor: bool
    anchor: Anchor


class TimeAxis:
    """Seconds to percent of the width, from `begin_s` to `end_s` or a little later."""

    __slots__ = ("begin_s", "end_s")

    def __init__(self, begin_s: float, end_s: float) -> None:
        self.begin_s, self.end_s = begin_s, max(end_s, begin_s + 0.001)

    @property
    def length_s(self) -> float:
        """Seconds from end to end."""
        return self.end_s - self.begin_s

    def place(self, moment_s: float) -> float:
        """Where a moment is; at an end if it lies beyond."""
        return round(100 * min(1.0, max(0.0, (moment_s - self.begin_s) / self.length_s)), 3)

    def span(self, begin_s: float, end_s: float, least: float = _LEAST_WIDTH) -> tuple[float, float]:
        """(place, width), inside the drawing."""
        x = self.place(begin_s)
        width = max(least, self.place(end_s) - x)
        return round(min(x, 100 - width), 3), round(width, 3)


def time_ticks(axis: TimeAxis) -> Iterator[TimeTick]:
    """Round moments, at most nine; every second one is hidden where there is little room."""
    step = next((each for each in _STEPS_S if axis.length_s / each <= 8), axis.length_s / 8)
    number = -(-axis.begin_s // step)
    while (moment := number * step) <= axis.end_s + 1e-9:
        x = axis.place(moment)
        anchor: Anchor = "start" if x < 3 else "end" if x > 97 else "middle"
        yield TimeTick(x=x, label=offset(round(moment, 3)), minor=number % 2 == 1, anchor=anchor)
        number += 1
