"""Comparing a received value with a wanted one: numbers by value, and a boolean is no number.

It also says what a reader of `expected 12 but got "12"` may miss: that one of the two is text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from windtunnel.actions.response.text import show
from windtunnel.expressions.text import json_of, text_of

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DIGITS = re.compile(r"[+-]?[0-9]+")
_LONGEST_NUMBER = 100
_SHOWN = 80


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: numbers by value, and a boolean is no number, at any depth."""
    if isinstance(left, str):  # by far the most frequent
        return bool(left == right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def same_text(actual: Any, expected: Any) -> bool:
    """Equality of a received text with a value in YAML or of a template, where 5 and true are not text."""
    if isinstance(expected, bool):
        return isinstance(actual, str) and actual.lower() == ("true" if expected else "false")
    if isinstance(expected, (int, float)):
        return as_number(actual, text=True) == expected or (
            isinstance(expected, int) and actual == text_of(expected)
        )
    if isinstance(expected, (list, dict)):
        return bool(actual == json_of(expected))
    return same(actual, expected)


def as_number(value: Any, *, text: bool) -> float | None:
    """The value as a number, or None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if text and isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return None


def read_number(value: Any, *, whole: bool) -> float | None:
    """The number that a value or its text is, or None; of `whole` ones each digit counts."""
    number = as_number(value, text=True)
    if number is None or not math.isfinite(number) or (whole and number != int(number)):
        return None
    return int(value) if whole and isinstance(value, str) and _DIGITS.fullmatch(value.strip()) else number


def show_beside(actual: Any, expected: Any) -> str:
    """A value that does not equal the expected one; it says when one is a number and the other its text."""
    number, text = (expected, actual) if isinstance(actual, str) else (actual, expected)
    alike = as_number(number, text=False) is not None and as_number(text, text=True) == number
    if not alike or not isinstance(text, str):
        return show(actual)
    if text is actual:
        return f"{show(actual, _SHOWN)}, which is text, not a number; expect it in quotes"
    return f"{show(actual, _SHOWN)}, which is a number, not text; expect it without quotes"


def show_as_number(actual: Any, *, text: bool) -> str:
    """A value that a limit was put to; it says when that is not a number but text."""
    if not isinstance(actual, str) or as_number(actual, text=text) is not None:
        return show(actual)
    if text:
        return f"{show(actual, _SHOWN)}, which is not a number"
    if as_number(actual, text=True) is None:
        return f"{show(actual, _SHOWN)}, which is text, not a number"
    return f"{show(actual, _SHOWN)}, which is text, not a number; read it as one, as in float: {{ above: 10 }}"


JSON_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "number": ("a number", lambda value: as_number(value, text=False) is not None),
    "integer": (
        "an integer",
        lambda value: (
            not isinstance(value, bool)
            and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
        ),
    ),
    "boolean": ("a boolean", lambda value: isinstance(value, bool)),
    "array": ("an array", lambda value: isinstance(value, list)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "null": ("null", lambda value: value is None),
}
"""Name of a JSON type -> it in words, and whether a value is of it."""
