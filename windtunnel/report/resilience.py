"""How faults were borne, in words and rows that the page, the terminal, the Markdown and the others share.

Names of faults, proxies and levels are the user's text, also inside these sentences: each renderer escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from windtunnel import figures
from windtunnel.model.resilience import (
    NOT_JUDGED,
    Band,
    Bound,
    BoundResult,
    FaultFigures,
    Level,
    PhaseFigures,
    ProxyFigures,
    Resilience,
)
from windtunnel.model.summary import Summary
from windtunnel.model.vocabulary import ResilienceWord, TurbulencePhase

Tone = Literal["good", "bad", "warn", "plain"]

SIGNS: Mapping[ResilienceWord, str] = {
    "resilient": "✓",
    "degraded": "~",
    "failed": "✗",
    "metastable": "✗",
    "not_judged": "?",
}
"""A sign for every word, as of the words of a verdict."""

TONES: Mapping[ResilienceWord, Tone] = {
    "resilient": "good",
    "degraded": "warn",
    "failed": "bad",
    "metastable": "bad",
    "not_judged": "warn",
}
RESULT_TONES: Mapping[BoundResult, Tone] = {"held": "good", "broken": "bad", "no_data": "plain"}

NO_VALUE = "\N{EN DASH}"
WHEN: Mapping[TurbulencePhase, str] = {
    "warmup": "warm-up",
    "steady": "before",
    "inject": "during",
    "recover": "after",
}
"""The heads of the columns of the evidence, with the name of the phase."""

MOST_BANDS = 4
"""Times of one fault that are written out; the others are counted."""

_MOST_PLACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: what it is of, and its cells as text."""

    name: str
    cells: tuple[str, ...]


def word(judged: Resilience) -> str:
    """`resilient`, `not judged`."""
    return spaced(judged.word)


def spaced(text: str) -> str:
    """A word of a vocabulary for people: `no data`, `steady state`."""
    return text.replace("_", " ")


def sentence(text: str) -> str:
    """The text with a full stop, and with a capital unless it begins with the name of a metric."""
    is_word = text.partition(" ")[0].isalpha()
    return f"{text[:1].upper() if is_word else text[:1]}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def titled(text: str) -> str:
    """The name of a row or column with a capital; `p95 latency` stays."""
    return text if text[1:2].isdigit() else f"{text[:1].upper()}{text[1:]}"


def under_faults(summary: Summary) -> str:
    """What the headline of the verdict adds on the faults, without a full stop; empty without any."""
    judged = summary.turbulence
    if judged is None:
        return ""
    return {
        "resilient": "the faults were borne without a trace",
        "degraded": "under faults the system degraded, and came back",
        "failed": "the faults were not borne",
        "metastable": "the system stays down after the faults",
        "not_judged": "how the faults were borne was not judged",
    }[judged.word]


def is_broken(judged: Resilience) -> bool:
    """Whether the word alone makes a run fail."""
    return judged.word in {"failed", "metastable"}


def other_reasons(summary: Summary) -> list[str]:
    """The reasons of the verdict that the line of the word does not say."""
    judged = summary.turbulence
    if judged is None:
        return summary.reasons
    return [reason for reason in summary.reasons if _of_judge(reason) != judged.headline]


def more_reasons(summary: Summary) -> list[str]:
    """The reasons of the word that neither its own line nor the verdict says."""
    judged = summary.turbulence
    if judged is None:
        return []
    said = {judged.headline, *map(_of_judge, summary.reasons)}
    return [reason for reason in judged.reasons if reason not in said]


def _of_judge(reason: str) -> str:
    return reason.removeprefix(NOT_JUDGED)


def recovery(judged: Resilience) -> str:
    """`degraded 2 s after the first fault; recovered 6 s after the last one`."""
    if judged.time_to_degrade_s is None:
        known = any(bucket.good for bucket in judged.buckets)
        return "not needed: it never degraded" if known else "unknown: too little was seen"
    degraded = f"degraded {figures.offset(judged.time_to_degrade_s or 0.0)} after the first fault"
    if judged.time_to_recover_s is None:
        rest = judged.phase("recover")
        within = f" within {figures.offset(rest.end_s - rest.begin_s)}" if rest else ""
        return f"{degraded}; never recovered{within}"
    return f"{degraded}; recovered {figures.offset(judged.time_to_recover_s)} after the last one"


def injected(judged: Resilience) -> str:
    """`payments brownout 241 times, lost reply 13 of 15 times`."""
    return ", ".join(f"{fault.name} {times(fault)}" for fault in judged.faults) or "no fault"


def times(fault: FaultFigures) -> str:
    """`241 times`, `13 of 15 times`."""
    if fault.asked > fault.applied:
        return f"{fault.applied:,} of {figures.plural(fault.asked, 'time')}"
    return figures.plural(fault.applied, "time")


