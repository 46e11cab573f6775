"""A body that is sent after its head: from files, piece by piece, or once the server says 100 (Continue)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import BinaryIO

from windtunnel.errors import ExpressionError
from windtunnel.model.http import Body, PartsBody
from windtunnel.project import open_regular

CHUNK = 256 * 1024
"""Number of bytes read and handed to the system in one turn of the event loop."""

PATIENCE_S = 1.0
"""How long to wait for 100 (Continue) before the body is sent anyway (RFC 9110, 10.1.1)."""


class Upload:
    """A body on its way. With `waits`, it is sent once the server says 100 (Continue).

    `pieces` are read one after the other, each with its size in bytes; `left` is how many bytes are unsent.
    """

    __slots__ = ("_current", "_left_here", "_pieces", "_waits_first", "left", "size", "waits")

    def __init__(self, pieces: Sequence[tuple[BinaryIO, int]], *, waits: bool) -> None:
        self._pieces, self.waits, self._waits_first = tuple(pieces), waits, waits
        self.size = self.left = sum(size for _, size in pieces)
        self._current, self._left_here = 0, self._pieces[0][1]
        self.restart()

    def read(self) -> bytes:
        """The next bytes; empty when a file got shorter meanwhile."""
        while not self._left_here and self._current + 1 < len(self._pieces):
            self._current += 1
            self._left_here = self._pieces[self._current][1]
        piece = self._pieces[self._current][0].read(min(CHUNK, self._left_here))
        self._left_here -= len(piece)
        self.left -= len(piece)
        return piece

    def restart(self) -> None:
        """Start again from the first byte, and from waiting."""
        for file, _ in self._pieces:
            file.seek(0)
        self._current, self._left_here, self.left = 0, self._pieces[0][1], self.size
        self.waits = self._waits_first

    def close(self) -> None:
        """Close the files; safe to call twice."""
        for file, _ in self._pieces:
            file.close()


def open_upload(body: Body, *, waits: bool) -> Upload:
    """Begin an upload. Raises ExpressionError when a file can't be read."""
    pieces: list[tuple[BinaryIO, int]] = []
    for piece in body.pieces if isinstance(body, PartsBody) else (body,):
        if isinstance(piece, bytes):
            pieces.append((io.BytesIO(piece), len(piece)))
            continue
        try:
            file = open_regular(piece.path)  # the client closes it when the exchange has ended
            pieces.append((file, file.seek(0, io.SEEK_END)))
        except ExpressionError:
            for opened, _ in pieces:
                opened.close()
            raise
    return Upload(pieces, waits=waits)
