"""JSON paths, compiled once.

A path of plain names and indexes (`$.items[0].id`, `$['a b'].c`) becomes indexing: 0.1 us where the general form
takes 7. `$..id`, `$.a[*]` and slices are walked (`json_walk.py`). Everything else (`$.items[?(@.price > 5)].id`)
is jsonpath-ng's, which is imported when the first such path is met. All have a bound on what they look at.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.expressions.json_walk import HINT, walk_of

_SEGMENT = re.compile(
    r"""\. (?P<name> [^\W\d][\w-]* )
      | \[ ' (?P<single> [^'\\]* ) ' \]
      | \[ " (?P<double> [^"\\]* ) " \]
      | \[ (?P<index> [0-9]{1,9} ) \]""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPath:
    """A compiled path. `find(document)` lists what it matches in a decoded JSON document, nothing on a miss.

    The values belong to the document and must not be changed. `find` raises ExpressionError for a document that is
    too large, or nested too deep, for a path that searches all of it.
    """

    text: str
    find: Callable[[Any], list[Any]]


def compile_jsonpath(text: str) -> JsonPath:
    """The compiled form of `text`. Raises ExpressionError for an invalid JSON path."""
    stripped = text.strip() if isinstance(text, str) else ""
    if not stripped:
        raise ExpressionError(f"{text!r} is not a JSON path", hint=HINT)
    keys = _plain_keys(stripped)
    if keys is not None:
        return JsonPath(text=text, find=_plain_form(keys))
    return JsonPath(text=text, find=walk_of(stripped) or _general_form(stripped))


def searched_by(text: str) -> JsonPath | None:
    """The path to what a path chooses values from: `$.items` of `$.items[*].id`. None if it leads to one value."""
    stripped = text.strip()
    position = 1 if stripped.startswith("$") else 0
    stripped = stripped if position or stripped.startswith("[") else f".{stripped}"
    while segment := _SEGMENT.match(stripped, position):
        position = segment.end()
    return None if position == len(stripped) else compile_jsonpath(stripped[:position].removeprefix(".") or "$")


def _plain_keys(text: str) -> tuple[str | int, ...] | None:
    """The names and indexes of a path without anything else; None for other paths. The `$` is optional."""
    position = 1 if text.startswith("$") else 0
    if position == 0 and not text.startswith("["):
        text = f".{text}"
    keys: list[str | int] = []
    while position < len(text):
        segment = _SEGMENT.match(text, position)
        if segment is None:
            return None
        kind = segment.lastgroup or ""
        keys.append(int(segment[kind]) if kind == "index" else segment[kind])
        position = segment.end()
    return tuple(keys)


def _plain_form(keys: tuple[str | int, ...]) -> Callable[[Any], list[Any]]:
    if not keys or isinstance(keys[-1], int):
        return _checked_walk(keys)
    look_up = indexing(keys)

    def find(document: Any) -> list[Any]:
        # A name looked up in a text or a list raises TypeError, so a path that ends with a name needs no checks.
        try:
            return [look_up(document)]
        except (LookupError, TypeError):
            return []

    return find


def _checked_walk(keys: tuple[Any, ...]) -> Callable[[Any], list[Any]]:
    """Look up names in objects only and indexes in lists only: `"text"[0]` would succeed otherwise."""
    steps = tuple((key, dict if isinstance(key, str) else list) for key in keys)

    def find(document: Any) -> list[Any]:
        value = document
        for key, container in steps:
            if value.__class__ is not container:
                return []
            try:
                value = value[key]
            except LookupError:
                return []
        return [value]

    return find


def _general_form(text: str) -> Callable[[Any], list[Any]]:
    # Only here: most runs never need the library, and `windtunnel --version` must not wait for its import.
    from windtunnel.expressions.json_library import search_of

    return search_of(text)


def indexing(keys: tuple[Any, ...]) -> Callable[[Any], Any]:
    """`value[keys[0]][keys[1]]…` as a function of `value`. It raises LookupError or TypeError on a miss.

    The usual lengths are written out: a loop costs more than twice as much.
    """
    if len(keys) == 1:
        (a,) = keys
        return lambda value: value[a]
    if len(keys) == 2:
        a, b = keys
        return lambda value: value[a][b]
    if len(keys) == 3:
        a, b, c = keys
        return lambda value: value[a][b][c]
    if len(keys) == 4:
        a, b, c, d = keys
        return lambda value: value[a][b][c][d]
    return lambda value: functools.reduce(operator.getitem, keys, value)
