"""From the mappings of a flow to its tree: every step with its name, its place and the steps inside it.

The steps of an included file are inside the step that includes it. The file stands beside the one that names
it, or elsewhere in the project.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

from windtunnel.config.nodes import MOST_PROBLEMS
from windtunnel.config.reader import Document, read_file
from windtunnel.config.scalars import texts
from windtunnel.config.schemas import Declared, Place, StepTypes, validate
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.model.scenario import Block, Step
from windtunnel.model.source import DataPath

MAX_STEPS = 10_000
"""Steps of one scenario, with everything it includes: files that include each other twice grow without bound."""


def build_steps(
    document: Document,
    key: str,
    types: StepTypes,
    fragments: Fragments | None = None,
    *,
    omit: Collection[DataPath] = (),
) -> tuple[Step, ...]:
    """The tree of the steps under `key` without those at the paths to `omit`; empty when there are none.

    The other steps hold to their schema. Problems with an included file are noted in `fragments`; the step that
    includes it holds no steps then.
    """
    builder = _Builder(types, fragments, omit)
    return builder.steps(_StepContext(chain=(document,)), document.data.get(key, ()), (key,))


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
class _StepContext:
    """Where steps stand: in which file, under which prefix, with which tags around them.

    `number` tells the list from every other list of the file, for the names of steps without one.
    """

    chain: Chain
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    number: str = ""


class _Builder:
    """Builds the tree of one list of steps, and counts them."""

    def __init__(self, types: StepTypes, fragments: Fragments | None, omit: Collection[DataPath]) -> None:
        self._types, self._fragments, self._omit = types, fragments, omit
        self._count = 0
        # By identity: a file that is included a thousand times is looked at once.
        self._declared: dict[int, Declared] = {}

    def steps(
        self, around: _StepContext, entries: Sequence[Mapping[str, Any]], path: DataPath
    ) -> tuple[Step, ...]:
        return tuple(
            self._step(around, entry, (*path, index), number=f"{around.number}_{index + 1}")
            for index, entry in enumerate(entries)
            if len(around.chain) > 1 or (*path, index) not in self._omit
        )

    def _step(self, around: _StepContext, entry: Mapping[str, Any], path: DataPath, *, number: str) -> Step:
        self._count += 1
        name = f"{around.prefix}{entry.get('name', _default_name(entry, path, number))}"
        tags = {**around.tags, **texts(entry.get("tags", {}))}
        declared = self._declared.get(id(entry))
        if declared is None:
            declared = self._declared[id(entry)] = self._types.declared(entry)
        inside = replace(around, tags=tags, number=number)
        blocks = self._blocks(inside, declared.lists, path)
        scoped = declared.scoped
        for file in declared.files:
            block = self._included(replace(inside, prefix=f"{name}/", number=""), file, path)
            if block is not None:
                blocks.append(block)
                scoped |= self._types.declared_of_file(block.options).scoped
        return Step(
            type=entry["type"],
            name=name,
            options=entry,
            path=path,
            source=around.chain[-1].source,
            when=entry.get("when"),
            on_failure=entry.get("on_failure", "stop"),
            tags=tags,
            blocks=tuple(blocks),
            prefix=around.prefix,
            sets=declared.sets,
            scoped=scoped,
        )

    def _blocks(self, around: _StepContext, lists: Sequence[Place], path: DataPath) -> list[Block]:
        """A block for each list of steps in the step at `path`."""
        blocks, keys = [], {place.options_path: place.key for place in reversed(lists)}
        for place in lists:
            numbers = [str(part + 1) for part in place.path if isinstance(part, int)]
            if place.key != keys[place.options_path]:  # not the first list of this mapping
                numbers.append(place.key)
            inside = replace(around, number="_".join([around.number, *numbers]))
            blocks.append(
                Block(
                    steps=self.steps(inside, place.value, (*path, *place.path)),
                    options=place.options,
                    path=(*path, *place.options_path),
                    source=around.chain[-1].source,
                    key=place.key,
                )
            )
        return blocks

    def _included(self, around: _StepContext, place: Place, path: DataPath) -> Block | None:
        """The steps of another file; None after a problem was noted."""
        if self._fragments is None or self._count > MAX_STEPS or len(self._fragments.problems) >= MOST_PROBLEMS:
            return None
        there = (*path, *place.path)
        document = self._fragments.open(place.value, around.chain, there)
        if document is None:
            return None
        inside = replace(around, chain=(*around.chain, document))
        steps = self.steps(inside, document.data["steps"], ("steps",))
        if self._count > MAX_STEPS and not self._fragments.overgrown:
            self._fragments.overgrown = True
            message = f"with this file, the scenario has more than {MAX_STEPS:,} steps"
            self._fragments.problems.append(around.chain[-1].problem(message, there))
        return Block(steps=steps, options=document.data, path=(), source=document.source)


def _default_name(entry: Mapping[str, Any], path: DataPath, number: str) -> str:
    """The name of a step without one: what it does and where it is written, as `wait 2s (step 4)`."""
    section = "step" if path[0] in ("flow", "steps") else path[0]
    return f"{_what_it_does(entry)} ({section} {number[1:].replace('_', '.')})"


def _what_it_does(entry: Mapping[str, Any]) -> str:
    kind: str = entry["type"]
    if kind == "set":
        return shorten(f"set {', '.join(map(str, entry['variables']))}", 60, placeholder=" …")
    if kind == "python":
        return f"call {entry['call']}"
    if kind != "wait":
        return kind
    duration = entry.get("duration")
    if isinstance(duration, Mapping):
        for spread, bounds in duration.items():
            return f"wait {' to '.join(map(str, bounds))}" if isinstance(bounds, list) else f"wait, {spread}"
    return f"wait {duration}s" if isinstance(duration, int | float) else f"wait {duration}"


Chain = tuple[Document, ...]
"""The current file and the files that include it, the scenario first."""

DEEPEST = 20


def fragment_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a file to include, out of that of scenarios."""
    return {**schema["$defs"]["fragment"], "$defs": schema["$defs"]}


