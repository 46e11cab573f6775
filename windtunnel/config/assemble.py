"""Files and flags together: the TestPlan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from windtunnel.config.discovery import Pattern
from windtunnel.config.feeders import missing_rows_problems, shared_rows_problems
from windtunnel.config.load import LoadSettings, load_of, with_flags
from windtunnel.config.names import problems_of_names
from windtunnel.config.overrides import Overrides, load_problems_of_flags
from windtunnel.config.plan import PlanFile, load_plan_file
from windtunnel.config.presets import preset_problems, with_presets
from windtunnel.config.reader import Document
from windtunnel.config.scalars import secret_values
from windtunnel.config.scenario import ScenarioFile, auth_secrets, auths_of, gather_scenarios
from windtunnel.config.schemas import place_of
from windtunnel.config.selection import is_selected, once_problems, run_once, selection_problems
from windtunnel.config.sut import SutFile, load_sut
from windtunnel.errors import ConfigError, ExpressionError, Lack, Problem
from windtunnel.figures import as_written, plural
from windtunnel.model.auth import Auth
from windtunnel.model.load import Segment
from windtunnel.model.plan import OutputSettings, TestPlan
from windtunnel.model.scenario import Scenario
from windtunnel.model.source import Source
from windtunnel.model.sut import Sut
from windtunnel.model.turbulence import Turbulence
from windtunnel.project import Project, is_there
from windtunnel.secret import userinfo_secrets
from windtunnel.user_code.scenario import PythonScenario

DEFAULT_SUT = "sut.yaml"
DEFAULT_SCENARIOS = "scenarios/"


def load_all(
    *,
    environment: Mapping[str, str],
    random_seed: int,
    sut: str | None = None,
    scenarios: Sequence[str | PythonScenario] = (),
    plan: str | None = None,
    overrides: Overrides = Overrides(),
    processors: int = 1,
    project: Project = Project(),
    look_further: Callable[[Sut, Sequence[Scenario]], Sequence[Problem]] = lambda _sut, _scenarios: (),
) -> TestPlan:
    """Read everything a run needs. What neither the flags nor the plan name is `sut.yaml` and `scenarios/`.

    `processors` is the number of workers of `--workers auto`. Raises one ConfigError with the problems of all
    files: the plan's first, then the SUT's, then those of the scenarios in their order, then those of the flags.
    When there are some, `look_further` returns the problems in the steps of the scenarios that could be read.
    `project` says what the files may read beyond their own projects.
    """
    files = _read(
        environment,
        sut=sut,
        profiles=overrides.profiles,
        scenarios=scenarios,
        plan=plan,
        project=project,
    )
    problems = [*files.problems]
    if problems or files.sut is None:
        # A scenario that isn't there is a problem of the plan, if the plan names it.
        problems.sort(key=lambda problem: problem.where is None or problem.where.file != plan)
        problems += overrides.problems
    else:
        try:
            return assemble(
                files.sut,
                files.scenarios,
                files.plan,
                overrides=overrides,
                processors=processors,
                random_seed=random_seed,
            )
        except ConfigError as error:
            problems += error.problems
    if files.sut is not None and files.scenarios:
        problems = merged(problems, look_further(files.sut.sut, [file.scenario for file in files.scenarios]))
    raise ConfigError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What could be read of the files of a run, and what is wrong with them."""

    plan: PlanFile | None
    sut: SutFile | None
    scenarios: Sequence[ScenarioFile]
    problems: Sequence[Problem]


