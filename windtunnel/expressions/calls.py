"""What a template may call: methods of texts, numbers, lists and mappings by name, each with what it costs first.

Methods that are not in the table are refused, so that a later version of Python adds none unseen. What is no
method of Python's own types (macros, loops, functions, headers of a response) is ours or Jinja2's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEscapeFormatter, SandboxedFormatter

from windtunnel.errors import ExpressionError
from windtunnel.expressions.limits import (
    TEXT_A_STEP,
    charge,
    charge_text,
    require_items,
    require_number,
    require_text,
    text_length,
)
from windtunnel.expressions.text import text_of

Arguments = tuple[Any, ...]
_Cost = Callable[[Any, Arguments], None]
"""Takes the steps of a method of a value with these arguments. Raises ExpressionError when it costs too much."""

_STEPS_OF_A_CALL = 4
_SLOW_CODECS_UP_TO = 1_000
_CODECS = re.compile(r"(utf[-_]?(8|16|32)|ascii|latin[-_]?1|iso[-_]?8859[-_]?1)(-sig|[-_]?[bl]e)?", re.IGNORECASE)


def _read(value: Any, _given: Arguments) -> None:
    """A method that reads its value once."""
    if hasattr(value, "__len__"):
        charge(1 + len(value) // TEXT_A_STEP)


def _copied(value: Any, _given: Arguments) -> None:
    """A method that makes no more of a text than three times its length, such as capitals."""
    require_text(len(value))


def _listed(value: Any, _given: Arguments) -> None:
    charge(1 + len(value) // 16)


def _padded(_value: Any, given: Arguments) -> None:
    require_text(max([0, *(number for number in given if isinstance(number, int))]))


def _tabs(value: Any, given: Arguments) -> None:
    width = max([8, *(number for number in given if isinstance(number, int))])
    tabs = value.count("\t" if isinstance(value, str) else b"\t")
    require_text(len(value) + tabs * width)


def _searched(value: Any, given: Arguments) -> None:
    """A method that may compare every part of a text with all of another."""
    charge(1 + len(value) * (1 + max(map(_length, given), default=0)) // TEXT_A_STEP)


def _replaced(value: Any, given: Arguments) -> None:
    if len(given) >= 2 and all(isinstance(text, str | bytes) for text in given[:2]):
        old, new = given[:2]
        times = value.count(old)
        if len(given) > 2 and isinstance(given[2], int) and given[2] >= 0:
            times = min(times, given[2])
        require_text(len(value) + times * max(0, len(new) - len(old)))


def _joined(value: Any, given: Arguments) -> None:
    for items in given:
        if isinstance(items, list | tuple | dict | str | bytes):
            require_text(text_length(items) + len(value) * len(items))
        else:
            raise ExpressionError("join takes a list", hint="write values | list")


def _translated(value: Any, given: Arguments) -> None:
    table = given[0] if given else None
    if isinstance(table, Mapping):
        longest = max(map(_length, table.values()), default=1)
        charge(len(table) + len(value) // 4)
        require_text(len(value) * max(1, longest))
    else:
        require_text(len(value))


def _coded(value: Any, given: Arguments) -> None:
    require_text(len(value))
    name = given[0] if given else "utf-8"
    if len(value) > _SLOW_CODECS_UP_TO and not (isinstance(name, str) and _CODECS.fullmatch(name)):
        raise ExpressionError(f"the encoding {repr(name)[:40]} is too slow for {len(value):,} characters")


def _bytes_of(value: Any, given: Arguments) -> None:
    require_number(value)
    for length in given:
        if isinstance(length, int):
            require_text(abs(length))


def _stripped(value: Any, _given: Arguments) -> None:
    require_text(len(value))
    charge(value.count("<") * (len(value) // 2048))


def _number_of(_value: Any, given: Arguments) -> None:
    if any(_length(each) > 1_000 for each in given):
        raise ExpressionError("a number of more than 1,000 bytes")


def _counted(_value: Any, given: Arguments) -> None:
    """A method that makes an item of each that it is given."""
    for items in given[:1]:
        if not hasattr(items, "__len__"):
            raise ExpressionError("expected a list", hint="write values | list")
        require_items(16 * len(items))


def _compared(value: Any, given: Arguments) -> None:
    """A method that compares its items with a value."""
    if isinstance(value, range):
        charge(1 if all(isinstance(each, int) for each in given) else len(value))
    else:
        charge(1 + len(value))
        text_length(given)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | tuple) else 1


_TEXTS: Mapping[str, _Cost] = {
    **dict.fromkeys(("capitalize", "casefold", "lower", "swapcase", "title", "upper"), _copied),
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), _padded),
    **dict.fromkeys(("lstrip", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "strip"), _searched),
    **dict.fromkeys(("partition", "removeprefix", "removesuffix"), _copied),
    **dict.fromkeys(("count", "endswith", "find", "index", "startswith"), _read),
    **dict.fromkeys(
        ("isalnum", "isalpha", "isascii", "isdigit", "islower", "isspace", "istitle", "isupper"), _read
    ),
    **dict.fromkeys(("split", "splitlines"), _listed),
    "expandtabs": _tabs,
    "join": _joined,
    "maketrans": _counted,
    "replace": _replaced,
    "translate": _translated,
}
_NUMBERS: Mapping[str, _Cost] = {
    **dict.fromkeys(("as_integer_ratio", "bit_count", "bit_length", "conjugate", "is_integer"), _read),
    **dict.fromkeys(("from_bytes", "fromhex"), _number_of),
    "hex": _read,
    "to_bytes": _bytes_of,
}
METHODS: Mapping[type, Mapping[str, _Cost]] = {
    str: {
        **_TEXTS,
        **dict.fromkeys(("isdecimal", "isidentifier", "isnumeric", "isprintable"), _read),
        "encode": _coded,
        "escape": _copied,  # the last three of MarkupSafe's text
        "striptags": _stripped,
        "unescape": _copied,
    },
    bytes: {**_TEXTS, "decode": _coded, "fromhex": _number_of, "hex": _copied},
    int: _NUMBERS,
    float: _NUMBERS,
    list: {"copy": _listed, "count": _compared, "index": _compared},
    tuple: {"count": _compared, "index": _compared},
    range: {"count": _compared, "index": _compared},
    dict: {
        **dict.fromkeys(("get", "items", "keys", "values"), lambda _value, _given: charge(1)),
        "copy": _listed,
        "fromkeys": _counted,
    },
}
"""Type -> its methods, without those that change a value, and what they cost. `format` has a way of its own."""


def require_call(function: Any, given: Arguments, named: Mapping[str, Any]) -> None:
    """Take the steps of a call. Raises ExpressionError when it costs too much, SecurityError if unknown."""
    charge(_STEPS_OF_A_CALL)
    for value in (*given, *named.values()):
        if isinstance(value, str | bytes):
            charge_text(len(value))
    owner = getattr(function, "__self__", None)
    if owner is None or isinstance(function, type):
        return
    kind = owner if isinstance(owner, type) else type(owner)
    for base, methods in METHODS.items():
        if issubclass(kind, base):
            cost = methods.get(function.__name__)
            if cost is None:
                raise SecurityError(f"{base.__name__}.{function.__name__} can't be called in a template")
            # A method of the type itself, such as `str.maketrans`, has no value.
            cost(base() if owner is kind else owner, (*given, *named.values()))
            return
    for value in (owner, *given):
        if hasattr(value, "__len__"):
            charge(len(value) // 16)


_WIDTH = re.compile(r"[0-9]+")


class _Fields(Formatter):
    """Formats the fields of `str.format`, each with a bound."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        require_text(text_length(value))
        return text_of(value) if conversion == "s" else super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> Any:
        widths = [len(width) > 7 or int(width) for width in _WIDTH.findall(format_spec)]
        if any(width is True for width in widths):
            raise ExpressionError(f"the width {repr(format_spec)[:60]} is too large")
        require_text(text_length(value) + sum(widths))
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return super().format_field(value if is_number and format_spec else text_of(value), format_spec)


class BoundedFormatter(_Fields, SandboxedFormatter):
    """`str.format` in the sandbox."""


class BoundedEscapeFormatter(_Fields, SandboxedEscapeFormatter):
    """`format` of MarkupSafe's text in the sandbox."""
