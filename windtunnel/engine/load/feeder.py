"""The row of a data file for the instance of an index: arithmetic on the index, the same in every process.

    index ──▶ number in its track ──▶ rank among the instances that share the rows ──▶ position ──▶ row
    user  ─────────────────────────▶ rank among the users that share the rows ──────▶ position ──▶ row

The n-th instance of a scenario, by the exact mix, gets position n; with `share: user` the n-th user does, and
keeps its row. There is no counter, so no two workers or shards can use one row twice, and a dropped arrival leaves
its row unused.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.engine.load.mix import Mix, Ranks
from windtunnel.errors import ExpressionError
from windtunnel.figures import plural
from windtunnel.model.plan import LoadPart, first_users_of
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

    def position(self, index: int, _user: int) -> int:
        """The position of the instance of a global index."""
        return self.ranks.rank(index // self.tracks) * self.stride + self.offset

    def number(self, position: int) -> int:
        """The number, in its track, of the first instance whose position is `position` or beyond."""
        return self.ranks.index(max(0, -(-(position - self.offset) // self.stride)))

    def needed(self, instances: int | None) -> int | None:
        """The number of rows that the first instances of the track use, with the tracks that share them."""
        return None if instances is None else self.ranks.rank(instances) * self.stride


@dataclass(frozen=True, slots=True, kw_only=True)
class UserShare:
    """The positions of the users of one track among the users that share the rows, `users` in all.

    `first` is the number of the track's first user, `before` how many sharing users earlier tracks have. Of an
    open load they are the most that there can be.
    """

    first: int
    before: int
    users: int

    def position(self, _index: int, user: int) -> int:
        """The position of the user of a global number."""
        return user - self.first + self.before

    def needed(self, _instances: int | None) -> int:
        """The number of rows that there are users for."""
        return self.users


class FeederReader:
    """A feeder of one scenario. The row is a pure function of seed, file, and global index or number of the user.

    `of_user`: the user decides.
    """

    __slots__ = ("_columns", "_feeder", "_nested", "_pick", "_redactor", "_secret", "_share", "name", "of_user")

    def __init__(self, feeder: Feeder, share: Share | UserShare, *, seed: int, redactor: Redactor) -> None:
        self.name, self.of_user = feeder.name, isinstance(share, UserShare)
        self._feeder, self._share, self._columns = feeder, share, feeder.columns
        self._pick = _picker(feeder, seed)
        self._redactor = redactor
        self._secret = tuple(place for place, name in enumerate(feeder.columns) if redactor.is_secret_key(name))
        self._nested = tuple(
            place
            for place in range(len(feeder.columns))
            if place not in self._secret and any(isinstance(row[place], dict | list) for row in feeder.rows)
        )

    def row(self, index: int, user: int) -> dict[str, Any]:
        """The row of a user's instance of a global index. Raises ExpressionError when there is none left."""
        return {
            name: value
            for name, value in zip(self._columns, self._values(index, user), strict=True)
            if value is not ABSENT
        }

    def secrets(self, index: int, user: int) -> list[Any]:
        """The values of the row that must not be written: those of columns, or keys within, that name a secret."""
        if not self._secret and not self._nested:
            return []
        values = self._values(index, user)
        found = [values[place] for place in self._secret if values[place] is not ABSENT]
        for place in self._nested:
            found += self._redactor.under_secret_keys(values[place])
        return found

    @property
    def end(self) -> int | None:
        """The number of instances of the track after which the rows end the load; None when they do not."""
        if self._feeder.on_end != "stop" or isinstance(self._share, UserShare):
            return None
        return self._share.number(len(self._feeder.rows))

    def needed(self, instances: int | None) -> int | None:
        """The number of rows that the first instances of the track use, with the tracks that share them.

        None when that depends on a number of instances that is unknown.
        """
        return self._share.needed(instances)

    def _values(self, index: int, user: int) -> tuple[Any, ...]:
        feeder = self._feeder
        position = self._share.position(index, user)
        if position >= len(feeder.rows) and feeder.on_end == "fail":
            raise self._no_row()
        return feeder.rows[self._pick(position)]

    def _no_row(self) -> ExpressionError:
        feeder, share = self._feeder, self._share
        rows = len(feeder.rows)
        if isinstance(share, UserShare):
            needed = f"{share.users - rows:,} more are needed for {plural(share.users, 'user')}"
            message = f'data "{feeder.name}" has no row for this user: {feeder.file} has {rows:,}, and {needed}'
            return ExpressionError(message, hint="add rows, or write `on_end: recycle`")
        message = f'data "{feeder.name}" has no row left: {feeder.file} has {rows:,}'
        return ExpressionError(message, hint="add rows, or set `on_end`")


def make_readers(
    parts: Sequence[LoadPart], mixes: Sequence[Mix], *, seed: int, redactor: Redactor
) -> dict[str, tuple[FeederReader, ...]]:
    """The readers of every scenario that has data, by scenario id. `mixes` are those of the parts."""
    shares = _Shares(parts, mixes)
    feeders: dict[str, tuple[FeederReader, ...]] = {}
    for track, part in enumerate(parts):
        for place, scenario in enumerate(part.scenarios):
            made = []
            for feeder in scenario.data:
                share = (
                    shares.of_user(feeder, track) if feeder.share == "user" else shares.of(feeder, track, place)
                )
                made.append(FeederReader(feeder, share, seed=seed, redactor=redactor))
            if made:
                feeders[scenario.id] = tuple(made)
    return feeders


def rows_end(feeders: Sequence[FeederReader]) -> int | None:
    """The number of instances after which a feeder of a track has no row for the next one."""
    return min((end for feeder in feeders if (end := feeder.end) is not None), default=None)


class _Shares:
    """Who shares rows with whom. Unique rows and those of users belong to the file: all scenarios that use it so
    share them, over the tracks too.
    """

    def __init__(self, parts: Sequence[LoadPart], mixes: Sequence[Mix]) -> None:
        self._parts, self._mixes = parts, mixes
        self._first_users = first_users_of(parts)
        self._sharing: dict[tuple[str, str], dict[int, list[int]]] = {}
        for track, part in enumerate(parts):
            for place, scenario in enumerate(part.scenarios):
                for feeder in scenario.data:
                    sharing = self._sharing.setdefault((feeder.share, feeder.identity), {})
                    sharing.setdefault(track, []).append(place)

    def of(self, feeder: Feeder, track: int, place: int) -> Share:
        """The share of the instances of a scenario at a place in a track."""
        places = {track: [place]} if feeder.share == "instance" else self._sharing[feeder.share, feeder.identity]
        return Share(
            ranks=self._mixes[track].ranks(places[track]),
            tracks=len(self._parts),
            stride=len(places),
            offset=list(places).index(track),
        )

    def of_user(self, feeder: Feeder, track: int) -> UserShare:
        """The share of the users of a track."""
        users = {
            each: self._parts[each].load.most_at_once for each in self._sharing[feeder.share, feeder.identity]
        }
        before = sum(count for each, count in users.items() if each < track)
        return UserShare(first=self._first_users[track], before=before, users=sum(users.values()))


def _picker(feeder: Feeder, seed: int) -> Callable[[int], int]:
    """A function from a position to the place of its row in the file."""
    rows = len(feeder.rows)
    source = feeder.name if feeder.share == "instance" else feeder.digest
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
