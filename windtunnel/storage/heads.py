"""Heads of requests and responses, kept in the records: as on the wire, without secrets, bounded."""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.model.http import header_text, parse_head
from windtunnel.model.record import HeaderFields
from windtunnel.redaction import Redactor
from windtunnel.secret import CUT
from windtunnel.storage.copies import OF_PASSED

MAX_HEAD = 16 * 1024
"""Characters that are kept of one head, by the count of `FIELD_OVERHEAD`."""

FIELD_OVERHEAD = 32
"""What a field counts beyond its name and value, so that very short ones are bounded too (RFC 9113, 6.5.2)."""

_MOST_READ = 4 * MAX_HEAD
"""Bytes of a head that are looked at."""


MAX_HEADS = 16 * 1024 * 1024
"""Characters of heads that a run keeps at most, over all its workers."""


class HeadStore:
    """Keeps heads in `total` so many characters, those of requests that passed in a part of it.

    `left_out` counts those beyond the bound of requests that did not pass.
    """

    def __init__(self, redactor: Redactor, *, total: int = MAX_HEADS) -> None:
        self._redactor, self._left, self._left_for_passed = redactor, total, total // OF_PASSED
        self.left_out = 0

    def keep(
        self, head: bytes, also_secret: Sequence[str] = (), *, passed: bool = False
    ) -> tuple[HeaderFields | None, int]:
        """The fields of a head, and how many of them are left out; None for a head that is not kept."""
        if not head:
            return None, 0
        if self._left <= 0 or (passed and self._left_for_passed <= 0):
            self.left_out += not passed
            return None, 0
        fields, left_out, size = shown_fields(head, self._redactor, also_secret)
        self._left -= size
        if passed:
            self._left_for_passed -= size
        return fields, left_out


def shown_fields(head: bytes, redactor: Redactor, also: Sequence[str] = ()) -> tuple[HeaderFields, int, int]:
    """The fields of a head without secrets, in order; the number of those left out; the size of what is kept.

    `head` begins with the first line of a request or response. Bytes that are no UTF-8 are shown as latin-1.
    """
    if len(head) > _MOST_READ:
        head = head[: head.rfind(b"\r\n", 0, _MOST_READ) + 2]  # a field that is cut might end with half a secret
    fields = parse_head(head)
    shown: HeaderFields = []
    room = MAX_HEAD
    for raw_name, raw_value in fields:
        room -= FIELD_OVERHEAD + len(raw_name)
        if room <= 0:
            break
        name = raw_name.decode("latin-1")
        # `str`, since JSON encoders take no subclass of it.
        value = redactor.header(name, str(header_text(raw_value)), also)
        shown.append((redactor.text(name, also), value if len(value) <= room else value[: room - 1] + CUT))
        room -= len(value)
    return shown, len(fields) - len(shown), MAX_HEAD - max(0, room)
