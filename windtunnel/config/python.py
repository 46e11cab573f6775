"""Python files to Scenarios: a file is executed, its scenarios are taken, their steps are read off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.config.feeders import read_feeders
from windtunnel.config.load import load_of, load_problems, read_load
from windtunnel.config.reader import Document
from windtunnel.config.scalars import texts
from windtunnel.config.schemas import require_valid
from windtunnel.errors import ConfigError, Problem
from windtunnel.expressions.quantities import parse_duration
from windtunnel.model.scenario import Scenario, Step, StopWhen
from windtunnel.model.source import DataPath, Mark, Source
from windtunnel.model.turbulence import FaultSpec
from windtunnel.project import Project
from windtunnel.user_code.modules import read_code
from windtunnel.user_code.outline import WrittenStep, written_steps
from windtunnel.user_code.scenario import PythonScenario, scenarios_in


def load_python(path: str, schema: Mapping[str, Any], project: Project) -> list[tuple[Scenario, Document]]:
    """The scenarios of a file of the project. Raises ConfigError."""
    return [read_python(scenario, schema, project, path=path) for scenario in scenarios_in(path, project)]


def read_python(
    scenario: PythonScenario, schema: Mapping[str, Any], project: Project, *, path: str | None = None
) -> tuple[Scenario, Document]:
    """The model of a scenario; `path` is what its file is called. Raises ConfigError for what can't be in one."""
    path = path or scenario.file
    text = read_code(scenario.file, Project.allowing([scenario.file])).decode("utf-8", "replace")
    written = written_steps(text, scenario.name)
    here = Mark(line=scenario.line, column=1)
    marks: dict[DataPath, Mark] = {(): here, ("id",): here}
    for number, step in enumerate(written):
        marks["flow", number] = Mark(line=step.line, column=step.column, width=step.width)
    document = Document(
        data=_as_yaml(scenario),
        source=Source(file=path, lines=tuple(text.splitlines()), marks=marks, project=project),
    )
    require_valid(document, {**schema, "required": ["id"]})  # its flow is the function
    own = read_load(document.data["load"]) if "load" in document.data else None
    feeders, problems = read_feeders(document)
    faults, fault_problems = carried_faults(document) if scenario.faults else ((), [])
    problems = [*problems, *(load_problems(document, own) if own else []), *fault_problems]
    if problems:
        raise ConfigError(problems)
    model = Scenario(
        id=scenario.id,
        description=scenario.description,
        weight=scenario.weight,
        tags=texts(scenario.tags),
        data=feeders,
        variables=dict(scenario.variables),
        auth=scenario.auth,
        headers=dict(scenario.headers),
        steps=_steps(written, document.source, assertions=False),
        assertions=_steps(written, document.source, assertions=True),
        stop_when=StopWhen(step_fails=scenario.on_failure == "stop"),
        max_steps=scenario.max_steps,
        load=load_of(own) if own else None,
        faults=faults,
        start_after_s=parse_duration(scenario.load.get("start_after", 0)),
        function=scenario,
        source=document.source,
    )
    return model, document


def carried_faults(document: Document) -> tuple[tuple[FaultSpec, ...], list[Problem]]:
    """The faults that the scenario carries, and what is wrong with them."""
    from windtunnel.config.carried import read_carried  # for the scenarios that have some

    return read_carried(document, document.data["id"])


def _as_yaml(scenario: PythonScenario) -> dict[str, Any]:
    """The scenario as a file would have it, so that the same rules hold."""
    optional = {
        "tags": scenario.tags,
        "variables": scenario.variables,
        "data": scenario.data,
        "auth": scenario.auth,
        "headers": scenario.headers,
        "load": scenario.load,
    }
    return {
        "id": scenario.id,
        "weight": scenario.weight,
        "max_steps": scenario.max_steps,
        **{key: dict(value) for key, value in optional.items() if value},
        **({"faults": list(scenario.faults)} if scenario.faults else {}),
    }


def _steps(written: Sequence[WrittenStep], source: Source, *, assertions: bool) -> tuple[Step, ...]:
    """What is known beforehand of the steps, for reports; it is the function that runs."""
    return tuple(
        Step(type=step.action, name=step.name, options=_options(step), path=("flow", number), source=source)
        for number, step in enumerate(written)
        if step.assertion == assertions
    )


def _options(step: WrittenStep) -> dict[str, str]:
    """As YAML has them."""
    options = {"method": step.method, "path": "/"} if step.method else {}
    if step.service is not None:
        options["service"] = step.service
    return options
