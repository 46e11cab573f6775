"""What the line of progress knows of a run with faults: its phase, and the faults that are on."""

from __future__ import annotations

import pytest

from tests.support.compiling import SUT, scenario_of
from tests.support.turbulent_run import BEGAN, PHASES, TurbulentRun, fault
from windtunnel.job.progress import Schedules, read_status
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import TestPlan
from windtunnel.model.turbulence import Amount, Schedule, Turbulence

SWEEP = Schedule(
    at=Amount(seconds=10.0), length=Amount(seconds=10.0), pattern="sweep", settings={"sweep": ["100ms", "400ms"]}
)
TURBULENCE = Turbulence(
    phases=PHASES,
    faults=(
        fault("outage", at_s=0.0, for_s=12.0, settings={"delay": "1s"}),
        fault("slower", schedule=SWEEP, settings={"delay": "1s"}),
    ),
)


def plan(turbulence: Turbulence | None) -> TestPlan:
    """A plan of one scenario, with these faults."""
    scenario = scenario_of("flow: [{ type: http, name: browse, path: / }]")
    return TestPlan(sut=SUT, scenarios=(scenario,), load=ClosedLoad(count=1), seed=1, turbulence=turbulence)


def begun() -> Aggregate:
    """What is counted when the load has begun and nothing has ended."""
    run = TurbulentRun()
    return run.aggregate(run.head())


@pytest.mark.parametrize(
    ("at_s", "phase", "faults"),
    [
        (0.0, "warmup", ()),
        (2.0, "steady", ()),
        (11.9, "steady", ()),
        (12.0, "inject", ("outage",)),
        (23.0, "inject", ("outage", "slower at 100 ms")),
        (31.0, "inject", ("slower at 400 ms",)),
        (32.0, "recover", ()),
        (52.5, None, ()),
    ],
)
def test_the_phase_and_the_faults_follow_the_time_of_the_load(
    at_s: float, phase: str | None, faults: tuple[str, ...]
) -> None:
    status = read_status(
        plan(TURBULENCE), begun(), elapsed_s=at_s + 30, schedules=Schedules(plan(TURBULENCE)), unix=BEGAN + at_s
    )

    assert (status.phase, status.faults) == (phase, faults)


def test_before_the_load_there_is_no_phase() -> None:
    assert Schedules(plan(TURBULENCE)).now(Aggregate(), BEGAN) == (None, ())


def test_without_faults_there_is_no_phase() -> None:
    assert Schedules(plan(None)).now(begun(), BEGAN + 13) == (None, ())
