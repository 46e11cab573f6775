"""A file that GitHub's runner names and reads when the step has ended."""

from __future__ import annotations

from pathlib import Path


class RunnerFile:
    """What others wrote into it stays, and ours follows; written again, ours is replaced.

    So the most important is there early, should the job be killed, and the whole of it later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.used = path.stat().st_size if path.is_file() else 0

    def write(self, text: str) -> str | None:
        """Let `text` be what we say; why that can't be, or None."""
        try:
            self._path.touch(mode=0o644)
            with self._path.open("r+b") as file:
                file.seek(self.used)
                file.write(text.encode("utf-8", "replace"))
                file.truncate()
        except OSError as error:
            return f"can't write {self._path}: {error.strerror}"
        return None
