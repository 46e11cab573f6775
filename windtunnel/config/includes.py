"""The files that a scenario includes: found, read once each, and held to the rules.

A file stands beside the one that names it, or elsewhere in the project: below the working directory, if that is
where the scenario is, else below the scenario's own folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from windtunnel.config.reader import Document, read_file, similar_name
from windtunnel.config.schemas import validate
from windtunnel.config.step_types import StepTypes
from windtunnel.errors import ConfigError, Problem
from windtunnel.model.source import DataPath

Chain = tuple[Document, ...]
"""The file at hand and those that led to it, the scenario first."""

DEEPEST = 20


def fragment_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a file to include, out of that of scenarios."""
    return {**schema["$defs"]["fragment"], "$defs": schema["$defs"]}


class Fragments:
    """Reads the files that one scenario includes. `problems` is what is wrong with them.

    `overgrown`: they come to too many steps, which is said once.
    """

    def __init__(self, scenario: Document, environment: Mapping[str, str], types: StepTypes) -> None:
        self.problems: list[Problem] = []
        self.overgrown = False
        self._environment = environment
        self._types = types
        self._read: dict[str, Document | None] = {}
        self._root = _project_folder(scenario.source.file)

    @property
    def documents(self) -> list[Document]:
        """The files that could be read."""
        return [document for document in self._read.values() if document is not None]

    def open(self, name: str, chain: Chain, path: DataPath) -> Document | None:
        """The file that an include at `path` of the chain's last file names; None after a problem was noted."""
        here = chain[-1]
        written = os.path.normpath(Path(here.source.file).parent / name)
        real = os.path.realpath(written)
        files = [os.path.realpath(document.source.file) for document in chain]
        if real in files:
            loop = [*(each.source.file for each in chain[files.index(real) :]), written]
            self._note(here, path, f"a file can't include itself: {' → '.join(loop)}")
            return None
        if not Path(real).is_relative_to(self._root):
            self._note(
                here,
                path,
                f'"{name}" leads out of the project folder {self._root}',
                hint="run windtunnel in a folder that holds all of the files, or copy this one into the project",
            )
            return None
        if len(chain) > DEEPEST:
            self._note(here, path, f"includes are nested more than {DEEPEST} deep")
            return None
        if not Path(real).is_file():
            hint = similar_name(written) or "the path starts at this file's folder"
            self._note(here, path, f'there is no file "{written}"', hint=hint)
            return None
        if real not in self._read:
            self._read[real] = self._fragment(written)
        return self._read[real]

    def _fragment(self, name: str) -> Document | None:
        try:
            document = read_file(name, self._environment)
        except ConfigError as error:
            self.problems += error.problems
            return None
        found = validate(document, fragment_schema(self._types.schema_for(document.data)))
        self.problems += found
        return None if found else document

    def _note(self, document: Document, path: DataPath, message: str, *, hint: str | None = None) -> None:
        self.problems.append(document.problem(message, path, hint=hint))


def _project_folder(scenario: str) -> Path:
    folder, here = Path(os.path.realpath(scenario)).parent, Path(os.path.realpath(Path.cwd()))
    return here if folder.is_relative_to(here) else folder
