"""The code blocks of the README, of `docs/ci/` and of the page on security, each with the file it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support import ROOT

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block; `file` is what its first line, a comment, says it is called."""

    page: str
    language: str
    text: str

    @property
    def file(self) -> str:
        first = self.text.split("\n", 1)[0]
        return first.lstrip("#/ ").split(":")[0] if first.startswith(("#", "//")) else ""

    def __str__(self) -> str:
        return f"{self.page} {self.file}"


def blocks(language: str = "") -> list[Block]:
    """Every block of a language, or of all."""
    pages = [ROOT / "README.md", ROOT / "docs/security.md", *sorted((ROOT / "docs/ci").glob("*.md"))]
    return [
        Block(page=str(page.relative_to(ROOT)), language=found, text=text)
        for page in pages
        for found, text in FENCED.findall(page.read_text())
        if language in ("", found)
    ]


def block(file: str, *, page: str = "") -> Block:
    """The one block for a file, of a page if several have it."""
    [found] = [each for each in blocks() if each.file == file and page in ("", each.page)]
    return found
