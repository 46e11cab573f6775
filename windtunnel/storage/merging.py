"""Merges the runs of the shards of one load into one run directory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from msgspec.structs import replace

from windtunnel.errors import ConfigError, EvidenceError, Problem
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Manifest
from windtunnel.storage.directory import RunDirectory


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

    Raises EvidenceError for what can't be copied.
    """
    target.write_manifest(manifest)
    try:
        for run in runs:
            for segment in run.segments():
                shutil.copyfile(segment, target.path / "records" / segment.name)
            for folder in ("bodies", "plan"):
                if (run.path / folder).is_dir():
                    shutil.copytree(run.path / folder, target.path / folder, dirs_exist_ok=True)
    except OSError as error:
        raise EvidenceError(f"can't merge into {target.path}: {error}") from None


def _problems(paths: Sequence[str], manifests: Sequence[Manifest]) -> list[Problem]:
    whole = [path for path, manifest in zip(paths, manifests, strict=True) if not manifest.shard]
    if whole:
        hint = "merge runs made with --shard"
        return [Problem(message=f"{path} is a whole run, not a shard", hint=hint) for path in whole]
    problems = []
    first, seen = manifests[0], {manifests[0].shard: paths[0]}
    for path, manifest in zip(paths[1:], manifests[1:], strict=True):
        if difference := _difference(manifest, first):
            problems.append(
                Problem(message=f"{path} and {paths[0]} are not shards of one run: different {difference}")
            )
        elif manifest.shard in seen:
            problems.append(
                Problem(
                    message=f"{path} and {seen[manifest.shard]} are both shard {manifest.shard}",
                    hint="name one of them; of a shard that ran again, the newer one",
                )
            )
        seen.setdefault(manifest.shard, path)
    return problems


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
