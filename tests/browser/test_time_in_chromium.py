"""Time on the page, in a real browser: charts are painted, and a range of time recomputes what is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import sample_run
from tests.support.axe import violations
from tests.support.chromium import Browser, Tab
from windtunnel import figures
from windtunnel.metrics.bins import percentiles
from windtunnel.metrics.cells import StepCell
from windtunnel.metrics.cube import Cube, StepRow
from windtunnel.report import assets
from windtunnel.report.collect import analyse

pytestmark = pytest.mark.browser

PAINTED = """(canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 128) seen.add(data.slice(i, i + 3).join());
  return seen.size;
})"""
"""How many colours a canvas shows."""

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
FRAME = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
TILES = (
    "Object.fromEntries([...document.querySelectorAll('.tiles [data-figure]')]"
    ".map(tile => [tile.dataset.figure, tile.querySelector('.value').textContent]))"
)


@pytest.fixture
def tab(browser: Browser, page: Path) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.resize(1280)
        opened.open_report(page.as_uri())
        yield opened


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    """The counts by time of the run of the page."""
    return analyse(sample_run.write_run(tmp_path_factory.mktemp("cube"))).aggregate.cube


def row_of(tab: Tab, step: str) -> dict[str, str]:
    """The figures in the row of a step, by their names; without the share in small print."""
    found: dict[str, str] = tab.value(
        f"""(() => {{
          const row = [...document.querySelectorAll("tr[data-step]")].find(r => r.innerText.includes("{step}"));
          return Object.fromEntries([...row.querySelectorAll("[data-figure]")]
            .map(cell => [cell.dataset.figure, cell.firstChild.textContent]));
        }})()"""
    )
    return found


def choose(tab: Tab, buckets: tuple[int, int]) -> None:
    """Choose a range by the fragment of the URL, as a link does."""
    tab.value(f"void (location.hash = 'range={buckets[0]}-{buckets[1]}')")
    tab.value(FRAME)


def cells_of(cube: Cube, row: StepRow, buckets: tuple[int, int]) -> list[StepCell]:
    first = cube.buckets.start
    return [cell for number, cell in cube.steps[row].items() if buckets[0] <= number - first < buckets[1]]


def durations(bins: Iterable[dict[int, int]], percents: Sequence[float]) -> list[str]:
    """Percentiles of all bins together, as they are written."""
    together: Counter[int] = Counter()
    for each in bins:
        together.update(each)
    return [figures.duration(us / 1000) for us in percentiles(together, percents)]


def test_every_chart_is_painted_in_several_colours(tab: Tab) -> None:
    colours = tab.value(f"[...document.querySelectorAll('#timeline canvas')].map({PAINTED})")

    assert len(colours) >= 4
    assert min(colours) > 2, "axes, a grid and a line at least"
    assert tab.errors == []


@pytest.mark.parametrize("buckets", [(0, 1), (3, 9), (10, 25), (31, 32)])
def test_a_range_says_what_python_says_of_the_same_range(tab: Tab, cube: Cube, buckets: tuple[int, int]) -> None:
    choose(tab, buckets)
    tiles = tab.value(TILES)

    rows = [row for row in cube.steps if not row.warmup]
    cells = [cell for row in rows for cell in cells_of(cube, row, buckets)]
    assert tiles["requests"] == figures.number(sum(cell.requests for cell in cells))
    sent = [bins for cell in cells for bins in (cell.sent_passed_us, cell.sent_failed_us)]
    assert [tiles[name] for name in ("p50", "p95", "p99", "p999")] == durations(sent, (50, 95, 99, 99.9))
    for row in rows:
        found = row_of(tab, row.step)
        of_step = cells_of(cube, row, buckets)
        assert found["count"] == figures.number(sum(cell.ended for cell in of_step)), row
        assert found["failed"] == figures.number(sum(cell.failed + cell.errored for cell in of_step)), row
        if any(cell.ended for cell in of_step):
            bins = [bins for cell in of_step for bins in (cell.passed_us, cell.failed_us)]
            told = [found[name] for name in ("p50", "p90", "p95", "p99")]
            assert told == durations(bins, (50, 90, 95, 99)), row


def test_a_range_over_everything_counts_what_the_whole_run_counted(tab: Tab, cube: Cube) -> None:
    told = (
        "[...document.querySelectorAll('[data-figure=requests] .value, [data-figure=instances] .value, "
        "tr[data-step] [data-figure=count], tr[data-step] [data-figure=failed], "
        "tr[data-requests] [data-figure=count], [data-cause] .count')]"
        ".map(cell => cell.firstChild.textContent)"
    )
    before = tab.value(told)
    choose(tab, (0, len(cube.buckets)))

    pairs = [(was, now) for was, now in zip(before, tab.value(told), strict=True) if was != now]
    assert [was for was, _ in pairs] == ["300", "0"], "the row of the assertion, which is not counted over time"
    assert not any(now.isdigit() for _, now in pairs)


def test_errors_count_what_happened_in_the_range(tab: Tab, cube: Cube) -> None:
    choose(tab, (3, 9))
    first = cube.buckets.start
    wanted = sorted(
        figures.number(sum(n for number, n in counts.items() if 3 <= number - first < 9))
        for counts in cube.causes.values()
    )

    told = tab.value("[...document.querySelectorAll('[data-cause] .count')].map(c => c.textContent)")

    assert sorted(told) == wanted


def test_the_whole_run_comes_back_word_for_word(tab: Tab) -> None:
    everything = "document.querySelector('#figures').innerText + document.querySelector('#steps').innerText"
    before = tab.value(everything)
    choose(tab, (3, 9))
    assert tab.value(everything) != before
    tab.value("document.querySelector('#range button').click()")

    assert tab.value(everything) == before
    assert tab.value("location.hash") == ""
    assert tab.value("document.querySelector('#range').hidden")


def drag(tab: Tab, chart: str, begin: float, end: float) -> None:
    """Drag over a chart, from one share of its width to another."""
    tab.value(f"document.querySelector('{chart}').scrollIntoView({{block: 'center'}})")
    box: dict[str, Any] = tab.value(f"document.querySelector('{chart}').getBoundingClientRect().toJSON()")
    y = box["top"] + box["height"] / 2
    places = [box["left"] + box["width"] * share for share in (begin, (begin + end) / 2, end)]
    for kind, x in zip(("mousePressed", "mouseMoved", "mouseReleased"), places, strict=True):
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
        tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
    tab.value(FRAME)


def test_dragging_over_a_chart_chooses_a_range(tab: Tab, cube: Cube) -> None:
    drag(tab, "#panels .u-over", 0.25, 0.5)

    buckets = len(cube.buckets)
    begin, end = map(int, tab.value("location.hash").removeprefix("#range=").split("-"))
    assert (begin, end) == pytest.approx((buckets / 4, buckets / 2), abs=1)
    assert tab.value("document.querySelector('#range [role=status]').textContent").startswith("Showing ")
    marked = tab.value("[...document.querySelectorAll('.u-select')].map(s => s.getBoundingClientRect().width)")
    assert min(marked) > 100, "the range is marked in every chart"


def test_a_range_can_be_chosen_with_the_keyboard(tab: Tab) -> None:
    tab.value("document.querySelector('#brush input').focus()")
    for _ in range(2):
        for kind in ("keyDown", "keyUp"):
            tab.call(
                "Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39
            )
    tab.value(FRAME)

    assert tab.value("location.hash").startswith("#range=2-")


@pytest.mark.parametrize("fragment", ["range=5-999999", "range=500000-999999", "range=9-3", "range=a-b"])
def test_a_range_of_another_run_does_no_harm(browser: Browser, page: Path, fragment: str) -> None:
    with browser.tab() as opened:
        opened.open_report(f"{page.as_uri()}#{fragment}")
        assert opened.errors == []
        assert opened.value("document.querySelectorAll('#timeline canvas').length") >= 4


def test_a_step_opens_to_its_distribution_and_its_percentiles(tab: Tab) -> None:
    tab.value("[...document.querySelectorAll('.opener')].find(b => b.ariaLabel.includes('pay')).click()")

    titles = tab.value("[...document.querySelectorAll('.opened:not([hidden]) h3')].map(h => h.textContent)")
    assert titles == ["Distribution", "Percentiles"]
    paths = tab.value(
        "[...document.querySelectorAll('.opened:not([hidden]) path.line')]"
        ".map(line => line.getBoundingClientRect().width)"
    )
    assert len(paths) == 2, "successes and failures apart"
    assert min(paths) > 50


def test_steps_are_put_in_order_by_a_column(tab: Tab) -> None:
    name = "row.querySelector('th').innerText.split(' ')[0].trim()"
    names = f"[...document.querySelectorAll('tr[data-step]')].map(row => {name})"
    head = "[...document.querySelectorAll('.sorter')].find(b => b.textContent.startsWith('p95'))"
    as_planned = tab.value(names)
    orders = {}
    for order in ("descending", "ascending", "none"):
        tab.value(f"{head}.click()")
        assert tab.value(f"{head}.parentElement.ariaSort") == order
        orders[order] = tab.value(names)

    assert orders["descending"][:4] == ["pay", "await_order", "add_to_cart", "list_products"]
    assert orders["ascending"][:4] == orders["descending"][:4][::-1]
    assert orders["none"] == as_planned


def test_what_is_inside_of_a_step_stays_below_it(tab: Tab) -> None:
    """With rows made by hand, as the run of the page has no step inside of another."""
    told = tab.value(
        f"""(() => {{
          {assets.module("dom.js")}
          {assets.module("sorting.js")}
          const table = $dom.el("table", {{}}, $dom.el("thead", {{}}, $dom.el("tr", {{}},
            $dom.el("th", {{ "data-sort": "count" }}, "Count"))), $dom.el("tbody"));
          const rows = [["group", 0, 5], ["inner", 1, 1], ["other", 1, 9], ["lone", 0, 7], ["none", 0, null]];
          const blocks = rows.map(([name, depth, count], place) =>
            ({{ place, depth, rows: [$dom.el("tr", {{ id: name }})], value: () => count }}));
          $sorting.offerSorting(table, [[table.querySelector("tbody"), blocks]]);
          const seen = () => [...table.querySelectorAll("tbody tr")].map(row => row.id).join(" ");
          return [1, 2, 3].map(() => (table.querySelector("button").click(), seen()));
        }})()"""
    )

    assert told == ["lone group other inner none", "group inner other lone none", "group inner other lone none"]


def test_the_heatmap_is_read_with_the_keyboard(tab: Tab) -> None:
    tab.value("document.querySelector('.heatmap').focus()")
    for key, code in (("ArrowRight", 39), ("ArrowUp", 38)):
        tab.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code)

    assert "request" in tab.value("document.querySelector('.said').textContent")


def test_light_and_dark_can_be_chosen(tab: Tab) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    tab.prefer("light")
    light = tab.value(ground)
    tab.value("document.querySelector('.tools button').click(); document.querySelector('.tools button').click()")

    assert tab.value("document.querySelector('.tools button').textContent") == "Theme: dark"
    assert tab.value(ground) != light


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_on_the_page_with_a_range_and_an_open_step(tab: Tab, scheme: str, width: int) -> None:
    tab.resize(width)
    tab.prefer(scheme)
    choose(tab, (3, 9))
    tab.value("document.querySelector('.opener').click()")

    assert violations(tab) == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_a_range_and_an_open_step_show_stands_out(tab: Tab, scheme: str, width: int) -> None:
    tab.resize(width)
    tab.prefer(scheme)
    choose(tab, (3, 9))
    tab.value("document.querySelectorAll('.opener').forEach(button => button.click())")

    for kind, least in (("text", 4.5), ("drawing", 3)):
        found, what = tab.value(f"(() => {{ {CONTRAST} return worst('{kind}'); }})()")
        assert least <= found < 21, what


def test_without_its_script_the_page_says_everything_that_is_static(browser: Browser, page: Path) -> None:
    with browser.tab() as opened:
        opened.resize(1280)
        opened.call("Emulation.setScriptExecutionDisabled", value=True)
        opened.open(page.as_uri())
        opened.call("Emulation.setScriptExecutionDisabled", value=False)
        assert opened.value("document.documentElement.dataset.ready") is None
        heights = opened.value("[...document.querySelectorAll('main > section')].map(s => [s.id, s.offsetHeight])")
        assert all(height > 80 for _, height in heights), heights
        parts = "rect[class^=fill-], path"
        drawn = opened.value(
            "[...document.querySelectorAll('.static-course .columns')]"
            f".map(s => s.querySelectorAll('{parts}').length)"
        )
        assert drawn[0] > 20
        assert drawn[1] == 3, "p50, p95 and p99"


def test_rates_of_a_run_that_ends_within_a_bucket_stay_true(browser: Browser, disturbed_page: Path) -> None:
    with browser.tab() as opened:
        opened.resize(1280)
        opened.open_report(disturbed_page.as_uri())
        told = opened.value("document.querySelector('#panels canvas').ariaLabel")

    assert "all at most 20/s" in told


def test_a_browser_that_cannot_inflate_shows_the_static_drawing(browser: Browser, page: Path) -> None:
    with browser.tab() as opened:
        opened.resize(1280)
        opened.call("Page.addScriptToEvaluateOnNewDocument", source="delete window.DecompressionStream")
        opened.open_report(page.as_uri())

        assert opened.value("document.documentElement.dataset.ready") == "no"
        assert opened.value("document.querySelector('.static-course').getBoundingClientRect().height") > 150
