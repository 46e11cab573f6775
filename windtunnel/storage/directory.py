"""The run directory: what is where, and how a run is found.

runs/<run_id>/   manifest.json  plan/  records/  bodies/  summary.json  summary.md  report.html  ci/
records/         0000.jsonl …, one a worker, setup-0000.jsonl with setups and teardowns, turbulence-0000.jsonl with
                 what proxies and drivers did
turbulence/      undo.jsonl: how faults of engines are undone
sut.log          what the SUT wrote, where the run started it
runs/latest      the newest
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from zlib import crc32

import msgspec

from windtunnel.errors import ConfigError, EvidenceError
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Manifest, WrittenFile
from windtunnel.model.scenario import MAX_COPIED_BYTES, Feeder
from windtunnel.model.source import Source
from windtunnel.model.summary import SCHEMA_VERSION, Baseline, Summary
from windtunnel.redaction import Redactor
from windtunnel.storage.compressed import segments_in
from windtunnel.storage.copies import data_text, source_text
from windtunnel.storage.files import LATEST, read_json
from windtunnel.storage.integrity import bounded, difference
from windtunnel.storage.manifests import manifest_damage, manifest_text, read_manifest

NOTHING_SECRET = Redactor()

SUT_LOG = "sut.log"
"""The file with the output of the SUT, where the run started it."""

_FOLDERS = ("", "records", "bodies", "plan")
"""The folders of a new run; the first is its own."""

_MARRED = "incomplete.json"
"""The file that says why the run itself found its evidence incomplete after its records were closed."""

_LEFT_S = 60.0
"""Seconds after which a link that is not in its place has been left by a process that was killed."""


def new_run_id(unix: float) -> str:
    """`20261122T201512Z-7f3a9c`: sorts by time; the random part keeps runs of one second apart."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(unix)) + "-" + secrets.token_hex(3)


