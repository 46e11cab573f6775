"""What a job is asked to run, and the TestPlan it means."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from windtunnel.config.assemble import load_all
from windtunnel.config.env_file import read_env_file
from windtunnel.config.overrides import Overrides, overrides_of
from windtunnel.config.presets import Preset
from windtunnel.config.readiness import command_problems
from windtunnel.config.scalars import ReadEnvironment, secret_values
from windtunnel.errors import ConfigError, Problem
from windtunnel.job.ci_environment import detected_shard
from windtunnel.job.compile import step_problems
from windtunnel.job.leaving import without_secrets
from windtunnel.job.machine import usable_processors
from windtunnel.model.plan import TestPlan
from windtunnel.model.scenario import walk
from windtunnel.model.sut import ContainerNetwork
from windtunnel.project import Project, is_withheld, token_values
from windtunnel.redaction import Redactor
from windtunnel.secret import userinfo_secrets
from windtunnel.user_code.scenario import PythonScenario

DEFAULT_PLAN = "windtunnel.yaml"
SEED_BITS = 32
ON_A_MACHINE = ContainerNetwork()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What to run, as the caller asks for it; None and empty mean the default.

    `env_files` hold variables for `${NAME}` in the files. `verbose`: show every request and response. `argv` is
    recorded in the manifest.
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
    """The job that the flags of `windtunnel run` ask for. `flags`: each value by the flag's name."""
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
    """Read the files and apply the flags, which override them.

    A `windtunnel.yaml` in the working directory is the plan if no plan, SUT or scenarios are given.
    Raises ConfigError with every problem.
    """
    plan = request.plan
    if plan is None and request.sut is None and not request.scenarios and Path(DEFAULT_PLAN).is_file():
        plan = DEFAULT_PLAN
    project = allowances(request.overrides, environment)
    reads = ReadEnvironment(with_env_files(request.env_files, environment, project))
    own = _secret_settings(request.overrides.settings) | token_values(environment)
    with without_secrets(lambda: Redactor(secrets=reads.secrets | own)):
        test_plan = load_all(
            environment=reads,
            random_seed=random.SystemRandom().getrandbits(SEED_BITS),
            sut=request.sut,
            scenarios=request.scenarios,
            plan=plan,
            overrides=_resolved(request.overrides, environment),
            processors=usable_processors(),
            project=project,
            look_further=step_problems,
        )
    if _has_code(test_plan):
        own |= _secrets_of_code(environment, reads.public)
    return replace(test_plan, secrets=test_plan.secrets | own)


def _resolved(overrides: Overrides, environment: Mapping[str, str]) -> Overrides:
    """The flags with what the environment says: the shard, and whether the command of `--exec` is there."""
    resolved = overrides.with_shard(detected_shard(environment))
    missing = command_problems(overrides.exec, environment)
    return replace(resolved, problems=(*resolved.problems, *missing)) if missing else resolved


def _has_code(test_plan: TestPlan) -> bool:
    """Whether code of the user runs, which can read the whole environment."""
    scenarios = test_plan.scenarios
    return any(each.function is not None for each in scenarios) or any(
        step.type == "python" for each in scenarios for step in walk(each.sections)
    )


def _secrets_of_code(environment: Mapping[str, str], public: Collection[str]) -> frozenset[str]:
    """The values of variables whose names indicate a secret."""
    is_secret = Redactor().is_secret_key
    named = {name: value for name, value in environment.items() if is_secret(name)}
    return secret_values([named], public=public)


def allowances(overrides: Overrides, environment: Mapping[str, str]) -> Project:
    """What the files may read beyond their own projects: as the flags say, and the files of GitLab's variables."""
    return Project.allowing([*overrides.allow_paths, *_variable_files(environment)], overrides.allow_env)


def _variable_files(environment: Mapping[str, str]) -> list[str]:
    """The files of GitLab's variables of the type file: each is beside the project and has its variable's name.

    Other files there are the runner's own, some with the token of the job.
    """
    folder = f"{environment.get('CI_PROJECT_DIR', '')}.tmp"
    if environment.get("GITLAB_CI") != "true" or not Path(folder).is_absolute():
        return []
    return [path for name, path in environment.items() if path == f"{folder}/{name}" and not is_withheld(name)]


def _secret_settings(settings: Sequence[Preset]) -> frozenset[str]:
    """The values of `--set password=…`, which nothing must show with the rest of the command."""
    is_secret = Redactor().is_secret_key
    return frozenset(preset.text for preset in settings if is_secret(preset.name)).union(
        *(userinfo_secrets(preset.text) for preset in settings)
    )


def with_env_files(
    files: Sequence[str], environment: Mapping[str, str], project: Project = Project()
) -> Mapping[str, str]:
    """The environment, and the variables of the files that it does not set.

    The environment overrides the files, as with docker compose and dotenv; a later file overrides an earlier one.
    Raises ConfigError with the problems of all files.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            values.update(read_env_file(file, project))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return {**values, **environment}
