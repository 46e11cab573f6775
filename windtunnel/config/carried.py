"""The faults that a scenario carries: on its own requests, in the runs of plans with `turbulence`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from windtunnel.config.faults import FaultReader
from windtunnel.config.faults_added import with_added_faults
from windtunnel.config.reader import Document
from windtunnel.config.schemas import load_schema, validate
from windtunnel.errors import Problem
from windtunnel.model.source import DataPath
from windtunnel.model.turbulence import FaultSpec

_KEY = "faults"


def read_carried(document: Document, scenario: str) -> tuple[tuple[FaultSpec, ...], list[Problem]]:
    """The faults of a scenario, and what is wrong with them. Its own schema says that they are mappings."""
    written = document.data[_KEY]
    part = replace(
        document,
        data={_KEY: written},
        written={path: text for path, text in document.written.items() if path[0] == _KEY},
    )
    problems = validate(part, _schema(written))
    if not problems:
        reader = FaultReader(document=document, scenario=scenario)
        problems = [
            *reader.same_names(written, (_KEY,)),
            *reader.levels_of_macros(written, (_KEY,)),
            *_elsewhere(document, written, scenario),
        ]
    return (() if problems else reader.read(written, (_KEY,))), problems


def _schema(written: Any) -> Mapping[str, Any]:
    """The schema of the faults alone, made of that of a plan."""
    plan = with_added_faults(load_schema("plan"), written)
    faults = {"type": "array", "items": {"$ref": "#/$defs/request_fault"}}
    return {"type": "object", "properties": {_KEY: faults}, "$defs": plan["$defs"]}


def _elsewhere(document: Document, written: Any, scenario: str) -> Iterator[Problem]:
    for index, fault in enumerate(written):
        named = fault.get("on", {}).get("scenario", scenario)
        if named != scenario:
            path: DataPath = (_KEY, index, "on", "scenario")
            message = "the faults of a scenario are on its own requests"
            yield document.problem(message, path, hint="remove `scenario`, or write the fault into the plan")
