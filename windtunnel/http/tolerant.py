"""Reads the responses that httptools refuses and that curl and browsers read, and says what is odd about them.

It takes the place of httptools' parser once that has refused a response: from its first byte, or from the first
byte of its chunked body. So responses that are as they should be cost nothing more. What curl refuses too is
refused here: lengths that differ, a NUL or a line without a colon in the head, a chunk longer than its size.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from httptools import HttpParserError

from windtunnel.model.vocabulary import NoteKind

_STATUS_LINE = re.compile(rb"HTTP/(\d\.\d)[ \t]+(\d{3})(?!\d)", re.IGNORECASE).match
_is_plain_status_line = re.compile(rb"HTTP/1\.[01] \d{3}(?: .*)?\Z", re.DOTALL).match
_is_name = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_has_control = re.compile(rb"[\x01-\x08\x0a-\x1f\x7f]").search
_is_length = re.compile(rb"[0-9]{1,18}\Z").match
_CHUNK_LINE = re.compile(rb"([ \t]*)([0-9A-Fa-f]{1,15})([ \t]*)(;.*)?\Z", re.DOTALL).match
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_is_extension = re.compile(rb'(?:;%b(?:=(?:%b|"[^"\x00-\x08\x0a-\x1f]*"))?)+\Z' % (_TOKEN, _TOKEN)).match
_LINE_LIMIT = 16 * 1024
"""Largest line in the framing of a chunked body, in bytes."""

_BLANKS = b" \t"


class Events(Protocol):
    """What is told of a response, as httptools tells it; see `ResponseReader`."""

    complete: bool

    def note(self, kind: NoteKind) -> None:
        """Something is not as it should be."""

    def on_headers_complete(self) -> None:
        """The end of a head."""

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""

    def on_message_complete(self) -> None:
        """The end of the body."""


class Lines:
    """Bytes that arrive, taken line by line or by number. A line that ends in a bare line feed is noted."""

    __slots__ = ("_at", "_data", "_note")

    def __init__(self, note: Callable[[NoteKind], None]) -> None:
        self._data, self._at, self._note = b"", 0, note

    def add(self, data: bytes) -> None:
        """Take bytes behind those that are left."""
        self._data, self._at = self._data[self._at :] + data, 0

    def line(self) -> bytes | None:
        """The next line without its end; None while it has none."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            return None
        line, self._at = self._data[self._at : end], end + 1
        if line.endswith(b"\r"):
            return line[:-1]
        self._note("bare_line_feed")
        return line

    def take(self, size: int) -> bytes:
        """At most this many bytes."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    @property
    def begun(self) -> bytes:
        """The beginning of what is left, as much as tells one line from another."""
        return self._data[self._at : self._at + 8]

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at


class Head:
    """The lines of one head, as fields without folds and blanks around names and values."""

    __slots__ = ("_is_trailer", "_note", "fields", "status", "status_line", "version")

    def __init__(self, note: Callable[[NoteKind], None], *, is_trailer: bool = False) -> None:
        self._note, self._is_trailer = note, is_trailer
        self.status_line, self.status, self.version = b"", 0, ""
        self.fields: list[tuple[bytes, bytes]] = []

    def add(self, line: bytes) -> bool:
        """Take a line. Returns whether it is the empty one at the end. Raises HttpParserError."""
        if not self.status_line and not self._is_trailer:
            stripped = line.lstrip(b"\r")
            if stripped != line or not line:
                self._note("blank_line_first")
            if stripped:
                self._add_status(stripped)
            return False
        if line:
            self._add_field(line)
        return not line

    def _add_status(self, line: bytes) -> None:
        found = _STATUS_LINE(line)
        if found is None:
            raise HttpParserError("the response does not begin with a line such as `HTTP/1.1 200 OK`")
        if not _is_plain_status_line(line):
            self._note("status_line")
        self.status_line, self.version, self.status = line, found[1].decode(), int(found[2])

    def _add_field(self, line: bytes) -> None:
        if b"\0" in line:
            raise HttpParserError("a NUL byte in a header")
        folded = line[:1] in (b" ", b"\t")
        if folded:
            self._note("folded_header")
            line = line.strip(_BLANKS)
        if _has_control(line):
            self._note("control_character")
        if folded and self.fields:
            name, value = self.fields.pop()
            self.fields.append((name, value + b" " + line if value and line else value or line))
            return
        name, colon, value = line.partition(b":")
        if not colon:
            raise HttpParserError("a header line without a colon")
        stripped = name.strip(_BLANKS)
        if stripped != name:
            self._note("space_before_colon")
        if not _is_name(stripped):
            self._note("header_name")
        self.fields.append((stripped, value.strip(_BLANKS)))

    def all(self, name: bytes) -> list[bytes]:
        """The members of every field of this name, which are separated by commas."""
        joined = b",".join(value for key, value in self.fields if key.lower() == name)
        return [member.strip(_BLANKS).lower() for member in joined.split(b",")] if joined else []

    def length(self) -> int | None:
        """The Content-Length, None without one. Raises HttpParserError for lengths that are none or differ."""
        if all(key.lower() != b"content-length" for key, _ in self.fields):
            return None
        members = self.all(b"content-length") or [b""]
        for member in members:
            if not _is_length(member):
                raise HttpParserError(f"Content-Length is not a number: {member.decode('latin-1')[:40]!r}")
        lengths = sorted({int(member) for member in members})
        if len(lengths) > 1:
            raise HttpParserError(f"Content-Length is given as {lengths[0]} and as {lengths[-1]}")
        if len(members) > 1:
            self._note("length_twice")
        return lengths[0]

    def __bytes__(self) -> bytes:
        return b"\r\n".join([self.status_line, *(b"%b: %b" % field for field in self.fields), b""])


class Chunks:
    """A chunked body and its trailer. `size` counts the bytes of the body so far."""

    __slots__ = ("_at_end", "_left", "_lines", "_note", "_trailer", "done", "size")

    def __init__(self, note: Callable[[NoteKind], None]) -> None:
        self._note, self._lines = note, Lines(note)
        self._left, self._at_end = 0, False
        self._trailer: Head | None = None
        self.size, self.done = 0, False

    @property
    def unread(self) -> int:
        """How many bytes came after the end."""
        return self._lines.left

    @property
    def names_length(self) -> bool:
        """Whether the trailer gives a length."""
        return self._trailer is not None and b"content-length" in {key.lower() for key, _ in self._trailer.fields}

    def feed(self, data: bytes, take: Callable[[bytes], None]) -> None:
        """Take bytes, and hand on the pieces of the body in them. Raises HttpParserError."""
        lines = self._lines
        lines.add(data)
        while not self.done:
            if self._left:
                piece = lines.take(self._left)
                if not piece:
                    return
                self._left -= len(piece)
                self.size += len(piece)
                self._at_end = not self._left
                take(piece)
                continue
            if self._at_end and not (b"\r\n".startswith(begun := lines.begun[:2]) or begun[:1] == b"\n"):
                raise HttpParserError("a chunk is longer than its size says")
            line = lines.line()
            if line is None:
                if lines.left > _LINE_LIMIT:
                    raise HttpParserError(f"a line of more than {_LINE_LIMIT:,} bytes between chunks")
                return
            self._add(line)

    def _add(self, line: bytes) -> None:
        if self._trailer is not None:
            self.done = self._trailer.add(line)
            return
        if self._at_end:
            self._at_end = False
            if line:
                raise HttpParserError("a chunk is longer than its size says")
            return
        found = _CHUNK_LINE(line)
        if found is None:
            raise HttpParserError(f"the size of a chunk is not a number: {line.decode('latin-1')[:40]!r}")
        if found[1] or found[3]:
            self._note("chunk_size_blanks")
        if found[4] is not None and not _is_extension(found[4]):
            self._note("chunk_extension")
        self._left = int(found[2], 16)
        if not self._left:
            self._trailer = Head(self._note, is_trailer=True)


class TolerantParser:
    """Does what httptools' parser does for one response."""

    __slots__ = ("_body", "_closes", "_events", "_head", "_left", "_lines", "_skip", "head", "until_close")

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lines = Lines(events.note)
        self._head: Head = Head(events.note)
        self.head = b""
        self._body: Chunks | None = None
        self._left, self._skip = -1, 0
        self._closes = self.until_close = False

    def resume(self, head: bytes, chunks: Chunks, *, delivered: int) -> None:
        """Go on with a chunked body behind a head that is as it should be, of which so much was handed on."""
        for line in head.split(b"\r\n")[:-1]:
            self._head.add(line)
        self._left, self._body, self._skip = 0, chunks, delivered - chunks.size

    def feed_data(self, data: bytes) -> None:
        """Take bytes that arrived. Raises HttpParserError for what curl refuses too."""
        if self._left < 0:
            self._lines.add(data)
            if not self._read_head():
                return
            data = self._lines.take(self._lines.left)
        if self._events.complete:  # without a body, as to HEAD
            self._end(len(data))
            return
        if self._body is not None:
            self._read_chunks(self._body, data)
            return
        piece = data if self.until_close else data[: self._left]
        if piece:
            self._left -= 0 if self.until_close else len(piece)
            self._events.on_body(piece)
        if not self.until_close and not self._left:
            self._end(len(data) - len(piece))

    def _read_chunks(self, body: Chunks, data: bytes) -> None:
        body.feed(data, self._take)
        if body.done:
            if body.names_length:
                self._events.note("length_and_chunks")
                self._closes = True
            self._end(body.unread)

    def _take(self, piece: bytes) -> None:
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        if skipped < len(piece):
            self._events.on_body(piece[skipped:])

    def _end(self, unread: int) -> None:
        if not self._events.complete:
            self._events.on_message_complete()
        if unread:
            raise HttpParserError("bytes behind the response")

    def _read_head(self) -> bool:
        """Read lines, interim responses included; whether the final head is complete."""
        while True:
            begun = self._lines.begun
            if not self._head.status_line and not b"http/".startswith(begun.lstrip(b"\r\n")[:5].lower()):
                raise HttpParserError("the response does not begin with `HTTP/`")
            line = self._lines.line()
            if line is None:
                return False
            if not self._head.add(line):
                continue
            interim = 100 <= self._head.status < 200 and self._head.status != 101
            if not interim:
                self._frame()
            self.head = bytes(self._head)
            self._events.on_headers_complete()
            if not interim:
                return True
            self._events.on_message_complete()
            self._head = Head(self._events.note)

    def _frame(self) -> None:
        """Decide how the body ends (RFC 9112, 6.3); `identity` is no coding, as it was in RFC 2616."""
        head, note = self._head, self._events.note
        length, codings = head.length(), head.all(b"transfer-encoding")
        if codings and length is not None:
            note("length_and_chunks")
            self._closes = True
        codings = [coding for coding in codings if coding != b"identity"]
        self._left = 0
        if head.status in (204, 304):
            return
        if codings[-1:] == [b"chunked"]:
            self._body = Chunks(note)
        elif codings or length is None:
            self.until_close = True
        else:
            self._left = length

    def get_status_code(self) -> int:
        """The status."""
        return self._head.status

    def get_http_version(self) -> str:
        """Such as 1.1."""
        return self._head.version

    def should_keep_alive(self) -> bool:
        """Whether another response may follow on this connection."""
        if self._closes or self.until_close:
            return False
        tokens = {*self._head.all(b"connection"), *self._head.all(b"proxy-connection")}
        return b"keep-alive" in tokens if self._head.version < "1.1" else b"close" not in tokens