def pieces(judged: Resilience) -> str:
    """`judged in pieces of 1 s`: the length that has the samples which the steady state needs."""
    return f"judged in pieces of {figures.offset(judged.bucket_s)}"


def look_at(judged: Resilience) -> list[str]:
    """Where to look: faults that were never done and bounds that did not hold, at their places, and bad times."""
    found = [f"{place(fault)}{fault.name}: never done" for fault in judged.faults if not fault.applied]
    found += [f"{place(bound)}{bound_name(bound)} ({bound.measured})" for bound in not_held(judged.bounds)]
    found = found[:_MOST_PLACES]
    bad = [bucket for bucket in judged.buckets if bucket.good is False]
    if bad:
        first, last = figures.offset(bad[0].begin_s), figures.offset(bad[-1].end_s)
        found.append(f"{first} to {last} of the load, when the steady state did not hold")
    return found


def not_held(bounds: Sequence[Bound]) -> list[Bound]:
    """The broken ones, then those without data."""
    broken = [bound for bound in bounds if bound.result == "broken"]
    return [*broken, *(bound for bound in bounds if bound.result == "no_data")]


def place(where: Bound | FaultFigures) -> str:
    """`plan.yaml:31 `, with the blank; empty where it is not known."""
    return f"{where.file}:{where.line} " if where.file and where.line else ""


def bound_name(bound: Bound) -> str:
    """`during: instances: rate > 95%`; of a measure `time_to_recover < 15 s`."""
    return f"{bound.name} {condition}" if (condition := of_measure(bound)) else f"{bound.name}: {bound.condition}"


def condition(bound: Bound) -> str:
    """What had to hold, without the name of the bound in front."""
    return of_measure(bound) or bound.condition


def of_measure(bound: Bound) -> str:
    """The limit of a bound on a measure, whose condition begins with its name; empty for any other."""
    name, _, limit = bound.condition.partition(" ")
    return limit if name == bound.name else ""


def injected_instances(judged: Resilience) -> int:
    """Instances that failed by a fault on our own requests."""
    return sum(phase.injected for phase in judged.phases)


# ── Tables ──────────────────────────────────────────────────────────────────────────────────────────────────────


def evidence(judged: Resilience) -> list[Row]:
    """The figures of the phases side by side, a column for each of `judged.phases`."""
    return [
        Row(name=name, cells=tuple(write(phase) for phase in judged.phases))
        for name, write in EVIDENCE.items()
        if write is not _injected or injected_instances(judged)
    ]


def _rate(phase: PhaseFigures) -> str:
    return figures.per_second(phase.rate)


def _injected(phase: PhaseFigures) -> str:
    return f"{phase.injected:,}"


def _requests(phase: PhaseFigures) -> str:
    return f"{phase.requests:,}"


def _failed(phase: PhaseFigures) -> str:
    return figures.share(phase.failed_share) if phase.requests else NO_VALUE


def _passed(phase: PhaseFigures) -> str:
    return figures.share(phase.passed / phase.instances) if phase.instances else NO_VALUE


def _latency(field: str) -> Callable[[PhaseFigures], str]:
    def write(phase: PhaseFigures) -> str:
        return figures.duration(getattr(phase, field)) if phase.requests else NO_VALUE

    return write


EVIDENCE: Mapping[str, Callable[[PhaseFigures], str]] = {
    "instances passed per second": _rate,
    "instances passed": _passed,
    "failed by a fault": _injected,
    "requests": _requests,
    "failed requests": _failed,
    "p50 latency": _latency("p50_ms"),
    "p95 latency": _latency("p95_ms"),
    "p99 latency": _latency("p99_ms"),
}
"""The figures of a phase, by what they are called."""


def measures(judged: Resilience) -> list[tuple[str, str, str]]:
    """The figures of the whole judgement: (what, value, remark). Those without a value are left out."""
    found = []
    if judged.time_to_degrade_s is not None:
        found.append(("Time to degrade", figures.offset(judged.time_to_degrade_s), "from the first fault"))
    if judged.time_to_recover_s is not None:
        found.append(
            ("Time to recover", figures.offset(judged.time_to_recover_s), "from the end of the last fault")
        )
    elif judged.recovery == "never":
        found.append(("Time to recover", "never", "the steady state did not come back"))
    else:
        found.append(("Time to recover", NO_VALUE, "the steady state was never left"))
    if judged.rate_afterwards is not None:
        said = "instances passed per second, of steady"
        found.append(("Rate afterwards", figures.share(judged.rate_afterwards), said))
    if judged.error_budget_used is not None:
        found.append(("Error budget used", figures.share(judged.error_budget_used), "of what steady state allows"))
    if judged.fail_fast_ms is not None:
        found.append(
            ("p95 until failed", figures.duration(judged.fail_fast_ms), "of requests that failed in inject")
        )
    if judged.duplicates is not None:
        found.append(("Duplicate effects", f"{judged.duplicates:,}", "beyond one for each key"))
    if judged.lost is not None:
        found.append(("Lost effects", f"{judged.lost:,}", "acknowledged, not found afterwards"))
    if count := injected_instances(judged):
        found.append(("Failed by a fault", f"{count:,}", "instances that count nowhere else"))
    return found


