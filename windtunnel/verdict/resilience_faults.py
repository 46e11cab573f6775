"""The faults of a run as they were done: how often, and from when to when. Times are seconds of the load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel import figures
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.turbulence import FaultSeries, TurbulenceSeries
from windtunnel.model.resilience import Band, FaultFigures
from windtunnel.model.turbulence import FaultSpec, FaultTarget, Phases, Turbulence


def load_began(aggregate: Aggregate, phases: Phases) -> float:
    """The unix time at which the load began; that of the first line where nothing says so."""
    return min(
        (begin - phases.begin_s(name) for name, (begin, _) in aggregate.phases.items()), default=aggregate.started
    )


def fault_figures(turbulence: Turbulence, aggregate: Aggregate) -> list[FaultFigures]:
    """Every fault of the plan, in its order."""
    counted = aggregate.turbulence or TurbulenceSeries()
    began = load_began(aggregate, turbulence.phases)
    found = []
    for fault in turbulence.faults:
        levels = {key.level: series for key, series in counted.faults.items() if key.name == fault.name}
        done = FaultSeries()
        for series in levels.values():
            done.merge(series)
        switched_on = sum(event == "on" for _, event in done.switches)
        # What an engine does is seen when it is switched on, not request by request.
        applied = done.applied or (switched_on if fault.engine else 0)
        found.append(
            FaultFigures(
                name=fault.name,
                kind=fault.type,
                what=described(fault),
                pattern=fault.schedule.pattern,
                asked=applied + done.missed,
                applied=applied,
                bands=_bands(fault, levels, turbulence.phases, began),
                left_behind=done.left_behind,
            )
        )
    return found


def described(fault: FaultSpec) -> str:
    """What it does to what: `latency (delay: 800ms) on POST /charge* at the proxy payments, 60% of requests`."""
    settings = ", ".join(f"{name}: {_setting(value)}" for name, value in fault.settings.items())
    what = f"{fault.type} ({settings})" if settings else fault.type
    share = (
        "" if fault.probability >= 1 else f", {figures.share(fault.probability, digits=figures.EXACT)} of requests"
    )
    return f"{what} on {_target(fault.on, fault.engine)}{share}"


def _setting(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_setting(each)}' for name, each in value.items())}}}"
    return figures.literal(value) if isinstance(value, float) else str(value)


def _target(on: FaultTarget, engine: str) -> str:
    request = " ".join(each for each in (on.method, on.path) if each)
    parts = [
        request,
        f"step {on.step}" if on.step else "",
        f"scenario {on.scenario}" if on.scenario else "",
        f"service {on.service}" if on.service else "",
    ]
    what = ", ".join(each for each in parts if each)
    if on.proxy:
        return f"{what or 'everything'} at the {'proxy' if not engine else engine + ' proxy'} {on.proxy}"
    return what or (f"what {engine} does it to" if engine else "every request")


def _bands(fault: FaultSpec, levels: Mapping[str, FaultSeries], phases: Phases, began: float) -> list[Band]:
    """From when to when it was on: by its records where it was switched, else by its plan."""
    end_s = phases.length_s
    switched = [
        Band(begin_s=round(begin - began, 6), end_s=round(end - began, 6), level=level)
        for level, series in levels.items()
        for begin, end in series.bands(began + end_s)
    ]
    if switched:
        return sorted(switched, key=lambda band: (band.begin_s, band.end_s, band.level))
    swept = [
        Band(begin_s=round(series.first_t - began, 6), end_s=round(series.last_t - began, 6), level=level)
        for level, series in levels.items()
        if level and series.applied
    ]
    return sorted(swept, key=lambda band: band.begin_s) or [_planned(fault, phases)]


def _planned(fault: FaultSpec, phases: Phases) -> Band:
    """The time that its schedule gives it, within the phase `inject`."""
    inject, end_s = phases.begin_s("inject"), phases.end_s("inject")
    begin_s = min(inject + fault.schedule.at.of(phases.inject_s), end_s)
    length = fault.schedule.length
    return Band(
        begin_s=begin_s, end_s=end_s if length is None else min(begin_s + length.of(phases.inject_s), end_s)
    )
