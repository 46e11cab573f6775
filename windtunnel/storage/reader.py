"""Reads records, even if the process that wrote them crashed, and whatever became of the files since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from windtunnel.errors import EvidenceError
from windtunnel.figures import plural
from windtunnel.model.load import Segment
from windtunnel.model.manifest import RECORD_VERSION, Evidence, Manifest
from windtunnel.model.record import InstanceRecord, Record, RunEnded, RunStarted
from windtunnel.storage.compressed import open_segment
from windtunnel.storage.files import NOT_DECODED, newer_version
from windtunnel.storage.integrity import Findings
from windtunnel.storage.sums import bear_sums, is_sealed, line_holds, lines_hold

LONGEST_LINE = 64 * 1024 * 1024

MAX_NAMED = 3
"""Missing record files that a finding names."""

AT_A_TIME = 64 * 1024
"""Bytes that are decoded together; the records of more would leave the processor's caches before they are used."""

_ZEROS = bytes(AT_A_TIME)

ROUNDING_S = 0.000_01
"""How far two unix times of one moment can be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """What the records of a run agree on: its id, or those of its shards, its plan and its seed."""

    run_ids: tuple[str, ...]
    plan_hash: str
    seed: int

    @classmethod
    def of(cls, manifest: Manifest) -> RunIdentity:
        """The identity that a manifest states."""
        run_ids = tuple(manifest.merged) or (manifest.run_id,)
        return cls(run_ids=run_ids, plan_hash=manifest.plan_hash, seed=manifest.seed)


class RecordReader:
    """Iterates the records of a run's segments, in order; afterwards `evidence()` says how complete they are.

    `expected` are the segments of the run, which `shards` ran in equal parts; without, those that are there. With
    `identity` every record must be of that run.

    A line ends in a line feed. A torn last line is dropped and reported. Whatever else is not as it was written
    is reported too, and reading goes on: a changed line, a line that is no record, a gap in `seq`, a line of
    another run, lines after the closing one, counts that do not fit. No record comes of a changed line. Raises
    EvidenceError for a file that can't be read at all, and for one of a newer version.

    The checksums of the lines are looked at where the closing line does not vouch for all of them at once.
    """

    def __init__(
        self,
        segments: Sequence[Path],
        *,
        expected: Sequence[Segment] | None = None,
        shards: int = 1,
        identity: RunIdentity | None = None,
    ) -> None:
        there = {path.stem for path in segments}
        known = there if expected is None else {segment.name for segment in expected}
        self._segments = [path for path in segments if path.stem in known]
        self._expected = expected or ()
        self._missing = [segment for segment in self._expected if segment.name not in there]
        self._shards = shards
        self._identity = identity
        self._findings = Findings()
        for path in segments:
            if path.stem not in known:
                self._findings.add(f"{path.name} is no record file of this run")
        self._unfinished: list[str] = []
        self._finished = 0

    @property
    def segments(self) -> Sequence[Path]:
        """The record files of the run that are there, in the order in which they are read."""
        return self._segments

    def __iter__(self) -> Iterator[Record]:
        for records in self.batches():
            yield from records

    def batches(self) -> Iterator[list[Record]]:
        """The records in order, some hundred at a time, which is cheaper than one by one."""
        for path in self._segments:
            segment = _SegmentReader(path, self._findings, self._identity)
            yield from segment.batches()
            if segment.unfinished is None:
                self._finished += 1
            else:
                self._unfinished.append(segment.unfinished)

    def evidence(self) -> Evidence:
        """How complete the records are; call it after the last one."""
        unfinished = list(self._unfinished)
        if self._missing:
            unfinished.append(self._missing_text())
        return Evidence(
            finished=not self._missing and 0 < len(self._segments) == self._finished,
            intact=not self._findings.count,
            unfinished=tuple(unfinished),
            findings=self._findings.told,
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


class _SegmentReader:
    """Reads one record file. `unfinished` says afterwards where it ends, None if that is the closing line."""

    def __init__(self, path: Path, findings: Findings, identity: RunIdentity | None) -> None:
        self._path, self._findings, self._identity = path, findings, identity
        self._found_before = findings.count
        self._decoder = msgspec.json.Decoder(Record)
        self._seq = self._number = 0  # number: lines so far
        self._with_sums = self._sealed = True
        self._counts: Counter[type[Record]] = Counter()
        self._run_id = ""
        self._torn = False
        self._without_record = 0  # lines before the one that is read of which none came
        self._ended: RunEnded | None = None
        self.unfinished: str | None = None

    def batches(self) -> Iterator[list[Record]]:
        try:
            with open_segment(self._path) as file:
                self._look_at(file)
                for lines in chunks(file):
                    as_written = self._sealed or not self._with_sums or lines_hold(lines)
                    records = _together(self._decoder, lines, self._seq) if as_written else None
                    numbers: Sequence[int]
                    if records is None:
                        records, numbers = self._one_by_one(lines)
                    else:
                        self._seq += len(records)
                        numbers = range(self._number + 1, self._number + 1 + len(records))
                    records = self._of_this_run(records, numbers)
                    if records:
                        self._count(records)
                        yield records
                    self._number += lines.count(b"\n")
        except OSError as error:
            raise EvidenceError(f"can't read {self._path}: {error.strerror}") from None
        self._finish()

    def _look_at(self, file: BinaryIO) -> None:
        """Find out whether lines have checksums of their own, and whether each has to be looked at."""
        self._with_sums = bear_sums(file.read(AT_A_TIME))
        file.seek(0)
        self._sealed = is_sealed(file, with_sums=self._with_sums)
        file.seek(0)

    def _note(self, text: str) -> None:
        self._findings.add(f"{self._path.name}{text}")

    def _one_by_one(self, lines: bytes) -> tuple[list[Record], list[int]]:
        """The records among lines of which some are damaged, and their lines. Notes the damage."""
        records: list[Record] = []
        numbers: list[int] = []
        *whole, torn = lines.split(b"\n")
        for number, line in enumerate(whole, self._number + 1):
            if self._with_sums and not self._sealed and not line_holds(line + b"\n"):
                self._spoilt(number, "was changed after it was written")
                continue
            try:
                record = self._decoder.decode(line)
            except NOT_DECODED:
                self._spoilt(number, "is not a record")
                continue
            if record.seq not in {self._seq, self._seq + self._without_record}:
                self._note(f", line {number}: a gap: seq {record.seq:,} where {self._seq:,} was due")
            self._seq, self._without_record = record.seq + 1, 0
            records.append(record)
            numbers.append(number)
        # Expected after a kill: the run is unfinished anyway, nothing that was acknowledged is lost. A whole
        # object without its line feed was not acknowledged either.
        self._torn = bool(torn)
        return records, numbers

    def _spoilt(self, number: int, how: str) -> None:
        self._note(f", line {number}: {how}")
        self._without_record += 1

    def _of_this_run(self, records: list[Record], numbers: Sequence[int]) -> list[Record]:
        """The records without those of another run, which are noted, and with impossible times noted."""
        if not records:
            return records
        run_id = self._run_id or self._begin(records[0])
        if {record.run_id for record in records} != {run_id}:
            for record, number in zip(records, numbers, strict=True):
                if record.run_id != run_id:
                    self._note(f", line {number}: is a record of another run ({_shown(record.run_id)})")
            records = [record for record in records if record.run_id == run_id]
        for record in records:
            if type(record) is InstanceRecord and record.started > record.t + ROUNDING_S:
                self._note(f", seq {record.seq}: {_shown(record.instance_id)} ended before it started")
        return records

    def _begin(self, first: Record) -> str:
        """Look at the first record; returns the id of the run that all must have."""
        self._run_id, identity = first.run_id, self._identity
        if not isinstance(first, RunStarted):
            self._note(" does not begin with run_started")
        else:
            if first.schema_version > RECORD_VERSION:
                raise newer_version(self._path, "records", first.schema_version, RECORD_VERSION)
            name = Segment(number=first.segment, kind=first.kind).name
            if name != self._path.stem:
                self._note(f" holds the records of {name}.jsonl")
            if identity and (first.plan_hash, first.seed) != (identity.plan_hash, identity.seed):
                self._note(" is of another plan or seed than manifest.json")
        if identity and first.run_id not in identity.run_ids:
            self._note(f" is of another run ({_shown(first.run_id)})")
            self._run_id = identity.run_ids[0] if len(identity.run_ids) == 1 else first.run_id
        return self._run_id

    def _count(self, records: list[Record]) -> None:
        """Count records, and note those that stand where none may be."""
        if self._ended is not None:
            self._note(f", line {self._number + 1}: records after the closing line")
            self._ended = None
        begun = self._counts[RunStarted]
        last = records[-1]
        closing = isinstance(last, RunEnded)
        self._counts.update(map(type, records[:-1] if closing else records))
        if self._counts[RunStarted] > 1 and begun < self._counts[RunStarted]:
            self._note(": more than one run_started")
        if self._counts[RunEnded]:
            self._note(": records after the closing line")
            self._counts[RunEnded] = 0
        if isinstance(last, RunEnded):
            self._close(last)

    def _close(self, ended: RunEnded) -> None:
        """Hold the closing line against what was read."""
        self._ended = ended
        for found in ended.damage:
            self._findings.add(found)
        counts = {str(kind.__struct_config__.tag): count for kind, count in self._counts.items() if count}
        if ended.counts != counts and self._findings.count == self._found_before:
            self._note(": run_ended counts other records than there are")
        if not self._sealed and self._findings.count == self._found_before:
            self._note(" was changed after it was written: the checksum of its closing line is another")

    def _finish(self) -> None:
        name, number = self._path.name, self._number
        if self._torn:
            self.unfinished = f"{name} ends in a torn line ({number + 1:,}), which is ignored"
        elif self._ended is None:
            self.unfinished = f"{name} ends after {plural(number, 'line')}" if number else f"{name} is empty"


def pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a record file in pieces of whole lines; only the last may end in a torn line.

    Raises EvidenceError when it can't be read.
    """
    try:
        with open_segment(path) as file:
            yield from chunks(file)
    except OSError as error:
        raise EvidenceError(f"can't read {path}: {error.strerror}") from None


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file in pieces of whole lines; only the last may end in a torn line.

    Of too long a line only the beginning comes, and of a torn one that fills a piece: neither is a record. Nor are
    zeros, which are what a crash of the machine leaves: however many, one comes.
    """
    begun: list[bytes] = []
    size = 0
    while piece := file.read(AT_A_TIME):
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*begun, piece[:end]])
            begun, size = [], 0
        if (rest := piece[end:]) and size <= LONGEST_LINE:
            if not size and rest == _ZEROS[: len(rest)]:
                begun = [b"\0"]
                continue
            begun.append(rest)
            size += len(rest)
            if size > LONGEST_LINE:
                begun = begun[:1]
    if begun:
        yield begun[0]


def _together(decoder: msgspec.json.Decoder[Record], lines: bytes, seq: int) -> list[Record] | None:
    """The records of lines without any damage, the first of which is number `seq`; None when there is some."""
    if not lines.endswith(b"\n"):
        return None
    try:
        records = decoder.decode_lines(lines)
    except NOT_DECODED:
        return None
    # An empty line makes fewer records than lines, two records in one line make more.
    due = range(seq, seq + lines.count(b"\n"))
    return records if [record.seq for record in records] == [*due] else None


def _shown(text: str) -> str:
    """A short piece of text from a file that anyone may have written."""
    return repr(text[:60])
