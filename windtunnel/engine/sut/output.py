"""What the SUT writes: into `sut.log`, without secrets and no more than a run keeps.

first HEAD bytes ─▶ sut.log at once        beyond that: the last TAIL bytes, when the SUT has ended
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import BinaryIO

from windtunnel.figures import size
from windtunnel.redaction import Redactor

HEAD = 4_000_000
"""Bytes from the beginning of the output that are kept."""

TAIL = 1_000_000
"""Bytes from its end that are kept as well."""

LONGEST_LINE = 20_000
"""Bytes of a line that are kept."""

LAST_LINES = 20
LONGEST_LAST = 500
"""Characters of each of the last lines."""

_LONGEST_READ = 4 * LONGEST_LINE
"""Bytes of a line that are looked at: a secret that the cut would go through is found before."""


class SutOutput:
    """The output of one SUT, line by line. Owns the file from its creation to its end."""

    def __init__(self, path: Path, redactor: Redactor, *, head: int = HEAD, tail: int = TAIL) -> None:
        """Raises OSError when the file can't be made."""
        self._redactor = redactor
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._head_left, self._tail_room = head, tail
        self._begun = b""
        self._tail: deque[bytes] = deque()
        self._tail_size = self._left_out = 0
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    @property
    def last(self) -> tuple[str, ...]:
        """The last lines that say something."""
        return tuple(self._last)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, rest = (self._begun + data).split(b"\n")
        for line in lines:
            self._take(line)
        self._begun = rest[:_LONGEST_READ]

    def close(self) -> None:
        """Write what is left to write."""
        if self._begun:
            self._take(self._begun)
            self._begun = b""
        if self._left_out:
            self._write(f"… {size(self._left_out)} left out …\n".encode())
        for line in self._tail:
            self._write(line)
        self._tail.clear()
        self._file.close()

    def _take(self, line: bytes) -> None:
        text = self._redactor.excerpt(line[:_LONGEST_READ].decode("utf-8", "replace")).rstrip("\r")
        if text.strip():
            self._last.append(text[:LONGEST_LAST])
        kept = text.encode("utf-8", "replace")
        kept = (kept[:LONGEST_LINE] + b"\xe2\x80\xa6" if len(kept) > LONGEST_LINE else kept) + b"\n"
        if not self._tail and len(kept) <= self._head_left:
            self._head_left -= len(kept)
            self._write(kept)
            return
        self._head_left = 0
        self._tail.append(kept)
        self._tail_size += len(kept)
        while self._tail_size > self._tail_room and len(self._tail) > 1:
            gone = len(self._tail.popleft())
            self._tail_size -= gone
            self._left_out += gone

    def _write(self, content: bytes) -> None:
        """Write to the file. A full disk costs the log, not the SUT its reader."""
        try:
            self._file.write(content)
        except OSError:
            self._head_left = 0
