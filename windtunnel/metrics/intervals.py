"""How well a figure of one run is known: 95 % intervals over its windows of time, never over its requests.

Requests of one second are alike, so thousands of them say no more than the second does. What is known of the noise
of a run is how much its windows differ:

    windows ─▶ batches ─▶ autocorrelation ─▶ standard error of a share ─▶ interval of the share, or of a percentile

- Batches: neighbouring windows are joined to 10 to 19 batches, whose means depend less on each other; more than 30
  gain nothing (Schmeiser, "Batch size effects in the analysis of simulation output", 1982).
- Autocorrelation at lag 1 of the batches, r = Σ d[i] d[i+1] / Σ d[i]², is too low in short series: with a true
  one of a, E[r] = a - (1 + 4a) / n of n values (Marriott and Pope, "Bias in the estimation of autocorrelations",
  1954), so that a = (n r + 1) / (n - 4). Less than 0 counts as 0, which makes that of independent values too high
  by 0.2 on the average; that is taken off.
- The variance of the mean of an autoregressive series is (1 + a) / (1 - a) times as large, as if there were so
  many times fewer values (Bayley and Hammersley, "The effective number of independent observations", 1946).
- A share is a ratio of two sums, whose deviations are (found - share * of) / mean of `of` (Cochran, "Sampling
  Techniques", 1977, 6.4).
- A percentile is no mean of the percentiles of windows. Its interval is that of the share of samples that do not
  exceed it, looked up among the samples (Woodruff, "Confidence intervals for medians and other position measures",
  1952): a gap in the samples, and a stall that only some windows have, make it as wide as it is uncertain.
- No interval is narrower than one of independent samples: where nothing fails the windows are all the same, and a
  share of 0 is not certain (Wilson, "Probable inference", 1927).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

CONFIDENCE = 0.95
"""How often an interval covers the truth, as long as what drifts in a run lasts for up to a tenth of it."""

FEWEST_WINDOWS = 8
"""With fewer there is no telling how alike neighbours are."""

Interval = tuple[float, float]
"""The lower and the upper end."""

Shares = Sequence[tuple[int, int]]
"""Of how many, and how many of them, window by window."""

_BATCHES = 10
_TOO_HIGH = 0.2
_MOST_CORRELATED = 0.8
_FEWEST_FREEDOMS = 1.5
_NORMAL = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def of_rate(counts: Sequence[int]) -> Interval | None:
    """The interval of a mean count, as multiples of it; None where too little is known.

    Where all windows are the same it is as wide as one that falls before or after an edge of them makes it.
    """
    total = sum(counts)
    if len(counts) < FEWEST_WINDOWS or not total:
        return None
    mean = total / len(counts)
    half = max(_half([count / mean for count in counts]), 1 / total)
    return max(0.0, 1 - half), 1 + half


def of_share(windows: Shares) -> Interval | None:
    """The interval of a share, from 0 to 1; None where too little is known."""
    total = sum(of for of, _ in windows)
    if len(windows) < FEWEST_WINDOWS or not total:
        return None
    share = sum(found for _, found in windows) / total
    half = _half(_deviations(windows, share))
    low, high = _independent(share, total)
    return max(0.0, min(share - half, low)), min(1.0, max(share + half, high))


def of_percentile(percent: float, windows: Shares) -> Interval | None:
    """The interval of a percentile, as two other percents: of all samples so many do not exceed its ends.

    None where too little is known, as of what is beyond the largest sample. `windows` have how many samples there
    are, and how many of them do not exceed the percentile.
    """
    total, share = sum(of for of, _ in windows), percent / 100
    if len(windows) < FEWEST_WINDOWS or not total:
        return None
    found = sum(found for _, found in windows) / total  # samples of one value are on both sides of it
    half = max(_half(_deviations(windows, found)), _NORMAL * math.sqrt(share * (1 - share) / total))
    if share + half >= 1 or share - half <= 0:
        return None
    return 100 * (share - half), 100 * (share + half)


def student(freedom: float) -> float:
    """How many standard errors `CONFIDENCE` of all means lie within, with 1.5 or more degrees of freedom.

    By Hill ("Algorithm 396: Student's t-quantiles", 1970), whose value is never too low and at most 1 % too high.
    """
    outside, n = 1 - CONFIDENCE, max(_FEWEST_FREEDOMS, freedom)
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20_700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = (d * outside) ** (2 / n)
    if y <= 0.05 + a:
        y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (
            (n + 1) / (n + 2)
        ) + 1 / y
        return math.sqrt(n * y)
    x = -_NORMAL
    if n < 5:
        c += 0.3 * (n - 4.5) * (x + 0.6)
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
    y = x * x
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
    return math.sqrt(n * math.expm1(a * y * y))


def _half(values: Sequence[float]) -> float:
    """Half the width of the interval of the mean of windows."""
    size = max(1, len(values) // _BATCHES)
    # What is over is at the beginning.
    starts = range(len(values) % size, len(values), size)
    batches = [statistics.fmean(values[start : start + size]) for start in starts]
    correlation = _autocorrelation(batches)
    inflation = (1 + correlation) / (1 - correlation)
    error = math.sqrt(_variance(batches) / len(batches) * inflation)
    return student((len(batches) - 1) / inflation) * error


def _variance(values: Sequence[float]) -> float:
    """That of `statistics`, without its fractions, which take most of the time."""
    mean = statistics.fmean(values)
    return math.fsum((each - mean) ** 2 for each in values) / (len(values) - 1)


def _autocorrelation(batches: Sequence[float]) -> float:
    """How alike neighbours are, 0 to `_MOST_CORRELATED`."""
    mean, number = statistics.fmean(batches), len(batches)
    apart = [each - mean for each in batches]
    alone = math.fsum(each * each for each in apart)
    found = math.fsum(one * next_ for one, next_ in pairwise(apart)) / alone if alone else 0.0
    return max(0.0, min(_MOST_CORRELATED, (number * found + 1) / (number - 4) - _TOO_HIGH))


def _deviations(windows: Shares, share: float) -> list[float]:
    mean = sum(of for of, _ in windows) / len(windows)
    return [(found - share * of) / mean for of, found in windows]


def _independent(share: float, number: int) -> Interval:
    """The interval of a share of so many draws that have nothing to do with each other, by their scores."""
    z = _NORMAL
    middle = share + z * z / (2 * number)
    half = z * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    return (middle - half) / (1 + z * z / number), (middle + half) / (1 + z * z / number)
