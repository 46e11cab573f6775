"""The result of one threshold: the measured value against the limit.

too few samples                                          no_data
the condition holds                                      pass
it would hold without the generator's own lag            inconclusive
anything else                                            fail
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from windtunnel import figures
from windtunnel.expressions.threshold import format_limit
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Counter, Measure, Rate, Trend, measured_span_s, select
from windtunnel.metrics.series import HealthSeries
from windtunnel.model.manifest import StepRow
from windtunnel.model.metric import GENERATOR, METRICS
from windtunnel.model.summary import Baseline, ThresholdResult
from windtunnel.model.threshold import IMPLIED, Threshold
from windtunnel.model.vocabulary import FailOn, Operator, ThresholdWord, Unit
from windtunnel.verdict.baseline import limit_against

WORTH_SAYING = 0.02
"""The minimum share of a measured time at which its error is printed with it."""

_WORST_FIRST: tuple[ThresholdWord, ...] = ("fail", "inconclusive", "pass")

FASTEST_ANSWER_US = 10.0
"""No server answers faster: a system call to send, one to receive and two wake-ups take longer on loopback."""

_DIGITS_OF_A_BASELINE = 4
"""Significant digits of a limit that follows from a baseline."""

_OPERATORS: Mapping[Operator, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


_IN_EVERY_SHARD: frozenset[Unit] = frozenset({"us", "%"})
"""Units of values that are about as large in a part of the load as in all of it."""


def in_force(thresholds: Sequence[Threshold], fail_on: FailOn = "thresholds") -> tuple[Threshold, ...]:
    """The thresholds that judge a run: the user's, after the implied one.

    A user's threshold on a metric that counts failures replaces the implied one, except with `fail_on: errors`.
    """
    if fail_on != "errors" and any(threshold.replaces_implied for threshold in thresholds):
        return tuple(thresholds)
    return (IMPLIED, *thresholds)


def stop_condition(
    thresholds: Sequence[Threshold],
    aggregate: Aggregate,
    rows: Sequence[StepRow],
    *,
    baseline: Baseline | None = None,
    shard: bool = False,
    until_s: float = math.inf,
) -> Callable[[float], str | None] | None:
    """The function that says, during the run, why it must end: the reason of a failed threshold with `abort`.

    It takes the seconds since the start and returns None to go on; `aggregate` grows meanwhile. None when no
    threshold aborts. In a `shard` only thresholds on times and shares can: a sum needs the other shards. From
    `until_s` on only thresholds on a phase can: then there are faults, which no other threshold speaks of.
    """
    aborting = [each for each in thresholds if each.abort and (not shard or each.unit in _IN_EVERY_SHARD)]

    def failed(elapsed_s: float) -> str | None:
        for threshold in aborting:
            if elapsed_s >= threshold.after_s and (elapsed_s < until_s or "phase" in threshold.tags):
                result = evaluate(threshold, aggregate, rows, baseline)
                if result.result == "fail" and not _may_hold_later(threshold, result):
                    return result.reason
        return None

    return failed if aborting else None


def _may_hold_later(threshold: Threshold, result: ThresholdResult) -> bool:
    """Whether a threshold that fails now can hold at the end: what only grows, or only falls, may yet reach it."""
    if threshold.within_s is not None:
        return False  # a window that is over stays as it is
    grows = threshold.aggregate in {"count", "max"} or threshold.metric == "vus_max"
    if not grows and threshold.aggregate != "min":
        return False
    value, limit = result.value, result.limit_value
    if threshold.op == "==":
        return value is None or limit is None or (value < limit if grows else value > limit)
    return threshold.op in ({">", ">=", "!="} if grows else {"<", "<=", "!="})


def samples_needed(threshold: Threshold) -> int:
    """How many samples the aggregate must have seen to say anything.

    With fewer than ln 0.05 / ln p, chances are over 5 % that all of them lie below the true p-quantile:
    29 for p(90), 59 for p(95), 299 for p(99), 2,995 for p(99.9).
    """
    if threshold.min_samples is not None:
        return threshold.min_samples
    percent = 50.0 if threshold.aggregate == "med" else threshold.percentile
    if percent is None or not 0 < percent < 100:
        return 1
    return math.ceil(math.log(0.05) / math.log(percent / 100))


def evaluate(
    threshold: Threshold,
    aggregate: Aggregate,
    rows: Sequence[StepRow],
    baseline: Baseline | None = None,
    *,
    otherwise: Callable[[Threshold], ThresholdResult | None] | None = None,
) -> ThresholdResult:
    """The result over the whole load, or over its windows. `rows` are the steps of the plan.

    `otherwise` has the result of thresholds that speak of a part of the load, and None for any other.
    """
    if threshold.baseline_times is not None:
        limit = limit_against(threshold, baseline) if baseline else None
        if limit is None:
            unjudged = _result(threshold, "no_data", samples=0, explanation=_no_limit(baseline))
            return replace(unjudged, limit="unknown", limit_value=None)
        printed = format_limit(limit, threshold.unit, digits=_DIGITS_OF_A_BASELINE)
        threshold = dataclasses.replace(threshold, limit=limit, text=f"{threshold.text} ({printed})")
    if otherwise is not None and (result := otherwise(threshold)) is not None:
        return result
    if threshold.within_s is not None:
        return in_every_window(threshold, aggregate, rows, threshold.within_s)
    return _over(threshold, aggregate, rows, measured_span_s(aggregate))


def without_data(threshold: Threshold, result: ThresholdResult, why: str) -> ThresholdResult:
    """The result in place of one that passed on nothing: no data, because of `why`."""
    unjudged = _result(threshold, "no_data", samples=result.samples, explanation=why)
    return replace(unjudged, condition=result.condition, limit=result.limit, limit_value=result.limit_value)


def in_every_window(
    threshold: Threshold,
    aggregate: Aggregate,
    rows: Sequence[StepRow],
    width_s: float,
    numbers: Iterable[int] | None = None,
) -> ThresholdResult:
    """The result of the worst window, which is named when it failed. Windows with too few samples are skipped.

    `numbers` are those of the windows that are judged; without, from the first to the last of them.
    """
    windows: Mapping[int, Aggregate] = aggregate.windows.get(width_s, {})
    results = []
    for number, alike in _window_numbers(windows) if numbers is None else ((each, 1) for each in numbers):
        window = windows.get(number) or Aggregate()
        last_s = aggregate.last_t - aggregate.started - number * width_s
        results.append((number, alike, _over(threshold, window, rows, min(width_s, max(last_s, 0.0)))))
    answered = [(number, alike, result) for number, alike, result in results if result.result != "no_data"]
    if not answered:
        return _result(threshold, "no_data", samples=0, explanation=_no_data(threshold, 0))
    number, _, worst = min(answered, key=lambda each: _WORST_FIRST.index(each[2].result))
    if worst.reason is not None:
        alike = sum(count for _, count, result in answered if result.result == worst.result)
        where = f", from {figures.offset(number * width_s)} to {figures.offset((number + 1) * width_s)}"
        where += (
            f", and in {alike - 1:,} more of {sum(count for _, count, _ in answered):,} windows"
            if alike > 1
            else ""
        )
        explanation = worst.explanation and worst.explanation + where
        worst = replace(worst, reason=worst.reason + where, explanation=explanation)
    return worst


def _window_numbers(windows: Mapping[int, Aggregate]) -> list[tuple[int, int]]:
    """The windows from the first to the last in which something ended, each with how many it stands for.

    Those in which nothing at all was recorded are alike: the first stands for them, however long the gap is.
    """
    numbers = [number for number, window in windows.items() if window.instances or window.requests]
    if not numbers:
        return []
    first, last = min(numbers), max(numbers)
    recorded = sorted(number for number in windows if first <= number <= last)
    found = [(number, 1) for number in recorded]
    if empty := last - first + 1 - len(recorded):
        gap = next(number for number, there in enumerate(recorded, first) if number != there)
        found = sorted([*found, (gap, empty)])
    return found


def _over(threshold: Threshold, aggregate: Aggregate, rows: Sequence[StepRow], span_s: float) -> ThresholdResult:
    measure = select(aggregate, threshold.metric, threshold.tags, rows)
    return evaluate_measure(threshold, measure, aggregate.health, span_s)


def evaluate_measure(
    threshold: Threshold, measure: Measure, health: HealthSeries, span_s: float
) -> ThresholdResult:
    """The result for what was measured in `span_s` seconds, in which `health` was the generator's."""
    value, samples = _read(measure, threshold, span_s)
    word = word_of(threshold, measure, health, span_s)
    if word == "no_data" or value is None:
        return _result(threshold, "no_data", samples=samples, explanation=_no_data(threshold, samples))
    printed = _printed(threshold, value)
    measured = printed + _plus_minus(threshold, value, health)
    if word == "pass":
        return _result(threshold, "pass", samples=samples, value=value, measured=measured)
    if word == "inconclusive":
        explanation = _lagged(printed, health.lag.percentile(99))
        return _result(
            threshold, "inconclusive", samples=samples, value=value, measured=measured, explanation=explanation
        )
    reason = _failed(threshold, measure, printed, samples)
    return _result(threshold, "fail", samples=samples, value=value, measured=measured, reason=reason)