class Fragments:
    """Reads the files that one scenario includes. `problems` is what is wrong with them.

    `overgrown`: they come to too many steps, which is said once.
    """

    def __init__(self, scenario: Document, environment: Mapping[str, str], types: StepTypes) -> None:
        self.problems: list[Problem] = []
        self.overgrown = False
        self._environment = environment
        self._types = types
        self._read: dict[str, Document | None] = {}
        self._project = scenario.source.project
        self._reals: dict[str, str] = {}

    @property
    def documents(self) -> list[Document]:
        """The files that could be read."""
        return [document for document in self._read.values() if document is not None]

    def open(self, name: str, chain: Chain, path: DataPath) -> Document | None:
        """The file that an include at `path` of the chain's last file names; None after a problem was noted."""
        here = chain[-1]
        written = os.path.normpath(Path(here.source.file).parent / name)
        real = self._real(written)
        files = [self._real(document.source.file) for document in chain]
        if real in files:
            loop = [*(each.source.file for each in chain[files.index(real) :]), written]
            self._note(here, path, f"a file can't include itself: {' → '.join(loop)}")
            return None
        if len(chain) > DEEPEST:
            self._note(here, path, f"includes are nested more than {DEEPEST} deep")
            return None
        try:
            if real not in self._read:
                self._project.require(Path(written))
        except ExpressionError as error:
            self._note(here, path, str(error), hint=error.hint)
            return None
        if real not in self._read:
            self._read[real] = self._fragment(written)
        return self._read[real]

    def _real(self, name: str) -> str:
        if name not in self._reals:
            try:
                self._reals[name] = os.path.realpath(name)
            except (OSError, ValueError):
                self._reals[name] = name  # no file can have such a name
        return self._reals[name]

    def _fragment(self, name: str) -> Document | None:
        try:
            document = read_file(name, self._environment, project=self._project)
        except ConfigError as error:
            self.problems += error.problems
            return None
        found = validate(document, fragment_schema(self._types.schema_for(document.data)))
        self.problems += found
        return None if found else document

    def _note(self, document: Document, path: DataPath, message: str, *, hint: str | None = None) -> None:
        self.problems.append(document.problem(message, path, hint=hint))
