"""Reads one YAML file: bytes to plain values, with the place of every key and value, or every problem in it.

What is accepted is deliberately less than YAML: UTF-8, one document, text keys, no duplicates, no tags, the
scalars of YAML 1.2, and limits on size, depth and what aliases may grow to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windtunnel.config.nodes import (
    MAX_DEPTH,
    MAX_NODES,
    Alias,
    Composer,
    MappingNode,
    Node,
    Place,
    Scalar,
    SequenceNode,
    clipped,
)
from windtunnel.config.scalars import ReadEnvironment, secret_values
from windtunnel.errors import ConfigError, ExpressionError, Location, Problem
from windtunnel.model.source import DataPath, Mark, Source
from windtunnel.project import Project, TooLargeError

MAX_BYTES = 1024 * 1024
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as PyYAML counts lines
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that was read. `data` is made of dicts, lists, text, numbers, booleans and None.

    `read` are the variables of the environment (name to value) that went into it, `env` those of them that its
    templates ask for, `withheld` the tokens of a CI system that they ask for and may not read. `taken` are the
    names of those that went into each value. `written` is the source of each unquoted number and boolean that text
    of the same value would not have: `1.10`, `01234`, `True`.
    """

    data: Any
    source: Source
    read: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    taken: Mapping[DataPath, tuple[str, ...]] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()
    written: Mapping[DataPath, str] = field(default_factory=dict)

    @property
    def secrets(self) -> frozenset[str]:
        """The secret values in this file, taken by itself; `public_env` may allow some of them."""
        return secret_values([self.read])

    def problem(self, message: str, path: DataPath = (), *, key: bool = False, hint: str | None = None) -> Problem:
        """A problem with the value at `path`, or with its key."""
        return Problem(message=message, where=clipped(self.source.locate(path, key=key)), hint=hint)


def read_file(
    path: str | Path,
    environment: Mapping[str, str],
    *,
    project: Project | None = None,
    unused: Callable[[DataPath], bool] | None = None,
) -> Document:
    """Read the YAML file at `path`, named in messages as given. Raises ConfigError.

    `project` is the one that the file must be in; its own, if it was named by the user and not by another file.
    What is `unused` may refer to variables that are not there.
    """
    project = project or Project().around(path)
    try:
        text = project.read(path, most=MAX_BYTES, absent=None)
    except TooLargeError:
        raise _too_large(Location(file=str(path))) from None
    except ExpressionError as error:
        raise ConfigError.of(str(error), hint=error.hint) from None
    return read_yaml(path, text, environment=environment, project=project, unused=unused)


def read_yaml(
    name: str | Path,
    text: bytes,
    *,
    environment: Mapping[str, str],
    project: Project = Project(),
    unused: Callable[[DataPath], bool] | None = None,
) -> Document:
    """Read the YAML in `text`; `name` is what messages call the file. Raises ConfigError with every problem."""
    file = str(name)
    decoded = _decode(file, text)
    lines = tuple(_LINE_BREAK.split(decoded.removesuffix("\n")))
    seen = environment if isinstance(environment, ReadEnvironment) else ReadEnvironment(environment)
    composer = Composer(file, decoded, lines, seen, project)
    root = composer.compose()
    if isinstance(root, Scalar) and root.plain and root.value is None:
        raise composer.refuse("the file is empty", None)
    builder = _Builder(composer)
    data = builder.value(root, (), key=None, depth=0, alias=None)
    problems = composer.problems
    if composer.absent and unused is not None:
        used = {(mark.line, mark.column) for path, mark in builder.marks.items() if not unused(path)}
        forgiven = [problem for place, problem in composer.absent if (place.line, place.column) not in used]
        problems = [problem for problem in problems if problem not in forgiven]
    if problems:
        raise ConfigError(problems)
    return Document(
        data=data,
        source=Source(file=file, lines=lines, marks=builder.marks, project=project),
        read=dict(composer.read),
        env=dict(composer.env),
        taken=builder.taken,
        withheld=frozenset(composer.withheld),
        written=builder.written,
    )


