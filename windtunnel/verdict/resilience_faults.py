"""The faults of a run as they were done: how often, and from when to when. Times are seconds of the load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from windtunnel.errors import ExpressionError
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.turbulence import FaultSeries, TurbulenceSeries
from windtunnel.model.manifest import Manifest
from windtunnel.model.resilience import Band, FaultFigures
from windtunnel.model.turbulence import FaultSpec, Phases, Turbulence
from windtunnel.turbulence.faults.table import fault_type
from windtunnel.turbulence.schedule import timeline
from windtunnel.turbulence.words import describe
from windtunnel.verdict.resilience_seconds import touched


def load_began(aggregate: Aggregate, phases: Phases) -> float:
    """The unix time at which the load began; that of the first line where nothing says so."""
    return min(
        (begin - phases.begin_s(name) for name, (begin, _) in aggregate.phases.items()), default=aggregate.started
    )


def seed_of(turbulence: Turbulence, manifest: Manifest) -> int:
    """The seed of the faults: that of the run unless the plan has one."""
    return manifest.seed if turbulence.seed is None else turbulence.seed


def fault_figures(turbulence: Turbulence, manifest: Manifest, aggregate: Aggregate) -> list[FaultFigures]:
    """Every fault of the plan, in its order."""
    counted = aggregate.turbulence or TurbulenceSeries()
    seed = seed_of(turbulence, manifest)
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
                what=describe(fault),
                pattern=fault.schedule.pattern,
                asked=applied + done.missed,
                applied=applied,
                bands=_bands(fault, levels, turbulence.phases, seed),
                left_behind=done.left_behind,
                file=fault.where.file if fault.where else None,
                line=fault.where.line if fault.where else None,
            )
        )
    return found


def held_back(turbulence: Turbulence, aggregate: Aggregate, faults: Sequence[FaultFigures]) -> list[range]:
    """The seconds in which faults on our own requests may be why nothing ended."""
    counted = aggregate.turbulence or TurbulenceSeries()
    own = {fault.name for fault in turbulence.client_faults}
    found = []
    for fault in faults:
        if fault.name in own:
            delays = [series.delay_max_us for key, series in counted.faults.items() if key.name == fault.name]
            longest_s = max(delays, default=0) / 1e6
            found += [touched(band.begin_s, band.end_s + longest_s) for band in fault.bands]
    return found


def _bands(fault: FaultSpec, levels: Mapping[str, FaultSeries], phases: Phases, seed: int) -> list[Band]:
    """From when to when it was on: by its records where it was switched, else by its plan."""
    switched = [
        Band(begin_s=round(begin_s, 6), end_s=round(end_s, 6), level=level)
        for level, series in levels.items()
        for begin_s, end_s in series.bands(phases.length_s)
    ]
    if switched:
        return sorted(switched, key=lambda band: (band.begin_s, band.end_s, band.level))
    return _planned(fault, phases, seed)


def _planned(fault: FaultSpec, phases: Phases, seed: int) -> list[Band]:
    """The times that its schedule gives it; the whole phase `inject` where what it needs is not installed here."""
    try:
        windows = timeline(fault, phases, seed=seed, main=fault_type(fault.type).main)
    except ExpressionError:
        return [Band(begin_s=phases.begin_s("inject"), end_s=phases.end_s("inject"))]
    return [Band(begin_s=begin_s, end_s=end_s, level=level) for begin_s, end_s, level in windows.bands()]
