"""How faults were borne, in words that the page, the terminal, the Markdown and the others share.

Names of faults, proxies and levels are the user's text, also inside these sentences: each renderer escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from windtunnel import figures
from windtunnel.model.resilience import NOT_JUDGED, Bound, BoundResult, FaultFigures, Resilience
from windtunnel.model.summary import Summary
from windtunnel.model.vocabulary import ResilienceWord

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

_MOST_PLACES = 3


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
    if judged.recovery == "unknown":
        return f"{degraded}; whether it recovered is unknown: too little was seen"
    if judged.time_to_recover_s is None:
        ended_s = max((phase.end_s for phase in judged.phases), default=0.0)
        rest_s = ended_s - last_fault_s(judged)
        return f"{degraded}; never recovered" + (f" within {figures.offset(rest_s)}" if rest_s > 0 else "")
    if not judged.time_to_recover_s:
        return f"{degraded}; back in its steady state when the last one ended"
    return f"{degraded}; recovered {figures.offset(judged.time_to_recover_s)} after the last one"


def first_fault_s(judged: Resilience) -> float:
    """When the first fault began, in seconds since the load began."""
    inject = judged.phase("inject")
    begins = (band.begin_s for fault in judged.faults for band in fault.bands)
    return min(begins, default=inject.begin_s if inject else 0.0)


def last_fault_s(judged: Resilience) -> float:
    """When the last fault ended, in seconds since the load began."""
    inject = judged.phase("inject")
    ends = (band.end_s for fault in judged.faults for band in fault.bands)
    return max(ends, default=inject.end_s if inject else 0.0)


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
