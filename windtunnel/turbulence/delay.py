"""A delay that is fixed or drawn from a distribution, by the inverse of its distribution function.

    uniform      low + (high - low) · u
    exponential  -mean · ln(1 - u)
    normal       mean + sd · Φ⁻¹(u), at least 0
    lognormal    median · e^(sigma · Φ⁻¹(u))

`u` from 0 to below 1 decides, so that the same request waits the same time at every repetition.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import MAX_HOURS, parse_duration
from windtunnel.figures import as_written
from windtunnel.turbulence.settings import Settings

_DISTRIBUTIONS = ("uniform", "normal", "exponential", "lognormal")
_HINT = "write a duration such as 200ms, or lognormal: { median: 200ms, sigma: 0.5, max: 5s }"
_LEAST = 2.0**-60
_STANDARD = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long something waits. `words` say it: `200 ms`, or `800 ms (median)` of a distribution."""

    words: str
    at: Callable[[float], float]

    def seconds(self, u: float) -> float:
        """The delay that a number from 0 to below 1 leads to."""
        return self.at(u)


def parse_delay(value: Any) -> Delay:
    """The delay that a setting says. Raises ExpressionError with the path to what is wrong."""
    if not isinstance(value, Mapping):
        seconds = parse_duration(value)
        return Delay(words=as_written(seconds), at=lambda _: seconds)
    if len(value) != 1 or next(iter(value)) not in _DISTRIBUTIONS:
        raise ExpressionError(f"must be a duration, or exactly one of {', '.join(_DISTRIBUTIONS)}", hint=_HINT)
    kind = next(iter(value))
    if kind == "uniform":
        return _uniform(value[kind])
    inside = Settings(value).inside(kind)
    longest = inside.positive("max", MAX_HOURS * 3600.0)
    if kind == "exponential":
        inside.only(("mean", "max"))
        mean = inside.duration("mean")
        return Delay(words=f"{as_written(mean)} (mean)", at=lambda u: min(longest, -mean * math.log1p(-u)))
    if kind == "normal":
        inside.only(("mean", "sd", "max"))
        mean, deviation = inside.duration("mean"), inside.duration("sd")
        return Delay(
            words=f"{as_written(mean)} (mean)",
            at=lambda u: min(longest, max(0.0, mean + deviation * _STANDARD.inv_cdf(max(u, _LEAST)))),
        )
    inside.only(("median", "sigma", "max"))
    median, sigma = inside.duration("median"), inside.read("sigma", _sigma)
    return Delay(
        words=f"{as_written(median)} (median)",
        at=lambda u: min(longest, median * math.exp(sigma * _STANDARD.inv_cdf(max(u, _LEAST)))),
    )


def _uniform(value: Any) -> Delay:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ExpressionError("must be a list of two durations", hint="uniform: [1s, 3s]", path=("uniform",))
    try:
        low, high = (parse_duration(each) for each in value)
    except ExpressionError as error:
        error.path = ("uniform", *error.path)
        raise
    if low > high:
        raise ExpressionError("the shortest duration comes first", hint="uniform: [1s, 3s]", path=("uniform",))
    return Delay(words=f"{as_written(low)} to {as_written(high)}", at=lambda u: low + (high - low) * u)


def _sigma(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10:
        raise ExpressionError("must be a number from 0 to 10")
    return float(value)
