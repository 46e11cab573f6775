"""Merges the runs of the shards of one load into one run directory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from windtunnel.errors import ConfigError, EvidenceError, Problem
from windtunnel.figures import plural
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Manifest
from windtunnel.storage.compressed import lying_at
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.files import open_regular
from windtunnel.storage.finding import find_runs
from windtunnel.storage.integrity import bounded
from windtunnel.storage.manifests import read_manifest

_MOST_TOLD = 5
"""How many runs that are no shards are told one by one."""


def find_shards(names: Sequence[str], root: Path) -> list[RunDirectory]:
    """The runs to merge: those that are named, and every run at any depth in a folder that is named.

    A run that an earlier merge left in such a folder is no part of the next one. Raises ConfigError for a name
    with no run, EvidenceError for a manifest that can't be read.
    """
    # By its place: a shell's `runs/*` names the newest run twice, by its id and as `latest`.
    found: dict[Path, RunDirectory] = {}
    for name in names:
        paths = find_runs(name, root)
        searched = [path for path in paths if not read_manifest(path / "manifest.json").merged]
        for path in searched or paths:
            found.setdefault(path.resolve(), RunDirectory(path))
    return list(found.values())


def merged_manifest(runs: Sequence[RunDirectory], *, run_id: str, without_baseline: bool = False) -> Manifest:
    """The manifest of the run that several shards are parts of.

    Raises ConfigError with everything that keeps them from being parts of one; EvidenceError for a manifest that
    can't be read. A part that is missing is not an error: the merged run says that it is incomplete.
    """
    manifests = [run.manifest() for run in runs]
    paths = [str(run.path) for run in runs]
    if problems := _problems(paths, manifests):
        raise ConfigError(problems)
    first = manifests[0]
    shards = Segment.of_shard(first.shard).of
    return replace(
        first,
        run_id=run_id,
        started=min(manifest.started for manifest in manifests),
        segments=first.segments * shards,
        shard="",
        shards=shards,
        merged=[manifest.run_id for manifest in manifests],
        without_baseline=without_baseline or first.without_baseline,
    )


def merge_into(target: RunDirectory, runs: Sequence[RunDirectory], manifest: Manifest) -> None:
    """Copy records, bodies and sources of the shards into the directory of the merged run.

    What a shard says against itself, and a record file in it that is not its own, makes the merged run incomplete.
    Raises EvidenceError for what can't be copied, and for what is no plain file: a link could lead anywhere.
    """
    target.write_manifest(manifest)
    against: list[str] = []
    for run in runs:
        against += [f"{run.path.name}: {found}" for found in run.damage()]
        own = {f"{segment.name}.jsonl" for segment in run.manifest().record_segments}
        for segment in run.segments():
            if segment.name in own:
                actual = lying_at(segment)
                _copy(actual, target.path / "records" / actual.name)
            else:
                against.append(f"{run.path.name}: {segment.name} is no record file of this run")
        for folder in ("bodies", "plan"):
            _copy_folder(run.path / folder, target.path / folder)
    if against:
        target.mark_incomplete(bounded(against))


def _copy_folder(folder: Path, target: Path) -> None:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise EvidenceError(f"can't read {folder}: {error.strerror}") from None
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            _copy_folder(Path(entry), target / entry.name)
        else:
            _copy(Path(entry), target / entry.name)


def _copy(file: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_regular(file) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    except OSError as error:
        raise EvidenceError(f"can't copy {file} to {target}: {error.strerror}") from None


def _problems(paths: Sequence[str], manifests: Sequence[Manifest]) -> list[Problem]:
    whole = [path for path, manifest in zip(paths, manifests, strict=True) if not manifest.shard]
    if whole:
        told = [f"{path} is a whole run, not a shard" for path in whole[:_MOST_TOLD]]
        if (more := len(whole) - _MOST_TOLD) > 0:
            told.append(f"and {plural(more, 'more whole run')}")
        hint = "merge runs made with --shard, or name a folder that holds no other runs"
        return [Problem(message=message, hint=hint) for message in told]
    problems = []
    first, seen = manifests[0], {manifests[0].shard: (paths[0], manifests[0])}
    for path, manifest in zip(paths[1:], manifests[1:], strict=True):
        if difference := _difference(manifest, first):
            problems.append(
                Problem(message=f"{path} and {paths[0]} are not shards of one run: different {difference}")
            )
        elif manifest.shard in seen:
            problems.append(_twice((path, manifest), seen[manifest.shard]))
        seen.setdefault(manifest.shard, (path, manifest))
    return problems


def _twice(one: tuple[str, Manifest], other: tuple[str, Manifest]) -> Problem:
    """That two folders hold the same shard."""
    (path, manifest), (before, earlier) = one, other
    if manifest.run_id == earlier.run_id:
        return Problem(
            message=f"{path} and {before} are copies of one run, {manifest.run_id}", hint=f"name only {before}"
        )
    older = path if manifest.started < earlier.started else before
    hint = f"remove one of them; {older} is the older one, from before the shard ran again"
    return Problem(message=f"{path} and {before} are both shard {manifest.shard}", hint=hint)


def _difference(one: Manifest, other: Manifest) -> str | None:
    """What two shards of one run have in common, and these don't."""
    return next(
        (
            f"{what} ({ours} and {theirs})"
            for what, ours, theirs in (
                ("plan", one.plan_hash, other.plan_hash),
                ("seed", one.seed, other.seed),
                ("number of shards", one.shard.partition("/")[2], other.shard.partition("/")[2]),
                ("number of workers", one.segments, other.segments),
                ("setup", one.setup, other.setup),
                ("--fail-on", one.fail_on, other.fail_on),
                ("version of windtunnel", one.version, other.version),
            )
            if ours != theirs
        ),
        None,
    )
