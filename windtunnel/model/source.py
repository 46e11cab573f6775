"""The place of a value in the user's file, so that an error found late can still point at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from windtunnel.errors import Location
from windtunnel.project import Project

DataPath = tuple[str | int, ...]
"""The way to a value in a document: keys and list indexes, the empty tuple for the document itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The place of one value, and of its key when it has one. Lines and columns count from 1."""

    line: int
    column: int
    width: int = 1
    key_line: int = 0
    key_column: int = 0
    key_width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that was read, with the place of every value in it. `marks` always holds the empty path.

    `project` is what the file may make others read.
    """

    file: str
    lines: tuple[str, ...] = ()
    marks: Mapping[DataPath, Mark] = field(default_factory=dict)
    project: Project = Project()

    def locate(self, path: DataPath = (), *, key: bool = False) -> Location:
        """The place of the value at `path` (of its key with `key=True`), or of its nearest known parent."""
        for end in range(len(path), -1, -1):
            mark = self.marks.get(path[:end])
            if mark is None:
                continue
            if key and end == len(path) and mark.key_line:
                return self._location(mark.key_line, mark.key_column, mark.key_width)
            return self._location(mark.line, mark.column, mark.width)
        return Location(file=self.file)

    def _location(self, line: int, column: int, width: int) -> Location:
        excerpt = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Location(file=self.file, line=line, column=column, excerpt=excerpt, width=width)
