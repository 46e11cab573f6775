"""Undoes the codings of a body, piece by piece, so that the size limit holds for decoded bytes.

They stand in Content-Encoding, and beside `chunked` in Transfer-Encoding, whose are undone first. Several in a row
are undone from the last to the first; the limit holds for what each of them yields. What stands behind the end of
the coded data is dropped, and noted. The libraries for `br` and `zstd` are imported when they are first needed.
"""

from __future__ import annotations

import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from windtunnel.figures import size
from windtunnel.model.vocabulary import NoteKind
from windtunnel.zstd import zstd_library

MAX_CODINGS = 5
"""Codings in a row that are undone at most."""

MAX_MEMBERS = 10_000
"""Members of gzip data or frames of zstd data at most: each costs time, even an empty one."""

MAX_WINDOW_LOG = 23
"""Window of zstd data at most, as a power of 2: the 8 MiB of RFC 9659."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b\x08"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPED = tuple(b"%c\x2a\x4d\x18" % first for first in range(0x50, 0x60))
_PIECE = 4096
"""Bytes that are given to a library at once: at the end of each member it copies what is left of them."""

_BROTLI_PIECE = 1024
"""Bytes that are given to the library at once: where the data ends in them, they are read one by one."""


class DecodeError(Exception):
    """The coded data is damaged, or incomplete."""


class TooLargeError(Exception):
    """A coding that is not the last one to be undone yields more than the limit."""


class Odd(NamedTuple):
    """What is to be noted of a body, and what that is about."""

    kind: NoteKind
    about: str | None = None


class Decoder(Protocol):
    """Decodes one body."""

    def feed(self, data: bytes, limit: int) -> bytes:
        """The decoded bytes, at most `limit` + 1: more than `limit` means that the body is too large.

        Raises DecodeError when the data is damaged, TooLargeError.
        """

    def finish(self) -> Odd | None:
        """End the body; what is to be noted of it. Raises DecodeError when the data is incomplete."""


def decoder_for(fields: Sequence[str], limit: int, *, transfer: Sequence[str] = ()) -> Decoder | None:
    """The decoder for the Content-Encoding fields of a response, and its Transfer-Encoding fields but for chunks.

    None where there is nothing to undo. `limit` holds for what each coding but the first yields.
    """
    around = _names(transfer)
    while around and around[-1] == "chunked":
        around.pop()
    codings = [("Content-Encoding", name) for name in _names(fields)]
    codings += [("Transfer-Encoding", name) for name in around]
    codings = [coding for coding in codings if coding[1] not in _NOTHING]
    if not codings:
        return None
    for field, name in reversed(codings):
        if name not in _DECODERS:
            return _AsItCame(f'the {field} "{_short(name)}" is unknown')
    names = [name for _, name in codings]
    if len(names) > MAX_CODINGS:
        return _AsItCame(f"the Content-Encoding has more than {MAX_CODINGS} codings")
    last, *others = [_DECODERS[name]() for name in names]
    return _Chain([*reversed(others), last], limit) if others else last


def _names(fields: Sequence[str]) -> list[str]:
    return [name for field in fields for each in field.split(",") if (name := each.strip().lower())]


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"


class _AsItCame:
    """A body in a coding that is unknown: only what reads it fails."""

    __slots__ = ("_started", "_why")

    def __init__(self, why: str) -> None:
        self._why, self._started = why, False

    def feed(self, data: bytes, limit: int) -> bytes:
        self._started = self._started or bool(data)
        return data[: limit + 1]

    def finish(self) -> Odd | None:
        return Odd("unknown_coding", self._why) if self._started else None


class _Chain:
    """Codings in a row, in the order in which they are undone."""

    __slots__ = ("_left", "_stages")

    def __init__(self, stages: Sequence[Decoder], limit: int) -> None:
        self._stages = tuple(stages)
        self._left = [limit] * (len(self._stages) - 1)

    def feed(self, data: bytes, limit: int) -> bytes:
        *before, last = self._stages
        for at, stage in enumerate(before):
            data = stage.feed(data, self._left[at])
            self._left[at] -= len(data)
            if self._left[at] < 0:
                raise TooLargeError
        return last.feed(data, limit)

    def finish(self) -> Odd | None:
        notes = [stage.finish() for stage in self._stages]
        return next(filter(None, notes), None)


class _Members(ABC):
    """Data in members, one after another, of which each has its own decompressor."""

    __slots__ = ("_ahead", "_dropped", "_member", "_members")

    name: str

    def __init__(self) -> None:
        self._member: Any = None
        self._members = 0
        self._ahead = b""
        self._dropped = False

    def feed(self, data: bytes, limit: int) -> bytes:
        pieces: list[bytes] = []
        room = limit + 1
        try:
            for start in range(0, len(data), _PIECE):
                left = data[start : start + _PIECE]
                while left and room > 0 and not self._dropped:
                    if self._member is None or self._member.eof:
                        left = self._begin(left)
                        if not left:
                            break
                    piece, left = self._decompress(left, room)
                    pieces.append(piece)
                    room -= len(piece)
        except self._error as error:
            raise DecodeError(f"{self.name}: {str(error).rpartition(': ')[2]}") from None
        return b"".join(pieces)

    def finish(self) -> Odd | None:
        if self._member is not None and not self._member.eof:
            raise DecodeError(f"the {self.name} data ends too early")
        return Odd("after_compressed") if self._dropped or self._ahead else None

    def _begin(self, data: bytes) -> bytes:
        """Begin a member, and return its first bytes: none where what is there begins none, or is too little."""
        if self._member is not None:
            data = self._without_padding(self._ahead + data)
            follows = self._follows(data)
            self._ahead = data if follows is None else b""
            self._dropped = follows is False
            if not follows:
                return b""
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise DecodeError(f"the {self.name} data has more than {MAX_MEMBERS:,} parts")
        self._member = self._new(data)
        return data

    def _decompress(self, data: bytes, room: int) -> tuple[bytes, bytes]:
        """What `data` yields, at most `room` bytes, and what is left of it."""
        piece = self._member.decompress(data, room)
        return piece, self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    @property
    def _error(self) -> type[Exception]:
        """What the library raises for damaged data."""
        return zlib.error

    def _without_padding(self, data: bytes) -> bytes:
        """What is behind the end of a member, without what may stand there and means nothing."""
        return data

    @abstractmethod
    def _follows(self, data: bytes) -> bool | None:
        """Whether `data`, behind the end of a member, begins another one; None if more of it is needed."""

    @abstractmethod
    def _new(self, data: bytes) -> Any:
        """The decompressor of a member that begins with `data`."""


class _Gzip(_Members):
    """RFC 1952: any number of members; NUL bytes after one are padding."""

    __slots__ = ()

    name = "gzip"

    def _without_padding(self, data: bytes) -> bytes:
        return data.lstrip(b"\0")

    def _follows(self, data: bytes) -> bool | None:
        if len(data) < len(_GZIP_MAGIC) and _GZIP_MAGIC.startswith(data):
            return None
        return data.startswith(_GZIP_MAGIC)

    def _new(self, _data: bytes) -> Any:
        return zlib.decompressobj(_GZIP_WINDOW)


class _Deflate(_Members):
    """RFC 9110, 8.4.1.2: zlib data; bare deflate data, which some servers send, is decoded too."""

    __slots__ = ()

    name = "deflate"

    def _follows(self, _data: bytes) -> bool | None:
        return False

    def _new(self, data: bytes) -> Any:
        # The lower half of the first byte of zlib data is 8 (deflate); that of bare data hardly ever is.
        is_zlib = data[0] & 0x0F == 8 and data[0] >> 4 <= 7
        return zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


class _Zstd(_Members):
    """RFC 8878: any number of frames, some of which may be there to be skipped."""

    __slots__ = ()

    name = "zstd"

    @property
    def _error(self) -> type[Exception]:
        error: type[Exception] = zstd_library().ZstdError
        return error

    def _decompress(self, data: bytes, room: int) -> tuple[bytes, bytes]:
        try:
            pieces = [self._member.decompress(data, room)]
        except self._error as error:
            if "too much memory" in str(error):
                raise DecodeError(f"zstd: the window is larger than {size(1 << MAX_WINDOW_LOG)}") from None
            raise
        room -= len(pieces[0])
        while room > 0 and not self._member.eof and not self._member.needs_input:
            pieces.append(self._member.decompress(b"", room))
            room -= len(pieces[-1])
        return b"".join(pieces), self._member.unused_data if self._member.eof else b""

    def _follows(self, data: bytes) -> bool | None:
        return None if len(data) < len(_ZSTD_MAGIC) else data.startswith((_ZSTD_MAGIC, *_ZSTD_SKIPPED))

    def _new(self, _data: bytes) -> Any:
        zstd = zstd_library()
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG})


class _Brotli:
    """RFC 7932. The library refuses what follows the end together with the piece in which the data ended.

    So the coded data is kept, and decoded again where a piece is refused: byte by byte through that piece.
    """

    __slots__ = ("_coded", "_dropped", "_stream")

    def __init__(self) -> None:
        self._stream: Any = None
        self._coded: list[bytes] = []
        self._dropped = False

    def feed(self, data: bytes, limit: int) -> bytes:
        pieces: list[bytes] = []
        room = limit + 1
        for start in range(0, len(data), _BROTLI_PIECE):
            if room <= 0 or self._dropped:
                break
            pieces.append(self._piece(data[start : start + _BROTLI_PIECE], room))
            room -= len(pieces[-1])
        return b"".join(pieces)

    def finish(self) -> Odd | None:
        if self._stream is not None and not self._stream.is_finished():
            raise DecodeError("the br data ends too early")
        return Odd("after_compressed") if self._dropped else None

    def _piece(self, data: bytes, room: int) -> bytes:
        import brotli

        if self._stream is None:
            self._stream = brotli.Decompressor()
        elif self._stream.is_finished():
            self._dropped = True
            return b""
        try:
            found = _process(self._stream, data, room)
        except brotli.error:
            found = self._up_to_the_end(data, room)
        self._coded.append(data)
        return found

    def _up_to_the_end(self, data: bytes, room: int) -> bytes:
        """What a piece yields in which the data ended. Raises DecodeError where it did not."""
        import brotli

        self._stream = stream = brotli.Decompressor()
        for before in self._coded:
            _process(stream, before, sys.maxsize)
        pieces: list[bytes] = []
        try:
            for at in range(len(data)):
                pieces.append(_process(stream, data[at : at + 1], room))
                room -= len(pieces[-1])
                if room <= 0 or stream.is_finished():
                    self._dropped = True
                    return b"".join(pieces)
        except brotli.error:
            pass
        raise DecodeError("br: the data is damaged")


def _process(stream: Any, data: bytes, room: int) -> bytes:
    """What one piece yields, at most `room` bytes."""
    pieces = [stream.process(data, output_buffer_limit=room)]
    room -= len(pieces[0])
    while room > 0 and not stream.can_accept_more_data():
        pieces.append(stream.process(b"", output_buffer_limit=room))
        room -= len(pieces[-1])
    return b"".join(pieces) if room >= 0 else b"".join(pieces)[:room]


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
_NOTHING = frozenset({"identity", "none"})
