"""`--once`: one instance of each scenario, to see whether they do what they should."""

from __future__ import annotations

from dataclasses import replace

from windtunnel.config.flags import Overrides
from windtunnel.errors import Problem
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import TestPlan

_CONTRADICTING = ("parallel", "count", "duration", "rate", "stages", "workers", "shard", "pace")


def once_problems(overrides: Overrides) -> list[Problem]:
    """A problem for each flag that says something else about the load, or judges one."""
    if not overrides.once:
        lonely = Problem(message="--verbose shows single instances: a load is too much to read", hint="add --once")
        return [lonely] if overrides.verbose else []
    flags = [f"--{name}" for name in _CONTRADICTING if getattr(overrides, name) is not None]
    flags += ["--threshold"] if overrides.thresholds else []
    message = "--once runs one instance of each scenario, so {} does nothing"
    return [Problem(message=message.format(flag), hint="leave one of them out") for flag in flags]


def run_once(test_plan: TestPlan) -> TestPlan:
    """The plan with one instance of each scenario, one after the other, by one user.

    Its thresholds are about a load, and one instance is too little for any of them: only whether it passes counts.
    """
    alike = tuple(replace(scenario, weight=1, load=None, start_after_s=0.0) for scenario in test_plan.scenarios)
    return replace(
        test_plan, scenarios=alike, load=ClosedLoad(parallel=1, count=len(alike)), thresholds=(), left_out=()
    )
