"""Scenario files to Scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.config.discovery import Pattern, ScenarioPath, find_scenario_files
from windtunnel.config.feeders import read_feeders
from windtunnel.config.load import load_of, load_problems, read_load
from windtunnel.config.python import load_python, read_python
from windtunnel.config.reader import Document, read_file
from windtunnel.config.recovery import recover
from windtunnel.config.scalars import texts
from windtunnel.config.schemas import StepTypes, load_schema, place_of, validate
from windtunnel.config.steps import Fragments, build_steps, same_names
from windtunnel.errors import ConfigError, Problem, did_you_mean
from windtunnel.expressions.quantities import parse_duration
from windtunnel.expressions.sandbox import is_reserved
from windtunnel.model.scenario import Scenario, Step, StopWhen, walk
from windtunnel.model.source import DataPath
from windtunnel.model.sut import Sut
from windtunnel.user_code.scenario import PythonScenario


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """A Scenario, the file it stands in, and the files that it includes."""

    scenario: Scenario
    document: Document
    included: tuple[Document, ...] = ()


def load_scenarios(
    patterns: Sequence[str | Pattern],
    environment: Mapping[str, str],
) -> list[ScenarioFile]:
    """Read every scenario that the patterns (files, directories, globs) stand for.

    Raises ConfigError with the problems of all files.
    """
    files, problems = gather_scenarios(patterns, environment)
    if problems:
        raise ConfigError(problems)
    return files


def gather_scenarios(
    patterns: Sequence[str | Pattern | PythonScenario],
    environment: Mapping[str, str],
) -> tuple[list[ScenarioFile], list[Problem]]:
    """As `load_scenarios`, with the problems as a value, beside the scenarios and what is left of broken ones.

    Scenarios that a program holds already come after those of files. Where there is a problem, the scenarios
    serve to find more; they must not be run.
    """
    in_hand = [pattern for pattern in patterns if isinstance(pattern, PythonScenario)]
    wanted = [
        Pattern(text=pattern) if isinstance(pattern, str) else pattern
        for pattern in patterns
        if not isinstance(pattern, PythonScenario)
    ]
    paths, problems = find_scenario_files(wanted)
    schema = load_schema("scenario")
    files: list[ScenarioFile] = []
    sources: list[ScenarioPath | PythonScenario] = [*paths, *in_hand]
    for path in sources:
        try:
            loaded, found = _load(path, environment, schema)
        except ConfigError as error:
            problems += [problem for problem in error.problems if problem not in problems]
            continue
        # Scenarios may share a file that is wrong.
        problems += [problem for problem in found if problem not in problems]
        for file in loaded:
            problems += _same_id(file, files)
            files.append(file)
    if not files and not problems:
        names = ", ".join(f'"{pattern.text}"' for pattern in wanted)
        problems.append(
            Problem(message=f"no scenario found in {names}", hint='a scenario has an "id" and a "flow"')
        )
    return files, problems


def check_services(scenario: Scenario, sut: Sut) -> list[Problem]:
    """A problem for each step whose service the SUT doesn't have."""
    return [problem for step in walk(scenario.sections) if (problem := _service_problem(step, sut)) is not None]


def _service_problem(step: Step, sut: Sut) -> Problem | None:
    name = step.options.get("service")
    needed = name is not None or "path" in step.options
    if not needed or sut.service(name) is not None:
        return None
    services = ", ".join(sut.services)
    if name is None:
        return Problem(
            message=f"this step names no service, and {sut.source.file} has no base_url",
            where=step.source.locate(step.path),
            hint=f"add `service:`, one of {services}",
        )
    path: DataPath = (*step.path, "service")
    return Problem(
        message=f'there is no service "{name}" in {sut.source.file}',
        where=step.source.locate(path),
        hint=did_you_mean(name, sut.services) or f"the services are {services}",
    )


