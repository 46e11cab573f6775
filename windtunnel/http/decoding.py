"""Decodes bodies by their Content-Encoding, piece by piece, so that the size limit holds for decoded bytes."""

from __future__ import annotations

import zlib
from typing import Protocol

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class Decoder(Protocol):
    """Decodes one body."""

    def feed(self, data: bytes, limit: int) -> bytes:
        """The decoded bytes, at most `limit` + 1: more than `limit` means that the body is too large.

        Raises zlib.error when the data is damaged.
        """

    def finish(self) -> None:
        """End the body. Raises zlib.error when the data is incomplete."""


def decoder_for(encoding: bytes) -> Decoder | None:
    """The decoder of a Content-Encoding value; None for `identity` and for bodies that are not decoded.

    Only gzip and deflate are decoded. Any other encoding comes only when a step asks for it, and stays as it is.
    """
    name = encoding.strip().lower()
    if name in (b"gzip", b"x-gzip"):
        return _Gzip()
    if name == b"deflate":
        return _Deflate()
    return None


class _Gzip:
    """RFC 1952: any number of members, one after another."""

    __slots__ = ("_member", "_started")

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._started = False

    def feed(self, data: bytes, limit: int) -> bytes:
        pieces: list[bytes] = []
        room = limit + 1
        while data and room > 0:
            self._started = True
            if self._member.eof:
                if not data.strip(b"\0"):
                    break  # padding after the last member
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            piece = self._member.decompress(data, room)
            pieces.append(piece)
            room -= len(piece)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return b"".join(pieces)

    def finish(self) -> None:
        if self._started and not self._member.eof:
            raise zlib.error("the gzip data ends too early")


class _Deflate:
    """RFC 9110, 8.4.1.2: zlib data; bare deflate data, which some servers send, is decoded too."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes, limit: int) -> bytes:
        if self._stream is None:
            if not data:
                return b""
            # The lower half of the first byte of zlib data is 8 (deflate); that of bare data hardly ever is.
            is_zlib = data[0] & 0x0F == 8 and data[0] >> 4 <= 7
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        return self._stream.decompress(data, limit + 1)

    def finish(self) -> None:
        if self._stream is not None and not self._stream.eof:
            raise zlib.error("the deflate data ends too early")
