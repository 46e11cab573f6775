"""The faults of a plan, checked before anything is sent: each is made as the run would make it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from windtunnel.config.nodes import clipped
from windtunnel.errors import ExpressionError, Location, Problem
from windtunnel.figures import as_written, per_second
from windtunnel.model.load import OpenLoad
from windtunnel.model.manifest import StepRow
from windtunnel.model.metric import METRICS
from windtunnel.model.plan import TestPlan
from windtunnel.model.source import Source
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import FaultSpec, Turbulence
from windtunnel.turbulence.active import ActiveFault
from windtunnel.turbulence.driven import DrivenFault
from windtunnel.turbulence.drivers.driver import Reach
from windtunnel.turbulence.drivers.table import DRIVERS
from windtunnel.turbulence.proxy.placed import PlacedFault
from windtunnel.turbulence.schedule import Timeline, timeline
from windtunnel.verdict.thresholds import samples_needed

_IN_SCHEDULE = tuple((key,) for key in ("at", "for", "pattern", "sweep", "of", "repeat"))


def thresholds_of(turbulence: Turbulence) -> tuple[Threshold, ...]:
    """Every condition of the section on a metric."""
    return (*turbulence.steady_state, *turbulence.judge.during, *turbulence.guards.stop_when)


def seed_of(test_plan: TestPlan) -> int:
    """What the decisions of the faults follow from."""
    assert test_plan.turbulence is not None
    own = test_plan.turbulence.seed
    return test_plan.seed if own is None else own


def timeline_of(fault: FaultSpec, turbulence: Turbulence, *, seed: int) -> Timeline:
    """When a fault is on, which is made as the run would make it. Raises ExpressionError with a path in it."""
    if fault.engine:
        driver = DRIVERS[fault.engine](Reach(environment={}, hide=str))
        DrivenFault(fault, turbulence.phases, seed=seed, driver=driver)
        return timeline(driver.flat(fault), turbulence.phases, seed=seed, main=driver.main(fault))
    if fault.on.proxy:
        protocols = {proxy.name: proxy.protocol for proxy in turbulence.proxies}
        placed = PlacedFault(fault, turbulence.phases, seed=seed, protocol=protocols[fault.on.proxy])
        return placed.timeline
    return ActiveFault(fault, turbulence.phases, seed=seed).timeline


def fault_problems(
    test_plan: TestPlan, rows: Sequence[StepRow], *, open_scenarios: Collection[str] = ()
) -> list[Problem]:
    """What is wrong with a fault or its schedule, beyond what the schema of its type says.

    `rows` are the steps of the plan. What the scenarios in `open_scenarios` send is known only when they run.
    """
    turbulence, sources = test_plan.turbulence, {source.file: source for source in test_plan.sources}
    if turbulence is None:
        return []
    found: dict[Problem, None] = {}
    for fault in turbulence.faults:
        try:
            timeline_of(fault, turbulence, seed=seed_of(test_plan))
            _require_requests(fault, rows, open_scenarios)
        except ExpressionError as error:
            source = sources.get(fault.where.file) if fault.where else None
            where = _place(fault, error, source) if source else fault.where
            found[Problem(message=str(error), where=where and clipped(where), hint=error.hint)] = None
    return list(found)


def _require_requests(fault: FaultSpec, rows: Sequence[StepRow], open_scenarios: Collection[str]) -> None:
    """Raise ExpressionError for a fault on requests of ours that none of the steps it is about sends."""
    on = fault.on
    if on.proxy or fault.engine or not (on.scenario or on.step or on.service):
        return
    if on.scenario in open_scenarios or (open_scenarios and not on.scenario):
        return
    meant = [row for row in rows if on.scenario in ("", row.scenario) and on.step in ("", row.step)]
    # A wait step with a URL polls, and its row does not say so.
    sent = [row for row in meant if row.method or row.action == "wait"]
    if not any(not row.method or on.service in ("", row.service) for row in sent):
        names = {"scenario": on.scenario, "step": on.step, "service": on.service}
        what = ", ".join(f'{key} "{name}"' for key, name in names.items() if name)
        hint = "a fault is done to requests of the flow; name a step that sends one"
        raise ExpressionError(f"no request of the load is meant by {what}", hint=hint, path=("on",))


def _place(fault: FaultSpec, error: ExpressionError, source: Source) -> Location:
    """Where in its file a fault is wrong."""
    path = error.path
    if path[:1] == ("schedule",) and fault.schedule.pattern == "sweep" and path[1:2] not in ((), *_IN_SCHEDULE):
        path = ("schedule", "sweep")  # a level can't be the value of the setting
    is_key = str(error).startswith("unknown key") or path[-2:-1] == ("step",)
    return source.locate((*fault.path, *path), key=is_key)


def turbulence_warnings(test_plan: TestPlan, rows: Sequence[StepRow]) -> Iterator[str]:
    """What makes the judgement of the run impossible in all likelihood, although the plan is right."""
    turbulence, load = test_plan.turbulence, test_plan.load
    if turbulence is None or not isinstance(load, OpenLoad):
        return
    steady_s = turbulence.phases.steady_s
    for threshold in turbulence.steady_state:
        each, needed = _samples_of_an_instance(threshold, test_plan, rows), samples_needed(threshold)
        samples = math.floor(load.peak * steady_s * each)
        if each and samples < needed:
            longer = as_written(math.ceil(needed / (load.peak * each)))
            yield (
                f"{threshold.where}: {threshold.selector}: {threshold.text} needs {needed:,} samples, and at "
                f"{per_second(load.peak)} a phase `steady` of {as_written(steady_s)} gives about {samples:,}; "
                f"make it {longer} or longer"
            )


def _samples_of_an_instance(threshold: Threshold, test_plan: TestPlan, rows: Sequence[StepRow]) -> float:
    """How many samples of a threshold an instance gives on average, if each of its steps runs once."""
    family, tags = METRICS[threshold.metric].family, threshold.tags
    whole = sum(scenario.weight for scenario in test_plan.scenarios)
    weights = {scenario.id: scenario.weight / whole for scenario in test_plan.scenarios}
    if family.subject == "instance":
        return sum(weight for name, weight in weights.items() if tags.get("scenario", name) == name)
    return sum(weights.get(row.scenario, 0.0) for row in rows if family.includes(row) and _carries(row, tags))


def _carries(row: StepRow, tags: Mapping[str, str]) -> bool:
    known = {"scenario": row.scenario, "step": row.step, "service": row.service, "method": row.method}
    return all(known.get(tag, value) == value for tag, value in tags.items())
