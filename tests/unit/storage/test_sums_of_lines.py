"""Every line has a checksum: a byte that was changed anywhere is found, and its line is named."""

from __future__ import annotations

import io
import json
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import sample_run
from tests.support.tiers import every
from windtunnel.model.threshold import Threshold
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader
from windtunnel.storage.sums import is_sealed, line_holds, lines_hold, summed
from windtunnel.storage.verifying import verify

ANY = Threshold(metric="instances", aggregate="rate", op=">=", limit=0.0, unit="%", text="rate >= 0%")

PARTS = 32
"""Parts of a file, each a test of its own; the first of them runs in the fast tier."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, bytes]:
    directory = sample_run.write_run(tmp_path_factory.mktemp("run"), instances=1, timed=False, thresholds=[ANY])
    assert analyse(directory).summary.verdict == "pass"
    return directory, directory.segments()[0].read_bytes()


texts = st.text() | st.sampled_from(['","crc":"00000000"}\n', ',"crc":"', '"}\n{"'])


@given(values=st.lists(st.dictionaries(texts, texts, min_size=1), max_size=5))
def test_whatever_a_line_holds_its_checksum_fits_and_it_stays_the_same_json(values: list[dict[str, str]]) -> None:
    lines = [summed(json.dumps(value).encode()) for value in values]
    assert all(map(line_holds, lines))
    assert lines_hold(b"".join(lines))
    assert [{**json.loads(line), "crc": None} for line in lines] == [{**value, "crc": None} for value in values]


@given(
    values=st.lists(st.dictionaries(texts, texts, min_size=1), min_size=1, max_size=4),
    at=st.floats(0, 1),
    flip=st.integers(1, 255),
)
def test_many_lines_hold_when_each_of_them_does(values: list[dict[str, str]], at: float, flip: int) -> None:
    lines = bytearray(b"".join(summed(json.dumps(value).encode()) for value in values))
    lines[int(at * (len(lines) - 1))] ^= flip
    assert not lines_hold(bytes(lines))


def test_a_checksum_is_over_every_byte_before_it() -> None:
    line = summed(b'{"a":1}')
    assert line == b'{"a":1,"crc":"%08x"}\n' % crc32(b'{"a":1')


def test_no_line_at_all_holds_and_is_not_sealed() -> None:
    assert lines_hold(b"")
    assert not is_sealed(io.BytesIO(b""), with_sums=True)


@pytest.mark.parametrize("part", every(PARTS, range(PARTS)))
def test_a_byte_flipped_anywhere_is_found_and_its_line_is_named(
    run: tuple[RunDirectory, bytes], part: int
) -> None:
    directory, content = run
    path = directory.segments()[0]
    try:
        for place in range(part, len(content) - 1, PARTS):
            for bit in (1, 1 << (place % 8)):
                flipped = bytearray(content)
                flipped[place] ^= bit
                path.write_bytes(flipped)
                number = content.count(b"\n", 0, place) + 1
                summary = analyse(directory).summary
                assert (summary.verdict, summary.exit_code) == ("incomplete", 5)
                changed = f"0000.jsonl, line {number}: was changed after it was written"
                assert any(changed in reason for reason in summary.reasons), (place, bit, summary.reasons)
                assert f"  {changed}" in verify(directory).lines()
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("part", every(PARTS, range(PARTS)))
def test_a_file_cut_anywhere_gives_the_whole_lines_before_and_is_never_finished(
    run: tuple[RunDirectory, bytes], tmp_path: Path, part: int
) -> None:
    _, content = run
    path = tmp_path / "0000.jsonl"
    for cut in range(part, len(content), PARTS):
        path.write_bytes(content[:cut])
        reader = RecordReader([path])
        records = list(reader)
        assert [record.seq for record in records] == list(range(content.count(b"\n", 0, cut)))
        assert not reader.evidence().finished
        assert reader.evidence().intact
        torn = not content[:cut].endswith(b"\n") and cut > 0
        assert ("torn" in reader.evidence().unfinished[0]) == torn


def without_sums(content: bytes) -> bytes:
    """The same file as the first version of the records wrote it."""
    *lines, last = [line[: line.rindex(b',"crc"')] + b"}\n" for line in content.splitlines()]
    bare = last[: last.index(b',"checksum"')]
    before = b"".join(lines)
    return before + bare + b',"checksum":"%08x"}\n' % crc32(before + bare)


def test_a_file_of_the_first_version_is_read_and_a_change_of_it_is_found(
    run: tuple[RunDirectory, bytes],
) -> None:
    directory, content = run
    path = directory.segments()[0]
    first = without_sums(content.replace(b'"schema_version":2', b'"schema_version":1'))
    assert b'"schema_version":1,' in first
    try:
        path.write_bytes(first)
        assert analyse(directory).summary.verdict == "pass"
        for place in range(0, len(first), 97):
            path.write_bytes(first[:place] + bytes([first[place] ^ 1]) + first[place + 1 :])
            assert analyse(directory).summary.verdict == "incomplete"
    finally:
        path.write_bytes(content)
