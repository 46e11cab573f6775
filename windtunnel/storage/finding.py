"""Where runs lie: a run by its id or path, the newest of a folder, and every run below a folder.

CI systems put each downloaded artifact into a folder of its own, so a run can lie at any depth:

    shards/shard-1/20261122T201512Z-7f3a9c/manifest.json
    shards/shard-2/manifest.json
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from windtunnel.errors import ConfigError, EvidenceError, did_you_mean
from windtunnel.storage.files import LATEST
from windtunnel.storage.manifests import read_manifest

MOST_FOLDERS = 20_000
"""How many folders are searched for runs: below it a whole checkout, above it a whole disk."""

_NO_RUN = "to make one, run: windtunnel demo"

_PARTS = ("records", "summary.json")
"""What lies beside the `manifest.json` of a run, and not beside another program's: one of them is enough."""


def find_run(run: str, root: Path, hint: str | None = None) -> Path:
    """The run that an id, a path, a folder or `latest` means; for a folder, the newest run at any depth in it.

    Raises ConfigError when there is none, naming the nearest id. `hint` is the help where no id is near.
    """
    if run == LATEST:
        return _latest(root, hint or _NO_RUN)
    if (path := _named(run, root)) is not None:
        return path
    if (folder := _folder(run, root)) is not None and (found := runs_below(folder)):
        return max(found, key=_age)
    raise _refusal(run, root, hint)


def find_runs(run: str, root: Path) -> list[Path]:
    """The run that an id, a path or `latest` means, or every run at any depth in a folder.

    Raises ConfigError when there is none.
    """
    if run == LATEST or _named(run, root) is not None:
        return [find_run(run, root)]
    if (folder := _folder(run, root)) is not None and (found := runs_below(folder)):
        return found
    raise _refusal(run, root, None)


def runs_below(folder: Path, *, most_folders: int = MOST_FOLDERS) -> list[Path]:
    """Every run at any depth in a folder once, in the order of their paths. No link is followed.

    Raises ConfigError for more than `most_folders`, and when one of them can't be read: a run could lie there.
    """
    found = []
    for number, (path, folders, files) in enumerate(os.walk(folder, onerror=_unreadable)):
        if number == most_folders:
            raise ConfigError.of(
                f"{str(folder)!r} holds more than {most_folders:,} folders", hint="name one nearer to the runs"
            )
        if "manifest.json" in files and any(part in (*folders, *files) for part in _PARTS):
            folders.clear()  # what lies in a run are its own files
            found.append(Path(path))
    return sorted(path for path in found if not _is_copy_of_newest(path))


def _is_copy_of_newest(path: Path) -> bool:
    """Whether it is `latest` beside its run: an upload that follows links makes a copy of each."""
    run_id, _ = _age(path)
    return path.name == LATEST != run_id and is_run(path.parent / run_id)


def is_run(path: Path) -> bool:
    """Whether a run lies there; no for what is no path at all, such as one that is too long."""
    try:
        return (path / "manifest.json").is_file()
    except (OSError, ValueError):
        return False


def _unreadable(error: OSError) -> NoReturn:
    raise ConfigError.of(f"can't read the folder {error.filename}: {error.strerror}")


def _named(run: str, root: Path) -> Path | None:
    """The run with this id or path."""
    path = next((path for path in (root / run, Path(run)) if is_run(path)), None)
    # `latest` leads to the folder beside it; told as it is written, relative or not.
    return path.parent / path.readlink() if path is not None and path.is_symlink() else path


def _folder(run: str, root: Path) -> Path | None:
    """The folder with this path: as it is written, else in the folder of the runs."""
    try:
        return next((path for path in (Path(run), root / run) if path.is_dir()), None) if run else None
    except (OSError, ValueError):
        return None


def _refusal(run: str, root: Path, hint: str | None) -> ConfigError:
    if _folder(run, root) is not None:
        return ConfigError.of(
            f"there is no run in the folder {run!r}",
            hint="keep the whole folder of a run, with its manifest.json and records, when you upload it",
        )
    known = _run_ids(root)
    nearest = did_you_mean(run, known) or hint
    if os.sep in run:
        return ConfigError.of(
            f"there is no run and no folder {run!r}", hint=nearest or "name a run or a folder that holds runs"
        )
    newest = f"the newest is {known[-1]}" if known else _NO_RUN
    return ConfigError.of(f"no run {run!r} in {str(root)!r}", hint=nearest or newest)


def _run_ids(root: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in root.iterdir() if entry.name != LATEST and is_run(entry))
    except (OSError, ValueError):
        return []


def _latest(root: Path, hint: str) -> Path:
    link = root / LATEST
    name = link.readlink().name if link.is_symlink() else ""
    if name and is_run(root / name):
        return root / name
    # No link (a file system without them, a copied folder) or a dangling one: run ids sort by time.
    if ids := _run_ids(root):
        return root / ids[-1]
    if root.is_dir() and (below := runs_below(root)):
        return max(below, key=_age)
    raise ConfigError.of(f"no run in {str(root)!r}", hint=hint)


def _age(run: Path) -> tuple[str, str]:
    """What sorts runs by time: the id, which the folder's name need not be."""
    try:
        return read_manifest(run / "manifest.json").run_id, str(run)
    except EvidenceError:
        return run.name, str(run)
