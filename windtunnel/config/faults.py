"""Faults of a plan or a scenario to their model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from windtunnel.config.reader import Document
from windtunnel.errors import Problem
from windtunnel.expressions.quantities import is_percentage, parse_duration, parse_percentage
from windtunnel.figures import as_written
from windtunnel.model.source import DataPath
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Schedule

_COMMON = frozenset({"name", "type", "on", "probability", "schedule", "engine"})
_OF_EVERY_PATTERN = frozenset({"at", "for", "pattern"})


def read_fault(document: Document, path: DataPath, written: Mapping[str, Any], *, scenario: str = "") -> FaultSpec:
    """The fault at `path`, which its schema accepts; of a scenario, that can only be on its own requests."""
    on = dict(written.get("on", {}))
    match = on.pop("match", {})
    if scenario:
        on["scenario"] = scenario
    return FaultSpec(
        name=written.get("name", ""),
        type=written["type"],
        on=FaultTarget(**on, method=match.get("method", "").upper(), path=match.get("path", "")),
        probability=parse_percentage(written.get("probability", 1.0)),
        schedule=_schedule(written.get("schedule", {})),
        settings={key: value for key, value in written.items() if key not in _COMMON},
        engine=written.get("engine", "hook" if written["type"] == "hook" else ""),
        where=document.source.locate(path),
    )


def named(faults: Sequence[FaultSpec]) -> tuple[FaultSpec, ...]:
    """The faults, each with a name of its own: one without is called by its type."""
    taken = {fault.name for fault in faults if fault.name}
    found: list[FaultSpec] = []
    for fault in faults:
        name = fault.name
        if not name:
            number = 1
            name = fault.type
            while name in taken:
                number += 1
                name = f"{fault.type} {number}"
            taken.add(name)
        found.append(replace(fault, name=name))
    return tuple(found)


def _schedule(written: Mapping[str, Any]) -> Schedule:
    settings = {key: value for key, value in written.items() if key not in _OF_EVERY_PATTERN}
    implied = next((key for key in ("first_n", "every_nth", "sweep") if key in settings), "window")
    return Schedule(
        at=_amount(written.get("at", 0)),
        length=_amount(written["for"]) if "for" in written else None,
        pattern=written.get("pattern", implied),
        settings=settings,
    )


def _amount(value: str | float) -> Amount:
    if is_percentage(value):
        return Amount(share=parse_percentage(value))
    return Amount(seconds=parse_duration(value))


def schedule_problems(
    document: Document, path: DataPath, written: Mapping[str, Any], inject_s: float
) -> Iterator[Problem]:
    """What is impossible about the schedule of the fault at `path`, in a phase that is so long."""
    schedule = _schedule(written.get("schedule", {}))
    here: DataPath = (*path, "schedule")
    at_s = schedule.at.of(inject_s)
    if at_s >= inject_s:
        message = f"the fault begins after {as_written(at_s)}, but `inject` is {as_written(inject_s)} long"
        yield document.problem(message, (*here, "at"), hint="begin earlier, or make the phase longer")
