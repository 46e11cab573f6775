"""Which scenario the instance of an index runs: exact weights, a seeded order, no luck."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

__all__ = ["Mix", "smooth_weighted_order"]


def smooth_weighted_order(weights: Sequence[int]) -> tuple[int, ...]:
    """One block of indexes into `weights`, each occurring exactly by its weight and spread evenly.

    The smooth weighted round robin that nginx uses: every turn each entry gains its weight, the richest is
    taken and pays the total.
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


class Mix:
    """The scenario of every index: a pure function of weights, seed and index, whatever the timing.

    Blocks of the smooth weighted order, each permuted by the seed, so that every block holds the exact mix
    and no scenario always comes first.
    """

    def __init__(self, weights: Sequence[int], seed: int) -> None:
        self._order = smooth_weighted_order(weights)
        self._seed = seed
        self._block = -1
        self._permuted: list[int] = []

    def scenario(self, index: int) -> int:
        """The position of the scenario that instance `index` runs."""
        block, place = divmod(index, len(self._order))
        if block != self._block:
            self._permuted = list(self._order)
            random.Random(f"{self._seed}:mix:{block}").shuffle(self._permuted)
            self._block = block
        return self._permuted[place]