def _too_large(where: Location) -> ConfigError:
    return ConfigError.of("the file is larger than 1 MiB", where=where)


def _decode(file: str, text: bytes) -> str:
    where = Location(file=file)
    if len(text) > MAX_BYTES:
        raise _too_large(where)
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError.of("the file is UTF-16, not UTF-8", where=where, hint="save it as UTF-8")
    if b"\x00" in text:
        raise ConfigError.of("this is a binary file, not YAML text", where=where)
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ConfigError.of(
            f"the file is not UTF-8: byte 0x{text[error.start]:02x} on line {line}",
            where=where,
            hint="save it as UTF-8",
        ) from None
    if found := _NOT_TEXT.search(decoded):
        before = _LINE_BREAK.split(decoded[: found.start()])
        raise ConfigError.of(
            f"the control character U+{ord(found[0]):04X} is not allowed in YAML",
            where=Location(file=file, line=len(before), column=len(before[-1]) + 1),
            hint='inside double quotes it can be written as an escape, such as "\\x1b"',
        )
    return decoded


class _Builder:
    """Turns nodes into values and writes down their places. Counts what aliases and merges grow to."""

    def __init__(self, composer: Composer) -> None:
        self.marks: dict[DataPath, Mark] = {}
        self.taken: dict[DataPath, tuple[str, ...]] = {}
        self.written: dict[DataPath, str] = {}
        self._composer = composer
        self._count = 0

    def value(self, node: Node, path: DataPath, *, key: Scalar | None, depth: int, alias: Place | None) -> Any:
        """The value of `node`. `alias` is the place of the first alias on the way to it.

        Raises ConfigError when a limit is passed.
        """
        target = node
        if isinstance(node, Alias):
            target, alias = node.target, alias or node.place
        self._charge(alias or node.place)
        if depth > MAX_DEPTH:
            raise self._composer.refuse(f"nested more than {MAX_DEPTH} levels deep by aliases", alias)
        self.marks[path] = _mark(node.place, key)
        if isinstance(target, Scalar):
            if target.place in self._composer.taken:
                self.taken[path] = self._composer.taken[target.place]
            if target.place in self._composer.written:
                self.written[path] = self._composer.written[target.place]
            return target.value
        if isinstance(target, SequenceNode):
            return [
                self.value(item, (*path, index), key=None, depth=depth + 1, alias=alias)
                for index, item in enumerate(target.items)
            ]
        assert isinstance(target, MappingNode)
        return {
            name.value: self.value(item, (*path, name.value), key=name, depth=depth + 1, alias=alias)
            for name, item in self._pairs(target, depth=0)
        }

    def _pairs(self, mapping: MappingNode, *, depth: int) -> list[tuple[Scalar, Node]]:
        """The pairs of a mapping, those it merges first; its own win."""
        if mapping.merged is None:
            return mapping.pairs
        if depth > MAX_DEPTH:
            raise self._composer.refuse(f'"<<" chained more than {MAX_DEPTH} times', mapping.place)
        own = {key.value for key, _ in mapping.pairs}
        inherited = self._pairs(mapping.merged, depth=depth + 1)
        for key, _ in inherited:
            self._charge(key.place)
        return [pair for pair in inherited if pair[0].value not in own] + mapping.pairs

    def _charge(self, place: Place) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            raise self._composer.refuse(f"aliases grow this file to more than {MAX_NODES:,} values", place)


def _mark(place: Place, key: Scalar | None) -> Mark:
    if key is None:
        return Mark(line=place.line, column=place.column, width=place.width)
    return Mark(
        line=place.line,
        column=place.column,
        width=place.width,
        key_line=key.place.line,
        key_column=key.place.column,
        key_width=key.place.width,
    )
