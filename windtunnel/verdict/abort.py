"""Thresholds that end a run as soon as they are known not to hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.baseline import Baseline
from windtunnel.model.manifest import StepRow
from windtunnel.model.threshold import Threshold
from windtunnel.verdict.thresholds import evaluate

_ALSO_OF_A_PART = frozenset({"us", "%"})
"""Units of what is about as large in a part of the load as in all of it."""


def stop_condition(
    thresholds: Sequence[Threshold],
    aggregate: Aggregate,
    rows: Sequence[StepRow],
    *,
    baseline: Baseline | None = None,
    shard: bool = False,
) -> Callable[[float], str | None] | None:
    """What to ask while the run goes on, with the seconds it has run: why it shall end, or None to go on.

    `aggregate` grows meanwhile. None when no threshold aborts. A `shard` knows times and shares, but no sums:
    the other shards have their part in those.
    """
    aborting = [each for each in thresholds if each.abort and (not shard or each.unit in _ALSO_OF_A_PART)]

    def failed(elapsed_s: float) -> str | None:
        for threshold in aborting:
            if elapsed_s >= threshold.after_s:
                result = evaluate(threshold, aggregate, rows, baseline)
                if result.result == "fail":
                    return result.reason
        return None

    return failed if aborting else None
