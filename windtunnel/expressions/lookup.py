"""One look-up after the other, as fast as Python goes: what plain JSON paths and dotted variables come down to."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any


def indexing(keys: tuple[Any, ...]) -> Callable[[Any], Any]:
    """`value[keys[0]][keys[1]]…` as a function of `value`. It raises LookupError or TypeError on a miss.

    The usual lengths are written out: a loop costs more than twice as much.
    """
    if len(keys) == 1:
        (a,) = keys
        return lambda value: value[a]
    if len(keys) == 2:
        a, b = keys
        return lambda value: value[a][b]
    if len(keys) == 3:
        a, b, c = keys
        return lambda value: value[a][b][c]
    if len(keys) == 4:
        a, b, c, d = keys
        return lambda value: value[a][b][c][d]
    return lambda value: functools.reduce(operator.getitem, keys, value)
