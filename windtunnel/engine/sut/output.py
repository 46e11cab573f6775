"""What the SUT writes: into `sut.log`, without secrets and no more than a run keeps.

first HEAD bytes ─▶ sut.log at once        beyond that: the last TAIL bytes, when the SUT has ended

Only what is shown or written is searched for secrets: a SUT that writes much must not wait for its reader.
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
        self._last: deque[bytes] = deque(maxlen=LAST_LINES)

    @property
    def last(self) -> tuple[str, ...]:
        """The last lines that say something."""
        return tuple(self._without_secrets(line)[:LONGEST_LAST] for line in self._last)

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
            self._write(self._kept(line))
        self._tail.clear()
        self._file.close()

    def _take(self, line: bytes) -> None:
        line = line[:_LONGEST_READ]
        if line.strip():
            self._last.append(line)
        if not self._tail and self._head_left:
            kept = self._kept(line)
            if len(kept) <= self._head_left:
                self._head_left -= len(kept)
                self._write(kept)
                return
            self._head_left = 0
        self._tail.append(line)
        self._tail_size += _length(line)
        while self._tail_size > self._tail_room and len(self._tail) > 1:
            gone = _length(self._tail.popleft())
            self._tail_size -= gone
            self._left_out += gone

    def _kept(self, line: bytes) -> bytes:
        """A line as it is written."""
        kept = self._without_secrets(line).encode("utf-8", "replace")
        return (kept[:LONGEST_LINE] + b"\xe2\x80\xa6" if len(kept) > LONGEST_LINE else kept) + b"\n"

    def _without_secrets(self, line: bytes) -> str:
        return self._redactor.excerpt(line.decode("utf-8", "replace")).rstrip("\r")

    def _write(self, content: bytes) -> None:
        """Write to the file. A full disk costs the log, not the SUT its reader."""
        try:
            self._file.write(content)
        except OSError:
            self._head_left = 0


def _length(line: bytes) -> int:
    """Bytes that a line has in the file, or nearly."""
    return min(len(line), LONGEST_LINE) + 1
