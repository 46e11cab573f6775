"""Which instances are kept whole: their requests are kept also when they pass, to compare failing ones with.

Of each scenario the first four, then one of each half of a doubling:

    0, 1, 2, 3 │ one of 4, 5 │ one of 6, 7 │ one of 8 … 11 │ one of 12 … 15 │ one of 16 … 23 │ …

So a run of a thousand instances of a scenario has 20 of them, one of a million has 40, early and late ones, and no
run has more than 62 of a scenario. They follow from the seed alone: from the index of an instance it is known when
it begins, in every process alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

from windtunnel.engine.load.mix import Mix

_DOUBLINGS = 30


class _Scenario(Protocol):
    @property
    def id(self) -> str: ...


class _Track(Protocol):
    """The load and scenarios that share one mix; see `engine.plan.Track`."""

    @property
    def scenarios(self) -> Sequence[_Scenario]: ...

    @property
    def mix(self) -> Mix: ...

    def index(self, number: int) -> int: ...


def kept_whole(tracks: Sequence[_Track], seed: int) -> frozenset[int]:
    """The global indexes of the instances that are kept whole."""
    return frozenset(
        track.index(track.mix.index(place, rank))
        for track in tracks
        for place, scenario in enumerate(track.scenarios)
        for rank in ranks(f"{seed}:{scenario.id}")
    )


def ranks(key: str) -> Iterator[int]:
    """The numbers of those that are kept among the instances of a scenario, in order."""
    yield from (0, 1)
    for doubling in range(_DOUBLINGS):
        half = 1 << doubling
        drawn = hashlib.blake2b(f"{key}:{doubling}".encode(), digest_size=16).digest()
        yield 2 * half + int.from_bytes(drawn[:8], "big") % half
        yield 3 * half + int.from_bytes(drawn[8:], "big") % half
