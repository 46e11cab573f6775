"""Profiles of an SUT file, applied by `--profile`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from windtunnel.config.reader import Document
from windtunnel.errors import Problem, did_you_mean
from windtunnel.model.source import DataPath, Mark

_ADDED: frozenset[DataPath] = frozenset(
    {("allow_hosts",), ("public_env",), ("redact", "headers"), ("redact", "json"), ("redact", "query")}
)
"""Lists that a profile adds to; every other one it replaces."""

_Marks = dict[DataPath, Mark]


def is_in_unused_profile(path: DataPath, chosen: Sequence[str]) -> bool:
    """Whether a place in the file belongs to a profile that was not chosen."""
    return len(path) > 1 and path[0] == "profiles" and path[1] not in chosen


def profile_problems(document: Document, chosen: Sequence[str]) -> list[Problem]:
    """A problem for each chosen profile that the file doesn't have."""
    known = document.data.get("profiles", {})
    return [
        Problem(
            flag="--profile",
            message=f'there is no profile "{name}" in {document.source.file}',
            hint=did_you_mean(name, known) or _known(known),
        )
        for name in chosen
        if name not in known
    ]


def with_profiles(document: Document, chosen: Sequence[str]) -> Document:
    """The file as it would be written with the chosen profiles, each over the ones before it.

    Mappings merge key by key, everything else is replaced; hosts and names to hide are added. What comes from a
    profile keeps its place there, for messages.
    """
    data = {key: value for key, value in document.data.items() if key != "profiles"}
    marks: _Marks = dict(document.source.marks)
    for name in chosen:
        data = _merged(data, document.data["profiles"][name], (), ("profiles", name), marks)
    return replace(document, data=data, source=replace(document.source, marks=marks))


def _known(names: Mapping[str, Any]) -> str:
    return f"the profiles are {', '.join(names)}" if names else "add `profiles:` to the file"


def _merged(
    below: Mapping[str, Any], above: Mapping[str, Any], path: DataPath, origin: DataPath, marks: _Marks
) -> dict[str, Any]:
    """`above`, written at `origin`, merged over `below`, written at `path`. `marks` is kept up to date."""
    result = dict(below)
    for key, value in above.items():
        here, there, old = (*path, key), (*origin, key), below.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = _merged(old, value, here, there, marks)
        elif isinstance(old, list) and isinstance(value, list) and here in _ADDED:
            result[key] = [*old, *value]
            for index in range(len(value)):
                _move(marks, (*there, index), (*here, len(old) + index))
        else:
            result[key] = value
            _move(marks, there, here)
    return result


def _move(marks: _Marks, origin: DataPath, path: DataPath) -> None:
    """Give everything at and below `path` its position at `origin`."""
    for old in [each for each in marks if each[: len(path)] == path]:
        del marks[old]
    for old in [each for each in marks if each[: len(origin)] == origin]:
        marks[path + old[len(origin) :]] = marks[old]
