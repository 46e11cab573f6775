"""What each filter of Jinja2 costs: the steps of reading its value, and bounds on what it makes, taken before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2.runtime import Undefined

from windtunnel.errors import ExpressionError
from windtunnel.expressions.limits import (
    TEXT_A_STEP,
    Counted,
    charge,
    charge_text,
    depth,
    require_items,
    require_number,
    require_text,
    text_length,
)
from windtunnel.expressions.text import text_of

Given = dict[str, Any]
"""The arguments of a filter by the names of its parameters."""

Cost = Callable[[Any, Given], Any]
"""Takes the steps of a filter on a value, and returns the value. Raises ExpressionError when it costs too much."""

_MOST_DECIMALS = 300
"""Decimals of a rounded number: a float has no more."""

_WIDEST_INDENT = 16


def free(value: Any, _given: Given) -> Any:
    """A filter that reads little of its value."""
    return value


def _whole(value: Any, _given: Given) -> Any:
    """A filter that reads all of a value, and makes nothing much longer of it."""
    require_number(value)
    if isinstance(value, Undefined):
        return value
    require_text(text_length(value))
    return value


def _slowly(value: Any, given: Given) -> Any:
    """The same, for a filter that looks at each character or word in Python."""
    _whole(value, given)
    if isinstance(value, str):
        charge(len(value) // 16)
    return value


def _printed(value: Any, given: Given) -> Any:
    """The same, for a filter that writes a list at each depth to see whether it fits into a line."""
    charge(depth(value) * text_length(value) // 16)
    return _whole(value, given)


def _json(value: Any, given: Given) -> Any:
    indent = given.get("indent")
    if (len(indent) if isinstance(indent, str) else _number(given, "indent", 0)) > _WIDEST_INDENT:
        raise ExpressionError(f"tojson takes an indent of at most {_WIDEST_INDENT}")
    return _whole(value, given)


def per_item(value: Any, given: Given) -> Any:
    """A filter that goes over the items of a value one by one."""
    steps = 1 + sum(text.count(".") for text in given.values() if isinstance(text, str))
    if isinstance(value, Undefined) or not hasattr(value, "__iter__"):
        return value
    if not hasattr(value, "__len__"):
        return Counted(value, steps)
    charge(len(value) * steps)
    return value


def _compared(value: Any, given: Given) -> Any:
    """A filter that compares the items of a value with each other."""
    if isinstance(value, list | tuple | dict) and given.get("attribute") is None and given.get("by") is None:
        text_length(value)
    return per_item(value, given)


def _center(value: Any, given: Given) -> Any:
    require_text(max(0, _number(given, "width", 80)))
    return _whole(value, given)


def _replace(value: Any, given: Given) -> Any:
    require_text(text_length(value))
    if "old" in given and "new" in given:
        text, old, new = str(value), text_of(given["old"]), text_of(given["new"])
        times, count = text.count(old), _number(given, "count", -1)
        times = times if count < 0 else min(count, times)
        require_text(len(text) + times * max(0, len(new) - len(old)))
    return value


def _indent(value: Any, given: Given) -> Any:
    width = given.get("width", 4)
    width = len(width) if isinstance(width, str) else _number(given, "width", 4)
    if isinstance(value, str):
        charge(len(value) // 16)
        require_text(len(value) + (len(value.splitlines()) + 1) * max(0, width))
    return value


def _wordwrap(value: Any, given: Given) -> Any:
    """Python takes a word that is longer than a line apart piece by piece, and copies the rest every time."""
    if isinstance(value, str):
        width, end = max(1, _number(given, "width", 79)), str(given.get("wrapstring") or "\n")
        lines = value.splitlines()
        charge(sum((len(line) // width + 1) * (len(line) // TEXT_A_STEP + 1) for line in lines) + len(value) // 16)
        require_text(len(value) + (len(value) // width + len(lines)) * len(end))
    return value


def _truncate(value: Any, given: Given) -> Any:
    if isinstance(value, str):
        require_text(len(str(given.get("end", ""))))
        charge_text(len(value))
    return value


def _urlize(value: Any, given: Given) -> Any:
    """Jinja2 takes the brackets around a word apart one by one, and copies the rest every time."""
    if isinstance(value, str):
        charge(len(value) // 8)
        words = value.split()
        added = 40 + sum(len(each) for each in given.values() if isinstance(each, str))
        charge(sum(len(word) ** 2 for word in words) // 64)
        require_text(len(value) * 2 + len(words) * added)
        for scheme in given.get("extra_schemes") or ():
            charge(len(words) + len(str(scheme)))
    return value


def _striptags(value: Any, given: Given) -> Any:
    """MarkupSafe takes a page apart tag by tag, and copies the rest every time."""
    _slowly(value, given)
    if isinstance(value, str):
        charge(value.count("<") * (len(value) // 2048))
    return value


def _trim(value: Any, given: Given) -> Any:
    chars = given.get("chars")
    text = str(_whole(value, given))
    charge(len(text) * (len(chars) if isinstance(chars, str) else 1) // TEXT_A_STEP)
    return value


def _to_int(value: Any, given: Given) -> Any:
    if isinstance(value, str):
        require_text(len(value))
        if given.get("base", 10) != 10 and len(value) > _MOST_DECIMALS:
            raise ExpressionError(f"a number of {len(value):,} digits")
    return value


def _round(value: Any, given: Given) -> Any:
    require_number(value)
    if abs(_number(given, "precision", 0)) > _MOST_DECIMALS:
        raise ExpressionError(f"round takes at most {_MOST_DECIMALS} decimals")
    return value


def _batch(value: Any, given: Given) -> Any:
    if given.get("fill_with") is not None:
        require_items(_number(given, "linecount", 1))
    return per_item(value, given)


def _slice(value: Any, given: Given) -> Any:
    charge(max(0, _number(given, "slices", 1)))
    return per_item(value, given)


def _number(given: Given, name: str, default: int) -> int:
    number = given.get(name, default)
    return number if isinstance(number, int) else default


COSTS: Mapping[str, Cost] = {
    "abs": _whole,
    "attr": free,
    "batch": _batch,
    "capitalize": _whole,
    "center": _center,
    "count": free,
    "dictsort": _compared,
    "e": _slowly,
    "escape": _slowly,
    "filesizeformat": _whole,
    "first": free,
    "float": _whole,
    "forceescape": _slowly,
    "groupby": _compared,
    "indent": _indent,
    "int": _to_int,
    "items": per_item,
    "last": free,
    "length": free,
    "list": per_item,
    "lower": _whole,
    "map": per_item,
    "max": _compared,
    "min": _compared,
    "pprint": _printed,
    "random": free,
    "reject": per_item,
    "rejectattr": per_item,
    "replace": _replace,
    "reverse": per_item,
    "round": _round,
    "safe": _whole,
    "select": per_item,
    "selectattr": per_item,
    "slice": _slice,
    "sort": _compared,
    "striptags": _striptags,
    "title": _slowly,
    "tojson": _json,
    "trim": _trim,
    "truncate": _truncate,
    "unique": _compared,
    "upper": _whole,
    "urlencode": _slowly,
    "urlize": _urlize,
    "wordcount": _slowly,
    "wordwrap": _wordwrap,
    "xmlattr": _whole,
}
"""Every filter of Jinja2 but those that `filters.py` has of its own, and what it costs."""
