"""The tables on how faults were borne: the phases side by side, proxies, groups, levels, and all that a page says.

Cells are text for people; names in them are the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from windtunnel import figures
from windtunnel.model.resilience import Band, BoundResult, Level, PhaseFigures, ProxyFigures, Resilience
from windtunnel.model.vocabulary import TurbulencePhase
from windtunnel.report.resilience import TONES, Tone, injected_instances, pieces, word

NO_VALUE = "\N{EN DASH}"
WHEN: Mapping[TurbulencePhase, str] = {
    "warmup": "warm-up",
    "steady": "before",
    "inject": "during",
    "recover": "after",
}
"""The heads of the columns of the evidence, with the name of the phase."""

_NO_BREAK = "\N{NO-BREAK SPACE}"
MOST_BANDS = 4
"""Times of one fault that are written out; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: what it is of, and its cells as text."""

    name: str
    cells: tuple[str, ...]


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
        why = "too little was seen" if judged.recovery == "unknown" else "the steady state was never left"
        found.append(("Time to recover", NO_VALUE, why))
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
    """`15 s to 17 s, 19 s to 21 s, and 3 more`, with levels where there are any. No line ends inside of a time."""
    told = [
        f"{figures.offset(band.begin_s)} to {figures.offset(band.end_s)}".replace(" ", _NO_BREAK)
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
