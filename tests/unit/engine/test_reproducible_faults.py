"""The same seed takes the same decisions, whatever the concurrency, the workers and the shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.support.journeys import Run, get, scenario
from windtunnel.interfaces import Clock, FaultInjector, MakeFaults
from windtunnel.model.load import ClosedLoad, Load, OpenLoad, Segment
from windtunnel.model.record import FaultRecord
from windtunnel.model.turbulence import FaultSpec, FaultTarget, Phases, Turbulence
from windtunnel.testing.scripted import Answer
from windtunnel.turbulence.client import FaultyClients

PHASES = Phases(steady_s=1, inject_s=8, recover_s=1)
JOURNEY = scenario(get("browse"), get("pay", on_failure="continue"), get("pay again", on_failure="continue"))
OPEN = OpenLoad(stages=PHASES.stages(20), start=20)


def disturbed(seed: int | None = 42, *, control: float = 0.0) -> Turbulence:
    return Turbulence(
        phases=PHASES,
        seed=seed,
        control=control,
        faults=(
            FaultSpec(name="slow", type="latency", on=FaultTarget(), probability=0.3, settings={"delay": "50ms"}),
            FaultSpec(
                name="broken", type="status", on=FaultTarget(step="pay"), probability=0.2, settings={"code": 503}
            ),
        ),
    )


def made(turbulence: Turbulence, seed: int) -> MakeFaults:
    def make(clock: Clock, report: Callable[[FaultRecord], None]) -> FaultInjector:
        return FaultyClients(turbulence, seed=seed, clock=clock, report=report)

    return make


def decisions(records: Iterable[FaultRecord]) -> dict[tuple[object, ...], float]:
    return {
        (each.name, each.instance_id, each.step, each.occurrence, each.attempt): each.decision
        for each in records
        if each.event == "applied"
    }


def hit(
    run: Run, turbulence: Turbulence, *, load: Load = OPEN, segments: int = 1, seed: int = 1
) -> dict[tuple[object, ...], float]:
    """What was done in all segments of a run, each run by itself."""
    found: dict[tuple[object, ...], float] = {}
    for number in range(segments):
        finished = run(
            JOURNEY,
            answers=lambda sent: Answer(latency_s=0.01),
            load=load,
            seed=seed,
            turbulence=turbulence,
            faults=made(turbulence, seed),
            segment=Segment(number=number, of=segments),
        )
        part = decisions(finished.of(FaultRecord))
        assert not found.keys() & part.keys()
        found |= part
    return found


@pytest.mark.parametrize("segments", [1, 2, 4, 7])
def test_any_number_of_segments_takes_the_decisions_of_one(run: Run, segments: int) -> None:
    once = hit(run, disturbed())
    assert len(once) > 20
    assert hit(run, disturbed(), segments=segments) == once


def test_a_request_has_its_decision_in_any_load(run: Run) -> None:
    """In a closed load other requests fall into the phase, but those that do are decided alike."""
    by_arrival = hit(run, disturbed())
    closed = ClosedLoad(stages=PHASES.stages(1), start=1)
    by_users = hit(run, disturbed(), load=closed)
    assert len(by_users.keys() & by_arrival.keys()) > 20
    assert all(by_users[key] == by_arrival[key] for key in by_users.keys() & by_arrival.keys())


def test_the_seed_of_the_run_decides_where_the_plan_has_none(run: Run) -> None:
    assert hit(run, disturbed(None), seed=42) == hit(run, disturbed(42), seed=7)
    assert hit(run, disturbed(None), seed=8) != hit(run, disturbed(None), seed=9)


def test_no_fault_touches_the_control_group(run: Run) -> None:
    everything, most = hit(run, disturbed()), hit(run, disturbed(control=0.3))
    assert most.items() < everything.items()
    spared = {key[1] for key in everything.keys() - most.keys()}
    assert not spared & {key[1] for key in most}
