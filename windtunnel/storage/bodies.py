"""Request and response bodies kept beside the records: named by hash, redacted, bounded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from windtunnel.redaction import Redactor


class BodyStore:
    """Keeps at most `each` bytes of a body and `total` bytes of a run; equal bodies are kept once.

    What is beyond the bounds, or can't be written, is left out: a body is a help, the record is the evidence.
    """

    def __init__(
        self, folder: Path, redactor: Redactor, *, each: int = 64 * 1024, total: int = 64 * 1024 * 1024
    ) -> None:
        self._folder, self._redactor, self._each, self._left = folder, redactor, each, total
        self._kept: set[str] = set()

    def keep(self, body: bytes, also_secret: Sequence[str] = ()) -> str | None:
        """Store one body and return its name, or None when it was left out."""
        if not body or self._left <= 0:
            return None
        shown = self._redactor.body(body, also_secret)[: self._each]
        name = hashlib.blake2b(shown, digest_size=8).hexdigest()
        if name not in self._kept:
            try:
                (self._folder / name).write_bytes(shown)
            except OSError:
                return None
            self._kept.add(name)
            self._left -= len(shown)
        return name
