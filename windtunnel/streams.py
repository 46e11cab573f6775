"""The standard streams of a process of ours: open, whatever it was started with, and lasting, whatever becomes of
their other ends.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TextIO


def make_lasting() -> LastingFile | None:
    """Open the standard streams and put lasting ones in their place.

    Returns the file of standard output; None on Windows, whose consoles take text and not bytes.
    """
    open_descriptors()
    if os.name != "posix":
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        return None
    out, err = LastingFile(1), LastingFile(2)
    sys.stdout, sys.stderr = text_over(out, like=sys.stdout), text_over(err, like=sys.stderr)
    return out


def open_descriptors() -> None:
    """Open every standard descriptor that is closed on the null device.

    Otherwise the next file or socket would get its number, and with it what is written to a standard stream.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  it lasts as long as the process


class LastingFile(io.FileIO):
    """A standard stream that takes everything, whatever becomes of the other end, so that a run goes on.

    What a reader that has gone (`| head`) or a full disk does not take is dropped; `error` is the first error
    other than a reader that has gone.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.error: OSError | None = None
        self._gone = False

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take the bytes. A descriptor that another process made non-blocking is waited for."""
        while not self._gone:
            try:
                written = super().write(data)
            except BrokenPipeError:
                self._gone = True
            except OSError as error:
                self._gone, self.error = True, error
            else:
                if written is not None:
                    return written
                select.select([], [self], [])
        return len(data)


def text_over(file: LastingFile, *, like: TextIO | None) -> TextIO:
    """A text stream over a file, like the one that Python made; what its encoding lacks is replaced."""
    made = like if isinstance(like, io.TextIOWrapper) else None
    return io.TextIOWrapper(
        io.BufferedWriter(file),  # type: ignore[type-var]  # it writes more than a FileIO
        encoding=made.encoding if made else "utf-8",
        errors="replace" if made is None or made.errors in {"strict", "surrogateescape"} else made.errors,
        line_buffering=made is not None and (made.line_buffering or made.write_through),
    )
