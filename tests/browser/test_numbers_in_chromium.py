"""The script of the page writes numbers exactly as `figures.py` does."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator

import pytest

from tests.support.chromium import Browser, Tab
from windtunnel import figures
from windtunnel.report import assets

pytestmark = pytest.mark.browser

WRITERS: dict[str, Callable[[float], str]] = {
    "number": figures.number,
    "duration": figures.duration,
    "offset": figures.offset,
    "share": figures.share,
    "perSecond": figures.per_second,
    "size": figures.size,
}


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    with browser.tab() as opened:
        yield opened


def values() -> list[float]:
    """Powers of ten and two, ties, what lies just beside the end of a unit, and many of every size."""
    dice = random.Random(4)
    found = [
        0.0,
        0.1,
        0.25,
        1 / 3,
        2.5,
        12.25,
        12.35,
        0.125,
        999.4999,
        999.5,
        1023.5,
        1024,
        59_949.9,
        59_950,
        3_599_499,
    ]
    found += [10.0**power for power in range(-12, 16)] + [2.0**power for power in range(-30, 60)]
    found += [n / 8 for n in range(400)] + [n + 0.5 for n in range(990, 1040)]
    found += [n * 30_000.0 for n in range(400)] + [1 - 10.0**-power for power in range(1, 16)]
    found += [10 ** dice.uniform(-9, 14) for _ in range(4_000)]
    found += [float(dice.randrange(10 ** dice.randrange(1, 16))) for _ in range(2_000)]
    return found


def written(tab: Tab, name: str, values: str) -> list[str]:
    """What the script of the page makes of values, which are given as JavaScript."""
    given = f"{values}.map(value => $format.{name}(value))"
    told: list[str] = tab.value(f"(() => {{ {assets.module('format.js')}; return {given}; }})()")
    return told


@pytest.mark.parametrize("name", WRITERS)
def test_both_formatters_say_the_same(tab: Tab, name: str) -> None:
    given = [*values(), *(-value for value in values()[:50])]
    told = written(tab, name, json.dumps(given))

    expected = [WRITERS[name](value) for value in given]
    wrong = [(v, js, py) for v, js, py in zip(given, told, expected, strict=True) if js != py]
    assert wrong == []


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_no_number_reads_the_same(tab: Tab, name: str) -> None:
    told = written(tab, name, "[NaN, Infinity, -Infinity]")

    assert told == [WRITERS[name](value) for value in (math.nan, math.inf, -math.inf)]


def test_counts_of_things_read_the_same(tab: Tab) -> None:
    counts = [0, 1, 2, 999, 1_000, 1_234_567]
    told = tab.value(
        f"(() => {{ {assets.module('format.js')}; return {counts}.map(n => $format.plural(n, 'instance')); }})()"
    )

    assert told == [figures.plural(count, "instance") for count in counts]