def proxy_rows(judged: Resilience) -> list[Row]:
    """What each proxy saw; the columns are `PROXY_HEAD`."""
    return [Row(name=proxy.name, cells=_proxy_cells(proxy)) for proxy in judged.proxies]


PROXY_HEAD = ("requests", "logical", "amplification", "before", "at once", "retry gap", "in step")
"""The columns of `proxy_rows`, after the name."""

PROXY_NOTE = (
    "Amplification is requests for each logical request, before that in steady; in step is the largest share of "
    "the retries of a second that came within a tenth of it; at once are requests in the proxy at the same time."
)


def _proxy_cells(proxy: ProxyFigures) -> tuple[str, ...]:
    return (
        f"{proxy.requests:,}",
        f"{proxy.logical:,}" if proxy.logical else NO_VALUE,
        _or_none(proxy.amplification, figures.number),
        _or_none(proxy.amplification_steady, figures.number),
        f"{proxy.in_flight_max:,}" if proxy.in_flight_max else NO_VALUE,
        figures.duration(proxy.retry_gap_p50_ms) if proxy.retries else NO_VALUE,
        _or_none(proxy.synchrony, figures.share),
    )


def _or_none(value: float | None, write: Callable[[float], str]) -> str:
    return NO_VALUE if value is None else write(value)


def group_rows(judged: Resilience) -> list[Row]:
    """The disturbed instances and the control group; the columns are `GROUP_HEAD`."""
    return [
        Row(
            name=group.name,
            cells=(
                f"{group.instances:,}",
                figures.share(group.passed / group.instances) if group.instances else NO_VALUE,
                figures.duration(group.p95_ms) if group.instances else NO_VALUE,
            ),
        )
        for group in judged.groups
    ]


GROUP_HEAD = ("instances", "passed", "p95 latency")
"""The columns of `group_rows`, after the name."""

GROUP_NOTE = (
    "The two groups in the same seconds of inject: no fault on our own requests touched the control group."
)


def held_word(level: Level) -> BoundResult:
    """Whether what had to hold at a level did, in the words of a bound."""
    return "no_data" if level.held is None else "held" if level.held else "broken"


def levels_told(levels: Sequence[Level]) -> list[str]:
    """`slower and slower: holds at 100 ms, fails at 400 ms, no data at 800 ms`, a line for each fault."""
    said = {"held": "holds at", "broken": "fails at", "no_data": "no data at"}
    lines = []
    for name in dict.fromkeys(level.fault for level in levels):
        parts = [f"{said[held_word(each)]} {each.level}" for each in levels if each.fault == name]
        lines.append(f"{name}: {', '.join(parts)}")
    return lines


def bands_told(bands: Sequence[Band]) -> str:
    """`15 s to 17 s, 19 s to 21 s, and 3 more`, with the level where there is one."""
    told = [
        f"{figures.offset(band.begin_s)} to {figures.offset(band.end_s)}"
        + (f" ({band.level})" if band.level else "")
        for band in bands[:MOST_BANDS]
    ]
    if len(bands) > MOST_BANDS:
        told.append(f"and {len(bands) - MOST_BANDS} more")
    return ", ".join(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Everything that a page says of a judgement. `more` are the reasons beside its headline."""

    word: str
    tone: Tone
    more: Sequence[str]
    pieces: str
    measures: Sequence[tuple[str, str, str]]
    when: Mapping[TurbulencePhase, str]
    evidence: Sequence[Row]
    groups: Sequence[Row]
    group_head: Sequence[str]
    group_note: str
    proxies: Sequence[Row]
    proxy_head: Sequence[str]
    proxy_note: str


def said_of(judged: Resilience) -> Said:
    """Everything that a page says of a judgement."""
    return Said(
        word=word(judged),
        tone=TONES[judged.word],
        more=[reason for reason in judged.reasons if reason != judged.headline],
        pieces=pieces(judged),
        measures=measures(judged),
        when=WHEN,
        evidence=evidence(judged),
        groups=group_rows(judged),
        group_head=GROUP_HEAD,
        group_note=GROUP_NOTE,
        proxies=proxy_rows(judged),
        proxy_head=PROXY_HEAD,
        proxy_note=PROXY_NOTE,
    )
