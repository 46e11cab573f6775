"""The run directory: what is where, and how a run is found.

runs/<run_id>/   manifest.json  plan/  records/  bodies/  summary.json  summary.md  report.html  ci/
records/         0000.jsonl …, one a worker, and setup-0000.jsonl with setups and teardowns
runs/latest      the newest
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path, PurePath

import msgspec

from windtunnel.errors import ConfigError, EvidenceError, did_you_mean
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Manifest
from windtunnel.model.scenario import MAX_COPIED_BYTES, Feeder
from windtunnel.model.source import Source
from windtunnel.model.summary import Baseline, Summary
from windtunnel.redaction import Redactor
from windtunnel.storage.copies import data_text, source_text

LATEST = "latest"
NOTHING_SECRET = Redactor()

_NO_RUN = "to make one, run: windtunnel demo"


def new_run_id(unix: float) -> str:
    """`20261122T201512Z-7f3a9c`: sorts by time; the random part keeps runs of one second apart."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(unix)) + "-" + secrets.token_hex(3)


class RunDirectory:
    """One run on disk. What is written to it passes `redactor`; a run that is read again holds no secret."""

    def __init__(self, path: Path, redactor: Redactor = NOTHING_SECRET) -> None:
        self.path = path
        self.run_id = path.name
        self._redactor = redactor

    @classmethod
    def create(cls, root: Path, run_id: str, redactor: Redactor = NOTHING_SECRET) -> RunDirectory:
        """Make the directory of a new run.

        Raises ConfigError when the folder can't be written, before anything was sent.
        """
        path = root / run_id
        try:
            path.mkdir(parents=True)
            for folder in ("records", "bodies", "plan"):
                (path / folder).mkdir()
        except OSError as error:
            raise ConfigError.of(
                f"can't write the output folder {str(root)!r}: {error.strerror}",
                hint="choose another with --output, or in a container mount one: "
                '-v "$PWD:/work" -w /work with --user "$(id -u):$(id -g)"',
            ) from None
        return cls(path, redactor)

    @classmethod
    def find(cls, run: str, root: Path, *, hint: str | None = None) -> RunDirectory:
        """The run that an id, a path or `latest` means.

        Raises ConfigError when there is none, naming the nearest id. `hint` is the help where no id is near.
        """
        if run == LATEST:
            return cls(_latest(root, hint or _NO_RUN))
        for path in (root / run, Path(run)):
            if (path / "manifest.json").is_file():
                return cls(path.resolve() if path.is_symlink() else path)
        known = _run_ids(root)
        raise ConfigError.of(
            f"no run {run!r} in {str(root)!r}",
            hint=did_you_mean(run, known) or hint or (f"the newest is {known[-1]}" if known else _NO_RUN),
        )

    def segment(self, segment: Segment) -> Path:
        """The record file of a segment."""
        return self.path / "records" / f"{segment.name}.jsonl"

    def segments(self) -> list[Path]:
        """Every record file, in order."""
        return sorted((self.path / "records").glob("*.jsonl"))

    @property
    def bodies(self) -> Path:
        """The folder of kept bodies."""
        return self.path / "bodies"

    def write_manifest(self, manifest: Manifest) -> None:
        """Write `manifest.json`; the run exists from here on, and `latest` points to it."""
        self.write("manifest.json", msgspec.json.format(msgspec.json.encode(manifest)))
        _point_latest_to(self.path)

    def manifest(self) -> Manifest:
        """What ran. Raises EvidenceError when `manifest.json` is missing or damaged."""
        try:
            return msgspec.json.decode((self.path / "manifest.json").read_bytes(), type=Manifest)
        except (OSError, msgspec.DecodeError) as error:
            raise EvidenceError(f"{self.path / 'manifest.json'}: {error}") from None

    def write_summary(self, summary: Summary) -> None:
        """Write `summary.json`."""
        self.write("summary.json", msgspec.json.format(msgspec.json.encode(summary)))

    def write_baseline(self, baseline: Baseline) -> None:
        """Write `baseline.json`: what this run is compared with, now and whenever it is judged again."""
        self.write("baseline.json", msgspec.json.format(msgspec.json.encode(baseline)))

    def baseline(self) -> Baseline | None:
        """What this run is compared with, if with anything. Raises EvidenceError when that is damaged."""
        file = self.path / "baseline.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Baseline) if file.exists() else None
        except (OSError, msgspec.DecodeError) as error:
            raise EvidenceError(f"{file}: {error}") from None

    def write_sources(self, sources: Iterable[Source]) -> None:
        """Write the YAML that ran into `plan/`, with what is secret in it hidden."""
        for source in sources:
            self._keep(source.file, source_text(source, self._redactor))

    def write_data(self, feeders: Iterable[Feeder]) -> None:
        """Write the data files that are not too large to keep into `plan/` too."""
        for feeder in feeders:
            if feeder.size <= MAX_COPIED_BYTES:
                self._keep(feeder.file, data_text(feeder, self._redactor))

    def _keep(self, file: str, text: str) -> None:
        target = self.path / "plan" / _inside(self._redactor.text(file))
        while target.exists():
            target = target.with_name(f"_{target.name}")  # files of one name from folders outside
        target.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate, which JSON can hold, is no character of a file.
        target.write_text(self._redactor.text(text), encoding="utf-8", errors="replace")

    def write(self, name: str, content: str | bytes) -> Path:
        """Write one file of the run, `name` in it, as a whole: a reader sees the old one or the new one."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            target.parent.mkdir(exist_ok=True)
            text = content if isinstance(content, str) else content.decode()
            temporary.write_bytes(self._redactor.text(text).encode())
            temporary.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise EvidenceError(f"can't write {target}: {error.strerror}") from None
        return target


def _run_ids(root: Path) -> list[str]:
    if not root.is_dir():
        return []
    return sorted(
        entry.name for entry in root.iterdir() if entry.name != LATEST and (entry / "manifest.json").is_file()
    )


def _latest(root: Path, hint: str) -> Path:
    link = root / LATEST
    name = link.readlink().name if link.is_symlink() else ""
    if not (name and (root / name / "manifest.json").is_file()):
        # No link (a file system without them, a copied folder) or a dangling one: run ids sort by time.
        ids = _run_ids(root)
        if not ids:
            raise ConfigError.of(f"no run in {str(root)!r}", hint=hint)
        name = ids[-1]
    return root / name


def _point_latest_to(run: Path) -> None:
    temporary = run.parent / f".{LATEST}-{run.name}"
    # A convenience: where links can't be made, `latest` is found by the order of the ids.
    with contextlib.suppress(OSError, NotImplementedError):
        temporary.symlink_to(run.name)
        temporary.replace(run.parent / LATEST)


def _inside(file: str) -> PurePath:
    """A file's place below `plan/`: its relative path when it stays inside, else its name."""
    path = PurePath(os.path.normpath(file))
    return PurePath(path.name) if path.is_absolute() or ".." in path.parts else path
