"""Copies that a run keeps next to its records, redacted: bodies, the YAML that ran, and data files."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any
from zlib import crc32

import msgspec

from windtunnel.model.manifest import WrittenFile
from windtunnel.model.scenario import ABSENT, Feeder
from windtunnel.model.source import Source
from windtunnel.redaction import HIDDEN, Redactor
from windtunnel.secret import SHORTEST_SECRET, texts_in
from windtunnel.storage.integrity import difference

MAX_BODY_FILES = 10_000
"""Bodies that a run keeps at most, over all its workers: a folder of many more is slow to read and to copy."""

MAX_BODY_BYTES = 48 * 1024 * 1024
"""Bytes of bodies that a run keeps at most, over all its workers."""

LONGEST_BODY = 64 * 1024
"""Bytes that are kept of one body."""

OF_PASSED = 4
"""Of what a run keeps of requests, one part in so many is for those that passed: the others have failed."""


class BodyStore:
    """Keeps bodies by their hash, equal ones once: `each` so large, in `total` so many bytes, so many `files`.

    A body beyond the bounds, or that cannot be written, is not kept: it is a help, the record is the evidence.
    Those of requests that passed have a part of the bounds to themselves, which leaves the rest to failures.
    `left_out` counts those beyond the bounds of requests that did not pass; `reads` is how many bytes of one are
    looked at.
    """

    def __init__(
        self,
        folder: Path,
        redactor: Redactor,
        *,
        each: int = LONGEST_BODY,
        total: int = MAX_BODY_BYTES,
        files: int = MAX_BODY_FILES,
    ) -> None:
        self._folder, self._redactor, self._each, self._left = folder, redactor, each, total
        self._files = files
        self._left_for_passed, self._files_for_passed = total // OF_PASSED, files // OF_PASSED
        self.reads = 8 * each
        self._kept: dict[str, WrittenFile] = {}
        self.left_out = 0

    def keep(self, body: bytes, also_secret: Sequence[str] = (), *, passed: bool = False) -> str | None:
        """Store one body and return its name; None when it is not kept."""
        if not body or (passed and (self._left_for_passed <= 0 or self._files_for_passed <= 0)):
            return None
        if self._left <= 0 or len(self._kept) >= self._files:
            self.left_out += not passed
            return None
        shown = self._redactor.body(body, also_secret, limit=self._each)
        name = hashlib.blake2b(shown, digest_size=8).hexdigest()
        if name not in self._kept:
            # Another worker may write the same body at this moment: each puts a whole one in place.
            temporary = self._folder / f".{name}-{os.getpid()}"
            try:
                temporary.write_bytes(shown)
                temporary.replace(self._folder / name)
            except OSError:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                return None
            path = f"{self._folder.name}/{name}"
            self._kept[name] = WrittenFile(name=path, size=len(shown), checksum=crc32(shown))
            self._left -= len(shown)
            if passed:
                self._left_for_passed -= len(shown)
                self._files_for_passed -= 1
        return name

    @property
    def written(self) -> tuple[WrittenFile, ...]:
        """The bodies that are kept. Another worker may have kept the same."""
        return tuple(self._kept.values())

    def differences(self) -> list[str]:
        """What something else did to kept bodies."""
        return [found for file in self.written if (found := difference(self._folder.parent, file))]


def source_text(source: Source, redactor: Redactor) -> str:
    """The text of a YAML file; values of keys that name a secret are hidden."""
    lines = list(source.lines)
    for path, mark in source.marks.items():
        if (
            path
            and (redactor.is_secret_key(str(path[-1])) or path[-2:] == ("auth", "key"))
            and 0 < mark.line <= len(lines)
        ):
            line = lines[mark.line - 1]
            lines[mark.line - 1] = line[: mark.column - 1] + f'"{HIDDEN}"' + line[mark.column - 1 + mark.width :]
    return redactor.text("\n".join(lines) + "\n")


def data_text(feeder: Feeder, redactor: Redactor) -> str:
    """The rows of a data file in its own format; values of columns that name a secret are hidden."""
    rows = [_shown(dict(zip(feeder.columns, row, strict=True)), redactor) for row in feeder.rows]
    if PurePath(feeder.file).suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(feeder.columns)
        writer.writerows([row.values() for row in rows])
        return text.getvalue()
    lines = [redactor.body(msgspec.json.encode(row)).decode() for row in rows]
    if PurePath(feeder.file).suffix.lower() == ".json":
        return "[\n  " + ",\n  ".join(lines) + "\n]\n"
    return "\n".join(lines) + "\n"


def _shown(row: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """A row without what it does not have; its secrets are hidden in its other columns too."""
    own = [
        text
        for secret in redactor.under_secret_keys(row)
        if secret is not ABSENT
        for text in texts_in(secret)
        if len(text) >= SHORTEST_SECRET
    ]
    return {name: _value(name, value, own, redactor) for name, value in row.items() if value is not ABSENT}


def _value(name: str, value: Any, own: Sequence[str], redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.named(name, value, own)
    return HIDDEN if redactor.is_secret_key(name) else redactor.data(value, own)