def word_of(threshold: Threshold, measure: Measure, health: HealthSeries, span_s: float) -> ThresholdWord:
    """The word of the result alone."""
    value, samples = _read(measure, threshold, span_s)
    if value is None or _too_few(threshold, measure, samples):
        return "no_data"
    if _holds(threshold, value):
        return "pass"
    if _may_be_lag(threshold) and _holds(threshold, _without_lag(threshold, value, measure, health)):
        return "inconclusive"
    return "fail"


def _read(measure: Measure, threshold: Threshold, span_s: float) -> tuple[float | None, int]:
    """(the aggregate of a measure, None when it has no value; the samples behind it)."""
    if isinstance(measure, Trend):
        samples = measure.histogram.count
        return (_of_trend(measure, threshold) if samples or threshold.aggregate == "count" else None), samples
    if isinstance(measure, Rate):
        if threshold.aggregate == "count":
            counts_all = METRICS[threshold.metric].counts_all
            return measure.count if counts_all else measure.matches, measure.count
        if threshold.unit == "/s":
            return (measure.count / span_s if span_s > 0 else None), measure.count
        return (measure.matches / measure.count if measure.count else None), measure.count
    if isinstance(measure, Counter):
        if threshold.aggregate == "count":
            return measure.total, measure.samples
        return (measure.total / span_s if span_s > 0 else None), measure.samples
    value = {"avg": measure.avg, "max": measure.max}.get(threshold.aggregate, measure.value)
    return value, 0 if value is None else 1


