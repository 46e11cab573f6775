"""Durations in bins that are coarse enough to be kept for every step and bucket of time.

Bins are log-linear as the buckets of a `Histogram` are, and eight times as wide: every power of two is cut into 32
bins of one width, so that a bin is never wider than 1/32 of its lower bound. Below 64 us every whole microsecond
has a bin of its own. Both nest: a bucket of a `Histogram` lies in one bin.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

RELATIVE_ERROR = 1 / 32
"""How far a percentile may be from a true sample, as a share of that sample."""

Bins = defaultdict[int, int]
"""Samples by the lower bound of their bin in microseconds. `Bins(int)` is empty."""

# A sample of n bits keeps its 6 highest ones: masked, it is the lower bound of its bin.
_MASKS = tuple(-1 << max(0, bits - 6) for bits in range(64))


def fill(bins: Bins, samples: Iterable[int]) -> None:
    """Count durations in whole microseconds, 0 to 2**63 - 1."""
    masks = _MASKS
    for us in samples:
        bins[us & masks[us.bit_length()]] += 1


def add_bins(bins: Bins, more: Mapping[int, int]) -> None:
    """Add what others hold, which keep it."""
    for lower, count in more.items():
        bins[lower] += count


def upper_us(lower_us: int) -> int:
    """The end of the bin that begins there, which is not in it."""
    return lower_us - _MASKS[lower_us.bit_length()]


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
    last = whole & _MASKS[whole.bit_length()]
    below = sum([count for lower, count in bins.items() if lower < last])
    return below + bins.get(last, 0) * (us - last + 1) / (upper_us(last) - last)
