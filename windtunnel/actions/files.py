"""Files that a scenario names: they stand beside it."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from windtunnel.actions.place import Place
from windtunnel.model.http import FileBody

__all__ = ["compile_file", "file_beside"]


def file_beside(place: Place, name: str) -> Path:
    """The path of a file that the scenario's own file names; a problem is noted when there is none."""
    path = Path(place.source.file).parent / name
    if not path.is_file():
        place.problem(f'there is no file "{path}"', hint="the path starts at this file's folder")
    return path


def compile_file(place: Place, name: str) -> tuple[FileBody, str]:
    """A file that is read while it is sent, and what its name says about its content."""
    path = file_beside(place, name)
    return FileBody(str(path)), mimetypes.guess_type(name)[0] or "application/octet-stream"
