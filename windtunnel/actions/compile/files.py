"""Files that a scenario names: they stand beside it."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from windtunnel.actions.compile.context import Field
from windtunnel.model.http import FileBody


def file_beside(field: Field, name: str) -> Path:
    """The path of a file that the scenario's own file names; a problem is noted when there is none."""
    path = Path(field.source.file).parent / name
    if not path.is_file():
        field.problem(f'there is no file "{path}"', hint="the path starts at this file's folder")
    return path


def compile_file(field: Field, name: str) -> tuple[FileBody, str]:
    """A file that is read while it is sent, and what its name says about its content."""
    path = file_beside(field, name)
    return FileBody(str(path)), mimetypes.guess_type(name)[0] or "application/octet-stream"
