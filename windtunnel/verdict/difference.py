"""How far two figures are apart, with the interval that follows from their own, and in spreads between windows.

    low  = shift - √((before's upper end - before)² + (now - now's lower end)²)
    high = shift + √((before - before's lower end)² + (now's upper end - now)²)

The lengths of two intervals add up by their squares (Newcombe, "Interval estimation for the difference between
independent proportions", 1998; for any figures Zou and Donner, "Construction of confidence limits about effect
measures", 2008). For times and rates everything is by logarithms, since their noise is a share of them.

How often such an interval covers the truth is simulated in a test. A drift that is slower than a run, or another
machine, is in no window of it: that is why two runs alone decide nothing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from windtunnel.metrics import intervals
from windtunnel.metrics.intervals import Interval, Shares

_WIDEST = math.log(1000)
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An interval around a difference, and its size in standard deviations between the windows of a run.

    For times and rates `low` and `high` are now / before - 1, for shares now - before. Each is None where it is
    unknown; `spreads` also where the windows do not differ at all.
    """

    low: float | None = None
    high: float | None = None
    spreads: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A time above 0 with its interval, and those of the windows, None in one without."""

    value: float
    interval: Interval | None
    windows: Sequence[float | None]


def of_times(before: Time, now: Time) -> Difference:
    """The difference of two times."""
    both = (before, now)
    if not all(each.value > 0 for each in both):
        return Difference()
    logs = [math.log(each.value) for each in both]
    known = [_logarithms(each) for each in both]
    spreads = _spreads(logs[1] - logs[0], *[[math.log(each) for each in time.windows if each] for time in both])
    return _by_factors(logs, known, spreads)


def of_rates(before: float, now: float, counts_before: Sequence[int], counts_now: Sequence[int]) -> Difference:
    """The difference of two rates, with the counts of their windows."""
    if not (before > 0 and now > 0 and any(counts_before) and any(counts_now)):
        return Difference()
    logs = [math.log(before), math.log(now)]
    known: list[Interval | None] = []
    for each, counts in zip(logs, (counts_before, counts_now), strict=True):
        found = intervals.of_rate(counts)
        known.append(
            None if found is None or not found[0] else (each + math.log(found[0]), each + math.log(found[1]))
        )
    means = [[count / statistics.fmean(counts) for count in counts] for counts in (counts_before, counts_now)]
    return _by_factors(logs, known, _spreads(logs[1] - logs[0], *means))


def of_shares(before: float, now: float, windows_before: Shares, windows_now: Shares) -> Difference:
    """The difference of two shares."""
    known = [intervals.of_share(windows) for windows in (windows_before, windows_now)]
    each = [[found / of for of, found in windows if of] for windows in (windows_before, windows_now)]
    spreads = _spreads(now - before, *each)
    ends = _apart([before, now], known)
    return Difference(spreads=spreads) if ends is None else Difference(low=ends[0], high=ends[1], spreads=spreads)


def _logarithms(time: Time) -> Interval | None:
    """The interval by logarithms; the time itself is in it, whatever a coarser look said."""
    if time.interval is None or not 0 < time.interval[0] <= time.interval[1]:
        return None
    return math.log(min(time.interval[0], time.value)), math.log(max(time.interval[1], time.value))


def _by_factors(logs: Sequence[float], known: Sequence[Interval | None], spreads: float | None) -> Difference:
    """The ends as shares; unknown where they are so wide that they say nothing."""
    ends = _apart(logs, known)
    if ends is None or ends[1] - ends[0] > 2 * _WIDEST or max(map(abs, ends)) > 4 * _WIDEST:
        return Difference(spreads=spreads)
    return Difference(low=math.expm1(ends[0]), high=math.expm1(ends[1]), spreads=spreads)


def _apart(values: Sequence[float], known: Sequence[Interval | None]) -> Interval | None:
    """The interval of the second value without the first."""
    (before, now), (of_before, of_now) = values, known
    if of_before is None or of_now is None:
        return None
    shift = now - before
    return (
        shift - math.hypot(of_before[1] - before, now - of_now[0]),
        shift + math.hypot(before - of_before[0], of_now[1] - now),
    )


def _spreads(shift: float, before: Sequence[float], now: Sequence[float]) -> float | None:
    if min(len(before), len(now)) < intervals.FEWEST_WINDOWS:
        return None
    spread = math.sqrt((statistics.variance(before) + statistics.variance(now)) / 2)
    return abs(shift) / spread if spread > _NOTHING else None
