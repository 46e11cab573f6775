"""From what was typed to a TestPlan."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from windtunnel.config.assemble import load_all
from windtunnel.config.flags import Overrides
from windtunnel.model.plan import TestPlan

__all__ = ["DEFAULT_PLAN", "JobRequest", "load_test_plan"]

DEFAULT_PLAN = "windtunnel.yaml"
SEED_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What to run, as it was asked for; None and empty where nothing was said."""

    sut: str | None = None
    scenarios: tuple[str, ...] = ()
    plan: str | None = None
    parallel: int | None = None
    count: int | None = None
    duration: str | None = None
    rate: str | None = None
    stages: str | None = None
    max_parallel: int | None = None
    arrival: str | None = None
    pace: str | None = None
    graceful_stop: str | None = None
    thresholds: tuple[str, ...] = ()
    seed: int | None = None
    output: str | None = None
    name: str = ""
    argv: tuple[str, ...] = ()


def load_test_plan(request: JobRequest, environment: Mapping[str, str]) -> TestPlan:
    """Read the files and put the flags on top.

    A `windtunnel.yaml` in the working directory is the plan when neither a plan, a SUT nor scenarios are named.
    Raises ConfigError with every problem.
    """
    plan = request.plan
    if plan is None and request.sut is None and not request.scenarios and Path(DEFAULT_PLAN).is_file():
        plan = DEFAULT_PLAN
    return load_all(
        environment=environment,
        random_seed=random.SystemRandom().getrandbits(SEED_BITS),
        sut=request.sut,
        scenarios=request.scenarios,
        plan=plan,
        overrides=Overrides(
            parallel=request.parallel,
            count=request.count,
            duration=request.duration,
            rate=request.rate,
            stages=request.stages,
            max_parallel=request.max_parallel,
            arrival=request.arrival,
            pace=request.pace,
            graceful_stop=request.graceful_stop,
            seed=request.seed,
            thresholds=request.thresholds,
            directory=request.output,
            name=request.name or None,
        ),
    )
