"""The row of a data file for the instance of an index: arithmetic on the index, the same in every process.

    index ──▶ number in its track ──▶ rank among the instances that share the rows ──▶ position ──▶ row

The n-th instance of a scenario, by the exact mix, gets position n. There is no counter, so no two
workers or shards can use one row twice, and a dropped arrival leaves its row unused.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.engine.load.mix import Mix, Ranks
from windtunnel.errors import ExpressionError
from windtunnel.model.plan import LoadPart
from windtunnel.model.scenario import ABSENT, Feeder
from windtunnel.redaction import Redactor

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The positions of the instances of one track that share the rows with those of other tracks, `stride` in all.

    `tracks` is how many tracks the run has (a global index is `number * tracks + place`).
    """

    ranks: Ranks
    tracks: int
    stride: int = 1
    offset: int = 0

    def position(self, index: int) -> int:
        """The position of the instance of a global index."""
        return self.ranks.rank(index // self.tracks) * self.stride + self.offset

    def number(self, position: int) -> int:
        """The number, in its track, of the first instance whose position is `position` or beyond."""
        return self.ranks.index(max(0, -(-(position - self.offset) // self.stride)))


class FeederReader:
    """A feeder of one scenario. `row(index)` is a pure function of seed, file and global index."""

    __slots__ = ("_columns", "_feeder", "_pick", "_secret", "_share", "name")

    def __init__(self, feeder: Feeder, share: Share, *, seed: int, redactor: Redactor) -> None:
        self.name = feeder.name
        self._feeder, self._share, self._columns = feeder, share, feeder.columns
        self._pick = _picker(feeder, seed)
        self._secret = tuple(place for place, name in enumerate(feeder.columns) if redactor.is_secret_key(name))

    def row(self, index: int) -> dict[str, Any]:
        """The row of the instance of a global index. Raises ExpressionError when there is none left."""
        return {
            name: value
            for name, value in zip(self._columns, self._values(index), strict=True)
            if value is not ABSENT
        }

    def secrets(self, index: int) -> list[Any]:
        """The values of the row that must not be written: those of columns that name a secret."""
        if not self._secret:
            return []
        values = self._values(index)
        return [values[place] for place in self._secret if values[place] is not ABSENT]

    @property
    def end(self) -> int | None:
        """The number of instances of the track after which the rows end the load; None when they do not."""
        return self._share.number(len(self._feeder.rows)) if self._feeder.on_end == "stop" else None

    def used(self, instances: int) -> int:
        """The number of rows that the first instances of the track use, with the tracks that share them."""
        return self._share.ranks.rank(instances) * self._share.stride

    def _values(self, index: int) -> tuple[Any, ...]:
        feeder = self._feeder
        position = self._share.position(index)
        if position >= len(feeder.rows) and feeder.on_end == "fail":
            raise ExpressionError(
                f'data "{feeder.name}" has no row left: {feeder.file} has {len(feeder.rows):,}',
                hint="add rows, or set `on_end`",
            )
        return feeder.rows[self._pick(position)]


def make_readers(
    parts: Sequence[LoadPart], mixes: Sequence[Mix], *, seed: int, redactor: Redactor
) -> dict[str, tuple[FeederReader, ...]]:
    """The readers of every scenario that has data, by scenario id. `mixes` are those of the parts.

    Unique rows belong to the file: all scenarios that use it so share them, over the tracks too.
    """
    sharing = _sharing(parts)
    feeders: dict[str, tuple[FeederReader, ...]] = {}
    for track, part in enumerate(parts):
        for place, scenario in enumerate(part.scenarios):
            made = []
            for feeder in scenario.data:
                places = sharing.get(feeder.identity, {}) if feeder.unique else {track: [place]}
                share = Share(
                    ranks=mixes[track].ranks(places[track]),
                    tracks=len(parts),
                    stride=len(places),
                    offset=list(places).index(track),
                )
                made.append(FeederReader(feeder, share, seed=seed, redactor=redactor))
            if made:
                feeders[scenario.id] = tuple(made)
    return feeders


def rows_end(feeders: Sequence[FeederReader]) -> int | None:
    """The number of instances after which a feeder of a track has no row for the next one."""
    return min((end for feeder in feeders if (end := feeder.end) is not None), default=None)


def _sharing(parts: Sequence[LoadPart]) -> dict[str, dict[int, list[int]]]:
    """For each file with unique rows, the tracks that use it, and which of their scenarios do."""
    sharing: dict[str, dict[int, list[int]]] = {}
    for track, part in enumerate(parts):
        for place, scenario in enumerate(part.scenarios):
            for feeder in scenario.data:
                if feeder.unique:
                    sharing.setdefault(feeder.identity, {}).setdefault(track, []).append(place)
    return sharing


def _picker(feeder: Feeder, seed: int) -> Callable[[int], int]:
    """A function from a position to the place of its row in the file."""
    rows = len(feeder.rows)
    source = feeder.digest if feeder.unique else feeder.name
    if feeder.order == "sequential":
        return lambda position: position % rows
    if feeder.order == "shuffle":
        order = list(range(rows))
        random.Random(f"{seed}:data:{source}").shuffle(order)
        return lambda position: order[position % rows]
    start = int.from_bytes(hashlib.blake2b(f"{seed}:data:{source}".encode(), digest_size=8).digest(), "big")
    return lambda position: _mixed(start, position) * rows >> 64


def _mixed(start: int, position: int) -> int:
    """64 random bits for every position: SplitMix64 (Steele, Lea and Flood, 2014), whose state is a counter."""
    bits = (start + (position + 1) * 0x9E3779B97F4A7C15) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)
