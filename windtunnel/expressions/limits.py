"""What one template may cost: a number of steps, the length of a text, the digits of a number.

Counted, not timed: the same template on the same values always ends at the same point, on any machine. A step is
an item of a list, a round of a loop or a call, about half a microsecond. Long texts count by their length, as
reading and copying them takes time too. Whatever could grow is measured before it is made.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2.runtime import Undefined

from windtunnel.errors import ExpressionError

MAX_TEXT = 1 << 20
"""Maximum characters, bytes or list items of a template's value: it may hold a response of the SUT."""

MAX_STEPS = 100_000
"""Maximum steps of one template."""

MAX_PARTS = 10_000
"""Maximum nodes of a template's syntax tree, each of which takes a tenth of a millisecond to compile."""

MAX_DIGITS = 4_000
"""Maximum decimal digits of a whole number in a template; Python writes no more than 4,300."""

_MAX_BITS = MAX_DIGITS * 3322 // 1000
TEXT_A_STEP = 256
"""Characters that are copied or searched in about the time of a step."""

_SHORT = frozenset({bool, float, type(None)})
_CONTAINERS = (list, tuple, dict, set, frozenset)


class _Meter(threading.local):
    """The steps that are left. User code may render in a thread of its own."""

    left = MAX_STEPS


METER = _Meter()
"""A template begins with `METER.left = MAX_STEPS`."""


def charge(steps: int) -> None:
    """Take steps. Raises ExpressionError when there are not as many left."""
    left = METER.left - steps
    if left < 0:
        raise ExpressionError(
            f"the template takes more than {MAX_STEPS:,} steps", hint="loop over fewer items, or a shorter text"
        )
    METER.left = left


def charge_text(length: int) -> None:
    """Take the steps of reading or writing a text."""
    if length >= TEXT_A_STEP:
        charge(length // TEXT_A_STEP)


def require_text(length: int) -> None:
    """Take the steps of writing a text. Raises ExpressionError when it would be too long."""
    if length > MAX_TEXT:
        raise too_long()
    charge_text(length)


def require_items(count: int) -> None:
    """Take the steps of making so many items. Raises ExpressionError when they are too many."""
    if count > MAX_TEXT:
        raise ExpressionError(f"more than {MAX_TEXT:,} items")
    charge(max(0, count) // 16)


def require_number(value: Any) -> None:
    """Raise ExpressionError for a whole number that is too long to be calculated with."""
    if value.__class__ is int and value.bit_length() > _MAX_BITS:
        raise ExpressionError(f"a number of more than {MAX_DIGITS:,} digits")


def too_long() -> ExpressionError:
    """The error for a text that is longer than `MAX_TEXT`."""
    return ExpressionError(f"the template yields more than {MAX_TEXT:,} characters")


def weigh(value: Any) -> Any:
    """The value, after the steps of reading all of it, inner values included, were taken."""
    if isinstance(value, str | bytes):
        charge_text(len(value))
    elif isinstance(value, _CONTAINERS):
        text_length(value)
    return value


def text_length(value: Any) -> int:
    """About how long a value is as text, at least; takes the steps of reading all of it."""
    length, pending = 0, [value]
    while pending:
        item = pending.pop()
        kind = item.__class__
        if kind in _SHORT:
            length += 4
        elif isinstance(item, str | bytes):
            length += len(item)
            charge_text(len(item))
        elif isinstance(item, int):
            require_number(item)
            length += item.bit_length() // 4 + 1
        elif kind is dict or (isinstance(item, Mapping) and not isinstance(item, Undefined)):
            charge(2 * len(item))
            length += 6 * len(item)
            pending += item.keys()
            pending += item.values()
        elif isinstance(item, _CONTAINERS):
            charge(len(item))
            length += 2 * len(item)
            pending += item
        else:
            length += 4
    return length


def depth(value: Any) -> int:
    """How deep lists and mappings nest in a value."""
    deepest, level = 0, [value]
    while level := [item for item in level if isinstance(item, _CONTAINERS)]:
        charge(sum(map(len, level)))
        deepest += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


class Counted:
    """An iterable each of whose items takes so many steps."""

    __slots__ = ("_items", "_steps")

    def __init__(self, items: Iterable[Any], steps: int) -> None:
        self._items, self._steps = items, steps

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            charge(self._steps)
            yield item


def joined(pieces: Iterable[str]) -> str:
    """Texts in a row. Raises ExpressionError when they are too long together."""
    kept = []
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_TEXT:
            raise too_long()
        kept.append(piece)
    charge_text(length)
    return "".join(kept)


# ── operators ────────────────────────────────────────────────────────────────────────────────────────────────


def require_operation(operator: str, left: Any, right: Any) -> None:
    """Raise ExpressionError when the result of `left operator right` would be too large."""
    require_number(left)
    require_number(right)
    if operator == "*":
        for sequence, times in ((left, right), (right, left)):
            if isinstance(sequence, str | bytes | list | tuple) and isinstance(times, int):
                if len(sequence) * times > MAX_TEXT:
                    raise ExpressionError(f"a repetition of more than {MAX_TEXT:,} items")
                charge(max(0, len(sequence) * times) // TEXT_A_STEP)
        if left.__class__ is right.__class__ is int and left.bit_length() + right.bit_length() > _MAX_BITS:
            raise ExpressionError(f"a number of more than {MAX_DIGITS:,} digits")
    elif operator == "%" and isinstance(left, str | bytes):
        require_format(left, right)
    elif operator == "+" and isinstance(left, str | bytes) and isinstance(right, str | bytes):
        require_text(len(left) + len(right))
    elif isinstance(left, _CONTAINERS) and isinstance(right, _CONTAINERS):
        require_items(len(left) + len(right))


_CONVERSION = re.compile(r"[#0\- +]*(?P<width>[0-9]+|\*)?(?:\.(?P<precision>[0-9]+|\*)?)?[hlL]?", re.DOTALL)


def require_format(text: str | bytes, given: Any) -> None:
    """Raise ExpressionError when `text % given` would be too long: `'%999999999d' % 1` is a gigabyte."""
    written = text.decode("latin-1") if isinstance(text, bytes) else text
    charge(len(written) // 16)
    values = given if isinstance(given, tuple) else (given,)
    length = len(written)
    if not isinstance(given, Mapping):
        length += sum(text_length(value) for value in values)
    for key, width in _conversions(written):
        charge(1)
        if width == "*":
            length += sum(abs(value) for value in values if isinstance(value, int))
        elif len(width) > 9:
            raise too_long()
        elif width:
            length += int(width)
        elif key is not None and isinstance(given, Mapping) and key in given:
            length += text_length(given[key])
        if length > MAX_TEXT:
            raise too_long()
    charge_text(length)


def _conversions(text: str) -> Iterator[tuple[str | None, str]]:
    """The key of each conversion in a format, then its width and precision; empty for those that are not given."""
    position = text.find("%")
    while position >= 0:
        position += 1
        key = None
        if text.startswith("(", position):
            position += 1
            begin, depth = position, 1
            while depth and position < len(text):  # as Python reads it: parentheses in keys nest
                depth += {"(": 1, ")": -1}.get(text[position], 0)
                position += 1
            key = text[begin : position - 1]
        match = _CONVERSION.match(text, position)
        assert match is not None, "every part is optional"
        yield key, ""
        for width in (match["width"], match["precision"]):
            if width:
                yield None, width
        position = text.find("%", match.end() + 1)
