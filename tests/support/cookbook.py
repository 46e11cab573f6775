"""The recipes of `docs/cookbook.md`, each with the files of its section: what is shown is what the tests run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT
from tests.support.recipes import FENCED, Block


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A scenario of the cookbook and the files that stand before it in its section."""

    id: str
    language: str
    scenario: str
    files: Mapping[str, str]

    @property
    def service(self) -> str:
        """The name of the service that its `sut.yaml` reads the URL of; empty for those of the demo shop."""
        found = re.search(r"\$\{(\w+)_(?:URL|HOST)\}", self.files.get("sut.yaml", ""))
        return found[1].lower() if found else ""

    @property
    def scenario_file(self) -> str:
        return f"{self.id}.{'yaml' if self.language == 'yaml' else 'py'}"

    def write(self, folder: Path) -> None:
        """All of its files as they are on the page."""
        for name, text in {**self.files, self.scenario_file: self.scenario}.items():
            (folder / name).write_text(text)

    def __str__(self) -> str:
        return self.id


def recipes() -> list[Recipe]:
    """Every scenario of the cookbook. A block that begins with the comment of its name is a file."""
    found = []
    for section in re.split(r"^## ", (ROOT / "docs" / "cookbook.md").read_text(), flags=re.MULTILINE):
        files: dict[str, str] = {}
        for language, text in FENCED.findall(section):
            block = Block(page="docs/cookbook.md", language=language, text=text)
            if name := re.search(r'^id: (\w+)|scenario\("(\w+)"', text, re.MULTILINE):
                found.append(Recipe(id=name[1] or name[2], language=language, scenario=text, files=dict(files)))
            elif block.file:
                files[block.file] = text
    return found
