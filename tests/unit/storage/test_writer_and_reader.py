"""What is written is readable, whatever happened to the writer."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from windtunnel.errors import EvidenceError
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import Health, InstanceRecord, Record, RunEnded, RunStarted
from windtunnel.storage.reader import RecordReader
from windtunnel.storage.writer import RecordWriter


def instance(index: int, message: str | None = None) -> InstanceRecord:
    return InstanceRecord(
        t=1.0,
        instance_id=f"shop-{index}",
        correlation_id="c" * 32,
        scenario="shop",
        index=index,
        user=0,
        outcome="passed",
        scheduled=0.0,
        started=0.0,
        duration_us=5,
        response_time_us=5,
        message=message,
    )


STARTED = RunStarted(t=0.0, schema_version=1, segment=0, plan_hash="h", seed=1)


def load_of(segments: int) -> list[Segment]:
    return [Segment(number=number, of=segments) for number in range(segments)]


def write_segment(path: Path, count: int, *, end: bool = True) -> RecordWriter:
    writer = RecordWriter(path, run_id="r")
    writer.write([replace(STARTED, segment=int(path.stem[-4:]), kind="setup" if "setup" in path.stem else "load")])
    for index in range(count):
        writer.write([instance(index)])
    if end:
        writer.end(RunEnded(t=2.0, reason="completed", counts={}))
    else:
        writer.close()
    return writer


def read(*paths: Path, expected: int = 1) -> tuple[list[Record], Evidence]:
    reader = RecordReader(paths, expected=load_of(expected))
    records = list(reader)
    return records, reader.evidence()


def test_a_finished_segment_comes_back_whole_in_order_and_without_a_finding(tmp_path: Path) -> None:
    writer = write_segment(tmp_path / "0000.jsonl", 3)

    records, evidence = read(tmp_path / "0000.jsonl")

    assert [record.seq for record in records] == [0, 1, 2, 3, 4]
    assert {record.run_id for record in records} == {"r"}
    assert isinstance(records[-1], RunEnded)
    assert records[-1].counts == {"run_started": 1, "instance": 3}
    assert evidence == replace(writer.evidence(), written=())
    assert evidence.finished
    assert evidence.intact
    assert evidence.findings == ()


@pytest.mark.parametrize(("word", "unknown"), [(b'"outcome":"passed"', b'"outcome":"splendid"')])
def test_a_word_outside_of_its_vocabulary_is_damage_and_the_rest_is_read(
    tmp_path: Path, word: bytes, unknown: bytes
) -> None:
    path = tmp_path / "0000.jsonl"
    write_segment(path, 3)
    lines = path.read_bytes().split(b"\n")
    assert word in lines[2]
    path.write_bytes(b"\n".join([*lines[:2], lines[2].replace(word, unknown), *lines[3:]]))

    records, evidence = read(path)

    assert [record.seq for record in records] == [0, 1, 3, 4]
    assert not evidence.intact
    assert evidence.findings[0] == "0000.jsonl, line 3: was changed after it was written"


def test_defaults_are_left_out_of_a_line(tmp_path: Path) -> None:
    write_segment(tmp_path / "0000.jsonl", 1)

    line = json.loads((tmp_path / "0000.jsonl").read_bytes().split(b"\n")[1])

    assert line["type"] == "instance"
    assert list(line)[:4] == ["type", "seq", "run_id", "t"]
    assert "message" not in line
    assert "failed_step" not in line


def test_a_segment_without_its_closing_line_is_unfinished_but_intact(tmp_path: Path) -> None:
    write_segment(tmp_path / "0000.jsonl", 2, end=False)

    records, evidence = read(tmp_path / "0000.jsonl")

    assert len(records) == 3
    assert not evidence.finished
    assert evidence.intact
    assert evidence.unfinished == ("0000.jsonl ends after 3 lines",)


@settings(max_examples=60)
@given(cut=st.integers(min_value=1, max_value=400))
def test_a_segment_cut_anywhere_gives_every_whole_line_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "0000.jsonl"
    write_segment(path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])

    records, evidence = read(path)

    assert len(records) == whole[:-cut].count(b"\n")
    assert not evidence.finished


def test_a_corrupt_line_in_the_middle_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "0000.jsonl"
    write_segment(path, 3)
    lines = path.read_bytes().split(b"\n")
    lines[2] = b'{"type":"instance","seq'
    path.write_bytes(b"\n".join(lines))

    records, evidence = read(path)

    assert len(records) == 4
    assert not evidence.intact
    assert evidence.findings[0] == "0000.jsonl, line 3: was changed after it was written"


FLAWS = {
    "a line that is no JSON": lambda lines, at: [*lines[:at], b"{", *lines[at + 1 :]],
    "an empty line": lambda lines, at: [*lines[:at], b"", *lines[at:]],
    "two records in one line": lambda lines, at: [*lines[:at], lines[at] + lines[at + 1], *lines[at + 2 :]],
    "a missing line": lambda lines, at: [*lines[:at], *lines[at + 1 :]],
    "a line written twice": lambda lines, at: [*lines[:at], lines[at], *lines[at:]],
}


@pytest.mark.parametrize("flaw", FLAWS)
@settings(max_examples=25)
@given(at=st.integers(min_value=1, max_value=1500))
def test_of_a_large_segment_every_line_that_is_a_record_is_read_wherever_one_is_not(
    tmp_path_factory: pytest.TempPathFactory, flaw: str, at: int
) -> None:
    path = tmp_path_factory.mktemp("flaw") / "0000.jsonl"
    write_segment(path, 1600)
    lines = FLAWS[flaw](path.read_bytes().split(b"\n"), at)
    path.write_bytes(b"\n".join(lines))

    records, evidence = read(path)

    intact = [line for line in lines[:-1] if line.count(b'"type"') == 1 and line.endswith(b"}")]
    assert [record.seq for record in records] == [json.loads(line)["seq"] for line in intact]
    assert evidence.findings[0].startswith(f"0000.jsonl, line {at + 1 + (flaw == 'a line written twice')}: ")
    assert evidence.finished
    assert not evidence.intact


def test_a_missing_line_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "0000.jsonl"
    write_segment(path, 3)
    lines = path.read_bytes().split(b"\n")
    del lines[2]
    path.write_bytes(b"\n".join(lines))

    _, evidence = read(path)

    assert not evidence.intact
    assert evidence.findings == ("0000.jsonl, line 3: a gap: seq 3 where 2 was due",)


def test_a_line_ends_in_a_line_feed_and_nothing_else(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "0000.jsonl", run_id="r")
    writer.write([STARTED, instance(0, message="a\u2028b\x85c\x0bd\re")])
    writer.end(RunEnded(t=1.0, reason="completed", counts={}))

    records, evidence = read(tmp_path / "0000.jsonl")

    assert isinstance(records[1], InstanceRecord)
    assert records[1].message == "a\u2028b\x85c\x0bd\re"
    assert evidence.intact


def test_lone_surrogates_and_nan_do_not_break_a_line(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "0000.jsonl", run_id="r")
    writer.write([instance(0, message="x\ud800y")])
    writer.write([Health(t=1.0, cpu=float("nan"))])
    writer.end(RunEnded(t=1.0, reason="completed", counts={}))

    lines = (tmp_path / "0000.jsonl").read_bytes().splitlines()

    assert json.loads(lines[0])["message"] == "x?y"
    assert len(lines) == 3


def test_what_comes_together_is_written_with_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    real_write = os.write

    def write(fd: int, data: bytes) -> int:
        writes.append(data)
        return real_write(fd, data)

    monkeypatch.setattr("windtunnel.storage.writer.os.write", write)
    writer = RecordWriter(tmp_path / "0000.jsonl", run_id="r")
    writer.write([instance(0), instance(1)])
    writer.close()

    assert len(writes) == 1
    assert (tmp_path / "0000.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_cuts_back_to_the_last_whole_line_stops_the_load_and_counts_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "0000.jsonl"
    failures: list[EvidenceError] = []
    writer = RecordWriter(path, run_id="r", on_failure=failures.append)
    writer.write([instance(0)])
    room = 100
    real_write = os.write

    def write_until_full(fd: int, data: bytes) -> int:
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real_write(fd, bytes(data[:room]))
        room -= written
        return written

    monkeypatch.setattr("windtunnel.storage.writer.os.write", write_until_full)
    writer.write([instance(1)])
    writer.write([instance(2)])
    writer.end(RunEnded(t=1.0, reason="stopped", counts={}))

    records, evidence = read(path)
    assert [record.seq for record in records] == [0]
    assert path.read_bytes().endswith(b"\n")
    assert not evidence.finished
    assert not writer.evidence().intact
    assert writer.lost == 3
    assert len(failures) == 1
    assert "No space left on device" in str(failures[0])


CRASHING_WRITER = """
import sys
from pathlib import Path
from windtunnel.model.record import Health
from windtunnel.storage.writer import RecordWriter

