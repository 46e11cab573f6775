"""What a plain YAML scalar means: the core schema of YAML 1.2.2 (section 10.3.2), and nothing else.

null    (empty) ~ null Null NULL
bool    true True TRUE false False FALSE           not yes, no, on, off
int     12  -7  010 (ten)  0o17  0x1F              not 1_000, not 1:30
float   1.5  .5  1e3  -.inf  .nan
text    everything else, dates included
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NOT_A_NUMBER = re.compile(r"\.(nan|NaN|NAN)")
_MOST_DIGITS = 1000


def resolve(text: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar. Raises ValueError for a whole number of more than 1,000 digits."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "+-.0123456789":
        return text
    for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            if len(text) > _MOST_DIGITS:
                raise ValueError(f"a number with {len(text):,} digits")
            return int(text.removeprefix("0o") if base == 8 else text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return float("-inf") if text[0] == "-" else float("inf")
    if _NOT_A_NUMBER.fullmatch(text):
        return float("nan")
    return text


def is_number(text: str) -> bool:
    """Whether the text, unquoted, would be a number."""
    return any(pattern.fullmatch(text) for pattern in (_DECIMAL, _OCTAL, _HEXADECIMAL, _FLOAT))


def as_text(value: str | float) -> str:
    """A text, number or boolean as it would stand in the file: `true`, not `True`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def texts(mapping: Mapping[str, str | float]) -> dict[str, str]:
    """A mapping to scalars as one to texts."""
    return {key: as_text(value) for key, value in mapping.items()}
