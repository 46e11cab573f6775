"""The body of a response as JSON, and where and why it is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from windtunnel.errors import NotJsonError
from windtunnel.figures import number
from windtunnel.model.body_text import charset_of
from windtunnel.model.charset import decode
from windtunnel.model.vocabulary import NoteKind

_decode_json = msgspec.json.Decoder().decode
_LOCATED = re.compile(r"JSON is malformed: (.+) \(byte (\d+)\)").fullmatch
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
).finditer
"""Each escape in a text; `half` is a surrogate without its partner."""

_LOOKED_AT = 100_000
"""Bytes searched for half a pair, so that a large body does not hold the loop."""

_REASONS = {
    "trailing comma in object": "a comma before the end of the object",
    "trailing comma in array": "a comma before the end of the list",
    "object keys must be strings": "a key without double quotes",
    "expected ':'": "a colon is missing",
    "expected ',' or ']'": "a comma or ] is missing",
    "expected ',' or '}'": "a comma or } is missing",
    "trailing characters": "something behind the end",
    "invalid escape character in string": "an unknown escape in a text",
    "invalid number": "a number that is none",
}
"""What the parser says, in our words."""

_IS_BEHIND = frozenset({"trailing characters", "invalid escape character in string"})
"""Reasons whose place is one byte further than the character that is wrong."""

_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")


def read(body: bytes, content_types: Sequence[str]) -> tuple[Any | NotJsonError, NoteKind | None]:
    """The body as JSON, or why it is none, and what is to be noted. Raises UnreadableBodyError."""
    charset = charset_of(body, content_types)
    data = body[charset.mark :]
    if charset.codec != "utf-8":
        try:
            data = decode(data, charset.codec, strict=True).encode()
        except UnicodeDecodeError as error:
            before = decode(data[: error.start], charset.codec).encode()
            return _not_json(
                before, len(before), f"a byte that is not {charset.label or charset.codec}"
            ), charset.note
    try:
        return _decode_json(data), charset.note
    except UnicodeDecodeError:
        return _not_utf8(data), charset.note
    except RecursionError:
        return NotJsonError("not JSON that can be read (nested too deep)"), charset.note
    except msgspec.DecodeError as error:
        return _other(data) or _why(data, str(error)), charset.note


def _other(data: bytes) -> NotJsonError | None:
    """What came, where it is plain that it was never meant to be JSON."""
    start = data.lstrip()[:20].lower()
    if not start:
        return NotJsonError("not JSON but blanks" if data else "not JSON")
    if start.startswith(_HTML):
        return NotJsonError("not JSON but HTML")
    if start.startswith(b"<"):
        return NotJsonError("not JSON but XML or HTML")
    if start.startswith(b"\x1f\x8b"):
        return NotJsonError("not JSON but gzip data, without Content-Encoding")
    return None


def _why(data: bytes, said: str) -> NotJsonError:
    """Where JSON is malformed and why, from what the parser says."""
    located = _LOCATED(said)
    half = next((found for found in _ESCAPE(data, 0, _LOOKED_AT) if found["half"]), None)
    cut_off = half is not None and half.end() == len(data)
    if half is not None and not cut_off and (located is None or int(located[2]) > half.start()):
        return _not_json(data, half.start(), f"half a surrogate pair: {half[0].decode()}")
    if located is None:
        if "truncated" in said:
            return _not_json(data, len(data), "it ends too early")
        said = said[:1].lower() + said[1:].replace(" - at `", " at ").rstrip("`")
        return NotJsonError(f"not JSON that can be read ({said})")
    reason, at = located[1], int(located[2])
    if reason in _IS_BEHIND:
        at -= 1
    elif reason == "invalid character":
        at = _word_before(data, at)
        reason = _unexpected(data[at : at + 4])
    return _not_json(data, at, _REASONS.get(reason, reason))


def _word_before(data: bytes, at: int) -> int:
    """Where the word began, if the parser took the beginning of `true`, `false` or `null` and then gave up."""
    if at >= len(data) or data[at] >= 0x20:
        for word in (b"true", b"null", b"false"):
            start = at - len(word)
            if start >= 0 and data[start] == word[0] and data[start:at] != word:
                return start
    return at


def _unexpected(character: bytes) -> str:
    """The character where JSON has another one, so far as it can be shown."""
    shown = character.decode("utf-8", "ignore")[:1]
    if shown and ord(shown) < 0x20:
        return f"the control character U+{ord(shown):04X} in a text"
    return f"unexpected {shown}" if shown.isprintable() and shown else "an unexpected character"


def _not_utf8(data: bytes) -> NotJsonError:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return _not_json(data, error.start, "a byte that is not UTF-8")
    return NotJsonError("not JSON")


def _not_json(data: bytes, at: int, reason: str) -> NotJsonError:
    at = min(at, len(data))
    line_start = data.rfind(b"\n", 0, at) + 1
    line = data.count(b"\n", 0, at) + 1
    column = len(data[line_start:at].decode("utf-8", "replace")) + 1
    return NotJsonError(f"not JSON at line {number(line)}, column {number(column)} ({reason})")
