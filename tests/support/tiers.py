"""Which cases of a large table run in `make test`; the others run in the slow tier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

T = TypeVar("T")


def slow_unless(fast: Callable[[T], bool], cases: Iterable[T]) -> list[ParameterSet]:
    """The cases as parameters, those that are not fast with the mark of the slow tier."""
    chosen = [pytest.param(case, marks=() if fast(case) else pytest.mark.slow) for case in cases]
    assert any(not each.marks for each in chosen), "none is left for the fast tier"
    return chosen


def every(nth: int, cases: Iterable[T]) -> list[ParameterSet]:
    """The cases of a table that costs much: every so many-th one, from the first on, is fast."""
    listed = list(cases)
    marks = [() if number % nth == 0 else (pytest.mark.slow,) for number in range(len(listed))]
    return [pytest.param(case, marks=mark) for case, mark in zip(listed, marks, strict=True)]
