"""Checksums in a record file: each line has one of its own, the closing line one over the whole file.

    {"type":"health","seq":7,"run_id":"…","t":1.0,"crc":"0a1b2c3d"}
    {"type":"run_ended",…,"checksum":"4e5f6a7b","crc":"8c9d0e1f"}

`crc`, always the last field, is over every byte of the line before that field; `checksum` is over every byte of
the file before that field. Inside a JSON text a quote is escaped: `,"crc":"` is nowhere but where it is a field.
"""

from __future__ import annotations

import re
from typing import BinaryIO
from zlib import crc32

import msgspec

from windtunnel.model.record import RunEnded

LINE_SUM = b',"crc":"%08x"}\n'
"""What ends a line, with its line feed, in place of the closing brace of the record."""

SUM_LENGTH = len(LINE_SUM % 0)

_ENDS = re.compile(rb',"crc":"([0-9a-f]{8})"\}\n')
_HEX = b"%08x"
_FIELD = b',"crc":"'
_FIRST_VERSION = b',"schema_version":1,'

_SEAL = b',"checksum":"%08x"'
_SEAL_LENGTH = len(_SEAL % 0)

_LONGEST_END = 4 * 1024 * 1024
"""Bytes of a closing line; a longer line is none."""

_AT_A_TIME = 256 * 1024


def summed(encoded: bytes) -> bytes:
    """The line of one encoded record."""
    bare = encoded[:-1]
    return bare + LINE_SUM % crc32(bare)


def bear_sums(begin: bytes) -> bool:
    """Whether the lines of a file that begins like this have checksums: all do since the second version."""
    return _FIRST_VERSION not in begin.partition(b"\n")[0] or _FIELD in begin


def line_holds(line: bytes) -> bool:
    """Whether a line, with its line feed, is as it was written."""
    return line[-SUM_LENGTH:] == LINE_SUM % crc32(line[:-SUM_LENGTH])


def lines_hold(lines: bytes) -> bool:
    """Whether each of whole lines is as it was written: without work in Python for each of them."""
    parts = _ENDS.split(lines)
    # What is in front of a checksum, the checksum, …, and what comes after the last one: nothing.
    return parts.pop() == b"" and b"".join(map(_HEX.__mod__, map(crc32, parts[::2]))) == b"".join(parts[1::2])


def sealed(ended: RunEnded, checksum: int) -> bytes:
    """The closing line after lines with that `checksum`."""
    bare = msgspec.json.encode(ended)[:-1]
    return summed(bare + _SEAL % crc32(bare, checksum) + b"}")


def _seal_holds(line: bytes, checksum: int, *, with_sums: bool) -> bool:
    """Whether a closing line, with its line feed, fits to the lines with that `checksum` that came before it."""
    end = LINE_SUM % crc32(line[:-SUM_LENGTH]) if with_sums else b"}\n"
    bare = line[: -len(end) - _SEAL_LENGTH]
    return line[len(bare) :] == _SEAL % crc32(bare, checksum) + end


def is_sealed(file: BinaryIO, *, with_sums: bool) -> bool:
    """Whether the last line is a closing one and fits every byte before it: then no line was changed.

    Nothing is decoded: a small part of what it costs to look at each line. Without sums, as in the first version,
    lines have none.
    """
    checksum = 0
    rest = b""
    while piece := file.read(_AT_A_TIME):
        rest += piece
        begin = rest.rfind(b"\n", 0, len(rest) - 1) + 1
        checksum = crc32(rest[:begin], checksum)
        rest = rest[begin:]
        if len(rest) > _LONGEST_END:
            return False
    return _seal_holds(rest, checksum, with_sums=with_sums)
