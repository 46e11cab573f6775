"""Coordinated omission: while the system stalls, the users of a closed load wait and send nothing.

The estimate is that of Gil Tene's HdrHistogram: a user who had to wait `d` would have sent further requests every
`interval` meanwhile, and each of those would have waited for the rest of it.
"""

from __future__ import annotations

from windtunnel.figures import duration
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.measure import COMPLETED
from windtunnel.model.load import is_measured

TIMES = 2.0
"""How many times the measured p99 the estimate must be to be worth a warning."""

LEAST_US = 20_000
"""A smaller difference is not worth a warning either."""

LEAST_SAMPLES = 100
_MOST_PIECES = 1000


def omitted_waiting(aggregate: Aggregate) -> str | None:
    """The warning for a closed load whose p99 leaves out much of the waiting, or None."""
    worst: tuple[float, float, str] | None = None
    for (scenario, step), measured in _durations(aggregate).items():
        interval_us = _interval_us(aggregate, scenario)
        if measured.count < LEAST_SAMPLES or not interval_us:
            continue
        seen, estimate = measured.percentile(99), with_omitted(measured, interval_us).percentile(99)
        if estimate >= TIMES * seen and estimate - seen >= LEAST_US and (worst is None or estimate > worst[1]):
            worst = (seen, estimate, step)
    if worst is None:
        return None
    seen, estimate, step = worst
    return (
        f"the system stalled at times, and a closed load sends nothing meanwhile: p99 of {step} is "
        f"{_in_words(seen)} as measured and about {_in_words(estimate)} for users who arrive regardless; "
        "use an open load (--rate) to measure that"
    )


def with_omitted(measured: Histogram, interval_us: float) -> Histogram:
    """The samples, and those missing if one had been taken every `interval_us`."""
    full = Histogram()
    full.merge(measured)
    for bucket in measured.buckets():
        length_us = min(bucket.upper_us - 1, measured.max_us)
        missing = int(length_us / interval_us) - 1
        if missing > 0:
            pieces = min(missing, _MOST_PIECES)
            weight = round(bucket.count * missing / pieces)
            step_us = missing * interval_us / pieces
            full.add_weighted([int(length_us - step_us * (number + 1)) for number in range(pieces)], weight)
    return full


def _durations(aggregate: Aggregate) -> dict[tuple[str, str], Histogram]:
    found: dict[tuple[str, str], Histogram] = {}
    for key, series in aggregate.requests.items():
        if is_measured(key.phase) and not key.poll:
            found.setdefault((key.scenario, key.step), Histogram()).merge(series.duration)
    return found


def _interval_us(aggregate: Aggregate, scenario: str) -> float:
    """The usual time between two instances of a user."""
    durations = Histogram()
    for key, series in aggregate.instances.items():
        if key.scenario == scenario and key.outcome in COMPLETED and is_measured(key.phase):
            durations.merge(series.duration)
    return durations.percentile(50)


def _in_words(us: float) -> str:
    return duration(us / 1000, digits=2)
