"""A folder to write files in, which is the working directory of the test."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.messages import Write


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`write("scenarios/a.yaml", text)`: writes a file, with its directories, and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())
        return name

    return write_file
