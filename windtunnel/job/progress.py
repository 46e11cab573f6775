"""How far a run is, read from its aggregate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Counter, Gauge, Rate, Trend, select
from windtunnel.model.plan import TestPlan
from windtunnel.model.vocabulary import TurbulencePhase

if TYPE_CHECKING:
    from windtunnel.turbulence.schedule import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a run is.

    `planned`: instances of the whole load, None for a load that ends by time. `done`: share of the load that is
    over, 0 to 1, by instances or by time, whichever is further. `requests_per_s`: over the whole run so far.
    `p95_ms`: of http_req_duration, None before the first response. `phase` is that of a run with faults, once its
    load has begun, and `faults` are the names of those that are on, with their levels.
    """

    elapsed_s: float
    instances: int
    planned: int | None
    done: float
    not_passed: int
    in_flight: int
    dropped: int
    requests_per_s: float
    p95_ms: float | None
    phase: TurbulencePhase | None = None
    faults: tuple[str, ...] = ()


class Schedules:
    """When the faults of a plan are on. Of a plan without any, nothing is known and nothing is imported."""

    def __init__(self, test_plan: TestPlan) -> None:
        self._turbulence = test_plan.turbulence
        self._timelines: list[tuple[str, Timeline]] = []
        if self._turbulence is not None:
            from windtunnel.job.turbulence import seed_of, timeline_of

            seed = seed_of(test_plan)
            self._timelines = [
                (fault.name, timeline_of(fault, self._turbulence, seed=seed)) for fault in self._turbulence.faults
            ]

    def now(self, aggregate: Aggregate, unix: float) -> tuple[TurbulencePhase | None, tuple[str, ...]]:
        """(the phase, the faults that are on) at a moment; (None, nothing) outside of the phases."""
        if self._turbulence is None or not aggregate.phases:
            return None, ()
        phases = self._turbulence.phases
        t_s = unix - min(begin - phases.begin_s(name) for name, (begin, _) in aggregate.phases.items())
        phase = next((name for name in phases.lengths if phases.begin_s(name) <= t_s < phases.end_s(name)), None)
        windows = [(name, timeline.window(t_s)) for name, timeline in self._timelines]
        return phase, tuple(
            f"{name} at {window.level}" if window.level else name for name, window in windows if window is not None
        )


def read_status(
    test_plan: TestPlan,
    aggregate: Aggregate,
    *,
    elapsed_s: float,
    schedules: Schedules | None = None,
    unix: float = 0.0,
) -> Status:
    """The status of a run that has taken `elapsed_s` so far, at the moment `unix`."""
    phase, faults = schedules.now(aggregate, unix) if schedules else (None, ())
    instances = select(aggregate, "instances")
    requests = select(aggregate, "http_reqs")
    duration = select(aggregate, "http_req_duration")
    users = select(aggregate, "vus")
    dropped = select(aggregate, "dropped_iterations")
    assert isinstance(instances, Rate)
    assert isinstance(requests, Counter)
    assert isinstance(duration, Trend)
    assert isinstance(users, Gauge)
    assert isinstance(dropped, Counter)
    return Status(
        elapsed_s=elapsed_s,
        phase=phase,
        faults=faults,
        instances=instances.count,
        planned=test_plan.count,
        done=_share_done(test_plan, instances=instances.count, elapsed_s=elapsed_s),
        not_passed=instances.count - instances.matches,
        in_flight=int(users.value or 0),
        dropped=dropped.total,
        requests_per_s=requests.total / elapsed_s if elapsed_s else 0.0,
        p95_ms=duration.histogram.percentile(95) / 1000 if duration.histogram.count else None,
    )


def _share_done(test_plan: TestPlan, *, instances: int, elapsed_s: float) -> float:
    shares = [0.0]
    if test_plan.count:
        shares.append(instances / test_plan.count)
    if test_plan.length_s:
        shares.append(elapsed_s / test_plan.length_s)
    return min(1.0, max(shares))
