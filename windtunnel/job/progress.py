"""How far a run is, read from its aggregate."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Counter, Gauge, Rate, Trend, select
from windtunnel.model.plan import TestPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a run is.

    `planned`: instances of the whole load, None for a load that ends by time. `done`: share of the load that is
    over, 0 to 1, by instances or by time, whichever is further. `requests_per_s`: over the whole run so far.
    `p95_ms`: of http_req_duration, None before the first response.
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


def read_status(test_plan: TestPlan, aggregate: Aggregate, *, elapsed_s: float) -> Status:
    """The status of a run that has taken `elapsed_s` so far."""
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
