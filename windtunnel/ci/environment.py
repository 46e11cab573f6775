"""What the CI system says about this job: its workspace, its number among parallel jobs, its artifacts.

The variables are those of the pages "Predefined CI/CD variables reference" of GitLab and "Built-in environment
variables" of CircleCI.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote

_PARALLEL_JOBS = (
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),  # GitLab, with `parallel:` on the job; the total is 1 without
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),  # CircleCI, with `parallelism:`
)
"""(variable with the number of the job, variable with the number of jobs, number of the first job)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The workspace (`root`) and the folder in it where relative paths start; both absolute."""

    root: PurePath
    folder: PurePath

    def path_of(self, file: str | PurePath) -> str | None:
        """The file relative to the workspace, as later steps see it; None for a file outside of it."""
        path = PurePath(os.path.normpath(self.folder / file))
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return None


def find_workspace(named: str | None, *, folder: Path) -> Path:
    """The workspace as this process sees it.

    `named` is the path that the platform gives. A container started by hand may have it mounted elsewhere: then
    the workspace is the working directory `folder`.
    """
    if named and (root := Path(named)).is_dir() and folder.resolve().is_relative_to(root.resolve()):
        return root.resolve()
    return folder


def hand_back(tree: Path, *, root: Path, uid: int, gid: int) -> str | None:
    """Change the owner of the files of a run and of the folders between it and `root`. Returns a warning, or None.

    Follows no symbolic link. Of the folders between, only those of root change: this process made them.
    """
    try:
        os.chown(tree, uid, gid, follow_symlinks=False)
        for _, folders, files, descriptor in os.fwalk(tree, follow_symlinks=False):
            for name in (*folders, *files):
                os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
        above = tree.parent
        latest = above / "latest"
        if latest.is_symlink():
            os.chown(latest, uid, gid, follow_symlinks=False)
        while above != root and root in above.parents:
            found = os.lstat(above)
            if found.st_uid == 0 and stat.S_ISDIR(found.st_mode):
                os.chown(above, uid, gid, follow_symlinks=False)
            above = above.parent
    except OSError as error:
        return f"can't change the owner of {error.filename or tree} to that of the workspace: {error.strerror}"
    return None


def detected_shard(environment: Mapping[str, str]) -> str | None:
    """`2/4` as the CI system numbers its parallel jobs, `1/1` for a single job; None where it numbers none."""
    for index, total, first in _PARALLEL_JOBS:
        if of := environment.get(total):
            number = environment.get(index) or str(first)
            return f"{int(number) - first + 1}/{of}" if number.isdecimal() else f"{number}/{of}"
    return None


def artifact_url(environment: Mapping[str, str], file: Path) -> str:
    """The address of a file of the project as an artifact of this GitLab job; empty outside of GitLab."""
    job, project = environment.get("CI_JOB_URL", ""), environment.get("CI_PROJECT_DIR", "")
    path, root = file.absolute(), Path(project)
    if not environment.get("GITLAB_CI") or not job.startswith(("https://", "http://")) or not project:
        return ""
    return f"{job}/artifacts/file/{quote(path.relative_to(root).as_posix())}" if path.is_relative_to(root) else ""
