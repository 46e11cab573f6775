"""The bounds of a plan on proxies, effects, scenarios and measures, and the levels of a fault."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from windtunnel.expressions.measure_limit import parse_measure_limit
from windtunnel.expressions.threshold import format_limit
from windtunnel.figures import number, plural
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import StepRow
from windtunnel.model.resilience import (
    MEASURES,
    Bound,
    BoundResult,
    FaultFigures,
    Level,
    ProxyFigures,
    Resilience,
)
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import DuplicateLimit, JudgeSettings, LossLimit, MeasureLimit, RetryLimit
from windtunnel.verdict.resilience_bounds import due_in_inject
from windtunnel.verdict.resilience_seconds import Seconds, touched
from windtunnel.verdict.significance import OF_THE_WHOLE, surely_broken
from windtunnel.verdict.thresholds import compare, evaluate_measure


def limit_bounds(judge: JudgeSettings, figures: Resilience) -> list[Bound]:
    """The bounds of a plan on the figures of its judgement."""
    return [
        *(_amplification_bound(each, figures.proxies) for each in judge.retry_amplification),
        *([_duplicates_bound(judge.duplicates, figures.duplicates)] if judge.duplicates else []),
        *([_lost_bound(judge.lost, figures.lost)] if judge.lost else []),
        *(_measure_bound(each, figures) for each in judge.measures),
    ]


def _amplification_bound(limit: RetryLimit, proxies: Sequence[ProxyFigures]) -> Bound:
    """The most attempts for each logical request at one proxy."""
    condition = f"{limit.proxy}: at most {number(limit.at_most)} requests for each logical one"
    seen = next((proxy.amplification for proxy in proxies if proxy.name == limit.proxy), None)
    if seen is None:
        why = (
            f"retries at the proxy {limit.proxy} could not be counted: no request that came to it while faults "
            "were on had an id; pass X-Correlation-ID or traceparent on"
        )
        return Bound(
            name="retry_amplification", condition=condition, result="no_data", measured="no data", reason=why
        )
    broken = seen > limit.at_most
    return Bound(
        name="retry_amplification",
        condition=condition,
        result="broken" if broken else "held",
        measured=number(seen),
        reason=f"the proxy {limit.proxy} saw {number(seen)} requests for each logical one; at most "
        f"{number(limit.at_most)} are allowed"
        if broken
        else None,
    )


def _duplicates_bound(limit: DuplicateLimit, found: int | None) -> Bound:
    """Effects beyond one for each idempotency key."""
    said = f"{plural(found or 0, 'effect')} too many: answers to the same {limit.by} differ"
    where = f" at {limit.same}" if limit.same else ""
    why = (
        f"duplicates could not be counted: no {limit.by} was used twice, or no successful answer to one said "
        f"anything{where}"
    )
    return _counted(
        "duplicates", f"at most {limit.at_most:,} by {limit.by}", found, limit.at_most, why, said + where
    )


def _lost_bound(limit: LossLimit, found: int | None) -> Bound:
    """Effects that were acknowledged and not found."""
    why = f"lost effects could not be counted: step {limit.acknowledged} acknowledged nothing"
    said = f"{plural(found or 0, 'effect')} lost: {limit.acknowledged} acknowledged, {limit.found_by} did not find"
    return _counted("lost", f"at most {limit.at_most:,}", found, limit.at_most, why, said)


def unaffected_bound(scenario: str, seconds: Seconds, aggregate: Aggregate, rows: Sequence[StepRow]) -> Bound:
    """A scenario that has to keep the steady state while faults are on."""
    answered, broken = [], []
    for threshold in seconds.steady_state:
        if threshold.tags.get("scenario", scenario) == scenario:
            own = dataclasses.replace(threshold, tags={**threshold.tags, "scenario": scenario})
            measure, health = due_in_inject(own, aggregate, rows), aggregate.health
            result = evaluate_measure(own, measure, health, seconds.phases.inject_s)
            by_chance = surely_broken(own, measure, health, OF_THE_WHOLE) is False
            answered += [(threshold, result)] if result.result in {"pass", "fail"} else []
            broken += [(threshold, result)] if result.result == "fail" and not by_chance else []
    word: BoundResult = "broken" if broken else "held" if answered else "no_data"
    reason = None
    if broken:
        threshold, result = broken[0]
        reason = (
            f"the scenario {scenario} was to be unaffected, but during the faults {threshold.selector}: "
            f"{threshold.text} did not hold in it: {result.measured}"
        )
    elif not answered:
        reason = f"the scenario {scenario} was to be unaffected, but too little of it ended during the faults"
    shown = broken or answered
    return Bound(
        name="unaffected",
        condition=f"{scenario} keeps the steady state",
        result=word,
        measured=", ".join(f"{threshold.selector}: {result.measured}" for threshold, result in shown) or "no data",
        reason=reason,
    )


def _measure_bound(limit: MeasureLimit, judged: Resilience) -> Bound:
    """A limit on one measure. Raises ExpressionError for one that the plan can't have had."""
    row, parsed = MEASURES[limit.measure], parse_measure_limit(limit.measure, limit.text)
    value = row.value(judged)
    where = limit.where
    result: BoundResult = "no_data"
    reason: str | None = f"{limit.measure}: {parsed.text} could not be judged: nothing was measured"
    measured = "no data"
    if value is not None:
        held = compare(parsed.op, value, parsed.limit)
        measured = "never" if math.isinf(value) else format_limit(value, row.unit, digits=3)
        result = "held" if held else "broken"
        reason = None if held else f"{limit.measure}: {parsed.text} did not hold: {measured}"
    return Bound(
        name=limit.measure,
        condition=f"{limit.measure} {parsed.text}",
        result=result,
        measured=measured,
        reason=reason,
        file=where.file if where else None,
        line=where.line if where else None,
    )


