"""Record files that are finished can lie compressed on the disk: `0000.jsonl.zst` in place of `0000.jsonl`.

A record file goes by its own name, `0000.jsonl`, however it lies there: `open_segment` opens what there is. The
compressed file is whole, synced and in its place before the other one is removed, so that at every moment there is
one that is whole; where there are both, the one that is not compressed is read.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from windtunnel.errors import EvidenceError
from windtunnel.storage.files import open_regular
from windtunnel.zstd import zstd_library

if TYPE_CHECKING:
    from collections.abc import Iterable

SUFFIX = ".zst"

LEVEL = 9
"""How hard zstd tries."""

MAX_WINDOW_LOG = 27
"""Window of a file that is read at most, as a power of 2: what the levels of zstd use is below it."""

MOST_TIMES, SMALL = 500, 64 * 1024 * 1024
"""How many times its own size a file may become, beyond a size that is small: records become 10 times as large."""


def lying_at(path: Path) -> Path:
    """Where a record file lies: at its own path, or beside it and compressed."""
    compressed = path.with_name(path.name + SUFFIX)
    return compressed if not os.path.lexists(path) and os.path.lexists(compressed) else path


def segments_in(folder: Path) -> list[Path]:
    """The record files of a folder by their own names, in order."""
    there = (*folder.glob("*.jsonl"), *folder.glob(f"*.jsonl{SUFFIX}"))
    return sorted({path.with_suffix("") if path.suffix == SUFFIX else path for path in there})


def open_segment(path: Path) -> BinaryIO:
    """Open a record file by its own name to read it, however it lies there. Raises OSError, also while reading."""
    actual = lying_at(path)
    file = open_regular(actual)
    if actual == path:
        return file
    return cast(BinaryIO, io.BufferedReader(_Decompressed(file), 256 * 1024))


def compress(paths: Iterable[Path]) -> None:
    """Compress finished record files, each whole or not at all. Raises EvidenceError for one that can't be."""
    for path in paths:
        if path.is_symlink() or not path.is_file():
            continue
        target = path.with_name(path.name + SUFFIX)
        temporary = path.with_name(f".{target.name}.tmp")
        try:
            temporary.unlink(missing_ok=True)
            with open_regular(path) as source, temporary.open("xb") as file:
                with zstd_library().ZstdFile(file, "wb", options=_options()) as packed:
                    shutil.copyfileobj(source, packed, 256 * 1024)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync(path.parent)
            path.unlink()
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise EvidenceError(f"can't compress {path}: {error.strerror}; it stays as it is") from None


def _options() -> dict[Any, int]:
    parameter = zstd_library().CompressionParameter
    return {parameter.compression_level: LEVEL, parameter.checksum_flag: 1}


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Decompressed(io.RawIOBase):
    """The content of a compressed file. What is damaged in it is an OSError, and so is what grows without end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._most = max(os.fstat(file.fileno()).st_size * MOST_TIMES, SMALL)
        self._begin()

    def _begin(self) -> None:
        zstd = zstd_library()
        self._file.seek(0)
        options = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
        self._content = zstd.ZstdFile(self._file, "rb", options=options)
        self._given = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (offset, whence) != (0, io.SEEK_SET):
            raise OSError(0, "it is compressed and can only be read from its begin")
        self._begin()
        return 0

    def tell(self) -> int:
        return self._given

    def readinto(self, buffer: Any) -> int:
        try:
            count = int(self._content.readinto(buffer))
        except EOFError:
            return 0  # cut off: what follows is torn
        except zstd_library().ZstdError:
            raise OSError(0, "it was changed after it was compressed") from None
        self._given += count
        if self._given > self._most:
            raise OSError(0, "it becomes too large when it is decompressed")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
