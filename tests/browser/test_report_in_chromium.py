"""The report in a real browser: it is all there, it fits, it can be read, and it loads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import Browser, Tab, until

pytestmark = pytest.mark.browser

SECTIONS = [
    "thresholds",
    "figures",
    "timeline",
    "errors",
    "steps",
    "latency",
    "instances",
    "soundness",
    "environment",
]

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


@pytest.fixture
def tab(browser: Browser, page: Path) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.resize(1280)
        opened.open_report(page.as_uri())
        yield opened


def test_nothing_is_loaded_and_the_console_stays_empty(tab: Tab, page: Path) -> None:
    assert [url for url in tab.requests if not url.startswith("data:image/svg+xml")] == [page.as_uri()]
    assert tab.errors == []


def test_the_watch_sees_what_is_forbidden(browser: Browser, tmp_path: Path) -> None:
    forbidden = tmp_path / "forbidden.html"
    forbidden.write_text(
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><img src=other.png>"
    )
    plain = tmp_path / "plain.html"
    plain.write_text("<img src=other.png>")
    with browser.tab() as opened:
        opened.open(forbidden.as_uri())
        assert any("Content Security Policy" in error for error in opened.errors)
        opened.open(plain.as_uri())
        assert any(url.endswith("other.png") for url in opened.requests)


def test_the_title_says_the_verdict(tab: Tab) -> None:
    assert tab.value("document.title") == "Fail: checkout under load · Windtunnel"
    assert tab.value("document.querySelector('.verdict').innerText").strip() == "Fail"


def test_every_section_is_seen(tab: Tab) -> None:
    assert tab.value("[...document.querySelectorAll('main > section')].map(s => s.id)") == SECTIONS
    heights = tab.value("[...document.querySelectorAll('main > section')].map(s => s.offsetHeight)")
    assert min(heights) > 80


def test_the_style_is_in_force(tab: Tab) -> None:
    assert tab.value("getComputedStyle(document.querySelector('.tiles')).display") == "grid"


def test_charts_and_waterfalls_are_painted(tab: Tab) -> None:
    bars = tab.value(
        "[...document.querySelectorAll('#latency .fill-passed')].map(b => b.getBoundingClientRect().width)"
    )
    assert len(bars) > 50
    assert min(bars) > 0.5
    parts = tab.value(
        "[...document.querySelectorAll('.instance[open] .bar rect')].map(b => b.getBoundingClientRect().width)"
    )
    assert min(parts) > 0
    assert max(parts) > 100


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_no_width_makes_the_page_scroll_sideways(tab: Tab, width: int) -> None:
    tab.resize(width)
    tab.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert tab.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_text_and_drawings_stand_out_from_their_ground(tab: Tab, scheme: str, width: int) -> None:
    tab.resize(width)
    tab.prefer(scheme)
    tab.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    least, text = tab.value(f"(() => {{ {CONTRAST} return worst('text'); }})()")
    assert 4.5 <= least < 21, text
    least, drawing = tab.value(f"(() => {{ {CONTRAST} return worst('drawing'); }})()")
    assert 3 <= least < 21, drawing


def test_light_and_dark_differ(tab: Tab) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        tab.prefer(scheme)
        grounds.append(tab.value("getComputedStyle(document.documentElement).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_a_red_threshold_leads_to_the_instance_that_shows_it(tab: Tab) -> None:
    link = "document.querySelector('.thresholds a[href^=\"#instance=\"]')"
    name = tab.value(f"{link}.innerText")
    tab.value(f"{link}.click()")
    tab.value(until("document.querySelector('#inst-opened')"))
    opened = "document.querySelector('.inst.is-open')"
    assert tab.value(f"{opened}.querySelector('.inst-id').innerText") == name
    assert tab.value("document.activeElement.closest('.inst').classList.contains('is-open')")
    assert 0 <= tab.value(f"{opened}.getBoundingClientRect().top") < 900


def test_without_the_script_the_same_link_leads_to_the_static_part(browser: Browser, page: Path) -> None:
    with browser.tab() as opened:
        opened.call("Emulation.setScriptExecutionDisabled", value=True)
        opened.open(page.as_uri())
        link = "document.querySelector('.thresholds a[href^=\"#instance=\"]')"
        opened.value(f"{link}.click()")
        target = f"document.getElementById({link}.hash.slice(1))"
        assert opened.value(f"{target}.closest('details').open")
        assert 0 <= opened.value(f"{target}.getBoundingClientRect().top") < 900


def test_it_can_be_walked_with_the_keyboard(tab: Tab) -> None:
    for _ in range(4):
        for kind in ("keyDown", "keyUp"):
            tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert tab.value("document.activeElement.closest('nav') !== null")
    assert tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_print_shows_what_is_folded_away(tab: Tab) -> None:
    tab.call("Emulation.setEmulatedMedia", media="print")
    folded = "document.querySelector('.instance:not([open]) .inside')"
    assert tab.value(f"{folded}.getBoundingClientRect().height") > 100


def test_an_unfinished_run_says_so_first_and_shows_no_pass(browser: Browser, unfinished_page: Path) -> None:
    with browser.tab() as opened:
        opened.open(unfinished_page.as_uri())
        assert opened.value("document.querySelector('.alarm').getBoundingClientRect().top") == 0
        assert "did not finish" in opened.value("document.querySelector('.alarm').innerText")
        assert opened.value("document.querySelector('.verdict').innerText").strip() == "Incomplete"
        words = opened.value("[...document.querySelectorAll('.thresholds .word')].map(w => w.innerText.trim())")
    assert "pass" not in words
    assert "held so far" in words
