"""Every call of the system that a writer makes can fail: what was acknowledged stays, and the loss is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from windtunnel.errors import EvidenceError
from windtunnel.model.manifest import RECORD_VERSION, Evidence
from windtunnel.model.record import Health, Record, RunEnded, RunStarted
from windtunnel.storage.reader import RecordReader
from windtunnel.storage.writer import RecordWriter, close_segment

STARTED = RunStarted(t=0.0, schema_version=RECORD_VERSION, segment=0, plan_hash="h", seed=1)
TURNS = 4
"""Writes of a segment: its first line, those of the turns, its last line."""

REFUSALS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG]


class FaultyDisk:
    """The calls of a writer, of which the `at`-th of one kind fails or takes only a part."""

    def __init__(self, *, call: str, at: int, refusal: int | None, takes: int = 0) -> None:
        self._call, self._at, self._refusal, self._takes = call, at, refusal, takes
        self._left = takes
        self.done = 0
        self._real = {name: getattr(os, name) for name in ("write", "ftruncate", "close", "open")}

    def _is_due(self, call: str) -> bool:
        if call != self._call:
            return False
        self.done += 1
        return self.done > self._at

    def _refuse(self) -> None:
        assert self._refusal is not None
        raise OSError(self._refusal, os.strerror(self._refusal))

    def write(self, fd: int, data: bytes) -> int:
        if not self._is_due("write"):
            return int(self._real["write"](fd, data))
        if self._refusal is None:  # a short write, and the next one takes the rest
            return int(self._real["write"](fd, bytes(data[: self._takes or 1])))
        if self._left:
            self._left, takes = 0, self._left
            return int(self._real["write"](fd, bytes(data[:takes])))
        self._refuse()
        return 0

    def ftruncate(self, fd: int, size: int) -> None:
        if self._is_due("ftruncate"):
            self._refuse()
        self._real["ftruncate"](fd, size)

    def close(self, fd: int) -> None:
        self._real["close"](fd)  # Linux closes it whatever it answers
        if self._is_due("close"):
            self._refuse()

    def open(self, *args: object) -> int:
        if self._is_due("open"):
            self._refuse()
        return int(self._real["open"](*args))

    def under(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in self._real:
            monkeypatch.setattr(f"windtunnel.storage.writer.os.{name}", getattr(self, name))


def written(path: Path, told: list[EvidenceError]) -> RecordWriter:
    """A segment of two records a turn."""
    writer = RecordWriter(path, run_id="r", on_failure=told.append)
    writer.write([STARTED])
    for turn in range(TURNS):
        writer.write([Health(t=1.0, in_flight=2 * turn), Health(t=1.0, in_flight=2 * turn + 1)])
    writer.end(RunEnded(t=2.0, reason="completed", counts={}))
    return writer


def read(path: Path) -> tuple[list[Record], Evidence]:
    reader = RecordReader([path])
    return list(reader), reader.evidence()


@pytest.mark.parametrize("refusal", REFUSALS, ids=os.strerror)
@pytest.mark.parametrize("takes", [0, 1, 60, 100])
@pytest.mark.parametrize("at", range(TURNS + 2))
def test_a_write_that_is_refused_keeps_every_whole_line_and_tells_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, takes: int, refusal: int
) -> None:
    told: list[EvidenceError] = []
    with monkeypatch.context() as patched:
        FaultyDisk(call="write", at=at, refusal=refusal, takes=takes).under(patched)
        writer = written(tmp_path / "0000.jsonl", told)

    records, evidence = read(tmp_path / "0000.jsonl")
    content = (tmp_path / "0000.jsonl").read_bytes()

    acknowledged = 0 if at == 0 else 1 + 2 * (at - 1)
    assert [record.seq for record in records] == list(range(len(records)))
    assert len(records) >= acknowledged
    assert len(records) + writer.lost == 2 + 2 * TURNS
    assert content == b"" or content.endswith(b"\n")
    assert evidence.intact
    assert not evidence.finished
    assert not writer.evidence().intact
    assert not writer.evidence().finished
    assert [os.strerror(refusal) in str(error) for error in told] == [True]


@pytest.mark.parametrize("takes", [1, 60, 100])
@pytest.mark.parametrize("at", range(TURNS + 2))
def test_short_writes_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, takes: int) -> None:
    with monkeypatch.context() as patched:
        FaultyDisk(call="write", at=at, refusal=None, takes=takes).under(patched)
        writer = written(tmp_path / "0000.jsonl", [])
    records, evidence = read(tmp_path / "0000.jsonl")
    assert len(records) == 2 + 2 * TURNS
    assert evidence.finished
    assert evidence.intact
    assert writer.evidence().finished


def test_a_torn_line_that_can_not_be_cut_off_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "0000.jsonl"
    with monkeypatch.context() as patched:
        disk = FaultyDisk(call="write", at=2, refusal=errno.EIO, takes=100)
        disk.under(patched)
        patched.setattr(
            "windtunnel.storage.writer.os.ftruncate",
            FaultyDisk(call="ftruncate", at=0, refusal=errno.EIO).ftruncate,
        )
        writer = written(path, [])
    records, evidence = read(path)
    assert not path.read_bytes().endswith(b"\n")
    assert len(records) + writer.lost == 2 + 2 * TURNS
    assert evidence.unfinished[0].startswith("0000.jsonl ends in a torn line")


@pytest.mark.parametrize("refusal", [errno.EIO, errno.ENOSPC, errno.EINTR], ids=os.strerror)
def test_a_file_that_can_not_be_closed_is_incomplete_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    told: list[EvidenceError] = []
    with monkeypatch.context() as patched:
        FaultyDisk(call="close", at=0, refusal=refusal).under(patched)
        writer = written(tmp_path / "0000.jsonl", told)
    assert not writer.evidence().intact
    assert not writer.evidence().finished
    assert len(told) == 1


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.ENOSPC, errno.EIO], ids=os.strerror)
def test_a_file_that_can_not_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    with monkeypatch.context() as patched:
        FaultyDisk(call="open", at=0, refusal=refusal).under(patched)
        with pytest.raises(EvidenceError, match=os.strerror(refusal)):
            written(tmp_path / "0000.jsonl", [])


def test_no_closing_line_vouches_for_lines_that_were_changed(tmp_path: Path) -> None:
    path = tmp_path / "0000.jsonl"
    writer = RecordWriter(path, run_id="r")
    writer.write([STARTED, Health(t=1.0, in_flight=1), Health(t=1.0, in_flight=2)])
    writer.close()
    content = path.read_bytes()
    for line in (b'"in_flight":1', b'"in_flight":2'):
        path.write_bytes(content.replace(line, b'"in_flight":7'))
        close_segment(path, STARTED, run_id="r", reason="worker 1 of 2 was killed")
        _, evidence = read(path)
        assert not evidence.intact
        assert not evidence.finished
    path.write_bytes(content)
    close_segment(path, STARTED, run_id="r", reason="worker 1 of 2 was killed")
    assert read(path)[1].finished
