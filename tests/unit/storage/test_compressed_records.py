"""Record files that were compressed are read, checked and merged as they were before."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest

from tests.support import sample_run
from tests.support.tiers import every
from windtunnel.errors import EvidenceError
from windtunnel.model.threshold import Threshold
from windtunnel.report.collect import analyse
from windtunnel.storage import compressed
from windtunnel.storage.compressed import compress, lying_at, open_segment
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.lines import field, lines_with
from windtunnel.storage.verifying import verify

ANY = Threshold(metric="instances", aggregate="rate", op=">=", limit=0.0, unit="%", text="rate >= 0%")

PARTS = 8


def a_run(root: Path, *, instances: int = 12) -> RunDirectory:
    return sample_run.write_run(root, instances=instances, timed=False, thresholds=[ANY])


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, bytes]:
    run = a_run(tmp_path_factory.mktemp("packed"), instances=2)
    compress(run.segments())
    return run, lying_at(run.segments()[0]).read_bytes()


def test_a_run_is_the_same_when_its_records_are_compressed(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    (segment,) = run.segments()
    content, before = segment.read_bytes(), analyse(run).summary
    found = list(lines_with(segment, field("instance_id", "checkout-3")))

    compress(run.segments())

    assert [path.name for path in segment.parent.iterdir()] == ["0000.jsonl.zst"]
    assert run.segments() == [segment]
    with open_segment(segment) as file:
        assert file.read() == content
    assert analyse(run).summary == before
    assert list(lines_with(segment, field("instance_id", "checkout-3"))) == found != []
    assert verify(run).intact


@pytest.mark.parametrize("part", every(PARTS, range(PARTS)))
def test_a_byte_flipped_anywhere_in_a_compressed_file_never_passes(
    packed: tuple[RunDirectory, bytes], part: int
) -> None:
    """But for the few bits without a meaning, such as those that fill up a byte: the records are the same."""
    run, content = packed
    path = lying_at(run.segments()[0])
    with open_segment(run.segments()[0]) as file:
        records = file.read()
    try:
        for place in range(part, len(content), PARTS):
            path.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
            if verdict_of(run) != "incomplete":
                with open_segment(run.segments()[0]) as file:
                    assert file.read() == records, place
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("part", every(PARTS, range(PARTS)))
def test_a_compressed_file_cut_anywhere_never_passes(packed: tuple[RunDirectory, bytes], part: int) -> None:
    run, content = packed
    path = lying_at(run.segments()[0])
    try:
        for cut in range(part, len(content), PARTS):
            path.write_bytes(content[:cut])
            assert verdict_of(run) == "incomplete", cut
    finally:
        path.write_bytes(content)


def verdict_of(run: RunDirectory) -> str:
    try:
        return analyse(run).summary.verdict
    except EvidenceError:
        return "incomplete"


@pytest.mark.parametrize("call", ["fsync", "replace", "unlink"])
def test_at_every_moment_there_is_a_file_that_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Killed before or after each call of the system, the run reads the same, and compressing goes on later."""
    run = a_run(tmp_path)
    before = analyse(run).summary

    class Killed(BaseException):
        pass

    calls = 0

    def killed_before(real: object, at: int) -> object:
        def called(*args: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == at:
                raise Killed
            return real(*args, **named)  # type: ignore[operator]

        return called

    owner: object = os if call == "fsync" else Path
    for at in (1, 2):
        calls = 0
        with monkeypatch.context() as patched:
            patched.setattr(owner, call, killed_before(getattr(owner, call), at))
            with contextlib.suppress(Killed):
                compress(run.segments())
        assert analyse(run).summary == before
        assert verify(run).intact
    compress(run.segments())
    assert [path.name for path in run.segments()[0].parent.iterdir()] == ["0000.jsonl.zst"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(tmp_path)
    (segment,) = run.segments()

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("windtunnel.storage.compressed.os.fsync", full)
    with pytest.raises(EvidenceError, match=r"can't compress .*No space left on device; it stays as it is"):
        compress(run.segments())
    assert [path.name for path in segment.parent.iterdir()] == ["0000.jsonl"]
    assert verify(run).intact


def test_a_file_that_grows_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "SMALL", 1024)
    path = tmp_path / "0000.jsonl"
    path.write_bytes(bytes(10_000_000))
    compress([path])
    with open_segment(path) as file, pytest.raises(OSError, match="becomes too large when it is decompressed"):
        file.read()
