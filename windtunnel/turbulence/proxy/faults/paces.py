"""Faults that pass on what comes from the upstream slowly: `bandwidth`, `slicer`, `dribble`."""

from __future__ import annotations

import math

from windtunnel.figures import as_written, plural, size
from windtunnel.turbulence.proxy.treatment import ANY, HTTP, Draw, Treatment
from windtunnel.turbulence.settings import Settings

MOST_CHUNKS = 10_000


class Bandwidth:
    """`bandwidth`: at a rate in bytes per second. Of several, the slowest counts."""

    keys = ("rate",)
    main = "rate"
    passes_on = True
    waits = True
    protocols = ANY

    def __init__(self, rate: float) -> None:
        self._rate = rate

    @classmethod
    def compile(cls, settings: Settings) -> Bandwidth:
        """See `ProxyFaultType.compile`."""
        return cls(settings.speed("rate"))

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        return f"get their answer at {size(self._rate)}/s"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.rate = min(treatment.rate or math.inf, self._rate)


class Slicer:
    """`slicer`: in pieces of a size, with a time between two of them."""

    keys = ("size", "delay")
    main = "size"
    passes_on = True
    waits = True
    protocols = ANY

    def __init__(self, size: int, delay_s: float) -> None:
        self._size, self._delay_s = size, delay_s

    @classmethod
    def compile(cls, settings: Settings) -> Slicer:
        """See `ProxyFaultType.compile`."""
        return cls(max(1, settings.size("size")), settings.duration("delay", 0.0))

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        apart = f", {as_written(self._delay_s)} apart" if self._delay_s else ""
        return f"get their answer in pieces of {size(self._size)}{apart}"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.piece = min(treatment.piece or self._size, self._size)
        treatment.gap_s += self._delay_s


class Dribble:
    """`dribble`: in so many equal pieces, the first at once and the last at the end of a time.

    Of an answer whose length is not known, what comes first counts as all of it: the rest goes on at that pace.
    """

    keys = ("chunks", "over")
    main = "over"
    passes_on = True
    waits = True
    protocols = HTTP

    def __init__(self, chunks: int, over_s: float) -> None:
        self._chunks, self._over_s = chunks, over_s

    @classmethod
    def compile(cls, settings: Settings) -> Dribble:
        """See `ProxyFaultType.compile`."""
        return cls(settings.whole("chunks", 10, least=2, most=MOST_CHUNKS), settings.positive("over"))

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        return f"get their answer in {plural(self._chunks, 'piece')} over {as_written(self._over_s)}"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.pieces, treatment.over_s = self._chunks, self._over_s
