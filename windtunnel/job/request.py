"""From what was typed to a TestPlan."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from windtunnel.config.assemble import load_all
from windtunnel.config.env_file import read_env_file
from windtunnel.config.overrides import Overrides, overrides_of
from windtunnel.config.presets import Preset
from windtunnel.engine.plan import compile_plan
from windtunnel.errors import ConfigError, Problem
from windtunnel.http.transport import HttpTransport
from windtunnel.job.ci_environment import detected_shard
from windtunnel.model.plan import TestPlan
from windtunnel.model.readiness import ContainerNetwork
from windtunnel.redaction import Redactor
from windtunnel.user_code.scenario import PythonScenario

DEFAULT_PLAN = "windtunnel.yaml"
SEED_BITS = 32
ON_A_MACHINE = ContainerNetwork()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What to run, as it was asked for; None and empty where nothing was said. `argv` is for the manifest.

    `env_files` hold variables for the files to read. `verbose`: show everything that is sent and received.
    """

    sut: str | None = None
    scenarios: tuple[str | PythonScenario, ...] = ()
    plan: str | None = None
    overrides: Overrides = Overrides()
    env_files: tuple[str, ...] = ()
    verbose: bool = False
    argv: tuple[str, ...] = ()
    container_network: ContainerNetwork = ON_A_MACHINE


def request_of(
    flags: Mapping[str, Any], *, argv: tuple[str, ...], container_network: ContainerNetwork = ON_A_MACHINE
) -> JobRequest:
    """The job that the flags of `run` ask for, by their names there."""
    return JobRequest(
        sut=flags["sut"],
        scenarios=tuple(flags["scenarios"] or ()),
        plan=flags["plan"],
        overrides=overrides_of(**flags),
        env_files=tuple(flags["env_files"] or ()),
        verbose=flags["verbose"],
        argv=argv,
        container_network=container_network,
    )


def load_test_plan(request: JobRequest, environment: Mapping[str, str]) -> TestPlan:
    """Read the files and put the flags on top.

    A `windtunnel.yaml` in the working directory is the plan when neither a plan, a SUT nor scenarios are named.
    Raises ConfigError with every problem.
    """
    plan = request.plan
    if plan is None and request.sut is None and not request.scenarios and Path(DEFAULT_PLAN).is_file():
        plan = DEFAULT_PLAN
    test_plan = load_all(
        environment=with_env_files(request.env_files, environment),
        random_seed=random.SystemRandom().getrandbits(SEED_BITS),
        sut=request.sut,
        scenarios=request.scenarios,
        plan=plan,
        overrides=request.overrides.with_shard(detected_shard(environment)),
        processors=usable_processors(),
        look_further=step_problems,
    )
    return replace(test_plan, secrets=test_plan.secrets | _secret_settings(request.overrides.settings))


def _secret_settings(settings: Sequence[Preset]) -> frozenset[str]:
    """The values of `--set password=…`: they would stand in the manifest, as part of the command."""
    is_secret = Redactor().is_secret_key
    return frozenset(preset.text for preset in settings if is_secret(preset.name))


def with_env_files(files: Sequence[str], environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the variables of the files below it: what is set where the command runs wins.

    So it is with docker compose and dotenv: a file holds what is usual, the shell or the CI job what is special.
    Raises ConfigError with the problems of all files.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            values.update(read_env_file(file))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return {**values, **environment}


def step_problems(test_plan: TestPlan) -> Sequence[Problem]:
    """What is wrong with the steps of a plan: everything that only compiling finds."""
    try:
        compile_plan(test_plan, transport=HttpTransport(test_plan.sut, "validate"), run_id="validate")
    except ConfigError as error:
        return error.problems
    return ()


def usable_processors() -> int:
    """How many processors this process may use: what `--workers auto` comes to."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity
        return os.cpu_count() or 1
