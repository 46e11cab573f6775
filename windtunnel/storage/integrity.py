"""What was written, held against what lies there: by the writer at the end of a run, by a reader ever after."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from windtunnel.figures import plural
from windtunnel.model.manifest import WrittenFile
from windtunnel.storage.files import open_regular

MOST_FINDINGS = 20
"""How many things that are wrong are told one by one."""

_AT_A_TIME = 1024 * 1024


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


class Findings:
    """What is wrong, a sentence each: the first ones, and how many more there are."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self.count = 0

    def add(self, text: str) -> None:
        """Note one thing that is wrong."""
        self.count += 1
        if self.count <= MOST_FINDINGS:
            self._first.append(text)

    @property
    def told(self) -> tuple[str, ...]:
        """What to tell."""
        more = self.count - len(self._first)
        return (*self._first, f"and {more:,} more of the kind") if more else tuple(self._first)


def bounded(texts: Iterable[str]) -> tuple[str, ...]:
    """The first of the sentences, and how many more there are."""
    findings = Findings()
    for text in texts:
        findings.add(text)
    return findings.told


def _checksum(path: Path) -> int | None:
    """The CRC-32 of a file; None when it can't be read."""
    checksum = 0
    try:
        with open_regular(path) as file:
            while piece := file.read(_AT_A_TIME):
                checksum = crc32(piece, checksum)
    except OSError:
        return None
    return checksum
