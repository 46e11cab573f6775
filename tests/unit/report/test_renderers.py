"""What every renderer owes: an honest verdict, and no way for text from the SUT to do anything."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt

from tests.support import sample_run
from tests.support.reports import HOSTILE, bare, with_text
from windtunnel.metrics.histogram import Histogram
from windtunnel.model.note import sentence
from windtunnel.model.summary import NoteGroup, Summary
from windtunnel.model.sut import DEFAULT_SERVICE
from windtunnel.model.verdict import EXIT_CODES
from windtunnel.model.vocabulary import VerdictWord
from windtunnel.report import html, json, junit, markdown, terminal
from windtunnel.report.model import Report
from windtunnel.report.renderers import RENDERERS
from windtunnel.report.text import prose
from windtunnel.report.wording import NO_VALUE, TIMES, UNFINISHED, requests_beside

VERDICTS = sorted(EXIT_CODES)
FOR_PEOPLE = ["html", "markdown", "json", "terminal"]
SILENT = {"k6", "dotenv", "external-links"}
"""Renderers that pass on no text that others wrote; test_ci_files.py says what they do."""


class Tags(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def links_of(markdown_text: str) -> list[str]:
    """Every link, image and piece of HTML that the Markdown comes to, but our own line breaks and folded parts."""
    parser = MarkdownIt("commonmark").enable("table")
    found = []
    for block in parser.parse(markdown_text):
        for token in [block, *(block.children or [])]:
            if token.type in {"link_open", "image"}:
                found.append(token.type)
            if token.type == "html_block" and "<" in re.sub("</?(details|summary|code)>", "", token.content):
                found.append(token.content)
            if token.type == "html_inline" and token.content != "<br>":
                found.append(token.content)
    return found


def prose_of(markdown_text: str) -> str:
    """The text outside of code."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = [t for block in parser.parse(markdown_text) for t in (block.children or [])]
    return "\n".join(token.content for token in tokens if token.type == "text")


def retried(report: Report) -> Report:
    """The report of a run in which the last step sent 337 requests, 237 of them beyond the first attempt."""
    quick = Histogram([9_000, 12_000, 31_000]).to_distribution()
    summary = report.summary
    *steps, last = summary.steps
    last = msgspec.structs.replace(last, requests=337, requests_failed=237, retries=237, request_latency=quick)
    return bare(msgspec.structs.replace(summary, steps=[*steps, last]))


COLUMN = {
    "terminal": r"(?m)^step +count +failed +retries +p50",
    "markdown": r"\| Failed \| Retries \| p50 \|",
    "html": r'>Failed</th><th scope="col" class="num">Retries</th>',
    "junit": "237 attempts beyond the first, in 337 requests",
    "openmetrics": 'windtunnel_step_retries_total{scenario="checkout",step="pay"} 237',
    "json": '"retries": 237',
}
BESIDE = {
    "terminal": r"each request +337 +237 +12 ms",
    "markdown": r"&emsp;each request \| 337 \| 237 \|  \| 12 ms",
    "html": r'each request <span class="small">of pay</span>',
    "openmetrics": 'windtunnel_step_request_latency_seconds{scenario="checkout",step="pay",quantile="0.5"} 0.012',
}


@pytest.mark.parametrize("renderer", COLUMN)
def test_retries_show_where_something_was_retried_and_only_there(renderer: str) -> None:
    plain = bare(sample_run.summary())
    render = RENDERERS[renderer][1]

    assert re.search(COLUMN[renderer], render(retried(plain)))
    assert not re.search(COLUMN[renderer], render(plain))
    assert "etries" not in render(plain) or renderer == "json"


NOTED = {
    "terminal": "notes on responses\n- a|b: 3 cookies refused: Secure, over plain HTTP (first: log*in)",
    "markdown": "### Notes on responses\n\n- a\\|b: 3 cookies refused: Secure, over plain HTTP (first: `log*in`)",
    "html": "<dt>log*in</dt><dd>a|b: 3 cookies refused: Secure, over plain HTTP",
    "json": '"message": "3 cookies refused: Secure, over plain HTTP"',
}


