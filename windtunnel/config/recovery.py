"""Which steps and sections of a scenario break its schema; everything else is compiled nevertheless.

    - { type: http, name: a, metod: GET, … }     left out, with the steps inside it
    weigth: 2                                    left out
    id, flow                                     without them nothing is compiled

What remains is judged only where the omitted parts make no difference (`Omission`): mending what breaks the schema
never hides a problem that was shown together with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.config.messages import Complaint
from windtunnel.config.reader import Document
from windtunnel.config.schemas import StepTypes
from windtunnel.model.scenario import Omission
from windtunnel.model.source import DataPath

_NEEDED = frozenset({"id", "flow"})
_STEP_SECTIONS = frozenset({"setup", "user_setup", "flow", "teardown", "assertions"})
_VARIABLE_SECTIONS = frozenset({"variables", "setup", "user_setup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """A document without the sections that break the schema, and the paths of the steps that do."""

    document: Document
    broken_steps: frozenset[DataPath]
    omission: Omission


def remainder(
    document: Document, complaints: Iterable[Complaint], types: StepTypes, known_sections: Iterable[str]
) -> Remainder | None:
    """What is left of a scenario file after its complaints; None when nothing of it can be compiled."""
    steps: dict[DataPath, list[Complaint]] = {}
    sections: set[str] = set()
    for complaint in complaints:
        if (step := _step_of(document.data, complaint.path, types)) is not None:
            steps.setdefault(step, []).append(complaint)
        elif not complaint.path or complaint.path[0] in _NEEDED:
            return None
        else:
            sections.add(str(complaint.path[0]))
    # An unknown section can be any other, misspelled.
    foreign = {key for key in sections.difference(known_sections) if _is_container(document.data.get(key))}
    set_by_steps = [_variables_of(document.data, path, found, types) for path, found in steps.items()]
    variables: frozenset[str] | None = None
    if not (foreign or sections & _VARIABLE_SECTIONS or None in set_by_steps):
        variables = frozenset(name for names in set_by_steps for name in names or ())
    return Remainder(
        document=replace(
            document, data={key: value for key, value in document.data.items() if key not in sections}
        ),
        broken_steps=frozenset(steps),
        omission=Omission(variables=variables, data=bool(foreign or "data" in sections)),
    )


def _step_of(data: Any, path: DataPath, types: StepTypes) -> DataPath | None:
    """The path of the innermost step around a place; None when the place is in no step."""
    if len(path) < 2 or path[0] not in _STEP_SECTIONS or not isinstance(path[1], int):
        return None
    step = path[:2]
    while True:
        inside, rest = types.declared(_at(data, step)).lists, path[len(step) :]
        lists = [place.path for place in inside if rest[: len(place.path)] == place.path]
        if not lists or len(rest) == len(lists[0]):
            return step
        step = path[: len(step) + len(lists[0]) + 1]


def _variables_of(data: Any, path: DataPath, found: list[Complaint], types: StepTypes) -> frozenset[str] | None:
    """The variables that a step sets when it is mended; None when its complaints leave that open."""
    step = _at(data, path)
    kind = step.get("type") if isinstance(step, Mapping) else None
    if not isinstance(kind, str) or types.may_hold_steps(kind):
        return None
    added: dict[str, Any] = {key: {} for complaint in found if complaint.path == path for key in complaint.missing}
    declared = types.declared({**added, **step})
    for complaint in found:
        place = complaint.path[len(path) :]
        wrong = [(key,) for key in complaint.missing] if not place else [place]
        if not wrong or ("type",) in wrong:
            return None
        if complaint.at_key and _is_container(_at(data, complaint.path)):
            return None  # a misspelled key
        if any(one[: len(names)] == names for one in wrong for names in declared.name_paths):
            return None
    return declared.sets


def _at(data: Any, path: DataPath) -> Any:
    for key in path:
        data = data[key]
    return data


def _is_container(value: Any) -> bool:
    """Whether a value can be what a misspelled key of steps or variables holds."""
    return value is None or isinstance(value, Mapping | list)
