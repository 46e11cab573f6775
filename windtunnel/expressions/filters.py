"""The filters and tests of templates: each one that Jinja2 has, by name, with what it costs before it starts.

A filter that is not in the table does not exist, so that a later version of Jinja2 adds none unseen.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jinja2.environment import Environment
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.runtime import Undefined
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import pass_environment, pass_eval_context

from windtunnel.errors import ExpressionError
from windtunnel.expressions.limits import (
    TEXT_A_STEP,
    Counted,
    charge,
    charge_text,
    depth,
    require_items,
    require_number,
    require_operation,
    require_text,
    text_length,
    weigh,
)
from windtunnel.expressions.text import encoded, null_in_text, text_of
from windtunnel.expressions.text_filters import OF_TEXT, default, formatted, replace, tojson, urlencode, xmlattr

Given = dict[str, Any]
"""The arguments of a filter by the names of its parameters."""

Cost = Callable[[Any, Given], Any]
"""Takes the steps of a filter on a value, and returns the value. Raises ExpressionError when it costs too much."""

_MOST_DECIMALS = 300
"""Decimals of a rounded number: a float has no more."""

_WIDEST_INDENT = 16


def _free(value: Any, _given: Given) -> Any:
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


def _items(value: Any, given: Given) -> Any:
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
    return _items(value, given)


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
    return _items(value, given)


def _slice(value: Any, given: Given) -> Any:
    charge(max(0, _number(given, "slices", 1)))
    return _items(value, given)


def _number(given: Given, name: str, default: int) -> int:
    number = given.get(name, default)
    return number if isinstance(number, int) else default


# ── filters that are ours, as Jinja2's make something without asking ─────────────────────────────────────────


@pass_eval_context
def _join(context: Any, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
    items, d = _items(value, {"attribute": attribute}), text_of(d)
    if attribute is not None:
        items = map(make_attrgetter(context.environment, attribute), items)
    texts: list[Any] = []
    length = 0
    for item in items:
        length += text_length(item) + (text_length(d) if texts else 0)
        require_text(length // 2)  # text_length is a guess for what is no text
        if item is None:
            raise null_in_text("an item of the list")
        texts.append(text_of(item))
    require_text(sum(map(len, texts)) + len(d) * max(0, len(texts) - 1))
    joined_text: str = JINJA_FILTERS["join"](context, texts, d)
    return joined_text


@pass_environment
def _sum(environment: Environment, iterable: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    items = _items(iterable, {"attribute": attribute})
    if attribute is not None:
        items = map(make_attrgetter(environment, attribute), items)
    total = start
    for item in items:
        if total.__class__ not in (int, float) or item.__class__ not in (int, float):
            require_operation("+", total, item)
        total = total + item
    require_number(total)
    return total


_OWN: Mapping[str, Callable[..., Any]] = {
    "d": default,
    "default": default,
    "format": formatted,
    "join": _join,
    "string": text_of,
    "sum": _sum,
}
"""The filters that charge what they cost themselves."""

ADDED: Mapping[str, Callable[..., Any]] = {
    "raw": encoded,
}
"""The filters that Jinja2 does not have; they charge what they cost themselves."""

_TEXTS: Mapping[str, Callable[..., Any]] = {
    "replace": replace,
    "tojson": tojson,
    "urlencode": urlencode,
    "xmlattr": xmlattr,
}

COSTS: Mapping[str, Cost] = {
    "abs": _whole,
    "attr": _free,
    "batch": _batch,
    "capitalize": _whole,
    "center": _center,
    "count": _free,
    "dictsort": _compared,
    "e": _slowly,
    "escape": _slowly,
    "filesizeformat": _whole,
    "first": _free,
    "float": _whole,
    "forceescape": _slowly,
    "groupby": _compared,
    "indent": _indent,
    "int": _to_int,
    "items": _items,
    "last": _free,
    "length": _free,
    "list": _items,
    "lower": _whole,
    "map": _items,
    "max": _compared,
    "min": _compared,
    "pprint": _printed,
    "random": _free,
    "reject": _items,
    "rejectattr": _items,
    "replace": _replace,
    "reverse": _items,
    "round": _round,
    "safe": _whole,
    "select": _items,
    "selectattr": _items,
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
"""Every filter of Jinja2 but those that are ours, and what it costs."""


def _limited(filter_: Callable[..., Any], cost: Cost, *, reads_text: bool = False) -> Callable[..., Any]:
    """A filter whose cost is taken before it starts, and whose text has a bound."""
    first = 1 if hasattr(filter_, "jinja_pass_arg") else 0
    try:
        signature = inspect.signature(filter_)
        # What runs both ways takes a context that its signature does not name.
        names = list(signature.parameters)[1 + hasattr(inspect.unwrap(filter_), "jinja_pass_arg") :]
    except ValueError:  # one of C, such as `len`
        names = []

    @functools.wraps(filter_)
    def limited(*args: Any, **named: Any) -> Any:
        before, (value, *others) = args[:first], args[first:]
        if reads_text and not isinstance(value, str | Undefined):
            value = text_of(value)
        charge(1)
        for argument in (*others, *named.values()):
            weigh(argument)
        value = cost(value, {**dict(zip(names, others, strict=False)), **named} if others or named else {})
        result = filter_(*before, value, *others, **named)
        if isinstance(result, str | bytes):
            require_text(len(result))
        elif result.__class__ is int:
            require_number(result)
        return result

    return limited


def _calculated(test: Callable[..., bool]) -> Callable[..., bool]:
    """A test that divides: of a text, `%` would be its format."""

    @functools.wraps(test)
    def limited(value: Any, *others: Any) -> bool:
        for number in (value, *others):
            if isinstance(number, str | bytes | list | tuple | dict):
                raise ExpressionError(f"a {type(number).__name__} is not a number")
            require_number(number)
        return test(value, *others)

    return limited


def _weighed(test: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(test)
    def limited(*args: Any) -> bool:
        charge(1)
        return test(*map(weigh, args))

    return limited


_DIVIDING = ("divisibleby", "even", "odd")
_READING = (
    *("!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in", "le", "lessthan"),
    *("lower", "lt", "ne", "upper"),
)
_SHALLOW = (
    *("boolean", "callable", "defined", "escaped", "false", "filter", "float", "integer", "iterable", "mapping"),
    *("none", "number", "sameas", "sequence", "string", "test", "true", "undefined"),
)

_JINJA_TESTS: Mapping[str, Any] = JINJA_TESTS

TESTS: Mapping[str, Callable[..., Any]] = {
    **{name: _calculated(_JINJA_TESTS[name]) for name in _DIVIDING},
    **{name: _weighed(_JINJA_TESTS[name]) for name in _READING},
    **{name: _JINJA_TESTS[name] for name in _SHALLOW},
}
"""Every test of Jinja2."""

FILTERS: Mapping[str, Callable[..., Any]] = {
    **{
        name: _limited(_TEXTS.get(name) or JINJA_FILTERS[name], cost, reads_text=name in OF_TEXT)
        for name, cost in COSTS.items()
    },
    **{name: _limited(own, _free) for name, own in (*_OWN.items(), *ADDED.items())},
}
"""Every filter by name."""