def _of_trend(trend: Trend, threshold: Threshold) -> float:
    histogram = trend.histogram
    match threshold.aggregate:
        case "avg":
            return histogram.mean_us
        case "min":
            return histogram.min_us
        case "max":
            return histogram.max_us
        case "count":
            return histogram.count
        case "med":
            return histogram.percentile(50)
    assert threshold.percentile is not None, f"{threshold.aggregate} is no aggregate of a trend"
    return histogram.percentile(threshold.percentile)


def _too_few(threshold: Threshold, measure: Measure, samples: int) -> bool:
    # A count of 0 is data: `dropped_iterations: count == 0` passes without a single one.
    if threshold.min_samples is None and (threshold.aggregate == "count" or isinstance(measure, Counter)):
        return False
    return samples < samples_needed(threshold)


def _holds(threshold: Threshold, value: float) -> bool:
    return compare(threshold.op, value, threshold.limit)


def compare(op: Operator, value: float, limit: float) -> bool:
    """Whether `value op limit` holds."""
    return _OPERATORS[op](value, limit)


def _may_be_lag(threshold: Threshold) -> bool:
    """Lag only makes times longer, so it can explain only a time that is too long."""
    return (
        threshold.unit == "us"
        and threshold.op in {"<", "<="}
        and METRICS[threshold.metric].family is not GENERATOR
    )


