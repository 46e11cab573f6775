"""The files of this project as git sees them, in a checkout and in an unpacked source distribution."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.support import ROOT
from tests.support.podman import finished


def project_files() -> list[str]:
    """Every file that git knows or would know, by its path, in order; what `.gitignore` names is none of them."""
    with tempfile.TemporaryDirectory() as folder:
        empty = ["git", f"--git-dir={folder}/empty", f"--work-tree={ROOT}"]
        assert finished([*empty, "init", "--quiet"]).returncode == 0
        listed = finished([*empty, "ls-files", "--others", "--exclude-standard", "-z"], folder=ROOT)
    assert listed.returncode == 0, listed.stderr
    names = sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    assert "pyproject.toml" in names
    return names


def tracked_copy(folder: Path) -> Path:
    """What a runner checks out: those files, in a repository of their own."""
    for name in project_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    author = ["-c", "user.name=Tests", "-c", "user.email=tests@example.com"]
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "--message", "All of it"],
    ):
        assert finished(["git", *command], folder=folder).returncode == 0
    return folder
