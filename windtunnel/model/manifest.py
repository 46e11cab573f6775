"""The manifest of a run, `manifest.json`: written before the load, never changed, enough to judge it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import msgspec

from windtunnel.model.load import Segment
from windtunnel.model.record import Moment
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import FailOn, SectionPhase, SegmentKind

RECORD_VERSION = 2


MOST_ROWS = 100_000
"""Steps of a plan that a manifest can have."""


class StepRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step or assertion of the plan, with its place. `tags` are the scenario's and the step's.

    `depth` counts the steps around it. `group` names the groups around it from the outside in, with `::` between
    them; a group is in itself. `holds_steps`: there are steps inside, in the rows that follow. `phase` is "" for
    what is part of the load, else the section it is in.
    """

    scenario: str
    step: str
    action: str
    service: str = ""
    method: str = ""
    assertion: bool = False
    depth: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    group: str = ""
    holds_steps: bool = False
    tags: dict[str, str] = {}
    phase: SectionPhase | Literal[""] = ""
    file: str | None = None
    line: int | None = None


StepRows = Annotated[list[StepRow], msgspec.Meta(max_length=MOST_ROWS)]

Parts = Annotated[int, msgspec.Meta(ge=1, le=99_999)]


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """A data file of the plan. `sha256` is of its bytes, hexadecimal, `size` their number."""

    file: str
    rows: int
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ran. `reroutes` maps `host:port` to the address that was connected to instead: the machine around the
    container. `load` is in words, `closed` whether any part of it is, `timed` whether
    any part starts instances at moments of its own, `phases` are those of its stages.

    `segments` counts the record files of the load; with `setup` each shard has one more, of its setups and
    teardowns, and one with proxies or drivers in `turbulence`. `merged` are the ids of the runs that this one was
    merged from. `shard`, such as "2/4", says which of several runs that share one load this is; thresholds are
    judged when they are merged, and `shards` is the number of them. `started` is unix seconds. `without_baseline`:
    thresholds that name a baseline are not judged, since there is none; a baseline is a file in the same folder.
    `tracing_url` is that of the SUT file. `host` and `ci` are plain facts for the reader of a report. `steps` are
    those of the load, `section_steps` are those of setups, user_setups and teardowns.
    """

    schema_version: int
    run_id: str
    version: str
    started: Moment
    name: str
    sut: str
    base_urls: list[str]
    reroutes: dict[str, str] = {}
    scenarios: list[str]
    load: str
    closed: bool = False
    timed: bool = True
    phases: list[str] = []
    seed: int
    plan_hash: str
    segments: Parts = 1
    setup: bool = False
    shard: Annotated[str, msgspec.Meta(pattern=r"^([1-9][0-9]{0,4}/[1-9][0-9]{0,4})?$")] = ""
    shards: Parts = 1
    merged: list[str] = []
    steps: StepRows
    section_steps: StepRows = []
    thresholds: list[Threshold]
    fail_on: FailOn = "thresholds"
    without_baseline: bool = False
    turbulence: Turbulence | None = None
    data: list[DataFile] = []
    argv: list[str] = []
    tags: dict[str, str] = {}
    host: dict[str, str] = {}
    ci: dict[str, str] = {}
    commit: str | None = None
    tracing_url: str = ""

    @property
    def record_segments(self) -> list[Segment]:
        """Every segment that has a record file, in the order of the files."""
        shard = Segment.of_shard(self.shard) if self.shard else Segment(of=self.shards)
        workers = self.segments // self.shards
        first, total = shard.number * workers, shard.of * workers
        load = [Segment(number=first + worker, of=total) for worker in range(self.segments)]
        kinds: list[SegmentKind] = ["setup"] if self.setup else []
        if self.turbulence is not None and self.turbulence.is_outside:
            kinds.append("turbulence")
        return [*load, *(replace(each, kind=kind) for kind in kinds for each in load[::workers])]


class WrittenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as its writer left it. `name` is its path in the run directory, `checksum` the CRC-32 of its bytes.

    `inode` is 0 for a file that several processes may write, each as a whole.
    """

    name: str
    size: int
    checksum: int
    device: int = 0
    inode: int = 0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the records, from the writer (live) or the reader (afterwards).

    `finished`: every segment ends with `run_ended`; `unfinished` says of each that does not where it ends.
    `intact`: no torn tail, gap, corrupt or lost line, and nothing else touched the files; `findings` says what is
    wrong. `written` are the files as they must still lie there when the run is judged; a reader knows none.
    """

    finished: bool
    intact: bool
    unfinished: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    written: tuple[WrittenFile, ...] = ()

    def with_findings(self, findings: Sequence[str]) -> Evidence:
        """The same evidence with more that is wrong; itself when there is nothing."""
        if not findings:
            return self
        return msgspec.structs.replace(self, intact=False, findings=(*self.findings, *findings))

    def with_written(self, files: Sequence[WrittenFile]) -> Evidence:
        """The same evidence with more files that must still lie there."""
        return msgspec.structs.replace(self, written=(*self.written, *files))

    @classmethod
    def of_all(cls, segments: Sequence[Evidence]) -> Evidence:
        """The evidence of several segments together."""
        return cls(
            finished=all(each.finished for each in segments),
            intact=all(each.intact for each in segments),
            unfinished=tuple(where for each in segments for where in each.unfinished),
            findings=tuple(finding for each in segments for finding in each.findings),
            written=tuple(file for each in segments for file in each.written),
        )