class Buffered(RecordWriter):
    held = b""

    def _append(self, lines):
        self.held += lines
        if len(self.held) > 64 * 1024:
            super()._append(self.held)
            self.held = b""

writer = {"through": RecordWriter, "buffered": Buffered}[sys.argv[2]](Path(sys.argv[1]), run_id="r")
n = 0
while True:
    writer.write([Health(t=1.0, in_flight=n)])
    n += 1
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


def lost_by_a_kill(path: Path, writer: str) -> int:
    """Records that a writer acknowledged before it was killed, and that are not on the disk."""
    process = subprocess.Popen([sys.executable, "-c", CRASHING_WRITER, str(path), writer], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(50):
        process.stdout.readline()
    process.kill()
    rest = process.stdout.read().splitlines(keepends=True)
    process.stdout.close()
    process.wait()
    acknowledged = 50 + sum(line.endswith(b"\n") for line in rest)
    records, evidence = read(path)
    assert not evidence.finished
    return max(acknowledged - len(records), 0)


def test_kill_9_loses_no_acknowledged_record(tmp_path: Path) -> None:
    assert lost_by_a_kill(tmp_path / "0000.jsonl", "through") == 0


def test_a_writer_that_holds_lines_back_is_found_by_a_kill(tmp_path: Path) -> None:
    assert lost_by_a_kill(tmp_path / "0000.jsonl", "buffered") > 0


def test_a_reader_names_the_shards_that_are_missing(tmp_path: Path) -> None:
    paths = [tmp_path / f"{segment:04d}.jsonl" for segment in (0, 1, 5)]
    for path in paths:
        write_segment(path, 1)
    reader = RecordReader(paths, expected=load_of(6), shards=3)
    list(reader)
    evidence = reader.evidence()
    assert not evidence.finished
    assert evidence.unfinished == ("shard 2/3, part of shard 3/3 are missing",)
    reader = RecordReader(paths[:2], expected=load_of(4), shards=2)
    list(reader)
    assert reader.evidence().unfinished == ("shard 2/2 is missing",)


def test_a_reader_counts_the_segments_that_are_missing(tmp_path: Path) -> None:
    write_segment(tmp_path / "0000.jsonl", 1)
    evidence = read(tmp_path / "0000.jsonl", expected=4)[1]
    assert evidence.unfinished == ("3 of 4 record files are missing: 0001.jsonl, 0002.jsonl, 0003.jsonl",)


def setup_of(*numbers: int) -> list[Segment]:
    return [Segment(number=number, of=6, kind="setup") for number in numbers]


def test_a_reader_names_a_missing_setup(tmp_path: Path) -> None:
    write_segment(tmp_path / "0000.jsonl", 1)
    reader = RecordReader([tmp_path / "0000.jsonl"], expected=[*load_of(1), *setup_of(0)])
    list(reader)

    assert not reader.evidence().finished
    assert reader.evidence().unfinished == ("1 of 2 record files is missing: setup-0000.jsonl",)


def test_a_shard_whose_setup_is_missing_is_missing_in_part(tmp_path: Path) -> None:
    names = ["0000", "0001", "0002", "0003", "setup-0000"]
    for name in names:
        write_segment(tmp_path / f"{name}.jsonl", 1)
    reader = RecordReader(
        [tmp_path / f"{name}.jsonl" for name in names], expected=[*load_of(6), *setup_of(0, 2, 4)], shards=3
    )
    list(reader)

    assert not reader.evidence().finished
    assert reader.evidence().unfinished == ("part of shard 2/3, shard 3/3 are missing",)


def test_a_segment_that_no_plan_names_is_not_read_and_said(tmp_path: Path) -> None:
    write_segment(tmp_path / "0000.jsonl", 1)
    write_segment(tmp_path / "setup-0000.jsonl", 7)

    records, evidence = read(tmp_path / "0000.jsonl", tmp_path / "setup-0000.jsonl")

    assert len(records) == 3
    assert not evidence.intact
    assert evidence.findings == ("setup-0000.jsonl is no record file of this run",)
