"""A histogram of durations: exact count, sum, minimum and maximum; percentiles within 0.2 %.

Buckets are log-linear: every power of two is cut into 256 buckets of one width, so that a bucket is never
wider than 1/256 of its lower bound, and its middle never further than 1/512 (0.2 %) from a sample in it.
Below 512 us every whole microsecond has a bucket of its own. However many samples are added, there are at most
256 buckets for every doubling of the largest one: 4,900 for values up to a minute.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from windtunnel.model.summary import Distribution

RELATIVE_ERROR = 1 / 512
"""How far a percentile may be from a true sample, as a share of that sample."""

_LARGEST = (1 << 63) - 1

# A sample of n bits keeps its 9 highest ones: masked, it is the lower bound of its bucket.
_MASKS = tuple(-1 << max(0, bits - 9) for bits in range(64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`count` samples from `lower_us` up to, but not including, `upper_us`."""

    lower_us: int
    upper_us: int
    count: int


class Histogram:
    """Durations in whole microseconds, 0 to 2**63 - 1. Merged in any order, the result is the same."""

    __slots__ = ("_counts", "_max", "_min", "total_us")

    def __init__(self, samples: Sequence[int] = ()) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)  # lower bound of a bucket -> samples in it
        self._min, self._max = _LARGEST, 0
        self.total_us = 0
        self.add_all(samples)

    def add(self, us: int) -> None:
        """Count one sample."""
        self.total_us += us
        if us < self._min:
            self._min = us
        if us > self._max:
            self._max = us
        self._counts[us & _MASKS[us.bit_length()]] += 1

    def add_all(self, samples: Sequence[int], *, zeros: int = 0) -> None:
        """Count several samples, cheaper than one at a time, and `zeros` more of no duration."""
        if not any(samples):
            zeros, samples = zeros + len(samples), ()
        if zeros:
            self._min = 0
            self._counts[0] += zeros
        if samples:
            self.total_us += sum(samples)
            self._min = min(self._min, min(samples))
            self._max = max(self._max, max(samples))
            counts, masks = self._counts, _MASKS
            for us in samples:
                counts[us & masks[us.bit_length()]] += 1

    def add_weighted(self, samples: Sequence[int], weight: int) -> None:
        """Count each of the samples `weight` times."""
        for us in samples if weight else ():
            self.total_us += us * weight
            self._min, self._max = min(self._min, us), max(self._max, us)
            self._counts[us & _MASKS[us.bit_length()]] += weight

    def merge(self, other: Histogram) -> None:
        """Add every sample of `other`, which keeps them."""
        for lower, count in other._counts.items():
            self._counts[lower] += count
        self.total_us += other.total_us
        self._min = min(self._min, other._min)
        self._max = max(self._max, other._max)

    @property
    def count(self) -> int:
        """How many samples there are."""
        return sum(self._counts.values())

    @property
    def min_us(self) -> int:
        """The smallest sample, exactly; 0 without samples."""
        return self._min if self._counts else 0

    @property
    def max_us(self) -> int:
        """The largest sample, exactly; 0 without samples."""
        return self._max

    @property
    def mean_us(self) -> float:
        """The mean, from the exact sum; 0 without samples."""
        return self.total_us / self.count if self._counts else 0.0

    def percentile(self, percent: float) -> float:
        """The smallest sample (within 0.2 %) that `percent` (0 to 100) of all samples do not exceed.

        In microseconds, by the nearest rank, never outside the true minimum and maximum; 0 without samples.
        """
        return self.percentiles((percent,))[0]

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """Several percentiles, asked for in ascending order."""
        total, seen = self.count, 0
        if not total:
            return [0.0] * len(percents)
        found: list[float] = []
        buckets = iter(self.buckets())
        bucket = Bucket(lower_us=0, upper_us=0, count=0)
        for percent in percents:
            # Rounded, as 0.07 * 100 is 7.000000000000001, which would be the eighth of a hundred.
            rank = max(1, math.ceil(round(percent * total / 100, 6)))
            while seen < rank:
                bucket = next(buckets)
                seen += bucket.count
            extreme = self._min if rank == 1 else self._max if rank == total else None
            found.append(self._middle(bucket) if extreme is None else float(extreme))
        return found

    def buckets(self) -> list[Bucket]:
        """Every bucket that has samples, in ascending order."""
        return [
            Bucket(lower_us=lower, upper_us=lower - _MASKS[lower.bit_length()], count=count)
            for lower, count in sorted(self._counts.items())
        ]

    def to_distribution(self) -> Distribution:
        """The histogram in milliseconds, as in a summary; all 0 without samples."""
        med, p90, p95, p99, p999 = (us / 1000 for us in self.percentiles((50, 90, 95, 99, 99.9)))
        return Distribution(
            count=self.count,
            avg=self.mean_us / 1000,
            min=self.min_us / 1000,
            med=med,
            p90=p90,
            p95=p95,
            p99=p99,
            p999=p999,
            max=self.max_us / 1000,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return self._state() == other._state()

    __hash__ = None  # type: ignore[assignment]  # mutable: what is equal now need not stay so

    def __repr__(self) -> str:
        return f"Histogram(count={self.count}, min_us={self.min_us}, max_us={self.max_us})"

    def _state(self) -> tuple[object, ...]:
        return self._counts, self.total_us, self._min, self._max

    def _middle(self, bucket: Bucket) -> float:
        """The value for all samples of a bucket: its middle, limited by the smallest and the largest sample."""
        middle = (bucket.lower_us + bucket.upper_us - 1) / 2
        return min(max(middle, self._min), self._max)