def _load(
    path: ScenarioPath | PythonScenario, environment: Mapping[str, str], schema: Mapping[str, Any]
) -> tuple[list[ScenarioFile], list[Problem]]:
    """The scenarios of one file, or what is left of it, and what is wrong.

    There is none in a fragment, there may be several in Python. Raises ConfigError for a file that can't be read.
    """
    problems: list[Problem] = []
    if isinstance(path, PythonScenario):
        files = _of_python([read_python(path, schema)])
    elif path.is_python:
        files = _of_python(load_python(path.path, schema))
    else:
        files, problems = _of_yaml(path, environment, schema)
    if not isinstance(path, PythonScenario) and path.weight is not None:
        files = [replace(file, scenario=replace(file.scenario, weight=path.weight)) for file in files]
    return files, problems


def _of_python(found: Sequence[tuple[Scenario, Document]]) -> list[ScenarioFile]:
    return [ScenarioFile(scenario=scenario, document=document) for scenario, document in found]


def _of_yaml(
    path: ScenarioPath, environment: Mapping[str, str], schema: Mapping[str, Any]
) -> tuple[list[ScenarioFile], list[Problem]]:
    document = read_file(path.path, environment)
    if not path.named and _is_fragment(document.data):
        return [], []
    types = StepTypes(schema)
    own_schema = types.schema_for(document.data)
    problems = validate(document, own_schema)
    sound = recover(document, own_schema) if problems else document
    if sound is None:
        return [], problems
    fragments = Fragments(sound, environment, types)
    scenario, more = _scenario(sound, types, fragments)
    problems += more
    if scenario is None:
        return [], problems
    return [ScenarioFile(scenario=scenario, document=document, included=tuple(fragments.documents))], problems


def _is_fragment(data: Any) -> bool:
    """Whether a file holds steps for other files to include."""
    return isinstance(data, Mapping) and "steps" in data and "flow" not in data


def _scenario(document: Document, types: StepTypes, fragments: Fragments) -> tuple[Scenario | None, list[Problem]]:
    """The scenario and what is wrong with it beyond its schema; none where its data files can't be had."""
    data = document.data
    setup, user_setup, steps, teardown = (
        build_steps(document, section, types, fragments) for section in ("setup", "user_setup", "flow", "teardown")
    )
    assertions = build_steps(document, "assertions", types)
    own = read_load(data["load"]) if "load" in data else None
    problems = [*_reserved_names(document), *fragments.problems]
    problems += same_names([document, *fragments.documents], [*setup, *user_setup, *steps, *teardown, *assertions])
    wrong_load = load_problems(document, own) if own else []
    feeders, data_problems = read_feeders(document) if "data" in data else ((), [])
    # Those of data files and included files come last.
    problems = sorted(
        [*problems, *wrong_load, *data_problems],
        key=lambda problem: (_elsewhere(problem, document), *place_of(problem)),
    )
    if data_problems:
        return None, problems
    scenario = Scenario(
        id=data["id"],
        description=data.get("description", ""),
        weight=int(data.get("weight", 1)),
        tags=texts(data.get("tags", {})),
        data=feeders,
        env={name: value for each in (document, *fragments.documents) for name, value in each.env.items()},
        variables=data.get("variables", {}),
        setup=setup,
        user_setup=user_setup,
        steps=steps,
        teardown=teardown,
        assertions=assertions,
        stop_when=StopWhen(**data.get("stop_when", {})),
        max_steps=int(data.get("max_steps", 1000)),
        load=load_of(own) if own and not wrong_load else None,
        start_after_s=parse_duration(data.get("load", {}).get("start_after", 0)),
        source=document.source,
    )
    return scenario, problems


def _elsewhere(problem: Problem, document: Document) -> bool:
    return problem.where is not None and problem.where.file != document.source.file


def _reserved_names(document: Document) -> list[Problem]:
    return [
        document.problem(
            f'"{name}" is a reserved name',
            ("variables", name),
            key=True,
            hint="choose another name for the variable",
        )
        for name in document.data.get("variables", {})
        if is_reserved(name)
    ]


def _same_id(file: ScenarioFile, others: Sequence[ScenarioFile]) -> list[Problem]:
    path: DataPath = ("id",)
    for other in others:
        if other.scenario.id == file.scenario.id:
            place = other.document.source.locate(path)
            message = f'the id "{file.scenario.id}" is taken by the scenario at {place}'
            return [file.document.problem(message, path, hint="give each scenario an id of its own")]
    return []
