"""The workspace of the job: how its later steps name the files in it, and their owner."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePath

from windtunnel.errors import ConfigError

EXAMPLES = {"output-dir": "windtunnel-report", "working-directory": "shop"}
"""Input -> an example of a folder in the workspace."""


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

    def holds(self, file: str | PurePath) -> bool:
        """Whether a path leads into the workspace, links followed."""
        try:
            return Path(self.folder, file).resolve().is_relative_to(Path(self.root).resolve())
        except (OSError, RuntimeError, ValueError):  # a circle of links, or no name of a file
            return False


def find_workspace(named: str | None, *, folder: Path) -> Path:
    """The workspace as this process sees it.

    `named` is the path that the platform gives. A container started by hand may have it mounted elsewhere: then
    the workspace is the working directory `folder`.
    """
    try:
        root = Path(named or "").resolve()
        return root if named and root.is_dir() and folder.resolve().is_relative_to(root) else folder
    except (OSError, RuntimeError, ValueError):  # no name of a folder, or a circle of links
        return folder


def outside_problem(folder: str, name: str, root: Path) -> ConfigError:
    """The error for a folder, given as the input `name`, that is not in the workspace."""
    return ConfigError.of(
        f'"{folder}" leads out of the workspace {root}',
        hint=f"give a folder relative to the workspace, such as `{name}: {EXAMPLES[name]}`; in a container the "
        "workspace has another path than on the runner",
        flag=f'input "{name}"',
    )


def give_to_owner(tree: Path, *, root: Path, uid: int, gid: int) -> str | None:
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