class RunDirectory:
    """One run on disk. What is written to it passes `redactor`; a run that is read again holds no secret."""

    def __init__(self, path: Path, redactor: Redactor = NOTHING_SECRET) -> None:
        self.path = path
        self.run_id = path.name
        self._redactor = redactor
        self._made: dict[str, tuple[int, int]] = {}  # folder, "" for the run's own -> device and inode
        self._kept: dict[str, WrittenFile] = {}  # what this process wrote before the load
        self._seen: dict[str, tuple[int, ...] | None] = {}  # file -> its times when it was read and as written

    @classmethod
    def create(cls, root: Path, run_id: str, redactor: Redactor = NOTHING_SECRET) -> RunDirectory:
        """Make the directory of a new run.

        Raises ConfigError when the folder can't be written, before anything was sent.
        """
        directory = cls(root / run_id, redactor)
        try:
            for folder in _FOLDERS:
                made = directory.path / folder
                made.mkdir(parents=not folder)
                found = made.stat()
                directory._made[folder] = (found.st_dev, found.st_ino)
        except OSError as error:
            raise ConfigError.of(
                f"can't write the output folder {str(root)!r}: {error.strerror}",
                hint="make the folder writable, or choose another with --output",
                lacks="output",
            ) from None
        return directory

    @classmethod
    def find(cls, run: str, root: Path, *, hint: str | None = None) -> RunDirectory:
        """The run that an id, a path, a folder or `latest` means, as `find_run` says."""
        from windtunnel.storage.finding import find_run

        return cls(find_run(run, root, hint))

    def segment(self, segment: Segment) -> Path:
        """The record file of a segment; absolute, since code of the user may change the working directory."""
        return self.path.absolute() / "records" / f"{segment.name}.jsonl"

    def segments(self) -> list[Path]:
        """Every record file, in order. Raises EvidenceError when their folder leads elsewhere."""
        folder = self.path / "records"
        if folder.is_symlink():
            raise EvidenceError(f"can't read {folder}: it is a symbolic link")
        return segments_in(folder)

    @property
    def bodies(self) -> Path:
        """The folder of kept bodies; absolute as `segment`."""
        return self.path.absolute() / "bodies"

    def write_manifest(self, manifest: Manifest) -> None:
        """Write `manifest.json`; the run exists from here on, and `latest` points to it.

        It is made without secrets. Its names are those that records are found by, and stay.
        """
        self._put("manifest.json", manifest_text(manifest))
        _point_latest_to(self.path)

    def manifest(self) -> Manifest:
        """What ran. Raises EvidenceError when `manifest.json` is missing or damaged."""
        return read_manifest(self.path / "manifest.json")

    def write_baseline(self, baseline: Baseline) -> None:
        """Write `baseline.json`: what this run is compared with, now and whenever it is judged again."""
        self._put("baseline.json", self._clean(msgspec.json.format(msgspec.json.encode(baseline))))

    def baseline(self) -> Baseline | None:
        """What this run is compared with, if with anything. Raises EvidenceError when that is damaged."""
        file = self.path / "baseline.json"
        if not os.path.lexists(file):
            return None
        return read_json(file, Baseline, what="baseline", version=SCHEMA_VERSION)

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
        # A lone surrogate, which JSON can hold, is no character of a file.
        content = self._clean(text)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise _cannot_write(target, error) from None
        self._written(target, content)

    def _put(self, name: str, clean: bytes) -> None:
        staged = self._stage(name, clean)
        staged.publish()
        self._written(staged.target, clean)

    def _written(self, path: Path, content: bytes) -> None:
        found = path.stat()
        name = path.relative_to(self.path).as_posix()
        self._kept[name] = WrittenFile(
            name=name, size=len(content), checksum=crc32(content), device=found.st_dev, inode=found.st_ino
        )

    def differences(self, written: Sequence[WrittenFile], *, content: bool = True) -> tuple[str, ...]:
        """What something else did to the run since this process made it: to its folders and to its files.

        `written` are the files that segments wrote. With `content` every byte of them is read, unless nothing
        touched the file since that was done before.
        """
        for folder, made in self._made.items():
            name = str(self.path / folder) if folder else str(self.path)
            try:
                found = (self.path / folder).stat()
            except OSError:
                return (f"the folder {name} was removed or moved",)
            if (found.st_dev, found.st_ino) != made:
                return (f"the folder {name} was replaced by another one",)
        files = [*self._kept.values(), *written]
        changed = [said for file in files if (said := self._difference(file, content=content))]
        return bounded([*changed, *self._strangers(written)])

    def _difference(self, file: WrittenFile, *, content: bool) -> str | None:
        read = content and self._seen.get(file.name) != _touched(self.path / file.name)
        said = difference(self.path, file, content=read)
        if read and said is None:
            self._seen[file.name] = _touched(self.path / file.name)
        return said

    def _strangers(self, written: Sequence[WrittenFile]) -> list[str]:
        """Record files that no segment wrote."""
        known = {file.name for file in written}
        names = [f"records/{path.name}" for path in self.segments()]
        return [f"{name} was added" for name in names if known and name not in known]

    def mark_incomplete(self, findings: Sequence[str]) -> None:
        """Write down why the run is incomplete though its records may be whole, for `report` and `merge`."""
        with contextlib.suppress(EvidenceError):
            self.write(_MARRED, msgspec.json.format(msgspec.json.encode({"findings": findings})))

    def damage(self) -> tuple[str, ...]:
        """Why the run is incomplete whatever its records are: a changed manifest, what the run itself found."""
        file = self.path / _MARRED
        try:
            found = read_json(file, _Marred, what="mark", version=1).findings if os.path.lexists(file) else ()
        except EvidenceError as error:
            found = (str(error),)
        changed = manifest_damage(self.path / "manifest.json")
        return bounded([*([changed] if changed else []), *found])

    def write(self, name: str, content: str | bytes) -> Path:
        """Write one file of the run, `name` in it, as a whole: a reader sees the old one or the new one."""
        staged = self.stage(name, content)
        staged.publish()
        return staged.target

    def stage(self, name: str, content: str | bytes) -> StagedFile:
        """Write one file of the run under another name, from which it can be put in place without more room.

        Raises EvidenceError when it can't be written.
        """
        return self._stage(name, self._clean(content))

    def _stage(self, name: str, clean: bytes) -> StagedFile:
        staged = StagedFile(self.path / name)
        staged.write(clean)
        return staged

    def _clean(self, content: str | bytes) -> bytes:
        """What may lie in the directory of a content: the same without secrets."""
        text = content if isinstance(content, str) else content.decode()
        return self._redactor.text(text).encode("utf-8", "replace")

    def remove(self, name: str) -> None:
        """Remove one file of the run, if it is there and can be removed."""
        with contextlib.suppress(OSError):
            (self.path / name).unlink()


