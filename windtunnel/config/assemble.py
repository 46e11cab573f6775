"""Files and flags together: the TestPlan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from windtunnel.config.discovery import Pattern
from windtunnel.config.plan import LoadSettings, PlanFile, load_plan_file
from windtunnel.config.references import secret_values
from windtunnel.config.scenario import ScenarioFile, check_services, gather_scenarios
from windtunnel.config.sut import SutFile, load_sut
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.expressions.quantities import parse_duration
from windtunnel.expressions.threshold import parse_flag
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import OutputSettings, TestPlan
from windtunnel.model.threshold import Threshold

__all__ = ["DEFAULT_SCENARIOS", "DEFAULT_SUT", "Overrides", "assemble", "load_all"]

DEFAULT_SUT = "sut.yaml"
DEFAULT_SCENARIOS = "scenarios/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says, as it was typed; None where it says nothing. It wins over the plan.

    `thresholds` (`metric{tag:value}: condition`) and `tags` are added to the plan's.
    """

    parallel: int | None = None
    count: int | None = None
    duration: str | None = None
    seed: int | None = None
    thresholds: Sequence[str] = ()
    directory: str | None = None
    bodies: str | None = None
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def load_all(
    *,
    environment: Mapping[str, str],
    random_seed: int,
    sut: str | None = None,
    scenarios: Sequence[str] = (),
    plan: str | None = None,
    overrides: Overrides = Overrides(),
    step_schemas: Mapping[str, Mapping[str, Any]] = {},
) -> TestPlan:
    """Read everything a run needs. What neither the flags nor the plan name is `sut.yaml` and `scenarios/`.

    Raises one ConfigError with the problems of all files: the plan's first, then the SUT's, then those of the
    scenarios in their order, then those of the flags.
    """
    problems: list[Problem] = []
    plan_file: PlanFile | None = None
    sut_file: SutFile | None = None
    scenario_files: list[ScenarioFile] = []
    if plan is not None:
        try:
            plan_file = load_plan_file(plan, environment)
        except ConfigError as error:
            problems += error.problems
    # A plan that can't be read may name other files than the defaults: those are left alone then.
    broken_plan = plan is not None and plan_file is None
    sut_path = sut or (plan_file and plan_file.sut) or (None if broken_plan else DEFAULT_SUT)
    if sut_path is not None:
        try:
            sut_file = load_sut(sut_path, environment)
        except ConfigError as error:
            named_by = plan_file if plan_file and sut_path == plan_file.sut else None
            problems += [_placed(problem, named_by) for problem in error.problems]
    patterns = _patterns(scenarios, plan_file, fallback=not broken_plan)
    if patterns:
        scenario_files, found = gather_scenarios(patterns, environment, step_schemas=step_schemas)
        problems += found
    if problems or sut_file is None:
        # A scenario that isn't there is a problem of the plan, if the plan names it.
        problems.sort(key=lambda problem: problem.where is None or problem.where.file != plan)
        problems += _flag_problems(overrides)
        raise ConfigError(problems)
    return assemble(sut_file, scenario_files, plan_file, overrides=overrides, random_seed=random_seed)


def assemble(
    sut: SutFile,
    scenarios: Sequence[ScenarioFile],
    plan: PlanFile | None = None,
    *,
    overrides: Overrides = Overrides(),
    random_seed: int,
) -> TestPlan:
    """The TestPlan of what was read. Raises ConfigError when the files don't agree or a flag is wrong."""
    models = tuple(file.scenario for file in scenarios)
    problems = _flag_problems(overrides)
    disagreements = [problem for model in models for problem in check_services(model, sut.sut)]
    if problems or disagreements:
        raise ConfigError([*disagreements, *problems])
    thresholds: tuple[Threshold, ...] = plan.thresholds if plan else ()
    thresholds += tuple(parse_flag(text) for text in overrides.thresholds)
    documents = [*([plan.document] if plan else []), sut.document, *(file.document for file in scenarios)]
    seeds = (overrides.seed, plan.seed if plan else None, random_seed)
    return TestPlan(
        sut=sut.sut,
        scenarios=models,
        load=_load(plan.load if plan else LoadSettings(), overrides),
        seed=next(seed for seed in seeds if seed is not None),
        thresholds=thresholds,
        output=_output(plan, overrides),
        name=overrides.name or (plan.name if plan else ""),
        tags={**(plan.tags if plan else {}), **overrides.tags},
        secrets=secret_values([document.read for document in documents], public=sut.public_env),
        sources=tuple(document.source for document in documents),
    )


def _placed(problem: Problem, plan: PlanFile | None) -> Problem:
    """The problem of an SUT file that can't be opened, at the place in the plan that names the file."""
    if problem.where is not None or plan is None:
        return problem
    return replace(problem, where=plan.document.source.locate(("sut",)))


def _patterns(given: Sequence[str], plan: PlanFile | None, *, fallback: bool) -> list[Pattern]:
    if given:
        return [Pattern(text=text) for text in given]
    if plan and plan.scenarios:
        return list(plan.scenarios)
    return [Pattern(text=DEFAULT_SCENARIOS)] if fallback else []


def _load(settings: LoadSettings, overrides: Overrides) -> ClosedLoad:
    """The load; one instance when neither a count nor a duration is given."""
    count = settings.count if overrides.count is None else overrides.count
    duration_s = settings.duration_s if overrides.duration is None else parse_duration(overrides.duration)
    graceful_stop_s = settings.graceful_stop_s
    return ClosedLoad(
        parallel=overrides.parallel or settings.parallel or 1,
        count=1 if count is None and duration_s is None else count,
        duration_s=duration_s,
        graceful_stop_s=ClosedLoad().graceful_stop_s if graceful_stop_s is None else graceful_stop_s,
    )


def _output(plan: PlanFile | None, overrides: Overrides) -> OutputSettings:
    default = OutputSettings()
    return OutputSettings(
        directory=overrides.directory or (plan and plan.directory) or default.directory,
        bodies=overrides.bodies or (plan and plan.bodies) or default.bodies,
    )


def _flag_problems(overrides: Overrides) -> list[Problem]:
    problems = []
    for flag, number, least in (
        ("--parallel", overrides.parallel, 1),
        ("--count", overrides.count, 1),
        ("--seed", overrides.seed, 0),
    ):
        if number is not None and number < least:
            problems.append(Problem(message=f"{flag} must be at least {least}, not {number}"))
    if overrides.duration is not None:
        try:
            if parse_duration(overrides.duration) == 0:
                problems.append(Problem(message="--duration must be more than 0"))
        except ExpressionError as error:
            problems.append(Problem(message=f"--duration: {error}", hint=error.hint))
    for text in overrides.thresholds:
        try:
            parse_flag(text)
        except ExpressionError as error:
            problems.append(Problem(message=f"--threshold: {error}", hint=error.hint))
    return problems