def levels_of(faults: Sequence[FaultFigures], thresholds: Sequence[Threshold], seconds: Seconds) -> list[Level]:
    """How each level of each fault was borne: one that has only one has none."""
    found = []
    for fault in faults:
        levels = list(dict.fromkeys(band.level for band in fault.bands if band.level))
        for level in levels if len(levels) > 1 else ():
            pieces = [_within(band.begin_s, band.end_s) for band in fault.bands if band.level == level]
            results = [seconds.result(each, *pieces) for each in thresholds]
            held = seconds.keeps(*pieces, to=thresholds)
            told = [each for each in results if held is not False or each.result == "fail"]
            found.append(
                Level(
                    fault=fault.name,
                    level=level,
                    held=held,
                    measured=", ".join(f"{each.selector}: {each.measured}" for each in told),
                )
            )
    return found


def told_of_levels(levels: Sequence[Level]) -> list[str]:
    """A sentence for each fault with levels: `payments brownout: holds up to 200 ms, fails at 400 ms`."""
    sentences = []
    for fault in dict.fromkeys(level.fault for level in levels):
        own = [level for level in levels if level.fault == fault]
        failed = next((position for position, level in enumerate(own) if level.held is False), None)
        held = [level.level for level in own[:failed] if level.held]
        if failed is None:
            told = f"holds up to {held[-1]}, the last level" if held else "no level could be judged"
        elif held:
            told = f"holds up to {held[-1]}, fails at {own[failed].level}"
        else:
            told = f"fails at {own[failed].level}, the first level"
        sentences.append(f"{fault}: {told}")
    return sentences


def _within(begin_s: float, end_s: float) -> range:
    """The whole seconds of a time, or those that it touches where there are none."""
    whole = range(math.ceil(begin_s - 1e-9), math.floor(end_s + 1e-9))
    return whole or touched(begin_s, end_s)


def _counted(name: str, condition: str, found: int | None, at_most: int, unknown: str, said: str) -> Bound:
    if found is None:
        return Bound(name=name, condition=condition, result="no_data", measured="no data", reason=unknown)
    broken = found > at_most
    return Bound(
        name=name,
        condition=condition,
        result="broken" if broken else "held",
        measured=f"{found:,}",
        reason=said if broken else None,
    )
