"""From the mappings of a flow to its tree: every step with its name, its place and the steps inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from windtunnel.config.reader import Document
from windtunnel.config.scalars import texts
from windtunnel.errors import Problem
from windtunnel.model.scenario import Block, Step, walk
from windtunnel.model.source import DataPath

__all__ = ["build_steps", "same_names"]

_WITH_STEPS = frozenset({"group"})
"""Types with one list of steps of their own, under `steps`."""

_WITH_ALTERNATIVES: Mapping[str, str] = {"branch": "cases"}
"""Types with several: the key of a list of mappings, each with `steps` (or `else`, which is such a list)."""


def build_steps(document: Document, key: str) -> tuple[Step, ...]:
    """The tree of the steps under `key` of a file that its schema accepts; empty when there are none."""
    return _steps(document, document.data.get(key, ()), (key,), {})


def same_names(document: Document, steps: Sequence[Step]) -> list[Problem]:
    """A problem for each step whose name an earlier one has: records and reports tell steps apart by it."""
    first: dict[str, Step] = {}
    problems = []
    for step in walk(steps):
        other = first.setdefault(step.name, step)
        if other is not step:
            place = other.source.locate((*other.path, "name"))
            problems.append(
                document.problem(
                    f'the name "{step.name}" is taken by the step at {place}',
                    (*step.path, "name"),
                    hint="give each step and assertion a name of its own",
                )
            )
    return problems


def _steps(
    document: Document, entries: Sequence[Mapping[str, Any]], path: DataPath, tags: Mapping[str, str]
) -> tuple[Step, ...]:
    return tuple(_step(document, entry, (*path, index), tags) for index, entry in enumerate(entries))


def _step(document: Document, entry: Mapping[str, Any], path: DataPath, around: Mapping[str, str]) -> Step:
    tags = {**around, **texts(entry.get("tags", {}))}
    return Step(
        type=entry["type"],
        name=entry.get("name", _numbered(entry["type"], path)),
        options=entry,
        path=path,
        source=document.source,
        when=entry.get("when"),
        on_failure=entry.get("on_failure", "stop"),
        tags=tags,
        blocks=tuple(
            Block(
                steps=_steps(document, entries, (*path, *to_steps), tags),
                options=options,
                path=(*path, *to_options),
                source=document.source,
            )
            for options, to_options, entries, to_steps in _lists_in(entry)
        ),
    )


def _lists_in(
    entry: Mapping[str, Any],
) -> Iterator[tuple[Mapping[str, Any], DataPath, Sequence[Mapping[str, Any]], DataPath]]:
    """Each list of steps in a step: the mapping it stands in, the way there, the list, the way there."""
    if entry["type"] in _WITH_STEPS:
        yield entry, (), entry["steps"], ("steps",)
    key = _WITH_ALTERNATIVES.get(entry["type"])
    if key is not None:
        for index, options in enumerate(entry[key]):
            own = "else" if "else" in options else "steps"
            yield options, (key, index), options[own], (key, index, own)


def _numbered(kind: str, path: DataPath) -> str:
    """The name of a step without one: its type, and where it stands. Unique as the place is."""
    numbers = "_".join(str(part + 1) for part in path if isinstance(part, int))
    section = "" if path[0] == "flow" else f"{path[0]}_"
    return f"{section}{kind}_{numbers}"
