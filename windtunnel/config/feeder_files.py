"""The text of a data file to columns and rows: text in columns with a header, a JSON list of objects, JSON lines.

| name                     | columns are separated by                                                             |
|--------------------------|--------------------------------------------------------------------------------------|
| `.csv`                   | a comma, if neither `delimiter` nor a first line such as `sep=;` says otherwise      |
| `.tsv`, `.tab`           | a tab, with the same exceptions                                                      |
| `.txt`                   | what stands between the names of the first line: a tab, `;`, `|` or a comma          |

A row is data: nothing in it is a template, even if it looks like one.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from windtunnel.config.scalars import typed
from windtunnel.errors import ConfigError, Location
from windtunnel.figures import plural
from windtunnel.model.scenario import ABSENT

MOST_ROWS = 1_000_000
MOST_COLUMNS = 1_000
_LONGEST_EXCERPT = 80
_MARKS = "\t;|,"
"""What separates columns in the files that people have."""
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows, each with a value for every column (`ABSENT` where an object has no such key)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How delimited text is read. `delimiter` is empty where the file decides, `comment` where there are none.

    `cast`: a cell has a type where that loses nothing.
    """

    delimiter: str = ""
    comment: str = ""
    cast: bool = False


def parse_rows(file: str, text: str, how: Format = Format()) -> Table:
    """The rows of a data file; its name says which format it has. Raises ConfigError with file and line."""
    if "\0" in text:
        raise refused(file, _line(text, text.index("\0")), "this is a binary file, not text")
    suffix = PurePath(file).suffix.lower()
    table = OBJECTS[suffix](file, text) if suffix in OBJECTS else _delimited(file, text, how)
    if not table.rows:
        raise refused(file, 0, "there are no rows in it")
    return table