def _read(
    environment: Mapping[str, str],
    *,
    sut: str | None,
    profiles: Sequence[str],
    scenarios: Sequence[str | PythonScenario],
    plan: str | None,
    project: Project,
) -> _Files:
    problems: list[Problem] = []
    plan_file: PlanFile | None = None
    sut_file: SutFile | None = None
    scenario_files: list[ScenarioFile] = []
    if plan is not None:
        try:
            plan_file = load_plan_file(plan, environment, project)
        except ConfigError as error:
            problems += _lacking("file", plan, error.problems)
    # A plan that can't be read may name other files than the defaults: those are left alone then.
    broken_plan = plan is not None and plan_file is None
    sut_path = sut or (plan_file and plan_file.sut) or (None if broken_plan else DEFAULT_SUT)
    named_by = plan_file if plan_file and not sut else None
    if sut_path is not None:
        try:
            sut_file = load_sut(
                sut_path,
                environment,
                profiles=profiles,
                project=named_by.document.source.project if named_by else project.around(sut_path),
            )
        except ConfigError as error:
            found = [_placed(problem, named_by) for problem in error.problems]
            problems += found if named_by else _lacking("file" if sut else "default-sut", sut_path, found)
    patterns = _patterns(scenarios, plan_file, project, fallback=not broken_plan)
    if patterns:
        scenario_files, found = gather_scenarios(patterns, environment, project)
        named = scenarios or (plan_file and plan_file.scenarios)
        problems += found if named else _lacking("default-scenarios", DEFAULT_SCENARIOS, found)
    return _Files(plan=plan_file, sut=sut_file, scenarios=scenario_files, problems=problems)


def _lacking(lack: Lack, path: str, problems: Sequence[Problem]) -> list[Problem]:
    """The problems with a file, where it is not there."""
    return list(problems) if is_there(path) else [replace(problem, lacks=lack) for problem in problems]


def merged(problems: Sequence[Problem], more: Sequence[Problem]) -> list[Problem]:
    """The problems with others put where they belong in their files, each once."""
    together = list(problems)
    for problem in more:
        where = problem.where
        if where is None or problem in together:
            continue
        same_file = [
            index for index, other in enumerate(together) if other.where and other.where.file == where.file
        ]
        later = [index for index in same_file if place_of(together[index]) > place_of(problem)]
        position = later[0] if later else same_file[-1] + 1 if same_file else len(together)
        together.insert(position, problem)
    return together


def assemble(
    sut: SutFile,
    scenarios: Sequence[ScenarioFile],
    plan: PlanFile | None = None,
    *,
    overrides: Overrides = Overrides(),
    processors: int = 1,
    random_seed: int,
) -> TestPlan:
    """The TestPlan of what was read. Raises ConfigError when the files don't agree or a flag is wrong."""
    problems = [*_output_problems(plan, overrides), *overrides.problems, *once_problems(overrides)]
    scenarios, left_out = _selected(scenarios, overrides, problems)
    models = [file.scenario for file in scenarios]
    load = LoadSettings()
    if not problems:
        load = _load(plan, overrides, problems)
        models = _preset(models, overrides, problems)
    disagreements = _disagreements(sut, scenarios, models, plan, overrides, left_out)
    if problems or disagreements:
        raise ConfigError([*disagreements, *problems])
    documents, aimed = _documents(sut, scenarios, plan), _aimed(sut.sut, overrides)
    turbulence = _turbulence(aimed, scenarios, plan, overrides)
    seeds = (overrides.seed, plan.seed if plan else None, random_seed)
    test_plan = TestPlan(
        sut=_with_names(aimed, models),
        scenarios=tuple(models),
        load=load_of(load, turbulence.phases if turbulence else None),
        seed=next(seed for seed in seeds if seed is not None),
        thresholds=(*(plan.thresholds if plan else ()), *overrides.thresholds),
        max_duration_s=overrides.max_duration_s,
        fail_on=overrides.fail_on or "thresholds",
        without_baseline=overrides.baseline == "none",
        output=_output(plan, overrides),
        name=overrides.name or (plan.name if plan else ""),
        tags={**(plan.tags if plan else {}), **dict(overrides.tags)},
        secrets=_secrets(sut, models, documents, turbulence),
        sources=_sources(documents),
        left_out=left_out,
        readiness=overrides.readiness,
        turbulence=turbulence,
    )
    if overrides.once:
        return run_once(test_plan)
    if missing := missing_rows_problems(test_plan.parts):
        raise ConfigError(missing)
    return _shared(test_plan, overrides, processors=processors, seeded=seeds[:2] != (None, None))


def _sources(documents: Sequence[Document]) -> tuple[Source, ...]:
    """The source of every file, each once: one Python file can have several scenarios."""
    return tuple({document.source.file: document.source for document in documents}.values())