def summary_text(summary: Summary) -> bytes:
    """The content of `summary.json`: indented, each list of numbers on one line."""
    indented = msgspec.json.format(msgspec.json.encode(summary))
    return _NUMBERS.sub(lambda found: b"[" + b" ".join(found[1].split()) + b"]", indented)


_NUMBERS = re.compile(rb"\[\n\s*((?:[-+.\de]+|null)(?:,\n\s*(?:[-+.\de]+|null))*)\n\s*\]")
"""A list of numbers. No text has such line breaks in it: in JSON they are escaped there."""


class StagedFile:
    """A file that is whole on the disk and not yet in its place, `target`."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self._temporary = target.with_name(f".{target.name}.tmp")

    def write(self, content: bytes) -> None:
        """Write the content. Raises EvidenceError, and leaves nothing, when that fails."""
        try:
            self.target.parent.mkdir(exist_ok=True)
            if self.target.parent.is_symlink():
                raise OSError(0, "its folder is a symbolic link")
            # What is left of a killed process, or a link that leads elsewhere.
            self._temporary.unlink(missing_ok=True)
            with self._temporary.open("xb") as file:
                file.write(content)
        except OSError as error:
            self.discard()
            raise _cannot_write(self.target, error) from None

    def publish(self) -> None:
        """Put it in its place. Raises EvidenceError when that fails."""
        try:
            self._temporary.replace(self.target)
        except OSError as error:
            self.discard()
            raise _cannot_write(self.target, error) from None

    def discard(self) -> None:
        """Remove what was written, unless it is in its place."""
        with contextlib.suppress(OSError):
            self._temporary.unlink()


def _cannot_write(target: Path, error: OSError) -> EvidenceError:
    return EvidenceError(f"can't write {target}: {error.strerror}")


def _touched(path: Path) -> tuple[int, ...] | None:
    """What changes with every change of a file, None when it is gone."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class _Marred(msgspec.Struct):
    findings: tuple[str, ...]


def _point_latest_to(run: Path) -> None:
    temporary = run.parent / f".{LATEST}-{run.name}"
    _remove_left_links(run.parent)
    # A convenience: where links can't be made, `latest` is found by the order of the ids.
    with contextlib.suppress(OSError, NotImplementedError):
        temporary.symlink_to(run.name)
        try:
            temporary.replace(run.parent / LATEST)
        except OSError:
            temporary.unlink()


def _remove_left_links(root: Path) -> None:
    """Remove links of processes that were killed before they put them in place, none of a run that starts now."""
    for left in root.glob(f".{LATEST}-*"):
        with contextlib.suppress(OSError):
            if left.is_symlink() and time.time() - left.lstat().st_mtime > _LEFT_S:
                left.unlink()


def _inside(file: str) -> PurePath:
    """A file's place below `plan/`: its relative path when it stays inside, else its name."""
    path = PurePath(os.path.normpath(file))
    return PurePath(path.name) if path.is_absolute() or ".." in path.parts else path
