"""From the mappings of a flow to its tree: every step with its name, its place and the steps inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from windtunnel.config.includes import Chain, Fragments
from windtunnel.config.reader import Document
from windtunnel.config.scalars import texts
from windtunnel.errors import Problem
from windtunnel.model.scenario import Block, Step
from windtunnel.model.source import DataPath

MOST_STEPS = 10_000
"""Steps of one scenario, with everything it includes: files that include each other twice grow without bound."""

_WITH_STEPS = frozenset({"group", "repeat"})
"""Types with one list of steps of their own, under `steps`."""

_WITH_ALTERNATIVES: Mapping[str, str] = {"branch": "cases", "choose": "options", "parallel": "branches"}
"""Types with several: the key of a list of mappings, each with `steps` (or `else`, which is such a list)."""


def build_steps(document: Document, key: str, fragments: Fragments | None = None) -> tuple[Step, ...]:
    """The tree of the steps under `key` of a file that its schema accepts; empty when there are none.

    What is wrong with an included file is noted in `fragments`, and the step has nothing inside then.
    """
    return _Builder(fragments).steps(_Surroundings(chain=(document,)), document.data.get(key, ()), (key,))


def same_names(documents: Sequence[Document], steps: Sequence[Step]) -> list[Problem]:
    """A problem for each step whose name an earlier one has: records and reports tell steps apart by it.

    `documents` are the files in which the steps stand.
    """
    return list(_same_names({document.source.file: document for document in documents}, steps, {}))


def _same_names(
    documents: Mapping[str, Document], steps: Sequence[Step], first: dict[str, Step]
) -> Iterator[Problem]:
    for step in steps:
        other = first.setdefault(step.name, step)
        if other is step:
            for block in step.blocks:
                yield from _same_names(documents, block.steps, first)
            continue
        place = other.source.locate((*other.path, "name"))
        yield documents[step.source.file].problem(
            f'the name "{step.name}" is taken by the step at {place}',
            (*step.path, "name"),
            hint="give each step and assertion a name of its own",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """Where steps stand: in which file, under which prefix, with which tags around them."""

    chain: Chain
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


class _Builder:
    """Builds the tree of one list of steps, and counts what it comes to."""

    def __init__(self, fragments: Fragments | None) -> None:
        self._fragments = fragments
        self._count = 0

    def steps(
        self, around: _Surroundings, entries: Sequence[Mapping[str, Any]], path: DataPath
    ) -> tuple[Step, ...]:
        return tuple(self._step(around, entry, (*path, index)) for index, entry in enumerate(entries))

    def _step(self, around: _Surroundings, entry: Mapping[str, Any], path: DataPath) -> Step:
        self._count += 1
        name = f"{around.prefix}{entry.get('name', _numbered(entry['type'], path))}"
        tags = {**around.tags, **texts(entry.get("tags", {}))}
        inside = replace(around, tags=tags)
        source = around.chain[-1].source
        blocks = [
            Block(
                steps=self.steps(inside, entries, (*path, *to_steps)),
                options=options,
                path=(*path, *to_options),
                source=source,
            )
            for options, to_options, entries, to_steps in _lists_in(entry)
        ]
        if entry["type"] == "include":
            blocks += self._included(replace(inside, prefix=f"{name}/"), entry["file"], (*path, "file"))
        return Step(
            type=entry["type"],
            name=name,
            options=entry,
            path=path,
            source=source,
            when=entry.get("when"),
            on_failure=entry.get("on_failure", "stop"),
            tags=tags,
            blocks=tuple(blocks),
            prefix=around.prefix,
        )

    def _included(self, around: _Surroundings, file: str, path: DataPath) -> list[Block]:
        """The steps of another file; none when it can't be had, or is too much."""
        if self._fragments is None or self._count > MOST_STEPS:
            return []
        document = self._fragments.open(file, around.chain, path)
        if document is None:
            return []
        inside = replace(around, chain=(*around.chain, document))
        steps = self.steps(inside, document.data["steps"], ("steps",))
        if self._count > MOST_STEPS and not self._fragments.overgrown:
            self._fragments.overgrown = True
            message = f"with this file the scenario comes to more than {MOST_STEPS:,} steps"
            self._fragments.problems.append(around.chain[-1].problem(message, path))
        return [Block(steps=steps, options=document.data, path=(), source=document.source)]


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
    section = "" if path[0] in ("flow", "steps") else f"{path[0]}_"
    return f"{section}{kind}_{numbers}"
