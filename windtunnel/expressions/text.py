"""Values as text: the one function that writes them, wherever a template, a header, a query or a form does.

| value               | text                                                                                      |
|---------------------|-------------------------------------------------------------------------------------------|
| a text              | itself                                                                                    |
| true, false         | `true`, `false`                                                                           |
| a number            | the shortest digits that read back the same, without an exponent; 3.0 is `3`              |
| an object or a list | JSON without blanks, its numbers as above                                                 |
| null                | none: an error here; what stands alone for a header, a parameter or a field leaves it out |
| a date and the like | as in JSON, without the quotes                                                            |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from jinja2 import nodes
from jinja2.runtime import Undefined

from windtunnel.errors import ExpressionError
from windtunnel.expressions.limits import require_format, require_number, require_text, text_length
from windtunnel.figures import literal
from windtunnel.model.http import Exchange, without_bytes

_write = msgspec.json.Encoder(enc_hook=without_bytes).encode


def text_of(value: Any) -> str:
    """A value as text. Raises ExpressionError for null, for what JSON can't hold, and for a text too long."""
    kind = value.__class__
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        if value.bit_length() > 64:
            require_number(value)
        return str(value)
    if kind is float:
        return _number(value)
    if value is None:
        raise null_in_text("a value")
    if isinstance(value, str):
        return value
    if isinstance(value, Undefined):
        return str(value)  # which raises
    if isinstance(value, Exchange):
        raise ExpressionError(
            "a response cannot be used as text", hint="name a part: response.text, response.status"
        )
    if callable(value):
        raise ExpressionError(f"{getattr(value, '__name__', 'this')} is a function", hint="call it with ( )")
    require_text(text_length(value) // 2)  # a guess, for what is no text
    return _as_json(value)


def null_in_text(name: str) -> ExpressionError:
    """The error for null where a text is made: `order.note is null`."""
    return ExpressionError(f"{name} is null", hint='add | default("") for no text, or | tojson for the word null')


class _Number(float):
    """A number that `%s` writes as `text_of` does."""

    def __str__(self) -> str:
        return _number(float(self))


def formatted(text: Any, *args: Any, **named: Any) -> str:
    """`text % args`, as the filter `format` does it; what is no number is written by `text_of`."""
    if args and named:
        raise ExpressionError("format takes its values all by position or all by name")
    text = text_of(text)
    given: Any = {name: _to_format(value) for name, value in named.items()} or tuple(map(_to_format, args))
    require_format(text, given)
    return str(text % given)


def _to_format(value: Any) -> Any:
    if value.__class__ is float:
        return _Number(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text_of(value)


def spelled(node: nodes.Node) -> str:
    """An expression as it is written, where it is a name and a way down from it; else "a value"."""
    way = ""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            way = f".{node.attr}{way}"
        elif isinstance(node.arg, nodes.Const):
            way = f"[{node.arg.value!r}]{way}"
        else:
            return "a value"
        node = node.node
    return f"{node.name}{way}" if isinstance(node, nodes.Name) else "a value"


def _number(value: float) -> str:
    digits = repr(value)
    if "e" in digits:
        digits = literal(value)
    elif "n" in digits:
        raise ExpressionError(f"{value} is no number that JSON can hold")
    return digits.removesuffix(".0")


def _as_json(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        raise ExpressionError("bytes can't be written as text", hint="decode them first")
    try:
        written = _write(_with_digits(value))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise ExpressionError(f"a {type(value).__name__} can't be written as text: {error}") from error
    text = written.decode()
    return msgspec.json.decode(written, type=str) if text.startswith('"') else text


def _with_digits(value: Any) -> Any:
    """The value, with each number in it as `_number` writes it. What holds no such number is not copied."""
    kind = value.__class__
    if kind is float:
        return msgspec.Raw(_number(value).encode())
    if isinstance(value, Mapping):
        changed = {key: _with_digits(item) for key, item in value.items()}
        same = kind is dict and all(changed[key] is item for key, item in value.items())
        return value if same else changed
    if isinstance(value, list | tuple):
        items = [_with_digits(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value