def _without_lag(threshold: Threshold, value: float, measure: Measure, health: HealthSeries) -> float:
    """The minimum of the true time: the measured one without the p99 lag, but not less than the fastest sample
    without the usual lag, nor than any network needs. So a burst of lag at the start of a short run excuses no
    limit that no sample ever met.
    """
    fastest = measure.histogram.min_us - health.usual_lag.percentile(50) if isinstance(measure, Trend) else 0.0
    possible = FASTEST_ANSWER_US if threshold.metric in {"http_req_duration", "http_req_waiting"} else 0.0
    return max(value - health.lag.percentile(99), fastest, possible)


def _plus_minus(threshold: Threshold, value: float, health: HealthSeries) -> str:
    """The error of a time caused by the lag of this machine; empty if it is negligible."""
    lag_us = health.lag.percentile(99)
    if threshold.unit != "us" or METRICS[threshold.metric].family is GENERATOR or lag_us < WORTH_SAYING * value:
        return ""
    return f" ± {figures.duration(lag_us / 1000, digits=2)}" if lag_us else ""


def _no_data(threshold: Threshold, samples: int) -> str:
    if not samples:
        return "nothing was measured"
    return f"it needs at least {samples_needed(threshold):,} samples and has {samples:,}; make the run longer"


def _no_limit(baseline: Baseline | None) -> str:
    if baseline is None:
        return "there is no baseline; name one with --baseline, or pass --baseline none"
    return f"the baseline, run {baseline.run_id}, has no such figure"


def _lagged(measured: str, lag_us: float) -> str:
    return (
        f"{measured} was measured, but the event loop of this machine was up to "
        f"{figures.duration(lag_us / 1000, digits=2)} late (p99), which may explain the excess; "
        "use fewer users or a faster machine"
    )


def _failed(threshold: Threshold, measure: Measure, measured: str, samples: int) -> str:
    if threshold.origin == IMPLIED.origin and isinstance(measure, Rate):
        bad = measure.count - measure.matches
        share = figures.share(bad / measure.count)
        return f"{bad:,} of {measure.count:,} instances did not pass ({share})"
    if isinstance(measure, Rate) and threshold.unit == "%":
        return f"{_spoken(threshold)} failed: {measured} ({measure.matches:,} of {measure.count:,})"
    if isinstance(measure, Rate) and threshold.aggregate == "count" and not METRICS[threshold.metric].counts_all:
        return f"{_spoken(threshold)} failed: {measured} of {measure.count:,}"
    seen = f" (n = {samples:,})" if isinstance(measure, Trend) and threshold.aggregate != "count" else ""
    return f"{_spoken(threshold)} failed: {measured}{seen}"


def _spoken(threshold: Threshold) -> str:
    return f"{threshold.selector}: {threshold.text}"


def _printed(threshold: Threshold, value: float) -> str:
    return figures.told_apart(value, threshold.limit, partial(format_limit, unit=threshold.unit))


def _result(
    threshold: Threshold,
    result: ThresholdWord,
    *,
    samples: int,
    value: float | None = None,
    measured: str = "no data",
    reason: str | None = None,
    explanation: str | None = None,
) -> ThresholdResult:
    digits = figures.EXACT if threshold.baseline_times is None else _DIGITS_OF_A_BASELINE
    return ThresholdResult(
        selector=threshold.selector,
        condition=threshold.text,
        result=result,
        measured=measured,
        limit=format_limit(threshold.limit, threshold.unit, digits=digits),
        samples=samples,
        origin=threshold.origin,
        metric=threshold.metric,
        tags=dict(threshold.tags),
        aggregate=threshold.aggregate,
        percentile=threshold.percentile,
        operator=threshold.op,
        unit=threshold.unit,
        value=value,
        limit_value=threshold.limit,
        reason=f"{_spoken(threshold)} could not be judged: {explanation}" if explanation else reason,
        explanation=explanation,
        file=threshold.where.file if threshold.where else None,
        line=threshold.where.line if threshold.where else None,
    )
