"""Standard streams that are closed, full, without a reader, or without a sign for what is said."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from windtunnel.streams import LastingFile, text_over
from windtunnel.terminal import TerminalObserver

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="streams of a Unix system")


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """A pipe: where to read, where to write. A test that closes an end takes it out."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def test_a_reader_that_has_gone_stops_nothing_and_is_no_error(pipe: list[int]) -> None:
    os.close(pipe.pop(0))
    file = LastingFile(pipe[0])
    text = text_over(file, like=None)
    for _ in range(3):
        text.write("more\n")
        text.flush()
    assert file.error is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_stops_nothing_and_is_told() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        file = LastingFile(full.fileno())
        text = text_over(file, like=None)
        for _ in range(3):
            text.write("more\n")
            text.flush()
    assert file.error is not None
    assert file.error.strerror == "No space left on device"


def test_a_pipe_that_another_process_made_non_blocking_is_waited_for(pipe: list[int]) -> None:
    reads, writes = pipe
    os.set_blocking(writes, False)
    sent = b"x" * 1_000_000  # more than a pipe holds
    received = bytearray()

    def read() -> None:
        while len(received) < len(sent):
            received.extend(os.read(reads, 65536))

    reader = threading.Thread(target=read)
    reader.start()
    text = text_over(LastingFile(writes), like=None)
    text.write(sent.decode())
    text.flush()
    reader.join()
    assert bytes(received) == sent


@pytest.mark.parametrize(
    ("encoding", "errors", "bytes_"),
    [
        ("utf-8", "strict", "✓ é ?\n".encode()),
        ("latin-1", "strict", b"? \xe9 ?\n"),
        ("ascii", "surrogateescape", b"? ? ?\n"),
        ("cp1252", "backslashreplace", b"\\u2713 \xe9 \\udc80\n"),
    ],
)
def test_what_an_encoding_lacks_is_replaced(pipe: list[int], encoding: str, errors: str, bytes_: bytes) -> None:
    made = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
    text = text_over(LastingFile(pipe[1]), like=made)
    text.write("✓ é \udc80\n")
    text.flush()
    assert os.read(pipe[0], 100) == bytes_


@pytest.mark.parametrize(("encoding", "said"), [("ascii", "? ?"), ("latin-1", "? é"), ("utf-8", "✓ é")])
def test_a_stream_of_the_caller_is_written_in_its_own_encoding(encoding: str, said: str) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding)
    observer = TerminalObserver(out=stream, err=stream, color=False, interactive=False)
    observer.result("✓ é")
    assert written.getvalue().decode(encoding) == f"{said}\n"
