"""Records to disk, written through: once per turn of the event loop, straight to the kernel."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import msgspec

from windtunnel.errors import EvidenceError
from windtunnel.model.manifest import Evidence, WrittenFile
from windtunnel.model.record import Record, RunEnded, RunStarted
from windtunnel.storage.integrity import bounded, difference
from windtunnel.storage.sums import LINE_SUM, line_holds, sealed, summed

SUMMED_TOGETHER = 32 * 1024
"""Bytes that are added to the checksum together: a third cheaper than line by line."""


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)


class RecordWriter:
    """A sink that appends records to one segment, each as a line of JSON, with one `write` for all of a turn.

    When the disk refuses, the file is cut back to the last whole line, further records are counted as lost, and
    `on_failure` is called once so that the load can stop.
    """

    def __init__(
        self, path: Path, *, run_id: str, on_failure: Callable[[EvidenceError], None] | None = None
    ) -> None:
        self.path = path
        self._run_id = run_id
        self._on_failure = on_failure
        self._encoder = msgspec.json.Encoder()
        self._seq = 0
        self._size = self._checksum = self._unsummed_size = 0
        self._unsummed: list[bytes] = []
        self._damage: tuple[str, ...] = ()
        self._counts: Counter[type[Record]] = Counter()
        self._ended = False
        self.lost = 0
        self.failure: EvidenceError | None = None
        try:
            self._fd = os.open(path, _NEW, 0o644)
        except OSError as error:
            raise _refused(path, error) from error
        self._opened = os.fstat(self._fd)

    def write(self, records: Sequence[Record]) -> None:
        """Stamp and encode records and hand them to the kernel."""
        if self.failure is not None:
            self.lost += len(records)
            return
        seq, run_id = self._seq, self._run_id
        for record in records:
            record.seq = seq
            record.run_id = run_id
            seq += 1
        self._seq = seq
        self._counts.update(map(type, records))
        try:
            lines = self._lines(records)
        except UnicodeEncodeError:
            for record in records:
                _clean(record)
            lines = self._lines(records)
        self._append(lines)

    def _lines(self, records: Sequence[Record]) -> bytes:
        """The records as lines with their checksums."""
        encode = self._encoder.encode
        parts: list[bytes] = []
        for record in records:
            bare = encode(record)[:-1]
            parts.append(bare)
            parts.append(LINE_SUM % crc32(bare))
        return b"".join(parts)

    def _append(self, lines: bytes) -> None:
        written = 0
        try:
            while written < len(lines):
                # The common case, one write of everything, copies nothing.
                written += os.write(self._fd, lines[written:] if written else lines)
        except OSError as error:
            self._fail(error, lines, written)
        else:
            self._size += written
            self._unsummed.append(lines)
            self._unsummed_size += written
            if self._unsummed_size >= SUMMED_TOGETHER:
                self._sum_up()

    def _sum_up(self) -> None:
        """Add what was written to the checksum."""
        self._checksum = crc32(b"".join(self._unsummed), self._checksum)
        self._unsummed.clear()
        self._unsummed_size = 0

    def end(self, ended: RunEnded, *, damage: Sequence[str] = ()) -> RunEnded:
        """Write the last line of the segment, with the lines before it counted, and close it.

        `damage` is what something else did to files that belong to the segment; what it did to this one is added.
        """
        self._sum_up()
        found = difference(self._folder, self._written)
        self._damage = bounded([*([found] if found else []), *damage])
        ended.counts = {str(kind.__struct_config__.tag): count for kind, count in self._counts.items()}
        ended.damage = list(self._damage)
        ended.seq, ended.run_id = self._seq, self._run_id
        if self.failure is not None:
            self.lost += 1
        else:
            try:
                line = sealed(ended, self._checksum)
            except UnicodeEncodeError:
                ended = msgspec.convert(_without_surrogates(ended), RunEnded)
                line = sealed(ended, self._checksum)
            self._append(line)
        self.close()
        self._ended = self.failure is None
        return ended

    def close(self) -> None:
        """Close the file, without a last line unless `end` wrote one."""
        self._sum_up()
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            os.close(fd)
        except OSError as error:
            # Some file systems say only now that they could not keep what they took. It is closed all the same.
            self._stop(error)

    def evidence(self) -> Evidence:
        """How complete the segment is, as far as its writer knows."""
        lost = (str(self.failure), f"{self.lost:,} records were lost") if self.failure else ()
        return Evidence(
            finished=self._ended,
            intact=self.failure is None and not self._damage,
            findings=(*lost, *self._damage),
            written=(self._written,),
        )

    @property
    def _folder(self) -> Path:
        """The run directory."""
        return self.path.parent.parent

    @property
    def _written(self) -> WrittenFile:
        return WrittenFile(
            name=self.path.relative_to(self._folder).as_posix(),
            size=self._size,
            checksum=self._checksum,
            device=self._opened.st_dev,
            inode=self._opened.st_ino,
        )

    def _fail(self, error: OSError, lines: bytes, written: int) -> None:
        whole = lines.rfind(b"\n", 0, written) + 1
        self.lost += lines.count(b"\n", whole)
        self._size += whole
        self._unsummed.append(lines[:whole])
        self._sum_up()
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._size)
        self._stop(error)

    def _stop(self, error: OSError) -> None:
        """Write nothing more, and say so the first time."""
        if self.failure is None:
            self.failure = _refused(self.path, error)
            if self._on_failure is not None:
                self._on_failure(self.failure)


def _refused(path: Path, error: OSError) -> EvidenceError:
    return EvidenceError(
        f"can't write {path}: {error.strerror}; the load was stopped and the evidence is incomplete",
        hint="free disk space, or choose another folder with --output",
    )


def close_segment(
    path: Path,
    first: RunStarted,
    *,
    run_id: str,
    reason: str,
    lost: bool = True,
    signal: int | None = None,
    bug: str | None = None,
) -> None:
    """Write the closing line of a segment in place of a process that has ended, `lost` or as it was asked to.

    A torn last line, which was never acknowledged, is cut off. `first` is the first line, of this moment, for a
    process that wrote none. Does nothing when the disk refuses or a line was changed: records without a closing
    line are seen to be unfinished, and each of their lines is looked at.
    """
    counts: Counter[str] = Counter()
    size = checksum = 0
    missing = b""
    try:
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        if not line_holds(line):
                            return  # no closing line vouches for it
                        size += len(line)
                        checksum = crc32(line, checksum)
                        counts[str(msgspec.json.decode(line, type=_Typed).type)] += 1
        if not counts:
            first.seq, first.run_id = 0, run_id
            missing = summed(msgspec.json.encode(first))
            checksum = crc32(missing)
            counts["run_started"] = 1
        ended = RunEnded(
            seq=counts.total(),
            run_id=run_id,
            t=first.t,
            reason=reason,
            counts=dict(counts),
            signal=signal,
            bug=bug,
            lost=reason if lost else None,
        )
        with path.open("ab") as file:
            file.truncate(size)
            file.write(missing + sealed(ended, checksum))
    except (OSError, msgspec.DecodeError):
        return


class _Typed(msgspec.Struct):
    type: str


S = TypeVar("S", bound=msgspec.Struct)


def encodable(struct: S) -> S:
    """The struct, or a copy whose text can be encoded: YAML, file names and code can hold a lone surrogate."""
    try:
        msgspec.json.encode(struct)
    except UnicodeEncodeError:
        return msgspec.convert(_without_surrogates(msgspec.to_builtins(struct)), type(struct))
    return struct


def _clean(record: Record) -> None:
    """Make the text of a record such that it can be encoded. What is written is what the other sinks count."""
    clean = encodable(record)
    for name in record.__struct_fields__ if clean is not record else ():
        setattr(record, name, getattr(clean, name))


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
