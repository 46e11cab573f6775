"""The list of instances in a real browser: found by filter, link and keyboard; opened; beside a passing one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from tests.browser.test_report_in_chromium import CONTRAST
from tests.support import stories
from tests.support.axe import violations
from tests.support.chromium import Browser, Tab, until
from tests.support.reports import HOSTILE
from windtunnel.report import html
from windtunnel.report.model import Body, CheckStory, Report

pytestmark = pytest.mark.browser


STALE, SILENT, GONE = "checkout-3", "checkout-7", "checkout-11"
"""The first instance of each kind of failure of the shop."""

READY = until("document.querySelector('#instances').dataset.ready")
OPENED = until("document.querySelector('#inst-opened')")
CLOSED = until("!document.querySelector('#inst-opened')")
FOCUSED = "document.activeElement.closest('.inst')?.querySelector('.inst-id').innerText"
IDS = "[...document.querySelectorAll('.inst-id')].map(e => e.textContent)"
COUNT = "document.querySelector('.inst-controls [role=status]').innerText"


def write(report: Report, folder: Path) -> Path:
    page = folder / "report.html"
    page.write_text(html.render(report), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def shop_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(stories.shop(), tmp_path_factory.mktemp("shop"))


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.resize(1280)
        yield opened
        assert opened.errors == []


def show(tab: Tab, page: Path, **fragment: str) -> None:
    """Open a page at a fragment of its URL, and wait for its list."""
    told = "&".join(f"{name}={quote(value)}" for name, value in fragment.items())
    tab.open("about:blank")  # from another fragment of the same page nothing would be loaded
    tab.open(f"{page.as_uri()}#{told}" if told else page.as_uri())
    if not fragment:
        tab.value("document.getElementById('instances').scrollIntoView()")
    tab.value(READY)


def text(tab: Tab, selector: str = ".inst.is-open") -> str:
    found: str = tab.value(f"document.querySelector({selector!r}).innerText")
    return found


def test_the_list_begins_with_what_failed_and_says_how_many_there_are(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page)

    ids = tab.value(IDS)
    assert len(ids) == 40
    assert ids[:3] == [STALE, SILENT, GONE]
    assert tab.value(COUNT) == "40 of 40 instances. The run had 2,000."


def test_a_filter_in_the_url_is_applied_and_what_is_typed_is_kept_in_it(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, filter="s:failed step:pay")

    assert tab.value(IDS) == ["checkout-7", "checkout-19", "checkout-31"]
    assert tab.value("document.getElementById('inst-filter').value") == "s:failed step:pay"

    tab.value("document.getElementById('inst-filter').select()")
    tab.call("Input.insertText", text='"sku-0" status:409 sort:last')
    assert tab.value(IDS) == ["checkout-39", "checkout-27", "checkout-15", "checkout-3"]
    assert tab.value("document.getElementById('inst-order').value") == "last"
    kept = tab.value("location.href")
    tab.open("about:blank")
    tab.open(kept)
    tab.value(READY)
    assert tab.value(IDS) == ["checkout-39", "checkout-27", "checkout-15", "checkout-3"]


def test_a_mistake_in_the_filter_is_told_and_help_adds_a_term(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, filter="s:faild")

    assert "Did you mean s:failed?" in text(tab, ".inst-problems")
    tab.value("document.querySelector('.inst-help').open = true")
    tab.value("[...document.querySelectorAll('.term')].find(e => e.innerText === '>500ms').click()")
    assert tab.value("document.getElementById('inst-filter').value") == "s:faild >500ms"
    assert tab.value("document.activeElement.id") == "inst-filter"


def test_a_link_to_a_filter_brings_the_list_into_sight(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, filter="s:failed")
    tab.value("scrollTo(0, 0)")

    tab.value("location.hash = 'filter=step:pay%20s:failed'")

    assert tab.value(until(f"{IDS}.length === 3"))
    assert tab.value("document.getElementById('inst-filter').value") == "step:pay s:failed"
    assert 0 <= tab.value("document.getElementById('inst-filter').getBoundingClientRect().top") < 300


def test_a_group_of_errors_leads_to_the_instances_that_failed_so(tab: Tab, page: Path) -> None:
    tab.open(page.as_uri())
    tab.value(until("document.documentElement.dataset.ready"))

    cause = tab.value("document.querySelector('.error h3 code').innerText")
    tab.value("[...document.querySelectorAll('.error a')].find(a => a.hash.startsWith('#filter=')).click()")
    tab.value(READY)

    assert tab.value("document.getElementById('inst-filter').value").endswith(f" cause:{cause}")
    outcomes = tab.value("[...document.querySelectorAll('.inst .word')].map(e => e.textContent)")
    assert set(outcomes) == {"failed"}
    count, every = (int(word) for word in tab.value(COUNT).split()[:3:2])
    assert 0 < count < every


def test_a_range_of_time_leaves_the_instances_that_ran_in_it(tab: Tab, page: Path) -> None:
    show(tab, page, filter="sort:first")
    every = tab.value(IDS)
    show(tab, page, filter="sort:first", range="0-2")

    left = tab.value(IDS)
    assert 0 < len(left) < len(every)
    assert left == every[: len(left)]
    assert "of those between" in tab.value(COUNT)


def test_the_order_is_a_term_of_the_filter(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, filter="s:failed")

    tab.value(
        "(order => { order.value = 'slowest'; order.dispatchEvent(new Event('change')); })"
        "(document.getElementById('inst-order'))"
    )

    assert tab.value("decodeURIComponent(location.hash)") == "#filter=s:failed sort:slowest"
    by_time = sorted(stories.shop().stories, key=lambda each: -each.duration_us)
    assert tab.value(IDS) == [each.instance_id for each in by_time if each.outcome == "failed"]


def test_a_link_opens_an_instance_and_back_closes_it(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page)

    tab.value(f"location.hash = 'instance={SILENT}'")
    tab.value(OPENED)
    assert text(tab).count(SILENT) > 1
    assert tab.value(FOCUSED) == SILENT
    top = tab.value("document.querySelector('.inst.is-open').getBoundingClientRect().top")
    assert 0 <= top < 200
    tab.value("history.back()")
    tab.value(CLOSED)
    assert tab.value("document.querySelectorAll('.is-open').length") == 0


def test_an_instance_that_is_not_in_the_file_is_said_with_the_way_to_it(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, instance="checkout-999")

    told = text(tab, ".inst-missing")
    assert "checkout-999 is not among the instances in this file." in told
    assert "windtunnel trace runs/20261122T201512Z-7f3a9c --instance-id checkout-999" in told


def test_the_keyboard_walks_opens_and_closes_and_keeps_the_place(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, filter="s:failed")

    tab.value("document.getElementById('inst-filter').focus()")
    tab.press("ArrowDown")
    assert tab.value(FOCUSED) == STALE
    tab.press("ArrowDown")
    tab.press("ArrowDown")
    tab.press("ArrowUp")
    assert tab.value(FOCUSED) == SILENT
    tab.press("Enter")
    tab.value(OPENED)
    assert tab.value(FOCUSED) == SILENT
    assert f"instance={SILENT}" in tab.value("location.hash")
    tab.press("Tab")
    assert tab.value("document.activeElement.closest('#inst-opened') !== null")
    tab.press("Escape")
    tab.value(CLOSED)
    assert tab.value(FOCUSED) == SILENT
    tab.press("ArrowRight")
    tab.value(OPENED)
    tab.press("ArrowLeft")
    tab.value(CLOSED)
    assert tab.value("location.hash") == "#filter=s%3Afailed"
    assert tab.value("document.querySelectorAll('.inst-row[tabindex=\"0\"]').length") == 1


@pytest.mark.parametrize(
    ("instance", "first", "before"),
    [
        (
            STALE,
            'step "add_to_cart": status 201 became 409',
            [
                'step "list_products": response header X-Cache HIT became MISS',
                'step "list_products": response body $.items[0].price 1990 became 2490',
            ],
        ),
        (SILENT, 'step "pay": status 200 became 503', []),
        (
            GONE,
            'step "await_order": check "json $.state" failed: expected "paid", got "cancelled"',
            [
                'step "await_order": response body $.state "pending" became "cancelled"',
                'step "await_order": response body $.state "pending" became "cancelled"',
                'step "await_order": response body $.state "paid" became "cancelled"',
            ],
        ),
    ],
)
def test_the_first_difference_from_a_passing_one_is_named_and_marked(
    tab: Tab, shop_page: Path, instance: str, first: str, before: list[str]
) -> None:
    show(tab, shop_page, instance=instance)

    assert first in text(tab, ".part-says")
    assert tab.value("[...document.querySelectorAll('.part-before li')].map(e => e.innerText)") == before
    assert tab.value("document.querySelectorAll('.wf-step.parted').length") == 1
    assert f"First difference: {first}" in text(tab, ".wf-step.parted summary")
    assert tab.value("document.querySelector('.wf-step.parted').open")


def test_steps_stand_beside_those_of_the_passing_one_and_can_stand_alone(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, instance=STALE)
    names = "[...document.querySelectorAll('.wf-step .wf-name')].map(e => e.firstChild.data)"

    both = tab.value(names)
    assert both == ["list_products", "add_to_cart", "pay", "await_order", "order is paid"]
    assert "only checkout-2 ran it" in text(tab, ".wf-step:nth-of-type(3) .wf-name")
    tab.value("document.querySelector('.part-head input').click()")
    assert tab.value(names) == ["list_products", "add_to_cart", "order is paid"]
    assert tab.value("document.querySelectorAll('.wf-track.other').length") == 0


def test_headers_and_lines_that_differ_are_marked(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, instance=STALE)
    tab.value("document.querySelector('.wf-step').open = true")
    tab.value(until("document.querySelector('.wf-step .ex')"))

    marked = tab.value(
        "[...document.querySelectorAll('.wf-step:first-of-type .ex-headers .differs')].map(e => e.innerText)"
    )
    assert [line.split() for line in marked] == [["≠", "differs", "X-Cache", told] for told in ("MISS", "HIT")]
    lines = tab.value(
        "[...document.querySelectorAll('.wf-step:first-of-type .ex-line')].map(e => e.innerText.trim())"
    )
    assert '"price": 2490' in lines
    assert '"price": 1990' in lines


def test_attempts_are_rows_and_bars_are_to_scale(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, instance=SILENT)

    kinds = tab.value("[...document.querySelectorAll('.parted .wf-kind')].map(e => e.innerText)")
    assert kinds == ["request, 503", "attempt 2, 503", "attempt 3, timeout"]
    widths = tab.value(
        "[...document.querySelectorAll('.parted .wf-track.thin')].map(e => "
        "e.querySelector('.k-wait').getBoundingClientRect().width / e.getBoundingClientRect().width)"
    )
    end = tab.value("document.querySelector('.wf-ticks :last-child').innerText")
    assert widths[2] == pytest.approx(500 / float(end.removesuffix(" ms")), rel=0.02)
    assert "requests" in text(tab, ".parted .wf-took")
    assert tab.value("document.querySelector('.wf-track').getAttribute('aria-label')").startswith(
        "passed, began at"
    )


def test_copying_gives_the_id_and_says_so(browser: Browser, shop_page: Path) -> None:
    with browser.tab() as tab:
        tab.open(f"{shop_page.as_uri()}#instance={STALE}")
        tab.value(OPENED)
        tab.value(
            "(() => { globalThis.got = []; navigator.clipboard.writeText = async text => { got.push(text); };"
            "document.querySelectorAll('.ids .copy-button, .inst-actions .copy-button').forEach(b => b.click());"
            "})()"
        )
        tab.value(until("document.querySelector('.copy-told').innerText === 'Copied'"))
        got = tab.value("got")

    assert got[0] == STALE
    assert len(got[1]) == 32
    assert got[2].endswith(f"#instance={STALE}")
    assert got[3] == f"windtunnel trace runs/20261122T201512Z-7f3a9c --instance-id {STALE}"


def test_a_request_is_copied_as_a_line_for_a_shell(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, instance=STALE)
    tab.value(
        "(() => { navigator.clipboard.writeText = async text => { globalThis.got = text; };"
        "[...document.querySelectorAll('.parted .ex button')].find(e => e.innerText === 'Copy as cURL').click();"
        "})()"
    )

    got = tab.value("got")
    assert got.startswith("curl -H ")
    assert got.endswith("http://shop.internal:8080/carts/3/items")
    assert """--data-raw '{"sku":"sku-0",""" in got


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://tracing.test/t/{trace_id}?i={instance_id}", f"https://tracing.test/t/{3:032x}?i=shop-3"),
        ("", None),
        ("javascript:alert(1)//{trace_id}", None),
    ],
)
def test_the_tracing_of_the_user_is_linked(tab: Tab, tmp_path: Path, url: str, href: str | None) -> None:
    report = stories.report(stories.story(stories.step(), index=3))
    manifest = msgspec.structs.replace(report.manifest, tracing_url=url)
    show(tab, write(dataclasses.replace(report, manifest=manifest), tmp_path), instance="shop-3")

    assert tab.value("document.querySelector('.inst-actions a')?.href ?? null") == href


