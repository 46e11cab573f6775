"""JSON paths of names, indexes, slices, `*` and `..`, walked by ourselves with a bound on the values looked at.

A value costs a twentieth of a microsecond here and several in the library, which takes minutes for `$..*..*` on a
body of 10 MiB. What is found, and in which order, is what RFC 9535 and the library's later versions say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from windtunnel.errors import ExpressionError

HINT = "write a path such as $.items[0].id, $.items[*].id or $['a name'].id"

MAX_VALUES = 1_000_000
"""Maximum values of a document that one path looks at, each as often as it does: about 50 ms."""

_SEGMENT = re.compile(
    r"""(?P<deep> \.\.(?=[^.]) )? (?: (?<!\.)\.(?=[^.\[]) )? (?:
        (?P<name> (?<=\.)[^\W\d][\w-]* )
      | (?P<all> (?<=\.)\* | \[\*\] )
      | \[ ' (?P<single> [^'\\]* ) ' \]
      | \[ " (?P<double> [^"\\]* ) " \]
      | \[ (?P<index> -?[0-9]{1,9} ) \]
      | \[ (?P<slice> (?:-?[0-9]{1,9})? : (?:-?[0-9]{1,9})? (?: : (?:-?[0-9]{1,9})? )? ) \] )""",
    re.VERBOSE,
)

Find = Callable[[Any], list[Any]]
_Select = Callable[[Any], list[Any]]
"""The children of one value that a segment selects."""


class Budget:
    """The values that one search may still look at."""

    __slots__ = ("_left", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._left = MAX_VALUES

    def take(self, values: int) -> None:
        """Look at so many. Raises ExpressionError when they are too many."""
        self._left -= values
        if self._left < 0:
            raise ExpressionError(
                f'"{self._path}" looks at more than {MAX_VALUES:,} values of this document',
                hint="name the way to the value, as in $.items[0].id",
            )


def walk_of(text: str) -> Find | None:
    """What finds the values of a path; None for a path with anything but the segments above."""
    segments = _segments(text)
    if segments is None:
        return None

    def find(document: Any) -> list[Any]:
        budget = Budget(text)
        found = [document]
        for select, deep in segments:
            values = _descendants(found, budget) if deep else found
            found = []
            for value in values:
                selected = select(value)
                if selected:
                    budget.take(len(selected))
                    found += selected
        return found

    return find


def _segments(text: str) -> list[tuple[_Select, bool]] | None:
    position = 1 if text.startswith("$") else 0
    if position == 0 and not text.startswith("["):
        text = f".{text}"
    segments = []
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None or match.end() == position:
            return None
        segments.append((_selector(match), match["deep"] is not None))
        position = match.end()
    return segments


def _selector(match: re.Match[str]) -> _Select:
    kind = match.lastgroup or ""
    written = match[kind]
    if kind == "all":
        return _all
    if kind == "index":
        return _at(int(written))
    if kind == "slice":
        return _between(slice(*(int(part) if part else None for part in written.split(":"))))
    return _named(written)


def _descendants(values: list[Any], budget: Budget) -> Iterator[Any]:
    """Each list and mapping in the values and below, before what is in it."""
    for value in values:
        pending = [value]
        while pending:
            item = pending.pop()
            if item.__class__ is dict:
                inner: Collection[Any] = item.values()
            elif item.__class__ is list:
                inner = item
            else:
                continue
            budget.take(1 + len(inner))
            yield item
            lists = [each for each in inner if each.__class__ is dict or each.__class__ is list]
            lists.reverse()
            pending += lists


def _all(value: Any) -> list[Any]:
    if value.__class__ is dict:
        return list(value.values())
    return value if value.__class__ is list else []


def _named(name: str) -> _Select:
    return lambda value: [value[name]] if value.__class__ is dict and name in value else []


def _at(index: int) -> _Select:
    return lambda value: [value[index]] if value.__class__ is list and -len(value) <= index < len(value) else []


def _between(part: slice) -> _Select:
    if part.step == 0:
        return lambda _value: []
    return lambda value: value[part] if value.__class__ is list else []
