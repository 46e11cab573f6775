"""Checking files without sending anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from windtunnel.config.assemble import DEFAULT_SUT, merged
from windtunnel.config.names import problems_of_names
from windtunnel.config.overrides import Overrides
from windtunnel.config.profiles import is_in_unused_profile
from windtunnel.config.reader import read_file
from windtunnel.config.scalars import ReadEnvironment
from windtunnel.config.scenario import gather_scenarios
from windtunnel.config.sut import SutFile, load_sut
from windtunnel.errors import ConfigError, Problem
from windtunnel.job.compile import CompiledJob, compile_job, step_problems, warnings_of_faults
from windtunnel.job.leaving import without_secrets
from windtunnel.job.request import DEFAULT_PLAN, JobRequest, allowances, load_test_plan
from windtunnel.model.plan import TestPlan
from windtunnel.model.scenario import Scenario, walk
from windtunnel.model.source import DataPath, Source
from windtunnel.model.sut import DEFAULT_SERVICE, Service, Sut
from windtunnel.project import Project, is_file, token_values
from windtunnel.redaction import Redactor

T = TypeVar("T")

PLAN_KEYS = {"sut", "scenarios", "load", "thresholds", "seed", "output", "turbulence"}
SUT_KEYS = {"base_url", "services"}


@dataclass(slots=True)
class _Given:
    """The files by what they are."""

    plans: list[str] = field(default_factory=list)
    suts: list[str] = field(default_factory=list)
    scenarios: list[str] = field(default_factory=list)


def validate_files(
    files: Sequence[str],
    *,
    environment: Mapping[str, str],
    overrides: Overrides = Overrides(),
    caution: Callable[[str], None] = lambda _: None,
) -> list[tuple[str, str]]:
    """(file, kind of file) of every file that was checked. Raises ConfigError with the problems of all of them.

    A plan is checked with every file it names. Scenarios are compiled against the first SUT file given, or else
    `sut.yaml`; without either, services and hosts are not checked.
    """
    if not files:
        return check_job(JobRequest(overrides=overrides), environment=environment, caution=caution)
    reads, tokens = ReadEnvironment(environment), token_values(environment)
    with without_secrets(lambda: Redactor(secrets=reads.secrets | tokens)):
        return _validate(files, environment, reads, overrides, caution)


def _validate(
    files: Sequence[str],
    whole: Mapping[str, str],
    environment: ReadEnvironment,
    overrides: Overrides,
    caution: Callable[[str], None],
) -> list[tuple[str, str]]:
    """`environment` is the whole one, and keeps what the files read of it."""
    problems: list[Problem] = []
    project = allowances(overrides, whole)
    given = _sorted(files, environment, problems, project)
    if not given.plans:
        problems += overrides.problems
    sources: dict[str, str] = {}
    for plan in given.plans:
        request = JobRequest(plan=plan, overrides=overrides)
        found = _attempt(lambda: check_job(request, environment=whole, caution=caution), problems)  # noqa: B023  called at once
        sources.update(found or [])
    suts: list[Sut] = []
    for name in given.suts:
        sut_file = _attempt(lambda: _sut(name, environment, overrides, project), problems)  # noqa: B023  called at once
        if sut_file:
            suts.append(sut_file.sut)
            sources[name] = "SUT"
    if given.scenarios:
        scenario_files, found_problems = gather_scenarios(given.scenarios, environment, project)
        problems += found_problems
        scenarios = tuple(file.scenario for file in scenario_files)
        sut = suts[0] if suts else _default_sut(scenarios, environment, overrides, project, problems)
        taken = any(each.taken for file in scenario_files for each in (file.document, *file.included))
        if taken and (suts or Path(DEFAULT_SUT).is_file()):
            problems = merged(problems, problems_of_names(scenario_files, public=environment.public))
        if sut and (found_in_steps := step_problems(sut, scenarios)):
            problems = merged(problems, found_in_steps)
        sources.update({scenario.source.file: "scenario" for scenario in scenarios})
    if problems:
        raise ConfigError(problems)
    return list(sources.items())


def check_job(
    request: JobRequest, *, environment: Mapping[str, str], caution: Callable[[str], None] = lambda _: None
) -> list[tuple[str, str]]:
    """(file, kind of file) of every file of a job, with its flags. Raises ConfigError with every problem."""
    job = _compiled(request, environment)
    test_plan = job.test_plan
    kinds = {test_plan.sut.source.file: "SUT"}
    kinds.update({scenario.source.file: "scenario" for scenario in test_plan.scenarios})
    found = [(source.file, kinds.get(source.file, "plan")) for source in test_plan.sources]
    if test_plan.data:
        from windtunnel.engine.load.forecast import forecast

        rows = [rows for part in forecast(test_plan, job.plan) for rows in part.rows]
        found += {each.file: f"data, {each}" for each in rows}.items()
    hide = Redactor(secrets=test_plan.secrets).text
    for warning in warnings_of_faults(job):
        caution(hide(warning))
    return [(hide(name), hide(what)) for name, what in found]


def check_plan(request: JobRequest, *, environment: Mapping[str, str]) -> TestPlan:
    """What a job would run. Raises ConfigError with every problem of its files, flags and steps."""
    return _compiled(request, environment).test_plan


def _compiled(request: JobRequest, environment: Mapping[str, str]) -> CompiledJob:
    return compile_job(load_test_plan(request, environment))


def _sut(name: str, environment: Mapping[str, str], overrides: Overrides, project: Project) -> SutFile:
    return load_sut(name, environment, profiles=overrides.profiles, project=project.around(name))


def _sorted(
    files: Sequence[str], environment: Mapping[str, str], problems: list[Problem], project: Project
) -> _Given:
    """The files by kind, which their keys tell. Folders, globs and Python files hold scenarios."""
    given = _Given()
    for name in files:
        if not is_file(name) or name.endswith(".py"):
            given.scenarios.append(name)
            continue
        own = project.around(name)
        document = _attempt(
            lambda: read_file(name, environment, project=own, unused=_of_a_profile),  # noqa: B023  called at once
            problems,
        )
        if document is None:
            continue
        keys = set(document.data) if isinstance(document.data, Mapping) else set()
        if keys & SUT_KEYS and "flow" not in keys:
            given.suts.append(name)
        elif (keys & PLAN_KEYS and "flow" not in keys) or Path(name).name == DEFAULT_PLAN:
            given.plans.append(name)
        else:
            given.scenarios.append(name)
    return given


def _of_a_profile(path: DataPath) -> bool:
    return is_in_unused_profile(path, ())


def _default_sut(
    scenarios: Sequence[Scenario],
    environment: Mapping[str, str],
    overrides: Overrides,
    project: Project,
    problems: list[Problem],
) -> Sut | None:
    if Path(DEFAULT_SUT).is_file():
        sut_file = _attempt(lambda: _sut(DEFAULT_SUT, environment, overrides, project), problems)
        return sut_file.sut if sut_file else None
    urls = [
        str(step.options["url"])
        for scenario in scenarios
        for step in walk(scenario.sections)
        if "url" in step.options
    ]
    hosts = tuple(filter(None, (urlsplit(url.partition("{{")[0]).hostname for url in urls)))
    anywhere = Service(name=DEFAULT_SERVICE, base_url="http://localhost")
    return Sut(name="any", default=anywhere, allow_hosts=hosts, source=Source(file=DEFAULT_SUT))


def _attempt(act: Callable[[], T], problems: list[Problem]) -> T | None:
    """The result; None for a ConfigError, whose problems are added to `problems`."""
    try:
        return act()
    except ConfigError as error:
        problems += error.problems
        return None