def hostile_shop(hostile: str) -> Report:
    report = stories.shop(8)
    body = Body(text=hostile[:9_000], size=len(hostile), whole=False)
    heads = ((hostile[:300], hostile[:300]),)
    told = []
    for each in report.stories:
        steps = tuple(
            dataclasses.replace(
                step,
                name=hostile,
                message=hostile,
                error=hostile,
                extracted=(hostile,),
                checks=(CheckStory(name=hostile, ok=False, expected=hostile, actual=hostile),),
                requests=tuple(
                    dataclasses.replace(
                        request,
                        url=hostile,
                        method=hostile,
                        error_detail=hostile,
                        service=hostile,
                        request_headers=heads,
                        response_headers=heads,
                        request_body=body,
                        response_body=body,
                    )
                    for request in step.requests
                ),
            )
            for step in each.steps
        )
        told.append(
            dataclasses.replace(
                each, steps=steps, instance_id=f"{hostile[:100]} {each.index}", scenario=hostile, message=hostile
            )
        )
    return dataclasses.replace(report, stories=tuple(told))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_server_answers_does_nothing_and_is_shown_as_text(tab: Tab, tmp_path: Path, hostile: str) -> None:
    page = write(hostile_shop(hostile), tmp_path)
    show(tab, page)
    tab.value("document.querySelector('.inst-row').click()")
    tab.value(OPENED)
    tab.value("document.querySelectorAll('.wf-step').forEach(e => { e.open = true; })")
    tab.value(until("document.querySelector('.wf-step pre')"))

    assert (
        tab.value("document.querySelectorAll('#instances script, #instances img, #instances iframe').length") == 0
    )
    assert tab.value("document.querySelectorAll('#instances a:not([href^=\"#instance=\"])').length") == 0
    assert (
        tab.value("document.querySelector('#instances').innerText.match(/[\\u0000-\\u0008\\u001b\\u202e\\u2028]/)")
        is None
    )
    shown = tab.value("document.querySelector('.wf-step pre').textContent")
    assert "alert(1)" in shown or "alert" not in hostile
    others = [url for url in tab.requests if not url.startswith("data:image/svg+xml")]
    assert others == [page.as_uri()]


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_an_open_instance_never_makes_the_page_scroll_sideways(tab: Tab, shop_page: Path, width: int) -> None:
    tab.resize(width)
    show(tab, shop_page, instance=SILENT)
    tab.value("document.querySelectorAll('.inst details').forEach(d => { d.open = true; })")

    assert tab.value("document.documentElement.scrollWidth") <= width
    boxes = tab.value(
        "[...document.querySelectorAll('.inst.is-open *')]"
        ".filter(e => !e.closest('.unseen, svg, pre, .ex-headers'))"
        ".map(e => e.getBoundingClientRect()).filter(r => r.width).map(r => r.right)"
    )
    assert max(boxes) <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_everything_stands_out_from_its_ground(tab: Tab, shop_page: Path, scheme: str, width: int) -> None:
    tab.resize(width)
    tab.prefer(scheme)
    show(tab, shop_page, instance=STALE)
    tab.value("document.querySelectorAll('.inst details').forEach(d => { d.open = true; })")

    least, what = tab.value(f"(() => {{ {CONTRAST} return worst('text'); }})()")
    assert 4.5 <= least < 21, what
    least, what = tab.value(f"(() => {{ {CONTRAST} return worst('drawing'); }})()")
    assert 3 <= least < 21, what


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(tab: Tab, shop_page: Path, scheme: str) -> None:
    tab.prefer(scheme)
    show(tab, shop_page, instance=STALE)
    tab.value("document.querySelectorAll('.inst details, .inst-help').forEach(d => { d.open = true; })")
    tab.value(until("document.querySelector('.wf-step:first-of-type pre')"))

    assert violations(tab, "#instances") == []


