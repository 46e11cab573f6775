"""What was written, held against what lies there: by the writer at the end of a run, by a reader ever after.

The last line of a segment seals it: its `checksum` is over every byte of the file before that field.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import msgspec

from windtunnel.figures import plural
from windtunnel.model.manifest import WrittenFile
from windtunnel.model.record import RunEnded

MOST_FINDINGS = 20
"""How many things that are wrong are told one by one."""

NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not what they should be, however deep."""

_SEAL = b',"checksum":"%s"}\n'
_SEAL_LENGTH = len(_SEAL % b"01234567")

_AT_A_TIME = 1024 * 1024

_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def sealed(ended: RunEnded, checksum: int) -> bytes:
    """The closing line after lines with that `checksum`; its own field of that name is the last one."""
    bare = msgspec.json.encode(ended)[:-1]
    return bare + _SEAL % f"{crc32(bare, checksum):08x}".encode()


def seal_holds(line: bytes, checksum: int) -> bool:
    """Whether a closing line, with its line feed, fits to the lines with that `checksum` that came before it."""
    bare = line[:-_SEAL_LENGTH]
    return line[-_SEAL_LENGTH:] == _SEAL % f"{crc32(bare, checksum):08x}".encode()


def open_regular(path: Path) -> int:
    """A descriptor to read a file. Raises OSError, also for what is no plain file of its own: a link, a pipe."""
    descriptor = os.open(path, _OPEN | _BINARY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file")
    return descriptor


def difference(folder: Path, file: WrittenFile, *, content: bool = False) -> str | None:
    """What something else did to a file since it was written, or None.

    Looks at the file that the path leads to now, at its size, and with `content` at every byte of it.
    """
    path = folder / file.name
    try:
        found = path.lstat()
    except OSError:
        return f"{file.name} was removed or moved"
    if not stat.S_ISREG(found.st_mode) or (
        file.inode and (found.st_dev, found.st_ino) != (file.device, file.inode)
    ):
        return f"{file.name} was replaced by another file"
    if found.st_size < file.size:
        return f"{file.name} was cut to {plural(found.st_size, 'byte')} of {file.size:,}"
    if found.st_size > file.size:
        return f"{plural(found.st_size - file.size, 'byte')} were added to {file.name}"
    if content and _checksum(path) != file.checksum:
        return f"{file.name} was changed: it does not hold what was written"
    return None


def bounded(findings: Sequence[str]) -> tuple[str, ...]:
    """The first of the findings, and how many more there are."""
    if len(findings) <= MOST_FINDINGS:
        return tuple(findings)
    return (*findings[:MOST_FINDINGS], f"and {len(findings) - MOST_FINDINGS:,} more of the kind")


def _checksum(path: Path) -> int | None:
    """The CRC-32 of a file; None when it can't be read."""
    checksum = 0
    try:
        with open(open_regular(path), "rb", buffering=0) as file:
            while piece := file.read(_AT_A_TIME):
                checksum = crc32(piece, checksum)
    except OSError:
        return None
    return checksum
