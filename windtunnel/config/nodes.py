"""YAML text to nodes: PyYAML's pure-Python scanner and parser, with our own limits and rules on top.

text ──PyYAML──▶ events ──compose──▶ nodes with places ──reader──▶ values

The C loader is never used: it crashes the process on 100,000 nested brackets. Limits are kept while the events
come, so that a hostile file is refused before it costs time or stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import yaml

from windtunnel.config.scalars import ReadEnvironment, expand, reads_as, resolve, secret_file_reader, typed
from windtunnel.errors import ConfigError, Location, Problem
from windtunnel.model.scenario import Expanded
from windtunnel.project import Project, is_withheld

MAX_DEPTH = 50
MAX_NODES = 100_000
MOST_PROBLEMS = 50
_LONGEST_EXCERPT = 200

_ENV_NAME = re.compile(
    r"""\benv (?: \s*\.\s* (?P<dotted>[A-Za-z_]\w*) | \s*\[\s*['"] (?P<quoted>[A-Za-z_]\w*) ['"]\s*\] )""",
    re.VERBOSE,
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SYNTAX_HINTS: tuple[tuple[str, str], ...] = (
    (r"mapping values are not allowed", 'put text that holds ": " into quotes, and check the indentation'),
    (r"found character '\\t'", "indent with spaces, not with tabs"),
    (r"found character '[@`%]'", "put text that begins with this character into quotes"),
    (r"while scanning an alias|found undefined alias", 'put text that begins with "*" into quotes'),
    (r"while scanning an anchor", 'put text that begins with "&" into quotes'),
    (r"could not find expected ':'", "write `key: value`, with a space after the colon"),
    (r"expected ',' or .*, but got '[][?{}]'", "inside { } and [ ] put text that holds ? [ ] { or } into quotes"),
    (r"found unexpected end of stream", "a quote is opened and never closed"),
    (r"but found '<block (mapping|sequence) start>'", "check the indentation: this line is indented too far"),
    (r"expected <block end>, but found '<scalar>'", "put the whole value into quotes"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: line and column from 1."""

    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, boolean or null. `plain`: it stands without quotes."""

    value: Any
    plain: bool
    place: Place


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    items: list[Node]
    place: Place


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping. Keys are text; `merged` is what `<<:` brings in."""

    pairs: list[tuple[Scalar, Node]]
    merged: MappingNode | None
    place: Place


@dataclass(frozen=True, slots=True)
class Alias:
    """`*name`: a reference to a node that is written elsewhere."""

    target: Scalar | SequenceNode | MappingNode
    place: Place


Node = Scalar | SequenceNode | MappingNode | Alias


class Composer:
    """Composes the one document of a file. `problems` gathers what needn't stop it; `read` the variables it used.

    `taken` are the variables of each scalar, `written` the source of numbers and booleans that read otherwise as
    text, `env` is what of the environment its templates ask for, `withheld` what of it they may not read. `absent`
    are those of the problems that say that a variable or a secret is not there, with their places.

    Owned by the one call that reads the file.
    """

    def __init__(
        self, file: str, text: str, lines: tuple[str, ...], environment: ReadEnvironment, project: Project
    ) -> None:
        self.file, self.lines, self.environment = file, lines, environment
        self.problems: list[Problem] = []
        self.absent: list[tuple[Place, Problem]] = []
        self.env: dict[str, str] = {}
        self.withheld: set[str] = set()
        self.read: dict[str, str] = {}
        self.taken: dict[Place, tuple[str, ...]] = {}
        self.written: dict[Place, str] = {}
        self._read_secret, self._allowed = secret_file_reader(file, project), project.variables
        self._parser = yaml.SafeLoader(text)
        self._anchors: dict[str, Scalar | SequenceNode | MappingNode | None] = {}
        self._nodes = 0

    def compose(self) -> Node:
        """The root node. Raises ConfigError when there is none, for bad syntax and when a limit is passed."""
        self._next()  # the start of the stream
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise self.refuse("the file is empty", None)
        root = self._node(self._next(), 0)
        self._next()  # the end of the document
        more = self._next()
        if not isinstance(more, yaml.StreamEndEvent):
            raise self.refuse(
                "a second YAML document begins here", self._place(more), hint="one file holds one document"
            )
        return root

    def refuse(self, message: str, place: Place | None, *, hint: str | None = None) -> ConfigError:
        """The error to raise: this problem after those gathered so far."""
        self.note(message, place, hint=hint)
        return ConfigError(self.problems)

    def note(self, message: str, place: Place | None, *, hint: str | None = None) -> None:
        """Gather a problem. Raises ConfigError when there are too many."""
        where = Location(file=self.file)
        if place is not None:
            line, column, width = place.line, place.column, place.width
            excerpt = self.lines[line - 1] if line <= len(self.lines) else ""
            where = clipped(Location(file=self.file, line=line, column=column, excerpt=excerpt, width=width))
        self.problems.append(Problem(message=message, where=where, hint=hint))
        if len(self.problems) >= MOST_PROBLEMS:
            raise ConfigError(self.problems)

    def _next(self) -> Any:
        try:
            return self._parser.get_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except (ValueError, OverflowError):
            # PyYAML lets these out for escapes such as "\UFFFFFFFF" and for %YAML with endless digits.
            mark = self._parser.get_mark()
            raise self.refuse("not valid YAML: a number is out of range", _at(mark)) from None

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> ConfigError:
        words = f"{error.context or ''} {error.problem or ''}"
        mark = error.problem_mark or error.context_mark
        hint = next((hint for pattern, hint in _SYNTAX_HINTS if re.search(pattern, words)), None)
        line = self.lines[mark.line] if mark is not None and mark.line < len(self.lines) else ""
        if "${" in line and ("expected ',' or" in words or "while parsing a flow" in words):
            hint = 'inside { } and [ ] put a reference into quotes: "${NAME}"'
        return self.refuse(
            f"not valid YAML: {error.problem or error.context}", None if mark is None else _at(mark), hint=hint
        )

    def _node(self, event: Any, depth: int) -> Node:
        self._nodes += 1
        place = self._place(event)
        if self._nodes > MAX_NODES:
            raise self.refuse(f"the file holds more than {MAX_NODES:,} values", place)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place)
        self._refuse_tag(event.tag, place)
        if isinstance(event, yaml.ScalarEvent):
            node: Scalar | SequenceNode | MappingNode = self._scalar(event, place)
        elif depth >= MAX_DEPTH:
            raise self.refuse(f"nested more than {MAX_DEPTH} levels deep", place)
        else:
            if event.anchor:
                self._anchors[event.anchor] = None
            is_list = isinstance(event, yaml.SequenceStartEvent)
            node = self._sequence(place, depth) if is_list else self._mapping(place, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, place: Place) -> Node:
        if anchor not in self._anchors:
            raise self.refuse(
                f'there is no anchor "&{anchor}" before this',
                place,
                hint='put text that begins with "*" into quotes',
            )
        target = self._anchors[anchor]
        if target is None:
            raise self.refuse(f'alias "*{anchor}" refers to itself', place, hint="write the value out")
        return Alias(target, place)

    def _sequence(self, place: Place, depth: int) -> SequenceNode:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return SequenceNode(items, place)

    def _mapping(self, place: Place, depth: int) -> MappingNode:
        pairs: list[tuple[Scalar, Node]] = []
        first: dict[str, Place] = {}
        merged = None
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event)
            if key.value in first:
                line = first[key.value].line
                self.note(
                    f'duplicate key "{key.value}", first written on line {line}',
                    key.place,
                    hint="keep one of them",
                )
            first.setdefault(key.value, key.place)
            value = self._node(self._next(), depth + 1)
            if key.plain and key.value == "<<":
                merged = self._merge_source(value)
            else:
                pairs.append((key, value))
        return MappingNode(pairs, merged, place)

    def _merge_source(self, value: Node) -> MappingNode:
        target = value.target if isinstance(value, Alias) else value
        if isinstance(target, MappingNode):
            return target
        raise self.refuse('"<<" must be followed by one mapping', value.place, hint="write `<<: *name`")

    def _key(self, event: Any) -> Scalar:
        place = self._place(event)
        self._nodes += 1
        if not isinstance(event, yaml.ScalarEvent):
            line = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
            if line[place.column - 2 : place.column] == "{{":
                raise self.refuse(
                    "a template must be in quotes", place, hint='write "{{ name }}", quotes included'
                )
            raise self.refuse("a key must be text", place)
        text = self._text(event.value, place)
        self._refuse_tag(event.tag, place)
        if "{{" in text:
            self.note(
                "a key can't be a template: it stays as it is written",
                place,
                hint="put the whole mapping into one template, or build it in a `python` step",
            )
        if event.anchor:
            self._anchors[event.anchor] = Scalar(text, event.style is None, place)
        if event.style is None and not isinstance(self._typed(text, place), str):
            shown = text or "nothing"
            self.note(f"a key must be text, not {shown}", place, hint=f'put it into quotes: "{text}"')
        return Scalar(text, event.style is None, place)

    def _scalar(self, event: Any, place: Place) -> Scalar:
        text, plain = self._text(event.value, place), event.style is None
        if "env" in text:
            self._note_env(text, place)
        expansion = expand(text, self.environment, self._read_secret, self._allowed)
        for name, value in expansion.read.items():
            self._require_text(name, value, place)
        self.read.update(expansion.read)
        self.environment.keep(expansion.read)
        if expansion.read:
            self.taken[place] = tuple(expansion.read)
        for name in expansion.missing:
            hint = f"export {name}, or give a default: ${{{name}:-default}}"
            self._note_absent(f"the environment has no variable {name}", place, hint=hint)
        for refused in expansion.unreadable:
            self._note_absent(str(refused), place, hint=refused.hint)
        for found in expansion.malformed:
            self.note(
                f'"{found}" is not a reference to the environment',
                place,
                hint="write ${NAME}, ${NAME:-default} or ${file:PATH}; for a literal ${ write $${",
            )
        if expansion.template != expansion.text:
            return Scalar(Expanded(expansion.text, expansion.template), plain, place)
        if plain and expansion.whole:
            return Scalar(typed(expansion.text), True, place)
        if plain and "${" not in text:
            value = self._typed(text, place)
            if isinstance(value, int | float) and not reads_as(value, text):
                self.written[place] = text
            return Scalar(value, True, place)
        return Scalar(expansion.text, plain, place)

    def _require_text(self, name: str, value: str, place: Place) -> None:
        """Note a value of the environment whose bytes are no UTF-8, which come as lone surrogates."""
        if _LONE_SURROGATE.search(value):
            self.note(f"the value of {name} is not UTF-8 text", place, hint=f"set {name} anew")

    def _note_env(self, text: str, place: Place) -> None:
        """Read the variables that templates take from `env`: names that are in the file, and no others."""
        for match in _ENV_NAME.finditer(text):
            name = match["dotted"] or match["quoted"]
            if is_withheld(name, self._allowed):
                self.withheld.add(name)
            elif name in self.environment:
                self._require_text(name, self.environment[name], place)
                self.env[name] = self.read[name] = self.environment[name]

    def _note_absent(self, message: str, place: Place, *, hint: str | None) -> None:
        self.note(message, place, hint=hint)
        self.absent.append((place, self.problems[-1]))

    def _refuse_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.note(f"the tag {shown} is not supported", place, hint='put text that begins with "!" into quotes')

    def _typed(self, text: str, place: Place) -> Any:
        try:
            return resolve(text)
        except ValueError as error:
            self.note(f"{error} is too large", place, hint="put it into quotes if it is meant as text")
            return text

    def _text(self, text: str, place: Place) -> str:
        r"""The text with the halves of `"\ud83d\ude00"` joined; half a character alone can't be written down."""
        text = _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.note("half of a surrogate pair is not a character", place, hint="write the character itself")
            return text.encode("utf-8", "replace").decode()
        return text

    def _place(self, event: Any) -> Place:
        """From the event's start to its end, or to the end of its first line."""
        start, end = event.start_mark, event.end_mark
        if isinstance(event, yaml.CollectionStartEvent) and event.flow_style is False:
            end = None
        if end is not None and end.line == start.line:
            width = end.column - start.column
        else:
            width = len(self.lines[start.line].rstrip()) - start.column if start.line < len(self.lines) else 1
        return Place(start.line + 1, start.column + 1, max(1, width))


def clipped(where: Location) -> Location:
    """The place with no more of its line than a person would read: a file can be one line of 1 MiB."""
    if len(where.excerpt) <= _LONGEST_EXCERPT:
        return where
    marked = where.column + where.width <= _LONGEST_EXCERPT
    return replace(where, excerpt=f"{where.excerpt[:_LONGEST_EXCERPT]} …" if marked else "")


def _at(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)
