"""Filters that make a text of values: Jinja2's would write True, None and 1e+22, ours write by `text_of`.

`'%s' % value`, `'{}'.format(value)` and `{{ value | format }}` come here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import Undefined
from jinja2.utils import pass_eval_context

from windtunnel.errors import ExpressionError
from windtunnel.expressions.limits import joined, require_format
from windtunnel.expressions.text import Digest, json_of, kind_of, text_of

OF_TEXT = frozenset(
    {
        *("capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "raw", "replace", "safe"),
        *("string", "striptags", "title", "trim", "truncate", "upper", "urlize", "wordcount", "wordwrap"),
    }
)
"""The filters that make a text of any value that they are given."""


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """As Jinja2's, but null counts as not there."""
    absent = value is None or isinstance(value, Undefined) or (boolean and not value)
    return default_value if absent else value


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────


def formatted(text: Any, *args: Any, **named: Any) -> str:
    """The filter `format`: `text % args`."""
    if args and named:
        raise ExpressionError("format takes its values all by position or all by name")
    text = text_of(text)
    require_format(text, named or args)
    return str(percent(text, named or args))


def percent(text: str, given: Any) -> Any:
    """`text % given`, where `%s` writes as `text_of` does. Its length has been looked at."""
    if isinstance(given, tuple):
        return text % tuple(map(_to_format, given))
    return text % (_Members(given) if isinstance(given, Mapping) else _to_format(given))


class _Float(float):
    def __str__(self) -> str:
        return text_of(float(self))

    __repr__ = __str__


class _Boolean(int):
    def __str__(self) -> str:
        return text_of(bool(self))

    __repr__ = __str__


class _Members(dict[str, Any]):
    """A mapping to format: only the members that are named are made text."""

    def __getitem__(self, key: str) -> Any:
        return _to_format(super().__getitem__(key))

    def __str__(self) -> str:
        return text_of(dict(self))


def _to_format(value: Any) -> Any:
    """A value that stays a number for `%d`."""
    if isinstance(value, Enum):  # which writes its name before Python 3.11
        value = value.value
    if isinstance(value, bool):
        return _Boolean(value)
    if isinstance(value, float):
        return _Float(value)
    return value if isinstance(value, int | bytes) else text_of(value)


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────


def string(value: Any) -> str:
    """A value as text; of a digest its hex alone, without its bytes."""
    text = text_of(value)
    return str(text) if isinstance(text, Digest) else text


@pass_eval_context
def replace(context: Any, s: str, old: Any, new: Any, count: int | None = None) -> Any:
    """As Jinja2's, with texts of both."""
    return JINJA_FILTERS["replace"](context, s, text_of(old), text_of(new), count)


def tojson(value: Any, indent: int | str | None = None) -> str:
    """A value as JSON; null is `null`. Nothing is escaped that JSON does not escape: this is no page."""
    text = json_of(value)
    if indent is None:
        return text
    return joined(_indented(text, indent if isinstance(indent, str) else " " * indent))


_PART = re.compile(r'"(?:[^"\\]|\\.)*"|\[\]|\{\}|[\[\]{},:]|[^"\[\]{},:]+', re.DOTALL)


def _indented(text: str, indent: str) -> Iterator[str]:
    depth = 0
    for part in _PART.findall(text):
        if part in ("[", "{"):
            depth += 1
            yield f"{part}\n{indent * depth}"
        elif part in ("]", "}"):
            depth -= 1
            yield f"\n{indent * depth}{part}"
        elif part == ",":
            yield f",\n{indent * depth}"
        else:
            yield ": " if part == ":" else part


def urlencode(value: Any, safe: str = "/") -> str:
    """As Jinja2's: a text keeps the `safe` characters, pairs become `a=1&b=2`.

    Of a mapping or of pairs, a list repeats its name and null is left out.
    """
    if not isinstance(safe, str):
        raise ExpressionError(f"safe is a text of the characters that stay, not {kind_of(safe)}")
    if isinstance(value, bytes):
        return quote(value, safe=safe)
    pairs = value.items() if isinstance(value, Mapping) else value
    if isinstance(pairs, str | int | float) or not hasattr(pairs, "__iter__"):
        return quote(text_of(value), safe=safe, errors="replace")
    pairs = list(pairs)
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise ExpressionError(
            "urlencode takes a text, a mapping or a list of pairs", hint="join the list before it"
        )
    texts = [
        (text_of(name), text_of(each))
        for name, given in pairs
        for each in (given if isinstance(given, list | tuple) else [given])
        if each is not None
    ]
    return str(JINJA_FILTERS["urlencode"](texts))


@pass_eval_context
def xmlattr(context: Any, d: Mapping[str, Any], autospace: bool = True) -> Any:
    """As Jinja2's, with texts of its values; null is left out."""
    texts = {
        name: value if value is None or isinstance(value, Undefined) else text_of(value)
        for name, value in d.items()
    }
    return JINJA_FILTERS["xmlattr"](context, texts, autospace)