class _Lines:
    """The lines of delimited text, as the reader of rows asks for them. `began` is that at which a row began."""

    def __init__(self, text: str, comment: str) -> None:
        # Not splitlines(): a field may hold U+2028 and others that it takes for ends of lines.
        self.all = [f"{line}\n" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        self.began = self._next = 0
        self._comment = comment
        self._in_row = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while self._next < len(self.all):
            line = self.all[self._next]
            self._next += 1
            if self._in_row:
                return line
            if not (self._comment and line.lstrip(" \t").startswith(self._comment)):
                self._in_row, self.began = True, self._next
                return line
        raise StopIteration

    def end_row(self) -> None:
        """A row is complete; the next line begins another one."""
        self._in_row = False

    @property
    def excerpt(self) -> str:
        """The line at which the row began."""
        return self.all[self.began - 1] if self.began else ""

    def separator(self) -> str:
        """What a first line such as `sep=;`, as Excel writes it, says; it is left out then. Empty without one."""
        found = re.fullmatch(r'"?sep=([^"\r\n])"?\n', self.all[0], re.IGNORECASE)
        if found is None:
            return ""
        self._next = 1
        return found[1]

    def first(self) -> str:
        """The line with the names of the columns."""
        rest = (line for line in self.all[self._next :] if line.strip())
        return next((line for line in rest if not (self._comment and line.startswith(self._comment))), "")


def _delimited(file: str, text: str, how: Format) -> Table:
    lines = _Lines(text, how.comment)
    said = lines.separator()
    if said and how.delimiter and said != how.delimiter:
        raise refused(file, 1, f"this line says that the columns are separated by {_named(said)}", hint=_by(said))
    columns: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = []
    delimiter = how.delimiter or said or _usual_delimiter(file, lines.first())
    try:
        for fields in csv.reader(lines, delimiter=delimiter, strict=True):
            lines.end_row()
            if not fields:
                continue  # a blank line
            if not columns:
                columns = _header(file, lines, fields, delimiter)
                continue
            _check_row(file, lines, fields, columns)
            rows.append(tuple([typed(field) for field in fields] if how.cast else fields))
            _limit(file, lines.began, len(rows))
    except csv.Error as error:
        raise refused(file, lines.began, f"not CSV: {error}", excerpt=lines.excerpt) from None
    if not columns:
        raise refused(file, 0, "the file is empty", hint="the first line names the columns")
    return Table(columns=columns, rows=tuple(rows))


def _check_row(file: str, lines: _Lines, fields: list[str], columns: tuple[str, ...]) -> None:
    if not any(field.strip() for field in fields):
        message = "this row is empty in every column"
        raise refused(file, lines.began, message, excerpt=lines.excerpt, hint="remove the line")
    if len(fields) != len(columns):
        raise refused(
            file,
            lines.began,
            f"the header has {plural(len(columns), 'column')}, this row has {len(fields)}",
            excerpt=lines.excerpt,
            hint="put text that holds a delimiter or a line break into double quotes",
        )


def _usual_delimiter(file: str, first: str) -> str:
    suffix = PurePath(file).suffix.lower()
    if suffix != ".txt":
        return DELIMITED[suffix]
    return next((mark for mark in _MARKS if mark in first), ",")


def _named(delimiter: str) -> str:
    return {"\t": "tabs", ",": "commas"}.get(delimiter, f'"{delimiter}"')


def _by(delimiter: str) -> str:
    return "write `delimiter: tab`" if delimiter == "\t" else f'write `delimiter: "{delimiter}"`'


def _header(file: str, lines: _Lines, fields: list[str], delimiter: str) -> tuple[str, ...]:
    line = lines.began
    names = tuple(field.strip() for field in fields)
    if len(names) > MOST_COLUMNS:
        raise refused(file, line, f"{len(names):,} columns are more than {MOST_COLUMNS:,}")
    if lines.excerpt.lstrip().startswith("#"):
        hint = 'write `comment: "#"` to leave such lines out, or put the name into double quotes'
        raise refused(file, line, 'the line with the names of the columns begins with "#"', hint=hint)
    if len(names) == 1 and (other := next((mark for mark in _MARKS if mark in names[0]), None)):
        message = f"the columns are separated by {_named(other)}, not by {_named(delimiter)}"
        raise refused(file, line, message, hint=_by(other))
    for number, name in enumerate(names):
        if not name:
            raise refused(file, line, f"column {number + 1} has no name", hint="the first line names the columns")
        if name in names[:number]:
            raise refused(file, line, f'two columns are called "{name}"')
    return names


def _json(file: str, text: str) -> Table:
    """A list of objects, read one after the other so that each has its line."""
    decoder = _decoder()
    position = _past_blanks(text, 0)
    if text[position : position + 1] != "[":
        raise refused(file, _line(text, position), "expected a list of objects", hint='[{"email": "…"}, …]')
    objects: list[Mapping[str, Any]] = []
    position = _past_blanks(text, position + 1)
    while text[position : position + 1] != "]":
        value, end = _decoded(file, lambda: decoder.raw_decode(text, position), 0)  # noqa: B023  called at once
        if not isinstance(value, dict):
            raise refused(file, _line(text, position), _no_object(value))
        objects.append(value)
        _limit(file, 0, len(objects))
        position = _past_blanks(text, end)
        if text[position : position + 1] == ",":
            position = _past_blanks(text, position + 1)
        elif text[position : position + 1] != "]":
            raise refused(file, _line(text, position), "not JSON: expected , or ] after this object")
    position = _past_blanks(text, position + 1)
    if position < len(text):
        raise refused(file, _line(text, position), "unexpected text after the end of the list")
    return _of_objects(file, objects)


def _jsonl(file: str, text: str) -> Table:
    objects: list[Mapping[str, Any]] = []
    decoder = _decoder()
    # Not splitlines(): a text in JSON may hold U+2028 and others that it takes for ends of lines.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip(_BLANK):
            value = _decoded(file, lambda: decoder.decode(line), number)  # noqa: B023  called at once
            if not isinstance(value, dict):
                raise refused(file, number, _no_object(value), excerpt=line)
            objects.append(value)
            _limit(file, number, len(objects))
    return _of_objects(file, objects)


DELIMITED: Mapping[str, str] = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": ""}
"""The end of a name of delimited text to its usual delimiter; empty where the first line shows it."""

OBJECTS: Mapping[str, Callable[[str, str], Table]] = {".json": _json, ".jsonl": _jsonl, ".ndjson": _jsonl}
"""The end of a name of a file with objects to what reads it."""


def _of_objects(file: str, objects: list[Mapping[str, Any]]) -> Table:
    columns = tuple(dict.fromkeys(key for each in objects for key in each))
    if len(columns) > MOST_COLUMNS:
        raise refused(file, 0, f"{len(columns):,} columns are more than {MOST_COLUMNS:,}")
    return Table(
        columns=columns, rows=tuple(tuple(each.get(name, ABSENT) for name in columns) for each in objects)
    )


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_without_twins, parse_constant=_refuse_constant)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f'the key "{next(name for name in names if names.count(name) > 1)}" occurs twice')
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _decoded(file: str, decode: Callable[[], Any], line: int) -> Any:
    """What `decode` returns; `line` is that of a text which is one line, 0 for the whole file."""
    try:
        return decode()
    except json.JSONDecodeError as error:
        raise refused(file, line or error.lineno, f"not JSON: {error.msg}", column=error.colno) from None
    except RecursionError:
        raise refused(file, line, "nested too deep") from None
    except ValueError as error:
        raise refused(file, line, str(error)) from None


def _past_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANK:
        position += 1
    return position


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _no_object(value: Any) -> str:
    kind = {list: "a list", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
    return f"a row must be an object, not {kind}"


def _limit(file: str, line: int, rows: int) -> None:
    if rows > MOST_ROWS:
        raise refused(file, line, f"more than {MOST_ROWS:,} rows")


def refused(
    file: str, line: int, message: str, *, column: int = 1, excerpt: str = "", hint: str | None = None
) -> ConfigError:
    """The error to raise about a line of a data file (0: about the file)."""
    where = Location(
        file=file, line=line, column=column if line else 0, excerpt=excerpt.rstrip("\r\n")[:_LONGEST_EXCERPT]
    )
    return ConfigError.of(message, where=where, hint=hint)