@pytest.mark.parametrize("renderer", NOTED)
def test_what_a_service_does_against_the_standards_is_told_once(renderer: str) -> None:
    plain = sample_run.summary()
    note = NoteGroup(
        service="a|b",
        kind="cookie_secure",
        count=3,
        message=sentence("cookie_secure", 3),
        first_t=plain.run.started + 2,
        step="log*in",
        instances=["checkout-17"],
    )
    render = RENDERERS[renderer][1]

    assert render(bare(msgspec.structs.replace(plain, notes=[note]))).count(NOTED[renderer]) == 1
    assert "notes on responses" not in render(bare(plain)).lower()


@pytest.mark.parametrize("renderer", ["terminal", "markdown", "html"])
def test_a_note_of_the_only_service_does_not_begin_with_a_name_that_is_in_no_file(renderer: str) -> None:
    plain = sample_run.summary()
    message = sentence("bare_line_feed", 2)
    note = NoteGroup(
        service=DEFAULT_SERVICE,
        kind="bare_line_feed",
        count=2,
        message=message,
        first_t=plain.run.started,
        step="home",
        instances=[],
    )
    page = RENDERERS[renderer][1](bare(msgspec.structs.replace(plain, notes=[note])))

    assert message in page
    assert f"{DEFAULT_SERVICE}: " not in page


@pytest.mark.parametrize("renderer", BESIDE)
def test_the_times_of_requests_stand_below_a_step_that_took_longer_and_only_there(renderer: str) -> None:
    plain = bare(sample_run.summary())
    render = RENDERERS[renderer][1]

    assert re.search(BESIDE[renderer], render(retried(plain)))
    assert not re.search(BESIDE[renderer], render(plain))


@pytest.mark.parametrize(
    ("step_ms", "request_ms", "lag_ms", "shown"),
    [
        (2.0, 1.2, 0.0, False),
        (20.0, 19.0, 0.0, False),
        (20.0, 12.0, 0.0, True),
        (3.0, 1.9, 0.0, True),
        (20.0, 21.0, 0.0, False),
        (20.0, 12.0, 9.0, False),
    ],
)
def test_the_times_of_requests_are_shown_where_they_differ_by_more_than_a_person_cares_for(
    step_ms: float, request_ms: float, lag_ms: float, shown: bool
) -> None:
    row = sample_run.summary().steps[0]
    one, other = (Histogram([round(ms * 1000)]).to_distribution() for ms in (step_ms, request_ms))

    row = msgspec.structs.replace(row, latency=one, request_latency=other)

    assert (requests_beside(row, lag_ms) is not None) is shown


EXPONENT = re.compile(r"\b\d+(\.\d+)?e[+-]?\d+\b", re.IGNORECASE)


def scaled(document: Any, factor: float) -> Any:
    """A document with every fraction in it so many times as large."""
    if isinstance(document, dict):
        return {key: scaled(value, factor) for key, value in document.items()}
    if isinstance(document, list):
        return [scaled(value, factor) for value in document]
    return document * factor if isinstance(document, float) else document


@pytest.mark.parametrize("factor", [10.0**power for power in range(-9, 13, 3)])
@pytest.mark.parametrize("renderer", ["html", "markdown", "terminal", "junit"])
def test_no_figure_of_any_magnitude_has_an_exponent_where_people_read_it(renderer: str, factor: float) -> None:
    summary = msgspec.convert(scaled(msgspec.to_builtins(sample_run.compared()), factor), Summary)

    page = RENDERERS[renderer][1](bare(summary))

    seen = re.sub(r"(?s)<(style|script).*?</\1>|<[^>]*>", " ", page) if renderer == "html" else page
    assert EXPONENT.findall(seen) == []
    assert len(re.findall(r"\d", seen)) > 100


