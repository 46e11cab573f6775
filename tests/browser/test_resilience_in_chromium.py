"""How faults were borne, in a real browser: to scale, on one axis, and readable on every screen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_report_in_chromium import CONTRAST
from tests.support.chromium import Browser, Tab, until

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(browser: Browser, judged_page: Path) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.resize(1280)
        opened.open(judged_page.as_uri())
        yield opened


def boxes(tab: Tab, selector: str) -> list[dict[str, Any]]:
    """Where the elements are, in CSS pixels."""
    found: list[dict[str, Any]] = tab.value(
        f"[...document.querySelectorAll({selector!r})].map(e => e.getBoundingClientRect().toJSON())"
    )
    return found


def test_the_section_comes_first_and_nothing_is_loaded(tab: Tab, judged_page: Path) -> None:
    assert tab.value("document.querySelector('main > section').id") == "resilience"
    assert [url for url in tab.requests if not url.startswith("data:image/svg+xml")] == [judged_page.as_uri()]
    assert tab.errors == []


@pytest.mark.parametrize("width", [360, 1280])
def test_phases_are_as_wide_as_they_are_long_and_faults_below_their_phase(tab: Tab, width: int) -> None:
    tab.resize(width)
    steady, inject, recover = boxes(tab, "rect.phase")
    fault = boxes(tab, ".strip .fill-fault")[0]

    assert inject["width"] / steady["width"] == pytest.approx(2, rel=0.05)
    assert recover["width"] / steady["width"] == pytest.approx(3, rel=0.05)
    assert fault["left"] == pytest.approx(inject["left"], abs=2)
    assert fault["width"] / inject["width"] == pytest.approx(15 / 20, rel=0.05)
    assert fault["top"] > inject["bottom"]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_bad_columns_are_below_the_mark_of_degrading(tab: Tab, width: int) -> None:
    tab.resize(width)
    degraded, recovered = boxes(tab, ".over .mark")
    bad = boxes(tab, ".columns .fill-failed")

    assert min(box["left"] for box in bad) == pytest.approx(degraded["left"], abs=2)
    assert max(box["right"] for box in bad) == pytest.approx(recovered["left"], abs=3)
    assert min(box["height"] for box in bad) > 5


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_no_width_makes_the_page_scroll_sideways(tab: Tab, width: int) -> None:
    tab.resize(width)
    assert tab.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_table_has_to_be_scrolled(tab: Tab, width: int) -> None:
    tab.resize(width)
    beyond = tab.value(
        "[...document.querySelectorAll('#resilience .scroll')].map(e => e.scrollWidth - e.clientWidth)"
    )

    assert len(beyond) == 6
    assert max(beyond) <= 0


@pytest.mark.parametrize("width", [360, 1280])
def test_no_label_of_the_drawing_leaves_its_card_or_covers_another(tab: Tab, width: int) -> None:
    tab.resize(width)
    (card,) = boxes(tab, ".course")
    labels = [box for box in boxes(tab, ".course .phases text, .course .ticks text, .mark-label") if box["width"]]
    labels.sort(key=lambda box: (box["top"], box["left"]))
    rows: dict[int, list[dict[str, Any]]] = {}
    for box in labels:
        rows.setdefault(round(box["top"]), []).append(box)
    apart = [(one, other) for row in rows.values() for one, other in pairwise(row)]

    assert len(apart) >= 3
    assert all(card["left"] <= box["left"] and box["right"] <= card["right"] for box in labels)
    assert all(one["right"] <= other["left"] for one, other in apart)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_text_and_drawings_stand_out_from_their_ground(tab: Tab, scheme: str, width: int) -> None:
    tab.resize(width)
    tab.prefer(scheme)
    least, text = tab.value(f"(() => {{ {CONTRAST} return worst('text'); }})()")
    assert 4.5 <= least < 21, text
    least, drawing = tab.value(f"(() => {{ {CONTRAST} return worst('drawing'); }})()")
    assert 3 <= least < 21, drawing


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_names_of_phases_stand_out_from_the_phases(tab: Tab, scheme: str) -> None:
    """A drawing has no ground of its own for the formula above: the bars of the phases are looked at here."""
    tab.prefer(scheme)
    fills = "[...document.querySelectorAll('rect.phase')].map(r => getComputedStyle(r).fill)"
    inks = "[...document.querySelectorAll('.phases text, .phases tspan')].map(t => getComputedStyle(t).fill)"
    least = tab.value(
        f"(() => {{ {CONTRAST} return Math.min(...{fills}.flatMap(f => {inks}.map(i => contrast(f, i)))); }})()"
    )
    assert 4.5 <= least < 21


def test_print_keeps_the_colours_and_all_tables(tab: Tab) -> None:
    tab.call("Emulation.setEmulatedMedia", media="print")

    assert min(box["height"] for box in boxes(tab, "#resilience table")) > 50
    assert tab.value("getComputedStyle(document.querySelector('.fill-fault')).printColorAdjust") == "exact"


def test_a_fault_leads_to_an_instance_that_it_was_done_to(browser: Browser, disturbed_page: Path) -> None:
    with browser.tab() as opened:
        opened.resize(1280)
        opened.open(disturbed_page.as_uri())
        opened.value("document.querySelector('#resilience a[href^=\"#instance=\"]').click()")
        opened.value(until("document.querySelector('#inst-opened')"))
        shown = opened.value("document.querySelector('.inst.is-open').innerText")

        assert "lost-0" in shown
        assert "injected: lost reply" in shown
        assert opened.errors == []
