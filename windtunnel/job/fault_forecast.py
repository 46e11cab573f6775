"""What the faults of a plan will be done to, as far as it is known before anything is sent. Pure.

The decisions on our own requests are the run's own. When a request is sent is not known: each counts once, at the
moment at which its instance is due. In a proxy, and where users and not a rate decide when instances start, there
is an expectation and no count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from windtunnel.engine.load.pacing import arrivals
from windtunnel.engine.plan import Plan, Track
from windtunnel.job.turbulence import seed_of, timeline_of
from windtunnel.model.load import OpenLoad
from windtunnel.model.manifest import StepRow
from windtunnel.model.plan import TestPlan
from windtunnel.model.scenario import walk
from windtunnel.model.turbulence import FaultSpec, Turbulence
from windtunnel.turbulence.active import ActiveFault
from windtunnel.turbulence.decision import Asked, decide, is_in_control
from windtunnel.turbulence.schedule import Timeline

MOST_COUNTED = 200_000
"""Instances of a plan whose decisions are counted; of more there is an expectation."""


@dataclass(slots=True, kw_only=True)
class FaultForecast:
    """One fault: when it is on, and what it is done to.

    `requests` are those that it can be done to while it is on, `hits` those of them that it is done to, in
    `indexes` of instances; None where they can't be counted. `expected` is the mean share in that time.
    """

    fault: FaultSpec
    timeline: Timeline
    expected: float
    requests: int | None = None
    hits: int | None = None
    indexes: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurbulenceForecast:
    """Every fault of a plan in its order. `instances` are due in `inject`, `control` of them are in that group."""

    faults: tuple[FaultForecast, ...]
    instances: int | None = None
    control: int = 0


def forecast_faults(test_plan: TestPlan, plan: Plan) -> TurbulenceForecast:
    """What each fault of the plan will be done to."""
    turbulence, seed = test_plan.turbulence, seed_of(test_plan)
    assert turbulence is not None, "the caller asks about a plan that has it"
    found = []
    for fault in turbulence.faults:
        timeline = timeline_of(fault, turbulence, seed=seed)
        expected = fault.probability * timeline.mean_share() / (timeline.every_nth or 1)
        found.append(FaultForecast(fault=fault, timeline=timeline, expected=expected))
    load = test_plan.load
    if not isinstance(load, OpenLoad) or load.peak * turbulence.phases.length_s > MOST_COUNTED:
        return TurbulenceForecast(faults=tuple(found))
    (track,) = plan.tracks
    counter = _Counter(turbulence, found, _requests_of(test_plan, plan.rows), seed=seed)
    for number, due_s in enumerate(arrivals(load, track.seed)):
        counter.count(track, number, due_s)
    return TurbulenceForecast(faults=tuple(found), instances=counter.instances, control=counter.control)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A step that sends a request. `path` is "" where only the run knows it."""

    step: str
    service: str
    method: str
    path: str


def _requests_of(test_plan: TestPlan, rows: Sequence[StepRow]) -> Mapping[str, list[_Sent]]:
    """The requests of an instance of each scenario, by its id."""
    paths = {
        (scenario.id, step.name): str(step.options.get("path", ""))
        for scenario in test_plan.scenarios
        for step in walk(scenario.steps)
    }
    found: dict[str, list[_Sent]] = {scenario.id: [] for scenario in test_plan.scenarios}
    for row in rows:
        if row.method and not row.holds_steps:
            path = paths.get((row.scenario, row.step), "")
            known = "" if "{{" in path else path
            found[row.scenario].append(_Sent(step=row.step, service=row.service, method=row.method, path=known))
    return found


class _Counter:
    """Counts what faults are done to, instance by instance. Owned by the one forecast that it is for."""

    def __init__(
        self,
        turbulence: Turbulence,
        found: Sequence[FaultForecast],
        requests: Mapping[str, list[_Sent]],
        *,
        seed: int,
    ) -> None:
        self.instances = self.control = 0
        self._phases, self._share, self._seed, self._requests = (
            turbulence.phases,
            turbulence.control,
            seed,
            requests,
        )
        self._faults: list[tuple[FaultForecast, ActiveFault]] = []
        for each in found:
            if not each.fault.on.proxy and not each.fault.engine:
                each.requests = each.hits = 0
                self._faults.append((each, ActiveFault(each.fault, turbulence.phases, seed=seed)))

    def count(self, track: Track, number: int, due_s: float) -> None:
        """Count the instance of a track that is due at a moment."""
        if not self._phases.begin_s("inject") <= due_s < self._phases.end_s("inject"):
            return
        index = track.index(number)
        self.instances += 1
        if is_in_control(self._seed, self._share, index):
            self.control += 1
            return
        scenario = track.scenarios[track.mix.scenario(number)].id
        for request in self._requests[scenario]:
            for each in self._done_to(request, scenario, index, due_s):
                each.hits = (each.hits or 0) + 1
                if each.indexes[-1:] != [index]:
                    each.indexes.append(index)

    def _done_to(self, request: _Sent, scenario: str, index: int, due_s: float) -> Iterator[FaultForecast]:
        """The faults that are done to a request: those that pass on, up to the first that doesn't."""
        asked = Asked(scenario=scenario, index=index, step=request.step, occurrence=1, attempt=1)
        for each, active in self._faults:
            window = active.timeline.window(due_s)
            if window is None or not _is_meant(active, request, scenario):
                continue
            each.requests = (each.requests or 0) + 1
            share = active.probability(window) * active.timeline.share(due_s)
            if active.timeline.takes(request=1, instance=index + 1) and (
                decide(self._seed, each.fault.name, asked) < share
            ):
                yield each
                if not active.kind.passes_on:
                    return


def _is_meant(active: ActiveFault, request: _Sent, scenario: str) -> bool:
    target = active.spec.on
    return (
        active.matcher.takes_scenario(scenario)
        and target.step in ("", request.step)
        and target.service in ("", request.service)
        and target.method in ("", request.method.upper())
        and (not request.path or active.matcher.takes_path(request.path))
    )
