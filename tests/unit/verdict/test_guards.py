"""A guard ends a run in which more breaks than the plan allows, and nothing before that."""

from __future__ import annotations

import pytest
from msgspec import structs

from tests.support.turbulent_run import BEGAN, PHASES, STEADY, Service, TurbulentRun, down, healthy
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.aggregate import SECOND_S, Aggregate
from windtunnel.model.turbulence import Guards, Turbulence
from windtunnel.verdict.guards import first_reason, guard_condition

HALF = Guards(stop_when=(parse_threshold("instances", "rate < 50%"),), for_s=5.0)
GUARDED = Turbulence(phases=PHASES, steady_state=STEADY, guards=HALF)


def ends_at(service: Service, turbulence: Turbulence = GUARDED) -> tuple[int, str] | None:
    """The second of the run in which the guard ends it, and why; None when it goes on to its end."""
    run = TurbulentRun(service=service, turbulence=turbulence)
    records = [*run.head(), *run.load()]
    for second in range(int(PHASES.length_s)):
        seen = Aggregate(widths_s=[SECOND_S])
        seen.write([each for each in records if each.t <= BEGAN + second])
        condition = guard_condition(turbulence, seen, ())
        assert condition is not None
        if (reason := condition(float(second))) is not None:
            return second, reason
    return None


def test_a_run_goes_on_while_its_guards_are_not_crossed() -> None:
    assert ends_at(healthy) is None
    assert ends_at(down(14.0, 16.0)) is None


def test_a_guard_ends_the_run_when_its_condition_was_true_for_its_time() -> None:
    found = ends_at(down(14.0, 30.0))
    assert found is not None
    second, reason = found
    assert 16 < second <= 19
    assert reason.startswith("guard: instances: rate < 50% was true for 5 s (measured ")


def test_what_was_before_its_time_does_not_count() -> None:
    """A minute of health does not hide seconds in which nothing passes, nor does an old outage count for ever."""
    found = ends_at(down(40.0, 54.0))
    assert found is not None
    assert found[0] < 46
    assert ends_at(down(0.0, 2.0), structs.replace(GUARDED, guards=structs.replace(HALF, for_s=10.0))) is None


def test_nothing_that_ended_crosses_no_guard() -> None:
    condition = guard_condition(GUARDED, Aggregate(widths_s=[SECOND_S]), ())
    assert condition is not None
    assert condition(30.0) is None


def test_without_guards_or_in_a_part_of_the_load_there_is_no_condition() -> None:
    assert guard_condition(structs.replace(GUARDED, guards=Guards()), Aggregate(), ()) is None
    assert guard_condition(GUARDED, Aggregate(), (), shard=True) is None


@pytest.mark.parametrize(
    ("reasons", "first"),
    [((None, None), None), (("a", "b"), "a"), ((None, "b"), "b")],
)
def test_the_first_reason_ends_the_run(reasons: tuple[str | None, ...], first: str | None) -> None:
    condition = first_reason(None, *(lambda _, each=each: each for each in reasons))
    assert condition is not None
    assert condition(1.0) == first
    assert first_reason(None, None) is None
