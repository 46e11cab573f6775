"""The folder that the job and its later steps share: how files in it are named, and whose they are."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The workspace (`root`) and the folder in it that relative paths start at; both absolute."""

    root: PurePath
    folder: PurePath

    def path_of(self, file: str | PurePath) -> str | None:
        """The file relative to the workspace, which is how others know it; None when it lies elsewhere."""
        path = PurePath(os.path.normpath(self.folder / file))
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return None


def find_workspace(named: str | None, *, folder: Path) -> Path:
    """The workspace as this process sees it.

    `named` is what the platform calls it. A container that was started by hand may have it mounted somewhere else:
    then the working directory `folder` stands for it.
    """
    if named and (root := Path(named)).is_dir() and folder.resolve().is_relative_to(root.resolve()):
        return root.resolve()
    return folder


def hand_back(tree: Path, *, root: Path, uid: int, gid: int) -> str | None:
    """Give the files of a run, and the folders on the way to it below `root`, to their owner; why not, or None.

    No symbolic link is followed. Of the folders on the way only those are given away that belong to root: we have
    just made them.
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
        return f"can't give {error.filename or tree} to the owner of the workspace: {error.strerror}"
    return None
