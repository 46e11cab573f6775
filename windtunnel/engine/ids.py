"""The correlation ids of a run, which are its W3C trace ids too."""

from __future__ import annotations

import hashlib

_STEP = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio: its multiples spread evenly over 64 bits, and being odd, never repeat."""

_MASK = (1 << 64) - 1


class CorrelationIds:
    """32 hex digits for every instance: 16 that are a hash of the run id, 16 that depend on run and index.

    Within a run no two indexes share an id, whatever they are. (A hash of each index would say no more and
    cost five times as much.)
    """

    __slots__ = ("_offset", "_run")

    def __init__(self, run_id: str) -> None:
        digest = hashlib.blake2b(run_id.encode(), digest_size=16).digest()
        self._run, self._offset = digest[:8].hex(), int.from_bytes(digest[8:], "big")

    def of(self, index: int) -> str:
        """The id of the instance of a global index."""
        return f"{self._run}{(self._offset + index * _STEP) & _MASK:016x}"
