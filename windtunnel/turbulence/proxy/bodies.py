"""Finds the end of the body of an HTTP/1.1 message in bytes that are passed on as they come (RFC 9112, 6 and 7).

A reader keeps no bytes but those of a chunk's line that is not complete yet.
"""

from __future__ import annotations

import re
from typing import Protocol

from windtunnel.turbulence.proxy.heads import CHUNKED, LONGEST_HEAD, UNTIL_CLOSE

_strict_size = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n").fullmatch
_size = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n").fullmatch
_strict_trailer = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n").fullmatch

_LONGEST_LINE = 4096
"""Bytes of the line before a chunk, with its extensions."""


class MalformedBodyError(Exception):
    """The framing of a body can't be read."""


class BodyReader(Protocol):
    """Reads one body. `ended`: it is complete."""

    ended: bool

    def feed(self, data: bytes, at: int) -> int:
        """Read on from a position. Returns the position after what belongs to the body.

        Raises MalformedBodyError.
        """


class SizedBody:
    """A body of a known length."""

    __slots__ = ("ended", "left")

    def __init__(self, length: int) -> None:
        self.left, self.ended = length, not length

    def feed(self, data: bytes, at: int) -> int:
        """See `BodyReader.feed`."""
        here = len(data) - at
        if here < self.left:
            self.left -= here
            return len(data)
        at += self.left
        self.left, self.ended = 0, True
        return at


class EndlessBody:
    """A body that ends with its connection."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended = False

    def feed(self, data: bytes, at: int) -> int:  # noqa: ARG002
        """See `BodyReader.feed`."""
        return len(data)


class ChunkedBody:
    """A body in chunks: a line with the size, so many bytes, a line end; after the one of size 0 come trailers.

    `strict` refuses what readers understand differently: bare line feeds, blanks before the size.
    """

    __slots__ = ("_left", "_line", "_read", "_strict", "_trailers", "ended")

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._left = 0
        self._line = b""
        self._trailers = 0
        self._read = self._size
        self.ended = False

    def feed(self, data: bytes, at: int) -> int:
        """See `BodyReader.feed`."""
        end = len(data)
        while at < end and not self.ended:
            if self._left:
                taken = min(self._left, end - at)
                self._left -= taken
                at += taken
                continue
            newline = data.find(b"\n", at)
            if newline < 0:
                self._line += data[at:]
                if len(self._line) > _LONGEST_LINE:
                    raise MalformedBodyError
                return end
            line = self._line + data[at : newline + 1]
            if len(line) > _LONGEST_LINE:
                raise MalformedBodyError
            self._line = b""
            at = newline + 1
            self._read(line)
        return at

    def _size(self, line: bytes) -> None:
        found = _strict_size(line) if self._strict else _size(line)
        if found is None:
            raise MalformedBodyError
        self._left = int(found[1], 16)
        self._read = self._chunk_end if self._left else self._trailer

    def _chunk_end(self, line: bytes) -> None:
        if line != b"\r\n" and (self._strict or line != b"\n"):
            raise MalformedBodyError
        self._read = self._size

    def _trailer(self, line: bytes) -> None:
        self._trailers += len(line)
        if line == b"\r\n" or (line == b"\n" and not self._strict):
            self.ended = True
        elif self._trailers > LONGEST_HEAD or (self._strict and _strict_trailer(line) is None):
            raise MalformedBodyError


def body_reader(length: int, *, strict: bool) -> BodyReader:
    """A reader for a body of a length, or one of CHUNKED and UNTIL_CLOSE."""
    if length == CHUNKED:
        return ChunkedBody(strict=strict)
    return EndlessBody() if length == UNTIL_CLOSE else SizedBody(length)
