"""What lies on disk of a run, held against what was written: for `verify`, `report` and `merge` alike."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.figures import plural
from windtunnel.model.manifest import Evidence, Manifest
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader, RunIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is wrong with the files of a run, of which there are so many with so many records."""

    run_id: str
    files: int
    records: int
    evidence: Evidence

    @property
    def intact(self) -> bool:
        """Whether every record file is whole: nothing in it is another, and nothing is missing."""
        return self.evidence.intact and self.evidence.finished

    def lines(self) -> tuple[str, ...]:
        """What to tell: one word, and below it everything that is wrong, with its place."""
        read = f"{plural(self.records, 'record')} in {plural(self.files, 'file')}"
        wrong = (*self.evidence.findings, *self.evidence.unfinished)
        if self.intact:
            return (f"intact: run {self.run_id}, {read}, each line as it was written",)
        word = "unfinished" if self.evidence.intact else "damaged"
        return (f"{word}: run {self.run_id}, {read} could be read", *(f"  {each}" for each in wrong))


def record_reader(directory: RunDirectory, manifest: Manifest) -> RecordReader:
    """A reader of the record files that a manifest speaks of."""
    return RecordReader(
        directory.segments(),
        expected=manifest.record_segments,
        shards=manifest.shards,
        identity=RunIdentity.of(manifest),
    )


def verify(directory: RunDirectory) -> Verified:
    """Read every line of a run, and count nothing but the records.

    Raises EvidenceError when the manifest or a record file can't be read at all.
    """
    manifest = directory.manifest()
    reader = record_reader(directory, manifest)
    records = sum(map(len, reader.batches()))
    evidence = reader.evidence().with_findings(directory.damage())
    return Verified(run_id=manifest.run_id, files=len(directory.segments()), records=records, evidence=evidence)
