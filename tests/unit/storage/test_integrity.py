"""What the writer of a file finds when it looks at the file again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from windtunnel.model.manifest import WrittenFile
from windtunnel.storage.integrity import difference

WRITTEN = b"one\ntwo\n"


@pytest.fixture
def file(tmp_path: Path) -> WrittenFile:
    path = tmp_path / "a.jsonl"
    path.write_bytes(WRITTEN)
    found = path.stat()
    return WrittenFile(
        name="a.jsonl", size=len(WRITTEN), checksum=crc32(WRITTEN), device=found.st_dev, inode=found.st_ino
    )


def replaced(path: Path) -> None:
    shutil.copyfile(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def linked(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"three\n")


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (Path.unlink, "a.jsonl was removed or moved"),
        (replaced, "a.jsonl was replaced by another file"),
        (linked, "a.jsonl was replaced by another file"),
        (lambda path: os.truncate(path, 1), "a.jsonl was cut to 1 byte of 8"),
        (appended, "6 bytes were added to a.jsonl"),
    ],
)
def test_what_was_done_to_a_file_is_seen_without_reading_it(
    tmp_path: Path, file: WrittenFile, meddle: Callable[[Path], object], told: str
) -> None:
    assert difference(tmp_path, file) is None
    meddle(tmp_path / "a.jsonl")
    assert difference(tmp_path, file) == told


def test_a_byte_that_was_changed_in_place_is_seen_by_reading(tmp_path: Path, file: WrittenFile) -> None:
    (tmp_path / "a.jsonl").write_bytes(WRITTEN.replace(b"two", b"tWo"))
    assert difference(tmp_path, file) is None
    assert difference(tmp_path, file, content=True) == "a.jsonl was changed: it does not hold what was written"
