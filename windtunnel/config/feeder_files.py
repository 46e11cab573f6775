"""The text of a data file to columns and rows: CSV with a header, a JSON list of objects, or JSON lines.

A row is data: nothing in it is a template, even if it looks like one.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from windtunnel.errors import ConfigError, Location
from windtunnel.figures import plural
from windtunnel.model.scenario import ABSENT

MOST_ROWS = 1_000_000
MOST_COLUMNS = 1_000
_LONGEST_EXCERPT = 80
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows, each with a value for every column (`ABSENT` where an object has no such key)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def parse_rows(file: str, text: str) -> Table:
    """The rows of a data file; its name says which format it has. Raises ConfigError with file and line."""
    if "\0" in text:
        raise refused(file, _line(text, text.index("\0")), "this is a binary file, not text")
    table = SUFFIXES[PurePath(file).suffix.lower()](file, text)
    if not table.rows:
        raise refused(file, 0, "there are no rows in it")
    return table


def _csv(file: str, text: str) -> Table:
    # Not splitlines(): a field may hold U+2028 and others that it takes for ends of lines.
    lines = [f"{line}\n" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    reader = csv.reader(lines, strict=True)
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    line = 1
    try:
        for fields in reader:
            if not fields:
                pass  # a blank line
            elif not columns:
                columns = _header(file, line, fields)
            elif len(fields) != len(columns):
                raise refused(
                    file,
                    line,
                    f"the header has {plural(len(columns), 'column')}, this row has {len(fields)}",
                    excerpt=lines[line - 1],
                    hint="put text that holds commas or line breaks into double quotes",
                )
            else:
                rows.append(tuple(fields))
                _limit(file, line, len(rows))
            line = reader.line_num + 1
    except csv.Error as error:
        excerpt = lines[line - 1] if line <= len(lines) else ""
        raise refused(file, line, f"not CSV: {error}", excerpt=excerpt) from None
    if not columns:
        raise refused(file, 0, "the file is empty", hint="the first line names the columns")
    return Table(columns=columns, rows=tuple(rows))


def _header(file: str, line: int, fields: list[str]) -> tuple[str, ...]:
    names = tuple(field.strip() for field in fields)
    if len(names) > MOST_COLUMNS:
        raise refused(file, line, f"{len(names):,} columns are more than {MOST_COLUMNS:,}")
    if len(names) == 1 and (other := next((mark for mark in ";\t|" if mark in names[0]), None)):
        shown = "tabs" if other == "\t" else f'"{other}"'
        raise refused(
            file, line, f"the columns are separated by {shown}, not by commas", hint="save the file with commas"
        )
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
        raise refused(file, _line(text, position), "something stands behind the end of the list")
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


SUFFIXES: Mapping[str, Callable[[str, str], Table]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
}
"""The end of a file's name to what reads it."""


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
