"""The test plan file to its values. Everything in it may be left out; flags of the command line win."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from windtunnel.config.discovery import Pattern
from windtunnel.config.load import LoadSettings, load_problems, read_load
from windtunnel.config.reader import Document, read_file
from windtunnel.config.scalars import texts
from windtunnel.config.schemas import load_schema, place_of, require_valid
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.expressions.quantities import parse_duration
from windtunnel.expressions.threshold import parse_selector, parse_threshold
from windtunnel.figures import as_written
from windtunnel.model.source import DataPath
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import Compression, KeepBodies
from windtunnel.project import Project

_OF_K6 = {"abort": "abortOnFail", "after": "delayAbortEval"}
"""Key of a threshold's long form -> what k6 calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """A test plan as written. Paths are ready to open: the folder of the plan is in them."""

    document: Document
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    sut: str | None = None
    scenarios: tuple[Pattern, ...] = ()
    load: LoadSettings = LoadSettings()
    thresholds: tuple[Threshold, ...] = ()
    turbulence: Turbulence | None = None
    seed: int | None = None
    directory: str | None = None
    bodies: KeepBodies | None = None
    compress: Compression | None = None


def load_plan_file(path: str | Path, environment: Mapping[str, str], project: Project = Project()) -> PlanFile:
    """Read a test plan, and what it names in its own project. Raises ConfigError with every problem in it.

    `project` says what else the plan may make us read.
    """
    document = read_file(path, environment, project=project.around(path))
    schema: Mapping[str, Any] = load_schema("plan")
    if isinstance(document.data, Mapping) and "turbulence" in document.data:
        from windtunnel.config.faults_added import of_plan  # for the plans that have some

        schema = of_plan(schema, document.data["turbulence"])
    require_valid(document, schema)
    data = document.data
    load = read_load(data.get("load", {}))
    thresholds, problems = _thresholds(document)
    turbulence = None
    if "turbulence" in data:
        from windtunnel.config.turbulence import read_turbulence

        turbulence, found = read_turbulence(document, schema)
        problems += found
    problems += load_problems(document, load, phases=turbulence is not None)
    if problems:
        raise ConfigError(sorted(problems, key=place_of))
    folder = Path(path).parent
    output = data.get("output", {})
    return PlanFile(
        document=document,
        name=data.get("name", ""),
        tags=texts(data.get("tags", {})),
        sut=str(folder / data["sut"]) if "sut" in data else None,
        scenarios=tuple(_patterns(document, folder)),
        load=load,
        thresholds=tuple(thresholds),
        turbulence=turbulence,
        seed=int(data["seed"]) if "seed" in data else None,
        directory=output.get("directory"),
        bodies=output.get("bodies"),
        compress=output.get("compress"),
    )


def _patterns(document: Document, folder: Path) -> Iterator[Pattern]:
    for index, entry in enumerate(document.data.get("scenarios", ())):
        text, weight = (entry, None) if isinstance(entry, str) else (entry["path"], entry.get("weight"))
        yield Pattern(
            text=str(folder / text),
            weight=None if weight is None else int(weight),
            where=document.source.locate(("scenarios", index)),
            project=document.source.project,
        )


def _thresholds(document: Document) -> tuple[list[Threshold], list[Problem]]:
    thresholds: list[Threshold] = []
    problems: list[Problem] = []
    for selector, entries in document.data.get("thresholds", {}).items():
        path: DataPath = ("thresholds", selector)
        try:
            parse_selector(selector)
        except ExpressionError as error:
            problems.append(document.problem(str(error), path, key=True, hint=error.hint))
            continue
        for index, entry in enumerate(entries):
            try:
                thresholds.append(_threshold(document, (*path, index), selector, entry))
            except ExpressionError as error:
                place: DataPath = (*path, index) if isinstance(entry, str) else (*path, index, "threshold")
                problems.append(document.problem(str(error), place, hint=error.hint))
                continue
            problems += _long_form_problems(document, (*path, index), entry, thresholds[-1])
    return thresholds, problems


def _threshold(document: Document, path: DataPath, selector: str, entry: Any) -> Threshold:
    written: dict[str, Any] = {"threshold": entry} if isinstance(entry, str) else entry
    threshold = parse_threshold(selector, written["threshold"], origin="plan", where=document.source.locate(path))
    samples, within = written.get("min_samples"), written.get("within")
    return replace(
        threshold,
        text=threshold.text
        if within is None
        else f"{threshold.text} in every {as_written(parse_duration(within))}",
        tags={**threshold.tags, "phase": written["phase"]} if "phase" in written else threshold.tags,
        min_samples=None if samples is None else int(samples),
        within_s=None if within is None else parse_duration(within),
        abort=written.get("abort", written.get("abortOnFail", False)),
        after_s=parse_duration(written.get("after", written.get("delayAbortEval", 0))),
    )


def _long_form_problems(document: Document, path: DataPath, entry: Any, threshold: Threshold) -> Iterator[Problem]:
    """Keys of the long form that contradict each other, or do nothing."""
    if isinstance(entry, str):
        return
    for ours, of_k6 in _OF_K6.items():
        if ours in entry and of_k6 in entry:
            yield document.problem(
                f'"{of_k6}" and "{ours}" are the same setting', (*path, of_k6), key=True, hint="keep one of them"
            )
    after = next((key for key in ("after", "delayAbortEval") if key in entry), None)
    if after is not None and not threshold.abort:
        message = f'"{after}" does nothing without "abort: true"'
        yield document.problem(
            message, (*path, after), key=True, hint="it delays the end of the run, not the verdict"
        )
    if threshold.within_s == 0:
        yield document.problem('"within" must be more than 0', (*path, "within"))
