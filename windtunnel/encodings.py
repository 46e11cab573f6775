"""What encoders make of a text, undone: the ways in which a text can be found although it was encoded.

    text ──▶ layer ──▶ layer ──▶ …     each layer is the one before with one level of every encoding undone, and
                                       knows which part of the text a part of it came from

URL, form, HTML, JSON and the escapes of programming languages are undone, also one inside another. Base64 and hex
hide where a character begins, so that `code_forms` lists what they make of a text instead.
"""

from __future__ import annotations

import base64
import contextlib
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MAX_DEPTH = 4
"""Encodings inside one another."""

_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,10}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});?")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a character beyond U+FFFF, as JSON writes it
    r"|\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\U[0-9a-fA-F]{8}|(?:\\x[0-9a-fA-F]{2})+|(?:\\[^uUx\n])+"
)
# What is put between characters: line ends of long base64 (MIME after 76, PEM after 64), blanks of no width.
_BREAK = re.compile(r"(?<=[A-Za-z0-9+/_-]{60})\r?\n[ \t]*(?=[A-Za-z0-9+/=_-])|[\u200b\u00ad]+")
_MAX_HALF_DECODED = 16
_MAX_LAYERS = 40
_SHORT_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def fold(text: str) -> str:
    """The text in lower case, of the same length: each character at its place."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def text_of(data: bytes) -> str:
    """UTF-8, or where it is none, one character a byte."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


class Layer:
    """A text, or one with an encoding of it undone. `place` leads back to the text that `layers` was given."""

    __slots__ = ("_ends", "_outer", "_outer_spans", "_starts", "text")

    def __init__(self, text: str, outer: Layer | None = None) -> None:
        self.text, self._outer = text, outer
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._outer_spans: list[tuple[int, int]] = []

    def decoded(self, encoding: Encoding) -> Layer | None:
        """The layer with an encoding undone once; None where there is nothing to undo."""
        if not any(mark in self.text for mark in encoding.marks):
            return None
        text = self.text
        layer = Layer("", self)
        pieces: list[str] = []
        at = length = 0
        for match in encoding.pattern.finditer(text):
            start, end = match.span()
            plain = encoding.decode(match[0])
            pieces += (text[at:start], plain)
            length += start - at
            layer._starts.append(length)
            length += len(plain)
            layer._ends.append(length)
            layer._outer_spans.append((start, end))
            at = end
        if not pieces:
            return None
        layer.text = "".join([*pieces, text[at:]])
        return layer

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The part of the first text that a part of this one came from, with all that was encoded together."""
        if self._outer is None:
            return start, end
        return self._outer.place(self._outward(start)[0], self._outward(end - 1)[1])

    def _outward(self, position: int) -> tuple[int, int]:
        """The part of the outer text that one character came from."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return position, position + 1
        if position < self._ends[index]:
            return self._outer_spans[index]
        outer = self._outer_spans[index][1] + position - self._ends[index]
        return outer, outer + 1


def layers(text: str, *, in_every_order: bool = False) -> Iterator[Layer]:
    """The text, the text with one level of every encoding undone, and so on for what comes out.

    At last the text with each encoding undone alone: what stands beside an encoded part can look like another one.
    In every order costs several times as much, and is for secrets that look encoded themselves.
    """
    seen = {text}
    yield Layer(text)
    yield from _undone(text, (_ALL,), seen)
    if in_every_order:
        yield from _undone(text, (_ALL, *_EACH), {text})
    elif len(seen) > 1:
        for encoding in _EACH:
            yield from _undone(text, (encoding,), seen)


def _undone(text: str, encodings: Sequence[Encoding], seen: set[str]) -> Iterator[Layer]:
    """The texts not seen before that come of undoing one of these encodings after the other."""
    level = [Layer(text)]
    for _ in range(MAX_DEPTH):
        made = [layer.decoded(encoding) for layer in level for encoding in encodings]
        level = []
        for layer in made:
            if layer is not None and layer.text not in seen and len(seen) < _MAX_LAYERS:
                seen.add(layer.text)
                level.append(layer)
                yield layer


def half_decoded(text: str) -> frozenset[str]:
    """The text, and what undoing encodings makes of it: one that looks encoded itself is undone with the rest."""
    found, new = {text}, {text}
    while new and len(found) < _MAX_HALF_DECODED:
        made = [Layer(each).decoded(encoding) for each in new for encoding in (*_EACH, _ALL)]
        new = {layer.text for layer in made if layer is not None} - found
        found |= new
    return frozenset(found)


def code_forms(text: str) -> frozenset[str]:
    """What base64 and hex make of the text, folded.

    Of base64, the characters that are the same whatever stands before and after the text, at each of the three
    ways it can begin.
    """
    forms: set[str] = set()
    for data in _bytes_of(text):
        forms.add(data.hex())
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + data).decode()
            core = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6].lower()
            forms.add(core)
            if "+" in core or "/" in core:
                forms.add(core.replace("+", "-").replace("/", "_"))
    return frozenset(forms)


def _bytes_of(text: str) -> set[bytes]:
    found = {text.encode("utf-8", "surrogatepass")}
    if not text.isascii():
        with contextlib.suppress(UnicodeEncodeError):
            found.add(text.encode("latin-1"))
    return found


def _percent(run: str) -> str:
    return text_of(bytes.fromhex(run.replace("%", "")))


def _entity(written: str) -> str:
    if written[1] != "#":
        return html.unescape(written)
    digits = written[2:].rstrip(";")
    code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    return chr(code) if code < 0x110000 else "\ufffd"


def _escape(written: str) -> str:
    kind = written[1]
    if kind not in "uUx":
        return "".join(_SHORT_ESCAPES.get(each, each) for each in written[1::2])
    if kind == "x":
        return text_of(bytes.fromhex(written.replace("\\x", "")))
    if len(written) == 12:
        return chr(0x10000 + ((int(written[2:6], 16) & 0x3FF) << 10) + (int(written[8:], 16) & 0x3FF))
    code = int(written[2:].strip("{}"), 16)
    return chr(code) if code < 0x110000 else "\ufffd"


def _any(encoded: str) -> str:
    decode = {"%": _percent, "\\": _escape, "&": _entity}.get(encoded[0])
    return decode(encoded) if decode else ""


@dataclass(frozen=True, slots=True)
class Encoding:
    """What is replaced by what; without one of the `marks` there is nothing to undo."""

    marks: str
    pattern: re.Pattern[str]
    decode: Callable[[str], str]


_EACH = (
    Encoding("%", _PERCENT, _percent),
    Encoding("\\", _ESCAPE, _escape),
    Encoding("&", _ENTITY, _entity),
    Encoding("\n\u200b\u00ad", _BREAK, lambda _: ""),
)
_ALL = Encoding(
    "".join(each.marks for each in _EACH),
    re.compile("|".join(each.pattern.pattern for each in _EACH)),
    _any,
)
