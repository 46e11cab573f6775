"""Scenario files to Scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.config.discovery import Pattern, ScenarioPath, find_scenario_files
from windtunnel.config.feeders import read_feeders
from windtunnel.config.load import load_of, load_problems, read_load
from windtunnel.config.python import carried_faults, load_python, read_python
from windtunnel.config.reader import Document, read_file
from windtunnel.config.recovery import Remainder, remainder
from windtunnel.config.scalars import texts
from windtunnel.config.schemas import StepTypes, complaints, load_schema, place_of, problems_of
from windtunnel.config.steps import Fragments, build_steps, same_names
from windtunnel.errors import ConfigError, Problem
from windtunnel.expressions.quantities import parse_duration
from windtunnel.model.auth import auth_objections, auth_of
from windtunnel.model.scenario import Omission, Scenario, StopWhen, walk
from windtunnel.model.source import DataPath
from windtunnel.project import Project
from windtunnel.user_code.scenario import PythonScenario


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """A Scenario, its file, and the files that it includes."""

    scenario: Scenario
    document: Document
    included: tuple[Document, ...] = ()


def gather_scenarios(
    patterns: Sequence[str | Pattern | PythonScenario],
    environment: Mapping[str, str],
    project: Project = Project(),
) -> tuple[list[ScenarioFile], list[Problem]]:
    """Every scenario that the patterns (files, directories, globs) match, and the problems of all files.

    Scenarios that a program holds already come after those of files. One that breaks its schema is there without
    the parts that do (`omission`): when there is a problem, the scenarios serve to find more, and are not run.
    `project` says what patterns that are texts, and scenarios of a program, may read beyond their own projects.
    """
    in_hand = [pattern for pattern in patterns if isinstance(pattern, PythonScenario)]
    wanted = [
        Pattern(text=pattern, project=project) if isinstance(pattern, str) else pattern
        for pattern in patterns
        if not isinstance(pattern, PythonScenario)
    ]
    paths, problems = find_scenario_files(wanted)
    schema = load_schema("scenario")
    files: list[ScenarioFile] = []
    sources: list[ScenarioPath | PythonScenario] = [*paths, *in_hand]
    for path in sources:
        try:
            loaded, found = _load(path, environment, schema, project)
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


def _load(
    path: ScenarioPath | PythonScenario,
    environment: Mapping[str, str],
    schema: Mapping[str, Any],
    project: Project,
) -> tuple[list[ScenarioFile], list[Problem]]:
    """The scenarios of one file, and what is wrong with them.

    There is none in a fragment, there may be several in Python. Raises ConfigError for a file that can't be read.
    """
    problems: list[Problem] = []
    if isinstance(path, PythonScenario):
        files = _of_python([read_python(path, schema, project.around(path.file))])
    elif path.is_python:
        files = _of_python(load_python(path.path, schema, path.project))
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
    document = read_file(path.path, environment, project=path.project)
    if not path.named and _is_fragment(document.data):
        return [], []
    file, problems = scenario_of(document, environment, schema)
    return [file] if file else [], problems


def scenario_of(
    document: Document, environment: Mapping[str, str], schema: Mapping[str, Any]
) -> tuple[ScenarioFile | None, list[Problem]]:
    """The scenario of a document and what is wrong with it; None when nothing of it can be compiled."""
    types = StepTypes(schema)
    own_schema = types.schema_for(document.data)
    found = list(complaints(document, own_schema))
    problems = problems_of(document, found)
    left = remainder(document, found, types, own_schema["properties"]) if found else None
    if found and left is None:
        return None, problems
    fragments = Fragments(document, environment, types)
    scenario, more = _scenario(document, left, types, fragments)
    problems = sorted([*problems, *more], key=lambda problem: (_elsewhere(problem, document), *place_of(problem)))
    return ScenarioFile(scenario=scenario, document=document, included=tuple(fragments.documents)), problems


def _is_fragment(data: Any) -> bool:
    """Whether a file holds steps for other files to include."""
    return isinstance(data, Mapping) and "steps" in data and "flow" not in data


def _scenario(
    document: Document, left: Remainder | None, types: StepTypes, fragments: Fragments
) -> tuple[Scenario, list[Problem]]:
    """The scenario and what is wrong with it beyond its schema. `left` is given when it breaks its schema."""
    document = left.document if left else document
    data = document.data
    omit = left.broken_steps if left else frozenset()
    setup, user_setup, steps, teardown, assertions = (
        build_steps(document, section, types, fragments, omit=omit)
        for section in ("setup", "user_setup", "flow", "teardown", "assertions")
    )
    own = read_load(data["load"]) if "load" in data else None
    problems = [*fragments.problems]
    problems += same_names([document, *fragments.documents], [*setup, *user_setup, *steps, *teardown, *assertions])
    wrong_load = load_problems(document, own) if own else []
    feeders, data_problems = read_feeders(document) if "data" in data else ((), [])
    faults, fault_problems = carried_faults(document) if "faults" in data else ((), [])
    omission = left.omission if left else None
    if fragments.problems:
        omission = replace(omission or Omission(), variables=None)
    if data_problems:
        omission = replace(omission or Omission(), data=True)
    scenario = Scenario(
        id=data["id"],
        description=data.get("description", ""),
        weight=int(data.get("weight", 1)),
        tags=texts(data.get("tags", {})),
        data=feeders,
        env={name: value for each in (document, *fragments.documents) for name, value in each.env.items()},
        withheld=document.withheld.union(*(each.withheld for each in fragments.documents)),
        variables=data.get("variables", {}),
        auth=data.get("auth"),
        headers=data.get("headers") or {},
        setup=setup,
        user_setup=user_setup,
        steps=steps,
        teardown=teardown,
        assertions=assertions,
        stop_when=StopWhen(**data.get("stop_when", {})),
        max_steps=int(data.get("max_steps", 1000)),
        load=load_of(own) if own and not wrong_load else None,
        faults=faults,
        start_after_s=parse_duration(data.get("load", {}).get("start_after", 0)),
        source=document.source,
        omission=omission,
    )
    return scenario, [*problems, *wrong_load, *data_problems, *fault_problems]


def auth_secrets(scenario: Scenario) -> frozenset[str]:
    """The tokens, passwords and keys in its `auth` and those of its steps; a template is none."""
    return frozenset(
        secret for auth in auths_of(scenario) for secret in auth_of(auth).secrets if "{{" not in secret
    )


def auths_of(scenario: Scenario) -> list[Mapping[str, Any]]:
    """Every valid `auth` of a scenario."""
    found = [scenario.auth, *(step.options.get("auth") for step in walk(scenario.sections))]
    return [auth for auth in found if isinstance(auth, dict) and not any(auth_objections(auth))]


def _elsewhere(problem: Problem, document: Document) -> bool:
    return problem.where is not None and problem.where.file != document.source.file


def _same_id(file: ScenarioFile, others: Sequence[ScenarioFile]) -> list[Problem]:
    path: DataPath = ("id",)
    for other in others:
        if other.scenario.id == file.scenario.id:
            place = other.document.source.locate(path)
            message = f'the id "{file.scenario.id}" is taken by the scenario at {place}'
            return [file.document.problem(message, path, hint="give each scenario an id of its own")]
    return []
