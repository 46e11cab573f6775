"""Lines of two bodies that are not alike, as the page marks them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from tests.support.chromium import Browser, Tab
from windtunnel.report import assets

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    modules = "".join(assets.module(name) for name in ("dom.js", "difference.js"))
    with browser.tab() as opened:
        opened.value(f"{modules}; globalThis.unlike = $difference.unlikeLines; 0")
        yield opened


def unlike(tab: Tab, pairs: list[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
    """The positions of the marked lines of each of two texts, for each pair."""
    answer = tab.value(f"{json.dumps(pairs)}.map(([a, b]) => unlike(a, b).map(marks => [...marks]))")
    return [(one, other) for one, other in answer]


def left(text: str, marked: list[int]) -> list[str]:
    return [line for number, line in enumerate(text.split("\n")) if number not in marked]


@pytest.mark.parametrize(
    ("mine", "theirs", "marked"),
    [
        ("a\nb\nc", "a\nb\nc", []),
        ("a\nX\nc", "a\nb\nc", [1]),
        ("a\nb\nc\nd", "a\nd", [1, 2]),
        ("a\nd", "a\nb\nc\nd", []),
        ("", "a", [0]),
        ("x\ny", "y\nx\ny", []),
    ],
)
def test_lines_that_the_other_has_not_are_marked(tab: Tab, mine: str, theirs: str, marked: list[int]) -> None:
    [(found, _)] = unlike(tab, [(mine, theirs)])

    assert found == marked


def test_what_is_not_marked_is_the_same_on_both_sides(tab: Tab) -> None:
    dice = random.Random(5)

    def text() -> str:
        return "\n".join(dice.choices("abcd", k=dice.randrange(1, 12)))

    pairs = [(text(), text()) for _ in range(2_000)]
    found = unlike(tab, pairs)
    odd = [
        (pair, marks)
        for pair, marks in zip(pairs, found, strict=True)
        if left(pair[0], marks[0]) != left(pair[1], marks[1])
    ]

    assert odd == []
    assert sum(len(one) for one, _ in found) > 1_000


def test_two_long_bodies_are_marked_in_bounded_time(tab: Tab) -> None:
    mine, theirs = ("\n".join(f"{name} {number}" for number in range(30_000)) for name in "ab")
    [(found, other)] = unlike(tab, [(f"same\n{mine}\nend", f"same\n{theirs}\nend")])

    assert found == other == list(range(1, 30_001))
