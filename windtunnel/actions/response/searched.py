"""`regex` on something else than the body: on what another source finds, or on a variable (`from`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from windtunnel.actions.compile.context import Field
from windtunnel.actions.response.safe_regex import Pattern
from windtunnel.actions.response.text import shorten, show
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.text import text_of
from windtunnel.model.http import Exchange

if TYPE_CHECKING:
    from windtunnel.actions.response.extract import Find, FindBeside, Source

    Finding = tuple[Find, FindBeside | None, str, Callable[[Exchange], str]]
    """How to find, with or without variables, the name in messages, and what to show there."""


def in_source(pattern: Pattern, source: Source) -> Finding:
    """All matches in all values of a source, in order."""
    find, name, show_source = source

    def shown(exchange: Exchange) -> str:
        values = find(exchange)
        return shorten(", ".join(show(value, 100) for value in values)) if values else show_source(exchange)

    return lambda exchange: _matches(pattern, find(exchange)), None, f"regex {show(pattern.text)} in {name}", shown


def in_variable(field: Field, text: Any, pattern: Pattern, before: Iterable[str]) -> Finding:
    """All matches in the value of a template, or in the items of its list.

    It can read what the same step has extracted `before`.
    """
    context = field.context
    outside = set(context.names)
    context.names |= set(before)
    evaluate = field.template(text).evaluate
    context.names = outside

    def find_beside(_exchange: Exchange, scope: Scope) -> list[Any]:
        value = evaluate(scope)
        return _matches(pattern, value if isinstance(value, list | tuple) else [value])

    return _nothing, find_beside, f"regex {show(pattern.text)} in {text}", lambda _: "its value"


def _nothing(_exchange: Exchange) -> list[Any]:
    return []


def _matches(pattern: Pattern, values: Sequence[Any]) -> list[str]:
    group = 1 if pattern.groups else 0
    return [found for value in values for found in pattern.find_all(_text(value), group=group)]


def _text(value: Any) -> str:
    """A value to search in; null, and what has no text, holds nothing."""
    try:
        return "" if value is None else text_of(value)
    except ExpressionError:
        return ""
