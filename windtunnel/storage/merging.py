"""Runs of the shards of one load as one run directory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from msgspec.structs import replace

from windtunnel.errors import ConfigError
from windtunnel.model.manifest import Manifest
from windtunnel.storage.directory import RunDirectory

__all__ = ["merge_into", "merged_manifest"]


def merged_manifest(runs: Sequence[RunDirectory], *, run_id: str) -> Manifest:
    """The manifest of the run that several shards are parts of.

    Raises ConfigError when they are not parts of one, or a part is there twice; EvidenceError for a manifest that
    can't be read. A part that is missing is not an error: the merged run says that it is incomplete.
    """
    manifests = [run.manifest() for run in runs]
    first = manifests[0]
    seen: dict[str, str] = {}
    for manifest, run in zip(manifests, runs, strict=True):
        if not manifest.shard:
            raise ConfigError.of(f"{run.path} is no shard: it is a whole run", hint="merge runs made with --shard")
        for what, ours, theirs in (
            ("plan", manifest.plan_hash, first.plan_hash),
            ("seed", manifest.seed, first.seed),
            ("number of shards", manifest.shard.partition("/")[2], first.shard.partition("/")[2]),
            ("number of workers", manifest.segments, first.segments),
        ):
            if ours != theirs:
                other = f"another {what} ({ours} and {theirs})"
                raise ConfigError.of(f"{run.path} and {runs[0].path} are not shards of one run: {other}")
        if manifest.shard in seen:
            raise ConfigError.of(f"{run.path} and {seen[manifest.shard]} are both shard {manifest.shard}")
        seen[manifest.shard] = str(run.path)
    shards = int(first.shard.partition("/")[2])
    return replace(
        first,
        run_id=run_id,
        started=min(manifest.started for manifest in manifests),
        segments=first.segments * shards,
        shard="",
    )


def merge_into(target: RunDirectory, runs: Sequence[RunDirectory], manifest: Manifest) -> None:
    """Copy records, bodies and sources of the shards into the directory of the merged run.

    Raises OSError for what can't be copied.
    """
    target.write_manifest(manifest)
    for run in runs:
        for segment in run.segments():
            shutil.copyfile(segment, target.path / "records" / segment.name)
        for folder in ("bodies", "plan"):
            shutil.copytree(run.path / folder, target.path / folder, dirs_exist_ok=True)
