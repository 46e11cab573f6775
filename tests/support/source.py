"""The source of the package, read and parsed once for all the rules of the house."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from tests.support import ROOT

PACKAGE = ROOT / "windtunnel"
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())
