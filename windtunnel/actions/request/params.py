"""Names and values as `name=value&…`: query strings and urlencoded forms."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from windtunnel.actions.compile.context import Field
from windtunnel.actions.response.text import show
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope

Encode = Callable[[str], str]


def compile_params(field: Field, params: Any, encode: Encode) -> str | Callable[[Scope], str]:
    """The text of a mapping, or what renders it when there are templates in the values.

    A list repeats its name, null leaves it out, booleans are `true` and `false`. Rendering raises
    ExpressionError for a value that is a mapping.
    """
    parts: list[str | Callable[[Scope], str]] = []
    for name, value in field.mapping(params).items():
        here, prefix = field / name, encode(str(name)) + "="
        template = here.template(value)
        if template.constant:
            part = _part(prefix, template.evaluate, encode)
            parts.append(here.attempt(functools.partial(part, {}), ""))
        else:
            parts.append(_part(prefix, template.evaluate, encode))
    constant = [part for part in parts if isinstance(part, str)]
    if len(constant) == len(parts):
        return "&".join(filter(None, constant))
    return lambda scope: "&".join(filter(None, [part if isinstance(part, str) else part(scope) for part in parts]))


def format_params(params: Mapping[str, Any], encode: Encode) -> str:
    """The text of a mapping without templates. Raises ExpressionError as rendering one with them does."""
    return "&".join(filter(None, [_pairs(encode(str(name)) + "=", params[name], encode) for name in params]))


def plain_text(value: Any) -> str:
    """A scalar as text. Raises ExpressionError for what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ExpressionError(f"expected a text or a number here, not {show(value, 60)}")


def _part(prefix: str, evaluate: Callable[[Scope], Any], encode: Encode) -> Callable[[Scope], str]:
    return lambda scope: _pairs(prefix, evaluate(scope), encode)


def _pairs(prefix: str, value: Any, encode: Encode) -> str:
    if value.__class__ is str:
        return prefix + encode(value)
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "&".join([prefix + encode(plain_text(item)) for item in value if item is not None])
    return prefix + encode(plain_text(value))
