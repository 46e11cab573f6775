"""Whether a condition is broken for sure, or may be by chance: what a few samples can say.

`rate < 1%` allows one failure in a hundred. A second in which 2 of 100 requests fail breaks it, and so does every
fourth second of a service that keeps to 1 % in the long run. So a short time counts as bad only where a service
that is just at the limit would do as badly in one of a thousand such times: by the binomial distribution, of the
failures for a share, of the samples beyond the limit for a percentile. For any other aggregate there is no such
model: what breaks it, breaks it.
"""

from __future__ import annotations

import math

from windtunnel.metrics.measure import Measure, Rate, Trend
from windtunnel.metrics.series import HealthSeries
from windtunnel.model.threshold import Threshold

OF_A_BUCKET = 0.001
"""How often a service that is just at the limit may be taken for one that is beyond it, in one of many times."""

OF_THE_WHOLE = 0.05
"""The same for one time alone."""


def surely_broken(
    threshold: Threshold, measure: Measure, health: HealthSeries, chance: float = OF_A_BUCKET
) -> bool | None:
    """Whether more is beyond the limit than chance explains; None for a condition that there is no model for."""
    if isinstance(measure, Rate) and threshold.aggregate == "rate" and threshold.unit == "%":
        if threshold.op in {"<", "<="}:
            return _is_too_many(measure.matches, measure.count, threshold.limit, chance)
        if threshold.op in {">", ">="}:
            return _is_too_many(measure.count - measure.matches, measure.count, 1 - threshold.limit, chance)
    percent = 50.0 if threshold.aggregate == "med" else threshold.percentile
    if isinstance(measure, Trend) and percent is not None and threshold.op in {"<", "<="}:
        # The lag of the generator makes times longer, never shorter.
        limit_us = threshold.limit + health.lag.percentile(99)
        beyond = sum(bucket.count for bucket in measure.histogram.buckets() if bucket.lower_us > limit_us)
        return _is_too_many(beyond, measure.histogram.count, 1 - percent / 100, chance)
    return None


def _is_too_many(found: int, of: int, allowed: float, chance: float) -> bool:
    """Whether so many are less likely than `chance`, where a share of `allowed` is usual."""
    return found > of * allowed and tail(found, of, allowed) < chance


def tail(least: int, of: int, share: float) -> float:
    """The probability of at least `least` of a number, each with the probability `share`; above the mean."""
    if share <= 0.0:
        return 0.0 if least else 1.0
    if share >= 1.0:
        return 1.0
    logarithm = (
        math.lgamma(of + 1)
        - math.lgamma(least + 1)
        - math.lgamma(of - least + 1)
        + least * math.log(share)
        + (of - least) * math.log1p(-share)
    )
    term = total = math.exp(logarithm)
    # Above the mean each term is smaller than the one before it.
    for number in range(least, of):
        term *= (of - number) / (number + 1) * share / (1 - share)
        total += term
        if term < total * 1e-6:
            break
    return total