def test_the_page_shows_the_headers_of_both_directions(failing_report: Report) -> None:
    page = html.render(failing_report)

    assert "Request headers, 10</summary>" in page
    assert "Response headers, 5</summary>" in page
    assert "<b>Set-Cookie</b>: sid=[redacted]; Path=/; Secure; HttpOnly; SameSite=Lax" in page


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_page_has_the_same_elements_whatever_the_sut_says(failing_report: Report, text: str) -> None:
    # Of one length, because a long message stands in a paragraph of its own.
    harmless = Tags(html.render(with_text(failing_report, ("harmless " * 20)[: len(text)])))
    page = html.render(with_text(failing_report, text))
    hostile = Tags(page)
    assert hostile.elements == harmless.elements
    assert [name for name, _ in hostile.attributes] == [name for name, _ in harmless.attributes]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202e]", page)
    links = [value for name, value in hostile.attributes if name in {"href", "src"}]
    assert all(link.startswith(("#", "data:image/svg+xml,")) for link in links)


def test_the_page_allows_nothing_but_its_own_script_and_style(failing_report: Report) -> None:
    page = html.render(failing_report)
    tags = Tags(page)
    assert not {"iframe", "object", "link-stylesheet", "form", "base"} & set(tags.elements)
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
    policy = next(value for name, value in tags.attributes if name == "content" and "default-src" in value)
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    (script,) = re.findall('<script type="module">(.*?)</script>', page, re.DOTALL)
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; style-src 'sha256-{style_hash}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert "http" not in style


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_markdown_keeps_its_tables_and_gets_no_links_html_or_mentions(failing_report: Report, text: str) -> None:
    harmless = markdown.render(with_text(failing_report, "harmless"))
    hostile = markdown.render(with_text(failing_report, text))
    parser = MarkdownIt("commonmark").enable("table")
    shape = [token.type for token in parser.parse(hostile)]
    assert shape == [token.type for token in parser.parse(harmless)]
    assert links_of(hostile) == []
    assert not re.search(r"(?i)@\w|#\d|https?://|www\.|:tada:", prose_of(hostile))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202e]", hostile)
    assert "##[" not in hostile
    assert not [line for line in hostile.split("\n") if line.lstrip().startswith("::")]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_terminal_shows_no_escape_and_obeys_no_command(failing_report: Report, text: str, width: int) -> None:
    shown = terminal.render(with_text(failing_report, text), width=width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", shown)
    assert "##[" not in shown
    assert not [line for line in shown.split("\n") if line.lstrip().startswith("::")]


def test_nothing_from_the_sut_is_rendered_as_a_template(failing_report: Report) -> None:
    text = "{{ 777 * 777 }}"
    told = RENDERERS.keys() - SILENT
    assert told > set(FOR_PEOPLE) - {"json"}
    for name in told:
        shown = RENDERERS[name][1](with_text(failing_report, text))
        assert "777 * 777" in shown, name
        assert "603729" not in shown, name


def test_a_very_long_text_does_not_make_a_very_long_report(failing_report: Report) -> None:
    report = with_text(failing_report, "harmless")
    long = with_text(failing_report, "x" * 200_000)
    long = dataclasses.replace(long, stories=())
    report = dataclasses.replace(report, stories=())
    assert len(markdown.render(long)) < len(markdown.render(report)) + 40_000
    assert len(html.render(long)) < len(html.render(report)) + 40_000
    assert len(terminal.render(long)) < 40_000


@pytest.mark.parametrize("name", [*FOR_PEOPLE, "junit", "openmetrics", "dotenv"])
@pytest.mark.parametrize("word", VERDICTS)
def test_every_verdict_is_shown_by_its_word(name: str, word: VerdictWord) -> None:
    report = bare(sample_run.summary(verdict=word, exit_code=EXIT_CODES[word]))
    shown = RENDERERS[name][1](report)
    assert re.search(rf"\b{word}\b", shown, re.IGNORECASE)


@pytest.mark.parametrize("name", ["html", "markdown", "terminal"])
def test_an_unfinished_run_says_so_and_is_never_a_pass(name: str) -> None:
    claimed = sample_run.unfinished(verdict="pass", exit_code=0, reasons=[], thresholds=[held()])
    shown = RENDERERS[name][1](bare(claimed))
    assert "did not finish" in shown
    assert "held so far" in shown
    assert "ncomplete" in shown
    visible = re.sub(r"(?s)<(style|symbol|script).*?</\1>|<[^>]*>", " ", shown)
    assert not re.search(r"(?i)\bpass\b", visible.replace("not a pass", ""))


def test_the_warning_stands_at_the_very_top(unfinished_report: Report) -> None:
    page = html.render(unfinished_report)
    assert page.index(UNFINISHED) < page.index("<h1>")
    assert markdown.render(unfinished_report).split("\n")[1] == f"> {UNFINISHED}"


def test_json_never_calls_an_unfinished_run_a_pass() -> None:
    encoded = msgspec.json.decode(json.encode(sample_run.unfinished(verdict="pass", exit_code=0)))
    assert (encoded["verdict"], encoded["exit_code"]) == ("incomplete", 5)


def test_json_is_the_summary(failing_report: Report) -> None:
    shown = RENDERERS["json"][1](failing_report)
    assert msgspec.json.decode(shown, type=Summary) == failing_report.summary


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_a_run_without_a_single_request_renders(empty_report: Report, name: str) -> None:
    shown = RENDERERS[name][1](empty_report)
    assert "inconclusive" in shown.lower()
    assert re.search("no[ _]data", shown)


@pytest.mark.parametrize("name", RENDERERS)
def test_a_summary_with_nothing_in_it_renders(name: str) -> None:
    run = msgspec.structs.replace(
        sample_run.summary().run,
        name="",
        scenarios=[],
        commit=None,
        instances=0,
        passed=0,
        failed=0,
        duration_s=0.0,
    )
    empty = sample_run.summary(
        verdict="inconclusive", run=run, thresholds=[], metrics={}, steps=[], errors=[], reasons=[]
    )
    shown = RENDERERS[name][1](bare(empty))
    assert "inconclusive" in shown.lower() or name not in FOR_PEOPLE


def test_the_page_shows_what_failed_and_why(failing_report: Report) -> None:
    page = html.render(failing_report)
    for text in (
        "2 of 4 thresholds did not hold.",
        "http_req_duration",
        "expected 200, got 503",
        "payment provider did not answer within 100 ms",
        sample_run.RUN_ID,
        "9f31c07d2b8e44a1",
        "50 users, 2,000 instances",
        "windtunnel run plan.yaml",
    ):
        assert text in page
    story = failing_report.stories[0]
    assert f'<code class="copy">{story.correlation_id}</code>' in page


def test_every_link_of_the_page_leads_somewhere(failing_report: Report) -> None:
    tags = Tags(html.render(failing_report))
    ids = [value for name, value in tags.attributes if name == "id"]
    targets = {value[1:] for name, value in tags.attributes if name == "href" and value.startswith("#")}
    assert targets <= set(ids)
    assert any(target.startswith("instance=") for target in targets)
    assert len(ids) == len(set(ids))


def test_the_markdown_begins_with_the_verdict_and_names_failing_instances(failing_report: Report) -> None:
    lines = markdown.render(failing_report).split("\n")
    assert lines[0].startswith("## ")
    assert "Fail: 2 of 4 thresholds did not hold." in lines[0]
    examples = [line for line in lines if "correlation id" in line]
    assert len(examples) == 3
    assert any("runs/" in line for line in lines)


@pytest.mark.parametrize("budget", [0, 100, 500, 1000, 2000, 4000, 100_000])
def test_the_markdown_keeps_to_its_budget_and_always_has_the_verdict(failing_report: Report, budget: int) -> None:
    shown = markdown.render(with_text(failing_report, "ü|" * 400), budget=budget)
    assert "Fail: " in shown
    verdict = next(line for line in shown.split("\n") if line.startswith("## "))
    assert len(shown.encode()) <= max(budget, len(verdict.encode()) + 1)


def test_detail_goes_first_when_the_budget_is_small(failing_report: Report) -> None:
    whole = markdown.render(failing_report)
    less = markdown.render(failing_report, budget=len(whole.encode()) - 1)
    assert "### Thresholds" in less
    assert (
        whole.count("correlation id") > less.count("correlation id") or "more cause" in less or "omitted" in less
    )


def test_ten_thousand_steps_and_errors_stay_below_what_github_shows() -> None:
    made = sample_run.summary()
    many = sample_run.summary(steps=made.steps * 10_000, errors=made.errors * 10_000)
    shown = markdown.render(bare(many))
    assert len(shown.encode()) <= 900 * 1024
    assert "### Thresholds" in shown


def test_the_terminal_fits_eighty_columns_without_colour(failing_report: Report) -> None:
    shown = terminal.render(failing_report)
    assert max(len(line) for line in shown.split("\n")) <= 80
    assert "\x1b" not in shown
    assert (
        shown.index("step ") < shown.index("threshold ") < shown.index("✗ fail  2 of 4") < shown.index("report  ")
    )


def test_colour_is_there_only_when_asked_for(failing_report: Report) -> None:
    assert "\x1b[" in terminal.render(failing_report, color=True)
    plain = re.sub("\x1b\\[[0-9;]*m", "", terminal.render(failing_report, color=True))
    assert [line.rstrip() for line in plain.split("\n")] == terminal.render(failing_report).split("\n")


def test_a_long_path_to_the_report_is_never_broken(failing_report: Report) -> None:
    report = dataclasses.replace(failing_report, directory="/very" * 40)
    assert f"report  {'/very' * 40}/report.html\n" in terminal.render(report)


def test_a_summary_alone_is_enough_for_the_terminal() -> None:
    shown = terminal.render(sample_run.summary())
    assert "✗ fail  1 of 3 thresholds did not hold." in shown
    assert "report  " not in shown


def test_rich_and_the_drawing_of_faults_are_imported_only_when_something_is_drawn() -> None:
    code = (
        "import sys; from windtunnel.report import html, markdown, renderers, terminal; "
        "sys.exit(not {'rich', 'windtunnel.report.timeline'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_same_report_gives_the_same_page(failing_report: Report) -> None:
    assert html.render(failing_report) == html.render(failing_report)


COMMAND = (
    'docker run --rm -v "$PWD:/work" -w /work ghcr.io/windtunnel/action run --target http://shop:8080 --count 50'
)
STEP = "uses: windtunnel/action/host@v1"
CURE = f"{'shop: connection refused; ' * 40}localhost is this container; write `{STEP}`, or run `{COMMAND}`"


def test_a_line_to_copy_is_whole_in_every_rendering() -> None:
    report = bare(sample_run.summary(verdict="unreachable", exit_code=3, reasons=[CURE, "no instance ran"]))
    lines = terminal.render(report, width=80).split("\n")
    assert f"      {COMMAND}" in lines
    assert f"`{COMMAND}`" in markdown.render(report)
    assert f"`{STEP}`" in markdown.render(report)
    assert COMMAND.replace('"', "&#34;") in html.render(report)
    for page in (markdown.render(report), html.render(report), junit.render(report)):
        assert not any(unicodedata.category(character) == "Cf" for character in page)


def test_why_a_threshold_was_not_judged_is_said_once() -> None:
    summary = sample_run.summary()
    unjudged = next(each for each in summary.thresholds if each.explanation)
    why = str(unjudged.explanation)
    for reasons in ([f"{unjudged.name} could not be judged: {why}"], []):
        changed = msgspec.structs.replace(unjudged, reason=reasons[0] if reasons else None)
        report = bare(sample_run.summary(thresholds=[changed], reasons=reasons))
        for shown in (terminal.render(report), markdown.render(report), html.render(report)):
            assert " ".join(shown.split()).count(why) == 1


def held() -> Any:
    return sample_run.summary().thresholds[1]


def test_changes_are_told_with_the_run_they_are_measured_against() -> None:
    report = bare(sample_run.compared())
    for shown in (terminal.render(report), markdown.render(report), html.render(report)):
        shown = " ".join(shown.split())
        assert "20261121T091500Z-0c1d2e (commit 1b2c3d4e5f60, 2026-11-21 09:15:12 UTC)" in shown
        assert "run differently: load 10 users, 2,000 instances, now 50 users, 2,000 instances" in shown
        assert "p95 latency differs by +162% (95% interval +120% to +210%), 4.2 times the spread" in shown
        assert "are from 24 windows of 2 s before, 20 of 2 s now" in shown
        assert "only a threshold that names the baseline decides" in shown
    rows = [line.split() for line in terminal.render(report, width=100).split("\n")]
    unknown = (NO_VALUE, NO_VALUE)
    assert ["instances", "passed", "100%", "92.8%", "-7.15", "points", "-8.1", "to", "-6.1", "3.4"] in rows
    assert ["failed", "requests", "0%", "1.01%", "+1.01", "points", *unknown] in rows
    assert ["p50", "latency", "21", "ms", "20.9", "ms", "=", *unknown] in rows
    assert ["p95", "latency", "310", "ms", "812", "ms", "+162%", "+120%", "to", "+210%", "4.2"] in rows
    assert ["p99", "latency", "40", "ms", "812", "ms", f"{TIMES}20.3", *unknown] in rows
    assert ["requests", "400/s", "344/s", "-14%", *unknown] in rows
    steps = [row for row in rows if row[:2] == ["p95", "of"]]  # add_to_cart did not move
    assert [row[2] for row in steps] == ["pay", "list_products"], "what moved most comes first"
    assert steps[0][-4:] == ["-10%", "to", f"{TIMES}12", "0.91"]


def test_without_a_baseline_nothing_is_said_of_one(failing_report: Report) -> None:
    for shown in (terminal.render(failing_report), markdown.render(failing_report), html.render(failing_report)):
        assert not re.search(r"(?i)against (the baseline|run)", shown)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_of_a_baseline_does_anything(text: str) -> None:
    report, harmless = (with_text(bare(sample_run.compared()), said) for said in (text, "harmless"))
    assert Tags(html.render(report)).elements == Tags(html.render(harmless)).elements
    assert links_of(markdown.render(report)) == []
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", terminal.render(report))


def test_the_markdown_names_the_worst_step() -> None:
    shown = markdown.render(bare(sample_run.summary()))
    assert "**Worst step** `pay`: failed 143 of 2,000 times (7.15%); p95 812 ms, slowest 812 ms" in shown
    rows = [msgspec.structs.replace(row, failed=0, passed=2000) for row in sample_run.summary().steps]
    sound = markdown.render(bare(sample_run.summary(steps=rows)))
    assert "**Slowest step** `pay`: p95 812 ms, slowest 812 ms" in sound


def test_neither_what_holds_other_steps_nor_a_pause_is_the_worst_step() -> None:
    first, *rest = sample_run.summary().steps
    inner = msgspec.structs.replace(first, step="inner", depth=1, failed=10)
    outer = msgspec.structs.replace(first, step="outer", failed=11)
    assert "**Worst step** `inner`" in markdown.render(bare(sample_run.summary(steps=[outer, inner])))
    pause = msgspec.structs.replace(rest[-1], step="pause", requests=0, failed=0)
    quick = msgspec.structs.replace(first, requests=10, failed=0)
    assert f"**Slowest step** `{quick.step}`" in markdown.render(bare(sample_run.summary(steps=[quick, pause])))


def test_the_markdown_links_to_the_report_where_it_can_be_reached() -> None:
    url = "https://ci.example/-/jobs/7/artifacts/file/runs/x/report.html"
    report = dataclasses.replace(bare(sample_run.summary()), url=url)
    assert f"**Report** `runs/x/report.html` · [open it]({url})" in markdown.render(report)


def test_figures_stay_as_they_are_and_lists_are_not_begun() -> None:
    assert prose("33.9 ms") == "33.9 ms"
    assert prose("1. one") == r"1\. one"
    assert prose("  > quoted") == r"\> quoted"


def test_failing_instances_come_before_the_table_of_steps(failing_report: Report) -> None:
    shown = markdown.render(failing_report)
    assert shown.index("### Thresholds") < shown.index("correlation id") < shown.index("### Steps")