def test_print_shows_what_is_folded_in_the_open_instance(tab: Tab, shop_page: Path) -> None:
    show(tab, shop_page, instance=STALE)
    tab.value("dispatchEvent(new Event('beforeprint'))")
    tab.call("Emulation.setEmulatedMedia", media="print")

    folded = "document.querySelector('.wf-step:not([open]) .wf-inside')"
    assert tab.value(f"{folded}.getBoundingClientRect().height") > 100
    assert tab.value("getComputedStyle(document.querySelector('.inst-controls')).display") == "none"
    widths = tab.value(
        "['.wf-name', '.wf-tracks', '.is-open .inst-id'].map("
        "each => document.querySelector(each).getBoundingClientRect().width)"
    )
    assert widths[0] > 100
    assert widths[1] > 400
    assert widths[2] > 80


def test_five_hundred_instances_are_listed_filtered_and_opened(tab: Tab, tmp_path: Path) -> None:
    show(tab, write(stories.shop(500), tmp_path), filter="step:pay status:503")

    assert len(tab.value(IDS)) == 42
    tab.value("document.getElementById('inst-filter').select()")
    tab.call("Input.insertText", text="cancelled sort:slowest")
    assert len(tab.value(IDS)) == 41
    tab.value("document.getElementById('inst-filter').select()")
    tab.press("Delete", 46)
    assert tab.value(COUNT).startswith("500 of 500")
