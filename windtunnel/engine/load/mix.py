"""The scenario of the instance of an index: exact weights in a seeded order."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

PERIOD = 4096


def smooth_weighted_order(weights: Sequence[int]) -> tuple[int, ...]:
    """One block of indexes into `weights`, each occurring exactly by its weight and spread evenly.

    The smooth weighted round robin that nginx uses: in every turn each entry gains its weight; the one
    with the most is taken and loses the total.
    """
    divisor = math.gcd(*weights)
    shares = [weight // divisor for weight in weights]
    total = sum(shares)
    credit = [0] * len(shares)
    order = []
    for _ in range(total):
        credit = [have + share for have, share in zip(credit, shares, strict=True)]
        richest = max(range(len(credit)), key=credit.__getitem__)
        credit[richest] -= total
        order.append(richest)
    return tuple(order)


@dataclass(frozen=True)
class Mix:
    """The scenario of every index: a pure function of weights, seed and index, whatever the timing.

    Blocks of the smooth weighted order, each permuted by the seed, so that every block holds the exact mix
    and no scenario always comes first. After about `PERIOD` instances the order repeats. It is drawn when it is
    first needed: checking a plan needs none.
    """

    weights: Sequence[int]
    seed: int

    @cached_property
    def _order(self) -> tuple[int, ...]:
        block = smooth_weighted_order(self.weights)
        if len(block) == 1:
            return block
        draw = random.Random(f"{self.seed}:mix")
        blocks = max(1, PERIOD // len(block))
        return tuple(place for _ in range(blocks) for place in draw.sample(block, len(block)))

    def scenario(self, index: int) -> int:
        """The position of the scenario that instance `index` runs."""
        return self._order[index % len(self._order)]

    def index(self, scenario: int, rank: int) -> int:
        """The index of the instance of this rank, from 0 on, among those that run one scenario."""
        places = self._places[scenario]
        rounds, place = divmod(rank, len(places))
        return rounds * len(self._order) + places[place]

    @cached_property
    def _places(self) -> tuple[list[int], ...]:
        places: tuple[list[int], ...] = tuple([] for _ in self.weights)
        for index, scenario in enumerate(self._order):
            places[scenario].append(index)
        return places

    def ranks(self, places: Collection[int]) -> Ranks:
        """Counts the instances that run one of the scenarios at `places` (positions in the weights)."""
        return Ranks([place in places for place in self._order])


class Ranks:
    """The number of picked indexes before an index. `picked` repeats without end; at least one of it is true."""

    __slots__ = ("_before", "_period", "_positions")

    def __init__(self, picked: Sequence[bool]) -> None:
        self._period = len(picked)
        self._positions = [index for index, is_picked in enumerate(picked) if is_picked]
        before = 0
        self._before = []
        for is_picked in picked:
            self._before.append(before)
            before += is_picked

    def rank(self, index: int) -> int:
        """The number of picked indexes below `index`."""
        rounds, index = divmod(index, self._period)
        return rounds * len(self._positions) + self._before[index]

    def index(self, rank: int) -> int:
        """The picked index of this rank: the inverse of `rank`."""
        rounds, position = divmod(rank, len(self._positions))
        return rounds * self._period + self._positions[position]
