"""A body that is sent after its head: from a file, piece by piece, or once the server says that it wants it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from windtunnel.errors import ExpressionError
from windtunnel.model.http import FileBody

__all__ = ["CHUNK", "PATIENCE_S", "Upload", "open_upload"]

CHUNK = 256 * 1024
"""Bytes read and handed to the system at a time: once a turn of the event loop."""

PATIENCE_S = 1.0
"""How long a server may take to say 100 (Continue) before the body is sent anyway (RFC 9110, 10.1.1)."""


class Upload:
    """What was announced and is still to be sent. With `waits`, not before the server says so."""

    __slots__ = ("_file", "left", "size", "waits")

    def __init__(self, file: BinaryIO, *, size: int, waits: bool) -> None:
        self._file, self.size, self.left, self.waits = file, size, size, waits

    def read(self) -> bytes:
        """The next piece; empty when the file got shorter meanwhile."""
        piece = self._file.read(min(CHUNK, self.left))
        self.left -= len(piece)
        return piece

    def restart(self) -> None:
        """Begin at the beginning."""
        self._file.seek(0)
        self.left = self.size

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()


def open_upload(body: bytes | FileBody, *, waits: bool) -> Upload:
    """Begin an upload. Raises ExpressionError when the file can't be read."""
    if isinstance(body, bytes):
        return Upload(io.BytesIO(body), size=len(body), waits=waits)
    try:
        file = Path(body.path).open("rb")  # noqa: SIM115  the client closes it when the exchange has ended
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
    except OSError as error:
        raise ExpressionError(f"{body.path} can't be read: {error.strerror}") from None
    return Upload(file, size=size, waits=waits)
