"""Durations in bins that are coarse enough to be kept for every step and bucket of time.

Bins are log-linear as the buckets of a `Histogram` are, and 16 times as wide: every power of two is cut into 16
bins of one width, so that a bin is never wider than 1/16 of its lower bound. Below 32 us every whole microsecond
has a bin of its own. Both nest: a bucket of a `Histogram` lies in one bin.

A bin is told by the highest 16 bits of the duration as an IEEE 754 double: its exponent, 4 bits of its fraction.
So the bins of many durations are found and counted without a line of Python for each.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

RELATIVE_ERROR = 1 / 16
"""How far a percentile may be from a true sample, as a share of that sample. Where there are many it is less."""

MOST_FEW = 64
"""Durations that take less memory one by one than in bins."""

Bins = dict[int, int]
"""Samples by the lower bound of their bin in microseconds."""

_HIGHEST = slice(3 if sys.byteorder == "little" else 0, None, 4)
"""Where the highest 16 bits of each double are among pieces of 16 bits."""

_EXPONENT_OF_1 = 1023


class Durations:
    """Durations in whole microseconds, 0 to 2**53.

    The first few are kept as they are, which costs next to nothing: in a run of few requests a cell has no more.
    """

    __slots__ = ("_counts", "_few")

    def __init__(self) -> None:
        self._few = array("d")
        self._counts: Counter[int] | None = None  # the highest 16 bits -> samples

    @property
    def bins(self) -> Bins:
        """All of them, in bins, in ascending order."""
        return {_lower_us(bits): count for bits, count in sorted(self._counted().items())}

    def add(self, samples: list[int]) -> None:
        """Count some more."""
        self._few.fromlist(samples)  # type: ignore[arg-type]  # whole numbers are turned into doubles
        if len(self._few) > MOST_FEW:
            self._counted()

    def merge(self, other: Durations) -> None:
        """Add what `other` counted, which keeps it."""
        self._few.extend(other._few)
        if len(self._few) > MOST_FEW:
            self._counted()
        if other._counts is not None:
            counts = self._counted()
            for bits, count in other._counts.items():
                counts[bits] += count

    def _counted(self) -> Counter[int]:
        if self._counts is None:
            self._counts = Counter()
        if self._few:
            self._counts.update(memoryview(self._few).cast("B").cast("H")[_HIGHEST].tolist())
            self._few = array("d")
        return self._counts


def _lower_us(bits: int) -> int:
    """The lower bound of the bin with these highest bits."""
    return ((bits & 15 | 16) << (bits >> 4) - _EXPONENT_OF_1) >> 4 if bits else 0


def add_bins(bins: Bins, more: Mapping[int, int]) -> None:
    """Add what others hold, which keep it."""
    for lower, count in more.items():
        bins[lower] = bins.get(lower, 0) + count


def upper_us(lower_us: int) -> int:
    """The end of the bin that begins there, which is not in it."""
    return lower_us + (1 << max(0, lower_us.bit_length() - 5))


def percentiles(bins: Mapping[int, int], percents: Sequence[float]) -> list[float]:
    """Durations in microseconds that `percents` (0 to 100, ascending) of all samples do not exceed; 0 without any.

    By the nearest rank. The samples of a bin are taken to lie evenly in it: of two bins of the same count one that
    is a little later gives a percentile a little later, which the middle of the bin would hide.
    """
    total, before = sum(bins.values()), 0
    if not total:
        return [0.0] * len(percents)
    found: list[float] = []
    ordered = iter(sorted(bins.items()))
    lower, count = next(ordered)
    for percent in percents:
        # Rounded, as 0.07 * 100 is 7.000000000000001, which would be the eighth of a hundred.
        rank = max(1, math.ceil(round(percent * total / 100, 6)))
        while before + count < rank:
            before += count
            lower, count = next(ordered)
        widest = upper_us(lower) - 1 - lower
        found.append(lower + widest * (rank - before - 0.5) / count)
    return found


def count_up_to(bins: Mapping[int, int], us: float) -> float:
    """How many samples do not exceed a duration, with those of a bin taken to lie evenly in it."""
    whole = int(us)
    narrow = max(0, whole.bit_length() - 5)
    last = whole >> narrow << narrow
    below = sum([count for lower, count in bins.items() if lower < last])
    return below + bins.get(last, 0) * (us - last + 1) / (upper_us(last) - last)