def _take(scenarios: Sequence[ScenarioFile], plan: PlanFile | None) -> bool:
    """Whether a value of the environment went into anything."""
    documents = [each for file in scenarios for each in (file.document, *file.included)]
    return any(document.taken for document in [*documents, *([plan.document] if plan else [])])


def _shared(test_plan: TestPlan, overrides: Overrides, *, processors: int, seeded: bool) -> TestPlan:
    """The plan with its load shared between workers and shards. Raises ConfigError when it can't be."""
    shard = overrides.shard
    assert shard != "auto", "`Overrides.with_shard` replaces it by a shard or a problem"
    problems = [*_shard_problems(shard, test_plan, seeded=seeded), *_cap_problems(test_plan)]
    if problems:
        raise ConfigError(problems)
    # A worker without a user or a slot would have nothing to do.
    workers = min((overrides.workers or processors), test_plan.most_at_once // shard.of)
    if workers > 1:
        for scenario in test_plan.scenarios:
            if scenario.function is not None:
                scenario.function.require_elsewhere()
    return replace(test_plan, workers=workers, shard=shard)


def _secrets(
    sut: SutFile, models: Sequence[Scenario], documents: Sequence[Document], turbulence: Turbulence | None
) -> frozenset[str]:
    """What may never be written."""
    read = secret_values([document.read for document in documents], public=sut.public_env)
    upstreams = [proxy.upstream for proxy in turbulence.proxies] if turbulence else []
    return read | sut.sut.secrets.union(*map(auth_secrets, models), *map(userinfo_secrets, upstreams))


def _disagreements(
    sut: SutFile,
    scenarios: Sequence[ScenarioFile],
    models: Sequence[Scenario],
    plan: PlanFile | None,
    overrides: Overrides,
    left_out: Sequence[Scenario],
) -> list[Problem]:
    """Why these files can't be together in one run."""
    found = [
        *(problems_of_names(scenarios, plan=plan, public=sut.public_env) if _take(scenarios, plan) else ()),
        *shared_rows_problems(models),
    ]
    if plan is not None and plan.turbulence is not None:
        from windtunnel.config.agreement import disagreements  # for the plans that have some faults

        found += disagreements(plan, scenarios, left_out, sut.sut, overrides)
    return found


def _turbulence(
    sut: Sut, scenarios: Sequence[ScenarioFile], plan: PlanFile | None, overrides: Overrides
) -> Turbulence | None:
    """The faults of the plan and those that its scenarios carry."""
    if plan is None or plan.turbulence is None:
        return None
    from windtunnel.config.agreement import origins_of

    carried = [fault for file in scenarios for fault in file.scenario.faults]
    return plan.turbulence.completed(carried, origins=origins_of(sut), allowed=overrides.allow)


def _load(plan: PlanFile | None, overrides: Overrides, problems: list[Problem]) -> LoadSettings:
    """The load of the plan with the flags over it."""
    load = with_flags(plan.load if plan else LoadSettings(), overrides.load)
    phases = plan is not None and plan.turbulence is not None
    problems += load_problems_of_flags(load, overrides, phases=phases)
    return load


def _selected(
    scenarios: Sequence[ScenarioFile], overrides: Overrides, problems: list[Problem]
) -> tuple[list[ScenarioFile], tuple[Scenario, ...]]:
    """The scenarios that `--only` and `--skip` leave, and those they don't."""
    only, skip = overrides.only, overrides.skip
    problems += selection_problems([file.scenario for file in scenarios], only, skip)
    chosen = [file for file in scenarios if is_selected(file.scenario, only, skip)]
    return chosen, tuple(file.scenario for file in scenarios if file not in chosen)


def _preset(scenarios: list[Scenario], overrides: Overrides, problems: list[Problem]) -> list[Scenario]:
    """The scenarios with the start values that `--set` gives."""
    presets = {preset.name: preset.value for preset in overrides.settings}
    problems += preset_problems(presets, scenarios)
    return [with_presets(scenario, presets) for scenario in scenarios]


def _shard_problems(shard: Segment, test_plan: TestPlan, *, seeded: bool) -> list[Problem]:
    """Why the load can't be shared so."""
    problems = []
    if shard.of > test_plan.most_at_once:
        message = f"{shard.of} shards are too many for {plural(test_plan.most_at_once, 'concurrent instance')}"
        problems.append(Problem(flag="--shard", message=message, hint="use fewer shards, or more users"))
    if shard.of > 1 and not seeded:
        hint = 'write the same for all of them, such as --seed 1 or --seed "$CI_PIPELINE_ID"'
        problems.append(Problem(flag="--shard", message="every shard needs the same seed", hint=hint))
    return problems


def _cap_problems(test_plan: TestPlan) -> list[Problem]:
    """The problem of a load that is longer than the maximum duration of the run."""
    longest_s, length_s = test_plan.max_duration_s, test_plan.length_s
    if longest_s is None or length_s is None or length_s <= longest_s:
        return []
    message = f"{as_written(longest_s)} is too short: the load alone takes {as_written(length_s)}"
    hint = "raise --max-duration, or shorten the load with --duration"
    if test_plan.turbulence is not None:
        hint = "raise --max-duration, or shorten the phases of `turbulence`"
    return [Problem(flag="--max-duration", message=message, hint=hint)]


def _aimed(sut: Sut, overrides: Overrides) -> Sut:
    try:
        return overrides.applied_to(sut)
    except ExpressionError as error:
        raise ConfigError.of(str(error), hint=error.hint, flag="--target") from None


def _documents(sut: SutFile, scenarios: Sequence[ScenarioFile], plan: PlanFile | None) -> list[Document]:
    """Every file that was read; one that several scenarios include, once."""
    included = {each.source.file: each for file in scenarios for each in file.included}
    return [
        *([plan.document] if plan else []),
        sut.document,
        *(file.document for file in scenarios),
        *included.values(),
    ]


def _placed(problem: Problem, plan: PlanFile | None) -> Problem:
    """The problem of an SUT file that can't be opened, at the place in the plan that names the file."""
    if problem.where is not None or plan is None:
        return problem
    return replace(problem, where=plan.document.source.locate(("sut",)))


def _patterns(
    given: Sequence[str | PythonScenario], plan: PlanFile | None, project: Project, *, fallback: bool
) -> Sequence[Pattern | PythonScenario]:
    if given:
        return [Pattern(text=each, project=project) if isinstance(each, str) else each for each in given]
    if plan and plan.scenarios:
        return list(plan.scenarios)
    return [Pattern(text=DEFAULT_SCENARIOS, project=project)] if fallback else []


def _output(plan: PlanFile | None, overrides: Overrides) -> OutputSettings:
    default = OutputSettings()
    return OutputSettings(
        directory=overrides.output or (plan and plan.directory) or default.directory,
        bodies=overrides.bodies or (plan and plan.bodies) or default.bodies,
        compress=plan.compress if plan else None,
    )


def _output_problems(plan: PlanFile | None, overrides: Overrides) -> list[Problem]:
    """The problem of a folder for the runs that no flag names and that is outside of the project."""
    if overrides.output:
        return []
    directory = _output(plan, overrides).directory
    if any(each.holds(directory) for each in (Project(), *([plan.document.source.project] if plan else []))):
        return []
    message = f'the folder of the runs, "{directory}", leads out of the project'
    hint = "name it with --output FOLDER"
    path = ("output", "directory")
    return [
        plan.document.problem(message, path, hint=hint)
        if plan and plan.directory
        else Problem(message=message, hint=hint)
    ]


def _with_names(sut: Sut, scenarios: Sequence[Scenario]) -> Sut:
    """The SUT with the names redacted under which an `auth` of the scenarios sends its key."""
    auths = [Auth(written=auth) for scenario in scenarios for auth in auths_of(scenario)]
    headers = [name for auth in auths for name in auth.names_in_headers]
    query = [name for auth in auths for name in auth.names_in_query]
    if not headers and not query:
        return sut
    redact = replace(
        sut.redact,
        headers=tuple(dict.fromkeys([*sut.redact.headers, *headers])),
        query=tuple(dict.fromkeys([*sut.redact.query, *query])),
    )
    return replace(sut, redact=redact)
