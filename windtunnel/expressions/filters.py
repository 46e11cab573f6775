"""The filters and tests of templates: each one that Jinja2 has, by name, with what it costs before it starts.

A filter that is not in the table does not exist, so that a later version of Jinja2 adds none unseen.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from jinja2.environment import Environment
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.runtime import Undefined
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import pass_environment, pass_eval_context

from windtunnel.errors import ExpressionError
from windtunnel.expressions.filter_costs import COSTS, Cost, free, per_item
from windtunnel.expressions.limits import (
    charge,
    require_number,
    require_operation,
    require_text,
    text_length,
    weigh,
)
from windtunnel.expressions.text import encoded, null_in_text, text_of
from windtunnel.expressions.text_filters import (
    OF_TEXT,
    default,
    formatted,
    replace,
    string,
    tojson,
    urlencode,
    xmlattr,
)

# ── filters that are ours, as Jinja2's make something without asking ─────────────────────────────────────────


@pass_eval_context
def _join(context: Any, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
    items, d = per_item(value, {"attribute": attribute}), text_of(d)
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
    items = per_item(iterable, {"attribute": attribute})
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
    "string": string,
    "sum": _sum,
}
"""The filters that charge what they cost themselves."""


def _later(name: str, module: str = "encoders") -> Callable[..., Any]:
    """A filter of a module that is imported when it is first called: most scenarios need none."""

    def later(*args: Any, **named: Any) -> Any:
        return find()(*args, **named)

    def find() -> Callable[..., Any]:
        return getattr(import_module(f"windtunnel.expressions.{module}"), name)  # type: ignore[no-any-return]

    later.find = find  # type: ignore[attr-defined]
    return later


ADDED: Mapping[str, Callable[..., Any]] = {
    "base64": _later("base64"),
    "base64url": _later("base64url"),
    "bytes": _later("to_bytes"),
    "date": _later("date", "dates"),
    "fromjson": _later("fromjson"),
    "hex": _later("to_hex"),
    "iso": _later("iso", "dates"),
    "jwt": _later("jwt"),
    "md5": _later("md5"),
    "raw": encoded,
    "sha1": _later("sha1"),
    "sha256": _later("sha256"),
    "sha384": _later("sha384"),
    "sha512": _later("sha512"),
    "timestamp": _later("timestamp", "dates"),
    "unbase64": _later("unbase64"),
    "unhex": _later("unhex"),
    "urldecode": _later("urldecode"),
}
"""The filters that Jinja2 does not have; they charge what they cost themselves."""

_TEXTS: Mapping[str, Callable[..., Any]] = {
    "replace": replace,
    "tojson": tojson,
    "urlencode": urlencode,
    "xmlattr": xmlattr,
}


def _limited(filter_: Callable[..., Any], cost: Cost, *, reads_text: bool = False) -> Callable[..., Any]:
    """A filter whose cost is taken before it starts, and whose text has a bound."""
    first = 1 if hasattr(filter_, "jinja_pass_arg") else 0
    names = [] if cost is free else _parameters(filter_)

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


def _parameters(filter_: Callable[..., Any]) -> list[str]:
    """The names of what a filter takes besides its value."""
    try:
        signature = inspect.signature(filter_)
    except ValueError:  # one of C, such as `len`
        return []
    # What runs both ways takes a context that its signature does not name.
    return list(signature.parameters)[1 + hasattr(inspect.unwrap(filter_), "jinja_pass_arg") :]


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
    **{name: _limited(own, free) for name, own in (*_OWN.items(), *ADDED.items())},
}
"""Every filter by name."""
