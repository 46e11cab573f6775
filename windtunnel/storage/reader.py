"""Reads records, even if the process that wrote them crashed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from windtunnel.errors import EvidenceError
from windtunnel.figures import plural
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import Record, RunEnded

LONGEST_LINE = 64 * 1024 * 1024

MAX_NAMED = 3
"""Missing record files that a finding names."""

AT_A_TIME = 64 * 1024
"""Bytes that are decoded together; the records of more would leave the processor's caches before they are used."""

_NO_RECORD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class RecordReader:
    """Iterates the records of a run's segments, in order; afterwards `evidence()` says how complete they are.

    `expected` are the segments of the run, which `shards` ran in equal parts.

    A line ends in a line feed. A torn last line is dropped and reported; a corrupt line in the middle and a gap in
    `seq` are reported, and reading goes on.
    """

    def __init__(
        self, segments: Sequence[Path], *, expected: Sequence[Segment] = (Segment(),), shards: int = 1
    ) -> None:
        there = {path.stem for path in segments}
        self._segments = segments
        self._expected = expected
        self._missing = [segment for segment in expected if segment.name not in there]
        self._shards = shards
        self._findings: list[str] = []
        self._unfinished: list[str] = []
        self._finished = 0
        self._damaged = False

    def __iter__(self) -> Iterator[Record]:
        for records in self.batches():
            yield from records

    def batches(self) -> Iterator[list[Record]]:
        """The records in order, some hundred at a time, which is cheaper than one by one."""
        for path in self._segments:
            yield from self._read(path)

    def evidence(self) -> Evidence:
        """How complete the records are; call it after the last one."""
        unfinished = list(self._unfinished)
        finished = not self._missing and self._finished == len(self._segments)
        if self._missing:
            unfinished.append(self._missing_text())
        if not finished and not unfinished and not self._findings:
            unfinished.append("its records end without the closing line")
        return Evidence(
            finished=finished,
            intact=not self._damaged,
            unfinished=tuple(unfinished),
            findings=tuple(self._findings),
        )

    def _missing_text(self) -> str:
        missing, expected = self._missing, self._expected
        if self._shards == 1:
            names = ", ".join(f"{segment.name}.jsonl" for segment in missing[:MAX_NAMED])
            more = ", …" if len(missing) > MAX_NAMED else ""
            are = "is" if len(missing) == 1 else "are"
            return f"{len(missing)} of {plural(len(expected), 'record file')} {are} missing: {names}{more}"
        workers = sum(segment.kind == "load" for segment in expected) // self._shards
        due, gone = (Counter(each.number // workers for each in some) for some in (expected, missing))
        parts = [
            f"{'' if gone[shard] == due[shard] else 'part of '}shard {shard + 1}/{self._shards}"
            for shard in sorted(gone)
        ]
        return f"{', '.join(parts)} {'is' if len(parts) == 1 else 'are'} missing"

    def _read(self, path: Path) -> Iterator[list[Record]]:
        decoder = msgspec.json.Decoder(Record)
        seq = 0
        number = 0
        ended = False
        try:
            file = path.open("rb")
        except OSError as error:
            raise EvidenceError(f"can't read {path}: {error.strerror}") from None
        with file:
            for lines in _chunks(file):
                records = _together(decoder, lines, seq)
                if records is None:
                    records, seq = self._one_by_one(decoder, lines, path, seq=seq, number=number)
                else:
                    seq += len(records)
                number += lines.count(b"\n") + (not lines.endswith(b"\n"))
                if records:
                    last = records[-1]
                    ended = isinstance(last, RunEnded)
                    if isinstance(last, RunEnded) and last.damage:
                        self._damaged = True
                        self._findings += last.damage
                    yield records
        if ended:
            self._finished += 1
        elif not self._damaged:
            self._unfinished.append(f"{path.name} ends after {number:,} lines")

    def _one_by_one(
        self, decoder: msgspec.json.Decoder[Record], lines: bytes, path: Path, *, seq: int, number: int
    ) -> tuple[list[Record], int]:
        """The records among lines of which some are damaged, and the `seq` that is due in the next line.

        Notes the damage. `seq` is due in the first of the lines, which is line `number` + 1 of the file.
        """
        records: list[Record] = []
        *whole, torn = lines.split(b"\n")
        for line in whole:
            number += 1
            try:
                record = decoder.decode(line)
            except _NO_RECORD:
                self._damaged = True
                self._findings.append(f"{path.name}, line {number}: not a record")
                continue
            if record.seq != seq:
                self._damaged = True
                self._findings.append(f"{path.name}, line {number}: seq {record.seq} where {seq} was due")
            seq = record.seq + 1
            records.append(record)
        if torn:
            # Expected after a kill: the run is unfinished anyway, nothing that was acknowledged is lost. A whole
            # object without its line feed was not acknowledged either.
            self._unfinished.append(f"{path.name} ends in a torn line ({number + 1:,}), which is ignored")
        return records, seq


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file in pieces of whole lines; only the last may end in a torn line. Too long a line is cut in two."""
    begun = b""
    while piece := file.read(AT_A_TIME):
        end = piece.rfind(b"\n") + 1
        if end:
            yield begun + piece[:end]
            begun = piece[end:]
        else:
            begun += piece
            if len(begun) > LONGEST_LINE:
                yield begun + b"\n"
                begun = b""
    if begun:
        yield begun


def _together(decoder: msgspec.json.Decoder[Record], lines: bytes, seq: int) -> list[Record] | None:
    """The records of lines without any damage, the first of which is number `seq`; None when there is some."""
    if not lines.endswith(b"\n"):
        return None
    try:
        records = decoder.decode_lines(lines)
    except _NO_RECORD:
        return None
    # An empty line makes fewer records than lines, two records in one line make more.
    due = range(seq, seq + lines.count(b"\n"))
    return records if [record.seq for record in records] == [*due] else None
