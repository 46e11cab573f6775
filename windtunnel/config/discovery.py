"""From what the user calls scenarios (files, directories, globs) to the files that are meant."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from windtunnel.errors import ConfigError, ExpressionError, Location, Problem
from windtunnel.project import Project, is_folder, is_there, similar_name

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A file, directory or glob. `weight` replaces that of its scenarios; `where` is its place in a plan.

    `project` is the one that what a plan names must be in. What the user names is in a project of its own, which
    may read what this one may read besides.
    """

    text: str
    weight: int | None = None
    where: Location | None = None
    project: Project = Project()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPath:
    """One file. `named`: the user wrote its very name, so that it must be a scenario and can't be a fragment."""

    path: str
    named: bool
    weight: int | None = None
    project: Project = Project()

    @property
    def is_python(self) -> bool:
        """Whether it holds scenarios that are functions."""
        return self.path.endswith(".py")


def find_scenario_files(patterns: Iterable[Pattern]) -> tuple[list[ScenarioPath], list[Problem]]:
    """The files that the patterns match, each once, in their order; a problem for each pattern without a match."""
    found: dict[str, ScenarioPath] = {}
    problems: list[Problem] = []
    for pattern in patterns:
        try:
            paths = list(_files_of(pattern))
        except ConfigError as error:
            problems += error.problems
            continue
        if not paths:
            problems.append(_nothing_found(pattern))
        for path in paths:
            _take(found, path)
    return list(found.values()), problems


def _take(found: dict[str, ScenarioPath], path: ScenarioPath) -> None:
    """Keep a file once however often it is reached: an own weight and the very name win."""
    key = os.path.realpath(path.path)
    known = found.get(key)
    if known is None:
        found[key] = path
    else:
        weight = known.weight if path.weight is None else path.weight
        found[key] = replace(known, named=known.named or path.named, weight=weight)


def _files_of(pattern: Pattern) -> Iterator[ScenarioPath]:
    text, named = pattern.text, pattern.where is None
    start = _before_magic(text)
    project = pattern.project.around(start) if named else pattern.project
    try:
        project.contain(start)
        if not glob.has_magic(text):
            project.contain(text)
    except ExpressionError as error:
        raise ConfigError.of(str(error), where=pattern.where, hint=error.hint) from None
    if is_folder(text):
        found = _walk(text)
    elif glob.has_magic(text) and not is_there(text):
        found = _matches_of(text)
    elif is_there(text):
        yield ScenarioPath(path=text, named=True, weight=pattern.weight, project=project)
        return
    else:
        raise ConfigError.of(
            f'there is no file or directory "{text}"',
            where=pattern.where,
            hint=similar_name(text),
            lacks="file" if named else None,
        )
    for file in found:
        own = pattern.project.around(file, fallback=text) if named else project
        try:
            own.contain(file)
        except ExpressionError as error:
            raise ConfigError.of(str(error), where=pattern.where, hint=error.hint) from None
        yield ScenarioPath(path=file, named=False, weight=pattern.weight, project=own)


def _before_magic(pattern: str) -> str:
    """The folder in which a glob begins to look; the whole text if it is none."""
    if not glob.has_magic(pattern):
        return pattern
    plain = itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts)
    return str(Path(*plain))


def _walk(directory: str) -> Iterator[str]:
    """The YAML files below a directory, sorted; names that begin with `_` or `.` are passed over."""
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        for name in sorted(files):
            if name.endswith(_SUFFIXES) and not name.startswith(("_", ".")):
                yield str(Path(folder) / name)


def _matches_of(pattern: str) -> Iterator[str]:
    """The files a glob matches. Without a suffix of its own it means YAML files, and directories whole."""
    own_suffix = Path(pattern).suffix
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  (Path.glob takes no absolute patterns)
        name = Path(match).name
        if name.startswith("_") and not Path(pattern).name.startswith("_"):
            continue
        if is_folder(match):
            # `**` matches every directory and all that is in them; walking them too would find nothing new.
            if "**" not in pattern:
                yield from _walk(match)
        elif own_suffix or name.endswith(_SUFFIXES):
            yield match


def _nothing_found(pattern: Pattern) -> Problem:
    return Problem(
        message=f'no scenario found in "{pattern.text}"',
        where=pattern.where,
        hint='a scenario is a YAML file with "id" and "flow", and a name without a leading "_"',
        lacks=None if pattern.where else "file",
    )
