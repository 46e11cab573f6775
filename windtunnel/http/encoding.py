"""Requests as text that is safe to send: no value can end its line, no target can end its word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from windtunnel.errors import ExpressionError

FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where the body ends; they follow from the body, so nobody sets them by hand."""

_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})

# RFC 9110, 5.6.2: token.
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch

# RFC 3986, 3.3 and 3.4 (pchar, "/", "?"), with "[" and "]", which every server reads and many clients send.
_TARGET_CHARACTERS = "A-Za-z0-9/?:@!$&'()*+,;=._~\\[\\]-"
_is_clean = re.compile(f"/[{_TARGET_CHARACTERS}]*").fullmatch
_percent_that_encodes_nothing = re.compile(r"%(?![0-9A-Fa-f]{2})").sub
_SAFE_IN_TARGET = "/?:@!$&'()*+,;=._~[]-%"


def encode_target(text: str) -> str:
    """A path with query as ASCII: characters a URL can't hold are percent-encoded, valid `%XX` stay.

    A fragment is dropped: it is the client's own. The same object comes back when nothing is to be done.
    """
    if _is_clean(text):
        return text
    text = _percent_that_encodes_nothing("%25", text.partition("#")[0])
    return quote(text, safe=_SAFE_IN_TARGET, errors="replace")


def quote_component(text: str) -> str:
    """Text as one component of a URL: everything but letters, digits and `-._~` is percent-encoded (UTF-8)."""
    if text.isascii() and text.isalnum():
        return text
    return quote(text, safe="", errors="replace")


def require_method(method: str) -> str:
    """The method as sent. Raises ExpressionError if it is none, or one that turns HTTP into something else."""
    if not _is_token(method):
        raise ExpressionError(f"{method!r} is not an HTTP method")
    if method.upper() == "CONNECT":
        raise ExpressionError("CONNECT opens a tunnel; it can't be used as a request")
    return method


def header_lines(pairs: Iterable[tuple[str, str]]) -> str:
    """Headers as `Name: value` lines, each ended by CRLF. Raises ExpressionError for what can't be sent."""
    pairs = tuple(pairs)
    text = "".join([f"{name}: {value}\r\n" for name, value in pairs])
    # Every line end in the text must be one of ours; only if one is not is it worth finding out whose.
    lines = len(pairs)
    if text.count("\r") != lines or text.count("\n") != lines or "\0" in text:
        name = next(name for name, value in pairs if not {"\r", "\n", "\0"}.isdisjoint(f"{name}{value}"))
        raise ExpressionError(f"header {name!r}: a header can't hold a line end or a null character")
    for name, _ in pairs:
        if not _is_token(name):
            raise ExpressionError(f"{name!r} is not a header name")
        if name.lower() in FRAMING:
            raise ExpressionError(f"header {name!r} follows from the body and can't be set", hint="leave it out")
    return text


def merge_headers(*layers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Layers of headers as one: a name in a later layer takes the place of the same name in earlier ones.

    Names compare without case. Within one layer every header stays.
    """
    merged: list[tuple[str, str]] = []
    for layer in layers:
        pairs = tuple(layer)
        names = {name.lower() for name, _ in pairs}
        merged = [pair for pair in merged if pair[0].lower() not in names]
        merged.extend(pairs)
    return tuple(merged)


def content_length(size: int) -> str:
    """The line that says how long the body is."""
    return f"Content-Length: {size}\r\n"


def expects_body(method: str) -> bool:
    """Whether an empty body is announced as well, because servers expect one (RFC 9110, 8.6)."""
    return method in _BODY_METHODS
