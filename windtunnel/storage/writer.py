"""Records to disk, written through: once per turn of the event loop, straight to the kernel."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from windtunnel.errors import EvidenceError
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import Record, RunEnded

__all__ = ["RecordWriter"]

BUFFER_LIMIT = 1 << 20

Schedule = Callable[[Callable[[], None]], object]


class RecordWriter:
    """A sink that appends each record to one segment as a line of JSON.

    `schedule` defers the write to the end of the current turn (`loop.call_soon`); without one every record
    is written at once. When the disk refuses, the file is cut back to the last whole line, what comes later is
    counted as lost, and `on_failure` is called once so that the load can stop.
    """

    def __init__(
        self,
        path: Path,
        *,
        run_id: str,
        schedule: Schedule | None = None,
        on_failure: Callable[[EvidenceError], None] | None = None,
    ) -> None:
        self.path = path
        self._run_id = run_id
        self._schedule = schedule
        self._on_failure = on_failure
        self._encode_into = msgspec.json.Encoder().encode_into
        self._buffer = bytearray()
        self._seq = 0
        self._size = 0
        self._counts: dict[type[Record], int] = {}
        self._scheduled = False
        self._ended = False
        self.lost = 0
        self.failure: EvidenceError | None = None
        self._fd = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o644
        )

    def write(self, record: Record) -> None:
        """Stamp, encode and queue one record; it is with the kernel at the end of this turn."""
        if self.failure is not None:
            self.lost += 1
            return
        record.seq = self._seq
        record.run_id = self._run_id
        self._seq += 1
        kind = record.__class__
        self._counts[kind] = self._counts.get(kind, 0) + 1
        buffer = self._buffer
        size = len(buffer)
        try:
            self._encode_into(record, buffer, -1)
        except UnicodeEncodeError:
            del buffer[size:]
            self._encode_into(_without_surrogates(record), buffer, -1)
        buffer += b"\n"
        if self._schedule is None or len(buffer) >= BUFFER_LIMIT:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            self._schedule(self.flush)

    def flush(self) -> None:
        """Hand everything queued to the kernel."""
        self._scheduled = False
        buffer = self._buffer
        if not buffer or self.failure is not None:
            return
        written = 0
        try:
            while written < len(buffer):
                # The common case, one write of the whole buffer, copies nothing.
                written += os.write(self._fd, buffer if not written else bytes(buffer[written:]))
        except OSError as error:
            self._give_up(error, written)
            return
        self._size += written
        buffer.clear()

    def end(
        self,
        *,
        t: float,
        reason: str,
        signal: int | None = None,
        bug: str | None = None,
        unreachable: str | None = None,
    ) -> RunEnded:
        """Write the last line of the segment and close it; returns that line for the other sinks."""
        counts = {str(kind.__struct_config__.tag): count for kind, count in self._counts.items()}
        ended = RunEnded(t=t, reason=reason, counts=counts, signal=signal, bug=bug, unreachable=unreachable)
        self.write(ended)
        self.flush()
        self._ended = self.failure is None
        self.close()
        return ended

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def evidence(self) -> Evidence:
        """What the segment is worth, as its writer knows it."""
        findings = (str(self.failure), f"{self.lost:,} records were lost") if self.failure else ()
        return Evidence(finished=self._ended, intact=self.failure is None, findings=findings)

    def _give_up(self, error: OSError, written: int) -> None:
        whole = self._buffer.rfind(b"\n", 0, written) + 1
        self.failure = EvidenceError(
            f"can't write {self.path}: {error.strerror}; the load was stopped and the evidence is incomplete",
            hint="free disk space, or choose another folder with --output",
        )
        self.lost += self._buffer.count(b"\n", whole)
        self._buffer.clear()
        os.ftruncate(self._fd, self._size + whole)
        if self._on_failure is not None:
            self._on_failure(self.failure)


def _without_surrogates(record: Record) -> object:
    """The record as plain data whose text can be encoded: YAML can name a lone surrogate, UTF-8 can't."""

    def clean(value: object) -> object:
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode()
        if isinstance(value, dict):
            return {clean(key): clean(item) for key, item in value.items()}
        if isinstance(value, list):
            return [clean(item) for item in value]
        return value

    return clean(msgspec.to_builtins(record))
