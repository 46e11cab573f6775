"""Finds the records of a few instances among all: bytes are searched, only the lines that are wanted are decoded.

A line is told by its `"instance_id":"…"`. These bytes can't stand inside of a text, where each quote has a
backslash before it. To look for one of 500 ids costs a tenth of decoding the line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from windtunnel.model.record import AssertionRecord, InstanceRecord, RequestRecord, StepRecord
from windtunnel.storage.files import NOT_DECODED
from windtunnel.storage.reader import pieces

RecordOfInstance = StepRecord | RequestRecord | AssertionRecord | InstanceRecord

_ID = re.compile(rb'"instance_id":"([^"]*)"')

_DECODER: msgspec.json.Decoder[RecordOfInstance] = msgspec.json.Decoder(RecordOfInstance)


def records_of(
    instance_ids: Collection[str], segments: Iterable[Path], run_ids: Collection[str]
) -> Iterator[RecordOfInstance]:
    """The records of these instances, in the order of the segments and their lines.

    Reads each segment at most once, and none any more when all of the instances have ended. Lines that are damaged
    or of none of the `run_ids` are skipped: a RecordReader tells of them. Raises EvidenceError for a segment that
    can't be read.
    """
    missing = set(instance_ids)
    wanted = {_as_found(instance_id) for instance_id in missing}
    for path in segments if missing else ():
        for lines in pieces(path):
            if wanted.isdisjoint(_ID.findall(lines)):
                continue
            for line in _wanted_lines(lines, wanted):
                record = _decoded(line)
                if record is None or record.run_id not in run_ids or record.instance_id not in missing:
                    continue
                yield record
                if isinstance(record, InstanceRecord):
                    missing.discard(record.instance_id)
            if not missing:
                return


def _as_found(instance_id: str) -> bytes:
    """What the pattern finds of an id: its JSON, up to the first quote inside."""
    return msgspec.json.encode(instance_id)[1:-1].partition(b'"')[0]


def _wanted_lines(lines: bytes, wanted: Collection[bytes]) -> Iterator[bytes]:
    for found in _ID.finditer(lines):
        if found[1] in wanted:
            end = lines.find(b"\n", found.end())
            if end >= 0:  # a torn line was not acknowledged
                yield lines[lines.rfind(b"\n", 0, found.start()) + 1 : end]


def _decoded(line: bytes) -> RecordOfInstance | None:
    try:
        return _DECODER.decode(line)
    except NOT_DECODED:
        return None
