"""The guards of a run with faults: when it must not go on, because more breaks than the plan allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from windtunnel.figures import as_written
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import StepRow
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Turbulence
from windtunnel.verdict.resilience_seconds import Seconds


def guard_condition(
    turbulence: Turbulence, aggregate: Aggregate, rows: Sequence[StepRow], *, shard: bool = False
) -> Callable[[float], str | None] | None:
    """The function that says, during the run, that a condition of `guards.stop_when` was true for its time.

    It takes the seconds since the start and returns None to go on; `aggregate` grows meanwhile. The condition is
    held against everything that ended in that time; without enough samples it is not true. None without guards,
    and in a `shard`, which sees only its own part of what ends.
    """
    guards = turbulence.guards
    if not guards.stop_when or shard:
        return None
    length = max(1, math.ceil(guards.for_s))

    def crossed(elapsed_s: float) -> str | None:
        now = math.floor(elapsed_s)
        if now < length:
            return None
        seconds = Seconds(aggregate, turbulence.phases, rows, ())
        for threshold in guards.stop_when:
            result = seconds.result(threshold, range(now - length, now))
            if result.result == "pass":
                return _reason(threshold, result.measured, length)
        return None

    return crossed


def first_reason(*conditions: Callable[[float], str | None] | None) -> Callable[[float], str | None] | None:
    """The function that asks these one after the other; None when there are none."""
    asked = [each for each in conditions if each is not None]

    def reason(elapsed_s: float) -> str | None:
        return next((found for each in asked if (found := each(elapsed_s)) is not None), None)

    return reason if asked else None


def _reason(threshold: Threshold, measured: str, length: int) -> str:
    return (
        f"guard: {threshold.selector}: {threshold.text} was true for {as_written(float(length))} "
        f"(measured {measured})"
    )
