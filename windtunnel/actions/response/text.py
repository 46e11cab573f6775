"""Values as a failed check shows them: JSON notation, cut after 200 characters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from windtunnel.figures import literal
from windtunnel.model.http import ERROR_KINDS, Exchange

LIMIT = 200
"""Maximum number of characters of a value that are shown."""


def shorten(text: str, limit: int = LIMIT) -> str:
    """At most `limit` characters; the last one is an ellipsis if the text was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def show(value: Any, limit: int = LIMIT) -> str:
    """A value in JSON notation. Reads no more of a large value than is shown."""
    return _first(_pieces(value, limit), limit)


def outline(value: Any, limit: int = LIMIT) -> str:
    """Like `show`, without texts, which may be secrets: the shape of a value."""
    return _first(_pieces(value, limit, texts=False), limit)


def _first(pieces: Iterator[str], limit: int) -> str:
    shown = ""
    for piece in pieces:
        shown += piece
        if len(shown) > limit:
            break
    return shorten(shown, limit)


def show_body(exchange: Exchange) -> str:
    """The beginning of a response body, in quotes."""
    if not exchange.body:
        return "an empty body"
    if exchange.undecoded is not None:
        return f"a body that can't be read: {exchange.undecoded}"
    # No charset takes more than four bytes a character, so this is more text than fits the limit.
    return show(exchange.beginning(5 * LIMIT))


def not_json(exchange: Exchange, error: ValueError) -> str:
    """Why a body is not JSON, and its beginning."""
    return f"{error}: {show_body(exchange)}"


def show_error(exchange: Exchange) -> str:
    """The reason for an incomplete response: the error kind, then its description."""
    return shorten(f"{exchange.error}: {describe_error(exchange)}" if exchange.error else "")


def describe_error(exchange: Exchange) -> str:
    """The reason for an incomplete response, as a sentence."""
    return shorten(exchange.error_detail or ERROR_KINDS[exchange.error]) if exchange.error else ""


def _number(value: float) -> str:
    size = abs(value)
    if size >= 10**100:
        return "a huge number"
    return literal(value) if not 0 < size < 1e-100 else "a tiny number"


def _pieces(value: Any, limit: int, *, texts: bool = True) -> Iterator[str]:
    """The parts of the JSON text one by one, so that the reader can stop."""
    if isinstance(value, str) and not texts:
        yield '"…"'
    elif isinstance(value, str):
        # A surrogate without its partner can't be written to a record.
        yield json.dumps(value[: limit + 1].encode("utf-8", "replace").decode(), ensure_ascii=False)
    elif value is None or isinstance(value, bool):
        yield json.dumps(value)
    elif isinstance(value, int | float):
        yield _number(value)
    elif isinstance(value, Mapping):
        yield "{"
        for position, (key, item) in enumerate(value.items()):
            yield ", " if position else ""
            yield from _pieces(str(key), limit)
            yield ": "
            yield from _pieces(item, limit, texts=texts)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for position, item in enumerate(value):
            yield ", " if position else ""
            yield from _pieces(item, limit, texts=texts)
        yield "]"
    else:
        yield from _pieces(str(value), limit)
