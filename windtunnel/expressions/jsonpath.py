"""JSON paths, compiled once.

A path of plain names and indexes (`$.items[0].id`, `$['a b'].c`) becomes indexing: 0.1 us where the general form
takes 7. Everything else (`$..id`, `$.a[*]`, `$.items[?(@.price > 5)].id`) is jsonpath-ng's, which
is imported when the first such path is met.
"""

from __future__ import annotations

import functools
import operator
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from windtunnel.errors import ExpressionError

_SEGMENT = re.compile(
    r"""\. (?P<name> [^\W\d][\w-]* )
      | \[ ' (?P<single> [^'\\]* ) ' \]
      | \[ " (?P<double> [^"\\]* ) " \]
      | \[ (?P<index> [0-9]{1,9} ) \]""",
    re.VERBOSE,
)
_HINT = "write a path such as $.items[0].id, $.items[*].id or $['a name'].id"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPath:
    """A compiled path. `find(document)` lists what it matches in a decoded JSON document, nothing on a miss.

    The values belong to the document and must not be changed. `find` raises ExpressionError only for a
    document nested too deep for a path that searches all of it.
    """

    text: str
    find: Callable[[Any], list[Any]]


def compile_jsonpath(text: str) -> JsonPath:
    """The compiled form of `text`. Raises ExpressionError for an invalid JSON path."""
    stripped = text.strip() if isinstance(text, str) else ""
    if not stripped:
        raise ExpressionError(f"{text!r} is not a JSON path", hint=_HINT)
    keys = _plain_keys(stripped)
    return JsonPath(text=text, find=_general_form(stripped) if keys is None else _plain_form(keys))


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
    from jsonpath_ng import Index
    from jsonpath_ng.ext.parser import parse

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of operators that a later major version drops
            expression = parse(text)
    except Exception as error:  # its lexer, its parser and `re` raise various errors: the path is invalid
        raise ExpressionError(f'"{text}" is not a JSON path: {error}', hint=_HINT) from error

    def find(document: Any) -> list[Any]:
        try:
            # Older versions take `[0]` of a text for its first letter, which is no value of the document.
            return [
                match.value
                for match in expression.find(document)
                if not (isinstance(match.path, Index) and match.context and isinstance(match.context.value, str))
            ]
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
            return []  # raised, depending on the version, for a document of another shape
        except NotImplementedError as error:  # the library parses `&` but cannot evaluate it
            raise ExpressionError(f'JSON path not supported: "{text}"') from error
        except RecursionError as error:
            raise ExpressionError(f'the document is nested too deep for "{text}"') from error

    return find


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
