"""Records from disk, whatever happened to the process that wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from windtunnel.errors import EvidenceError
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import Record, RunEnded

__all__ = ["RecordReader"]

LONGEST_LINE = 64 * 1024 * 1024


class RecordReader:
    """Iterates the records of a run's segments, in order; afterwards `evidence()` says what they are worth.

    `expected` segments belong to the run, those of so many `shards`.

    A line is whatever ends in a line feed and nothing else does. A torn last line is dropped and reported;
    a corrupt one in the middle and a gap in `seq` are reported and reading goes on.
    """

    def __init__(self, segments: Sequence[Path], *, expected: int = 1, shards: int = 1) -> None:
        self._segments = segments
        self._expected = expected
        self._shards = shards
        self._findings: list[str] = []
        self._finished = 0
        self._damaged = False

    def __iter__(self) -> Iterator[Record]:
        for path in self._segments:
            yield from self._read(path)

    def evidence(self) -> Evidence:
        """What was read is worth this; call it after the last record."""
        findings = list(self._findings)
        finished = self._finished == max(self._expected, len(self._segments))
        if len(self._segments) < self._expected:
            findings.append(f"the run did not finish: {self._missing()}")
        if not finished and not findings:
            findings.append("the run did not finish: its records end without the closing line")
        return Evidence(finished=finished, intact=not self._damaged, findings=tuple(findings))

    def _missing(self) -> str:
        if self._shards == 1:
            return f"{self._expected - len(self._segments)} of {self._expected} record files are missing"
        workers = self._expected // self._shards
        there = Counter(int(path.stem) // workers for path in self._segments)
        gone = [
            f"{'part of ' if there[shard] else ''}shard {shard + 1}/{self._shards}"
            for shard in range(self._shards)
            if there[shard] < workers
        ]
        return f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} missing"

    def _read(self, path: Path) -> Iterator[Record]:
        decode = msgspec.json.Decoder(Record).decode
        seq = 0
        number = 0
        ended = False
        try:
            file = path.open("rb")
        except OSError as error:
            raise EvidenceError(f"can't read {path}: {error.strerror}") from None
        with file:
            for line in iter(lambda: file.readline(LONGEST_LINE), b""):
                number += 1
                whole = line.endswith(b"\n")
                try:
                    record = decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    self._damage(path, number, whole=whole)
                    continue
                if not whole:
                    # A whole object without its line feed: torn all the same, the writer never acknowledged it.
                    self._damage(path, number, whole=False)
                    continue
                if record.seq != seq:
                    self._damaged = True
                    self._findings.append(f"{path.name}, line {number}: seq {record.seq} where {seq} was due")
                seq = record.seq + 1
                ended = isinstance(record, RunEnded)
                yield record
        if ended:
            self._finished += 1
        elif not self._damaged:
            self._findings.append(f"the run did not finish: {path.name} ends after {number:,} lines")

    def _damage(self, path: Path, number: int, *, whole: bool) -> None:
        if whole:
            self._damaged = True
            self._findings.append(f"{path.name}, line {number}: not a record")
        else:
            # Expected after a kill: the run is unfinished anyway, nothing that was acknowledged is lost.
            self._findings.append(
                f"the run did not finish: {path.name} ends in a torn line ({number:,}), left out"
            )
