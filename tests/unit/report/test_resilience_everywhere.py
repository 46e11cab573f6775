"""How faults were borne, in every file of a run: the word is there, and no name of a plan does anything."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import get_args

import msgspec
import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support import borne, sample_run
from tests.support.reports import HOSTILE, bare, with_faults
from tests.support.turbulent_run import TurbulentRun
from tests.unit.report.test_ci_files import cases, problem_of
from tests.unit.report.test_renderers import Tags, links_of, prose_of
from windtunnel.ci.annotations import summary_annotations
from windtunnel.ci.outputs import outputs_of
from windtunnel.ci.workspace import Workspace
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.record import Record
from windtunnel.model.resilience import Band, Bucket, FaultFigures, PhaseFigures, Resilience
from windtunnel.model.summary import ThresholdResult
from windtunnel.model.vocabulary import ResilienceWord
from windtunnel.report import dotenv, gitlab, html, markdown, openmetrics
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.model import Report
from windtunnel.report.renderers import RENDERERS
from windtunnel.report.stories import collect, slowest_for
from windtunnel.report.timeline import MOST_COLUMNS, MOST_FAULTS, timeline
from windtunnel.report.wording import instances_line
from windtunnel.verdict.thresholds import evaluate

WORDS: tuple[ResilienceWord, ...] = get_args(ResilienceWord)
SHOWN_BY = {"html", "markdown", "json", "terminal", "junit", "openmetrics", "dotenv"}
WORKSPACE = Workspace(root=PurePath("/w"), folder=PurePath("/w"))


def missed(metric: str) -> ThresholdResult:
    """A limit of a time that did not hold."""
    return evaluate(
        parse_threshold(metric, "max < 1us"), TurbulentRun().aggregate(), TurbulentRun().manifest().steps
    )


def own_story() -> list[Record]:
    """The records of one instance that no fault was done to."""
    return [each for each in TurbulentRun().load() if getattr(each, "instance_id", "") == "shop-100"]


@pytest.mark.parametrize("name", sorted(SHOWN_BY))
@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_shown(name: str, word: ResilienceWord) -> None:
    page = RENDERERS[name][1](bare(borne.summary(word)))

    assert re.search(word.replace("_", "[_ ]"), page, re.IGNORECASE)


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_a_judgement_without_any_figure_renders(name: str) -> None:
    bare_judgement = borne.resilience(
        "not_judged", phases=[], faults=[], proxies=[], bounds=[], levels=[], groups=[], buckets=[]
    )
    summary = replace(borne.summary("not_judged"), turbulence=bare_judgement)

    assert RENDERERS[name][1](bare(summary))


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_page_has_the_same_elements_whatever_a_fault_is_called(text: str) -> None:
    harmless = Tags(html.render(bare(with_faults(borne.summary("failed"), ("harmless " * 20)[: len(text)]))))
    page = html.render(bare(with_faults(borne.summary("failed"), text)))
    hostile = Tags(page)

    assert hostile.elements == harmless.elements
    assert [name for name, _ in hostile.attributes] == [name for name, _ in harmless.attributes]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202e]", page)
    links = [value for name, value in hostile.attributes if name in {"href", "src"}]
    assert all(link.startswith(("#", "data:image/svg+xml,")) for link in links)


def test_the_page_says_the_word_and_why_once_in_its_section() -> None:
    page = html.render(bare(borne.summary("degraded")))
    section = page[page.index('<section id="resilience"') : page.index('<section id="thresholds"')]

    assert section.count("<strong>Degraded</strong>") == 1
    assert section.count("The system degraded 2 s after the first fault, and recovered 8 s after") == 1


def test_the_page_has_everything_that_was_judged() -> None:
    page = html.render(bare(borne.summary("failed")))

    for text in (
        "Time to recover",
        "payments brownout",
        "turbulence.yaml:31",
        "instances: rate &gt; 95%",
        "latency (delay: 800ms) on POST /charge* at the proxy payments",
        "15\u00a0s\u00a0to\u00a021\u00a0s (100 ms)",
        "104 ms",
        "degraded after 2 s",
        "recovered after 8 s",
        "Control group",
    ):
        assert text in page


def test_every_link_and_label_of_the_page_leads_somewhere() -> None:
    tags = Tags(html.render(bare(borne.summary("failed"))))
    ids = [value for name, value in tags.attributes if name == "id"]
    wanted = {value[1:] for name, value in tags.attributes if name == "href" and value.startswith("#")}
    wanted |= {value for name, value in tags.attributes if name == "aria-labelledby" and " " not in value}

    assert "resilience" in wanted
    assert wanted <= set(ids)
    assert len(ids) == len(set(ids))


SOURCE = "https://git.example/shop/blob/9f31c07/load/"


@pytest.mark.parametrize("render", [html.render, markdown.render])
def test_a_bound_leads_to_its_line_of_the_plan_where_that_is_known(render: Callable[[Report], str]) -> None:
    report = bare(borne.summary("failed"))

    assert f"{SOURCE}turbulence.yaml#L31" in render(dataclasses.replace(report, source_url=SOURCE))
    assert "turbulence.yaml#L" not in render(report)


@pytest.mark.parametrize(
    ("file", "line", "url"),
    [
        ("plan.yaml", 3, f"{SOURCE}plan.yaml#L3"),
        ("a b/p#1?.yaml", None, f"{SOURCE}a%20b/p%231%3F.yaml"),
        ('"><script>.yaml', 1, f"{SOURCE}%22%3E%3Cscript%3E.yaml#L1"),
        ("../plan.yaml", 3, ""),
        ("/etc/plan.yaml", 3, ""),
        (None, None, ""),
    ],
)
def test_the_url_of_a_line_stays_inside_of_the_project(file: str | None, line: int | None, url: str) -> None:
    report = dataclasses.replace(bare(borne.summary("failed")), source_url=SOURCE)

    assert report.line_url(file, line) == url


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_of_a_file_breaks_out_of_its_link(text: str) -> None:
    report = dataclasses.replace(bare(with_faults(borne.summary("failed"), text)), source_url=SOURCE)
    links = [value for name, value in Tags(html.render(report)).attributes if name == "href"]

    assert all(link.startswith(("#", "data:image/svg+xml,", SOURCE)) for link in links)


def test_a_broken_bound_leads_to_the_errors_where_there_are_any() -> None:
    failed = borne.summary("failed")
    with_errors = replace(failed, errors=sample_run.summary().errors)

    assert html.render(bare(with_errors)).count('see the <a href="#errors">errors</a>') == 1
    assert 'href="#errors"' not in html.render(bare(failed))


@pytest.mark.parametrize(("degraded_s", "anchor"), [(0.0, "start"), (15.0, "middle"), (29.0, "end")])
def test_a_label_stands_where_there_is_room_for_it(degraded_s: float, anchor: str) -> None:
    assert timeline(borne.resilience(time_to_degrade_s=degraded_s)).marks[0].anchor == anchor


def test_without_faults_the_page_says_nothing_of_them() -> None:
    page = html.render(bare(replace(borne.summary(), turbulence=None)))

    assert 'id="resilience"' not in page
    assert "#resilience" not in page.replace("#resilience > h3", "")


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a run in which a fault of ours threw answers away, from its records."""
    directory = borne.write_run(tmp_path_factory.mktemp("disturbed"))
    analysis = analyse(directory)
    return build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate)


def test_a_fault_on_our_own_requests_leads_to_an_instance_that_it_was_done_to(disturbed: Report) -> None:
    page = html.render(disturbed)

    assert disturbed.faults_shown_by == {borne.LOST: "lost-0"}
    assert 'done to <a href="#instance=lost-0">lost-0</a>' in page
    assert '<div class="inside" id="instance=lost-0">' in page


def test_what_a_fault_did_is_marked_and_is_no_error_of_the_service(disturbed: Report) -> None:
    story = next(each for each in disturbed.stories if each.instance_id == "lost-0")
    (step,) = story.steps

    assert (story.fault, step.fault, step.requests[0].fault) == (borne.LOST, borne.LOST, borne.LOST)
    assert html.render(disturbed).count(f'<span class="injected">injected: {borne.LOST}</span>') == 2
    assert [(group.cause, group.count) for group in disturbed.summary.errors] == [("status_code", 240)]
    assert "; 3 more failed by a fault" in instances_line(disturbed.summary)


def test_a_run_without_stories_shows_no_instance_of_a_fault(tmp_path: Path) -> None:
    directory = borne.write_run(tmp_path)
    analysis = analyse(directory)
    plain = (directory, analysis.manifest, analysis.summary, analysis.aggregate)

    assert build_report(*plain, with_stories=False).faults_shown_by == {}


@pytest.mark.parametrize("metric", ["http_req_duration", "step_duration", "instance_duration"])
def test_what_a_fault_was_done_to_is_never_among_the_slowest(metric: str) -> None:
    slowest = slowest_for(missed(metric))
    assert slowest is not None
    _, instances = collect([*borne.lost_reply(0), *own_story()], [], [slowest])

    assert list(instances) == ["shop-100"]


# ── The drawing ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_phases_are_to_scale_and_faults_and_marks_on_their_axis() -> None:
    drawn = timeline(borne.resilience())

    assert [(each.name, each.x, each.width) for each in drawn.phases] == [
        ("steady", 0.0, 16.667),
        ("inject", 16.667, 33.333),
        ("recover", 50.0, 50.0),
    ]
    assert [(strip.x, strip.width) for strip in drawn.faults[0].strips] == [(16.667, 25.0)]
    assert [(mark.label, mark.x) for mark in drawn.marks] == [
        ("degraded after 2 s", 20.0),
        ("recovered after 8 s", 60.0),
    ]
    assert [tick.label for tick in drawn.ticks] == ["10 s", "20 s", "30 s", "40 s", "50 s", "1 min"]


def test_columns_are_stacked_to_the_height_of_the_largest() -> None:
    drawn = timeline(borne.resilience(), height=70)
    quiet, first, bad = drawn.columns[0], drawn.columns[10], drawn.columns[20]

    assert drawn.top == 21
    assert (quiet.passed_height, quiet.failed_height, quiet.passed_y) == (66.67, 0.0, 3.33)
    assert first.injected_y == 0.0
    assert bad.failed_y + bad.failed_height == pytest.approx(bad.passed_y, abs=0.02)
    assert bad.injected_y + bad.injected_height == pytest.approx(bad.failed_y, abs=0.02)
    assert (quiet.good, bad.good, drawn.columns[35].good) == (True, False, None)


def test_a_long_run_has_no_more_columns_than_can_be_seen_and_loses_nothing() -> None:
    buckets = [
        Bucket(
            begin_s=float(second),
            end_s=second + 1.0,
            phase="steady" if second < 5_000 else "inject",
            passed=3,
            failed=1 if second == 7_000 else 0,
            injected=0,
            p95_ms=1.0,
            good=second != 7_000,
            faults=[],
        )
        for second in range(10_000)
    ]
    drawn = timeline(borne.resilience(buckets=buckets))

    assert len(drawn.columns) <= MOST_COLUMNS + 2
    assert sum(column.good is False for column in drawn.columns) == 1
    assert sum(column.failed_height > 0 for column in drawn.columns) == 1


def test_of_many_faults_the_first_are_drawn_and_the_others_counted() -> None:
    fault = borne.resilience().faults[0]
    drawn = timeline(borne.resilience(faults=[fault] * (MOST_FAULTS + 7)))

    assert (len(drawn.faults), drawn.more_faults) == (MOST_FAULTS, 7)


@pytest.mark.parametrize(("begin_s", "end_s"), [(-5.0, -1.0), (15.0, 15.0), (64.9999, 65.0), (60.0, 900.0)])
def test_a_band_stays_inside_of_the_drawing_and_is_seen(begin_s: float, end_s: float) -> None:
    fault = FaultFigures(name="f", kind="status", what="", pattern="window", asked=1, applied=1)
    judged = borne.resilience(faults=[replace(fault, bands=[Band(begin_s=begin_s, end_s=end_s)])])
    (strip,) = timeline(judged).faults[0].strips

    assert strip.x >= 0
    assert strip.width >= 0.4
    assert strip.x + strip.width <= 100.001


@pytest.mark.parametrize("length_s", [0.0, 0.3, 7.0, 59.0, 3_600.0, 700_000.0, 90_000_000.0])
def test_runs_of_any_length_have_a_few_ticks(length_s: float) -> None:
    phase = PhaseFigures(
        name="steady", begin_s=2.0, end_s=2.0 + length_s, instances=0, passed=0, injected=0, rate=0.0, requests=0,
        failed_share=0.0, p50_ms=0.0, p95_ms=0.0, p99_ms=0.0,
    )  # fmt: skip
    ticks = timeline(borne.resilience(phases=[phase])).ticks

    assert len(ticks) <= 10
    assert all(0 <= tick.x <= 100 for tick in ticks)


# ── Markdown ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_markdown_keeps_its_shape_whatever_a_fault_is_called(text: str) -> None:
    harmless = markdown.render(bare(with_faults(borne.summary("failed"), "harmless")))
    hostile = markdown.render(bare(with_faults(borne.summary("failed"), text)))
    parser = MarkdownIt("commonmark").enable("table")

    assert [token.type for token in parser.parse(hostile)] == [token.type for token in parser.parse(harmless)]
    assert links_of(hostile) == []
    assert not re.search(r"(?i)@\w|#\d|https?://|www\.|:tada:", prose_of(hostile))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202e]", hostile)
    assert "##[" not in hostile
    assert not [line for line in hostile.split("\n") if line.lstrip().startswith("::")]


def test_markdown_has_the_section_right_below_the_verdict() -> None:
    page = markdown.render(bare(borne.summary("metastable")))
    headings = [line for line in page.split("\n") if line.startswith("#")]

    assert headings[:3] == [
        "## ❌ Fail: The system stays down after the faults.",
        "### ❌ Under faults: metastable",
        "### Thresholds",
    ]
    assert page.count("but the system is stuck") == 1


def test_a_thousand_faults_and_bounds_stay_below_what_github_shows() -> None:
    judged = borne.resilience("failed")
    many = replace(
        judged,
        faults=[replace(judged.faults[0], name=f"{'f' * 200}{n}") for n in range(1_000)],
        bounds=[replace(judged.bounds[0], condition=f"{'c' * 300}{n}") for n in range(1_000)] + judged.bounds,
        proxies=[replace(judged.proxies[0], name=f"p{n}") for n in range(1_000)],
        levels=[replace(judged.levels[0], fault=f"f{n}") for n in range(1_000)],
    )
    page = markdown.render(bare(replace(borne.summary("failed"), turbulence=many)), budget=60_000)

    assert len(page.encode()) <= 60_000
    assert "| ❌ broken | `during` |" in page


# ── For machines ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("word", "resilience", "during", "injected"),
    [
        ("resilient", "", "", ""),
        ("degraded", "", "", ""),
        ("failed", "failure: failed", "failure: measured 61.4%", ""),
        ("metastable", "failure: metastable", "", ""),
        ("not_judged", "error: not judged", "", "error: 344 times"),
    ],
)
def test_junit_has_a_case_for_the_word_and_for_each_bound(
    word: ResilienceWord, resilience: str, during: str, injected: str
) -> None:
    found = {key: problem_of(case) for key, case in cases(bare(borne.summary(word))).items()}

    assert found["windtunnel", "resilience"] == resilience
    assert found["turbulence.yaml", "during: instances: rate > 95%"] == during
    assert found["resilience", "min_injected: at least 20, each fault at least once"] == injected
    assert found["turbulence.yaml", "steady_state: http_req_duration: p(95) < 400 ms"] == ""


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_of_a_fault_breaks_junit(text: str) -> None:
    assert len(cases(bare(with_faults(borne.summary("failed"), text)))) == len(
        cases(bare(borne.summary("failed")))
    )


def test_a_broken_bound_is_annotated_at_its_line_and_is_the_only_annotation() -> None:
    (annotation,) = summary_annotations(borne.summary("failed"), workspace=WORKSPACE)

    assert (annotation.title, annotation.file, annotation.line) == ("Under faults: broken", "turbulence.yaml", 31)
    assert "instances: rate > 95% did not hold during the faults: 61.4%" in annotation.message


def test_a_fault_that_was_never_done_is_annotated_at_its_line() -> None:
    found = summary_annotations(borne.summary("not_judged"), workspace=WORKSPACE)

    assert [(each.title, each.line) for each in found] == [
        ("Windtunnel: inconclusive", None),
        ("Under faults: no data", None),
        ("Under faults: a fault was never done", 18),
    ]


def test_a_system_that_is_stuck_is_annotated_though_every_bound_held() -> None:
    (annotation,) = summary_annotations(borne.summary("metastable"), workspace=WORKSPACE)

    assert annotation.title == "Windtunnel: fail"
    assert "stuck" in annotation.message


@pytest.mark.parametrize("word", ["resilient", "degraded"])
def test_a_pass_has_no_annotation(word: ResilienceWord) -> None:
    assert summary_annotations(borne.summary(word), workspace=WORKSPACE) == []


def test_gitlab_shows_bounds_and_idle_faults_at_their_lines() -> None:
    def issues(word: ResilienceWord) -> list[tuple[str, int]]:
        found = msgspec.json.decode(gitlab.code_quality(bare(borne.summary(word))))
        return [(each["check_name"], each["location"]["lines"]["begin"]) for each in found]

    assert issues("failed") == [("windtunnel-resilience", 31)]
    assert issues("not_judged") == [("windtunnel-resilience", 18)]
    assert issues("resilient") == []


def test_the_outputs_of_the_action_have_the_word_and_the_time_to_recover() -> None:
    def outputs(word: ResilienceWord) -> dict[str, str]:
        summary = borne.summary(word)
        return outputs_of(summary.verdict, summary.exit_code, summary=summary, directory=None, workspace=WORKSPACE)

    degraded, stuck = outputs("degraded"), outputs("metastable")
    assert (degraded["resilience"], degraded["time-to-recover-s"]) == ("degraded", "8")
    assert (stuck["resilience"], stuck["time-to-recover-s"]) == ("metastable", "")
    told = msgspec.json.decode(outputs("failed")["json"])
    assert (told["resilience"], told["time_to_recover_s"]) == ("failed", 8.0)
    assert told["bounds"][0] == {
        "name": "during",
        "condition": "instances: rate > 95%",
        "result": "broken",
        "measured": "61.4%",
    }


def test_the_variables_for_later_jobs_have_the_word() -> None:
    text = dotenv.render(bare(borne.summary("degraded")))

    assert "WINDTUNNEL_RESILIENCE=degraded\n" in text
    assert "WINDTUNNEL_TIME_TO_RECOVER_S=8\n" in text


def samples(judged: Resilience) -> dict[tuple[str, str], float]:
    text = openmetrics.render(bare(replace(borne.summary(), turbulence=judged)))
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


def test_openmetrics_has_the_word_the_times_phases_faults_and_proxies() -> None:
    found = samples(borne.resilience("degraded"))

    assert found["windtunnel_resilience", "degraded"] == 1
    assert found["windtunnel_resilience", "metastable"] == 0
    assert found["windtunnel_time_to_recover_seconds", ""] == 8
    assert found["windtunnel_phase_passed_per_second", "inject"] == 14
    assert found["windtunnel_phase_p95_seconds", "inject"] == 1.31
    assert found["windtunnel_fault_asked_total", "lost reply"] == 15
    assert found["windtunnel_fault_applied_total", "lost reply"] == 13
    assert found["windtunnel_proxy_amplification_ratio", "payments"] == 1.279
    assert ("windtunnel_proxy_amplification_ratio", "redis") not in found
    assert ("windtunnel_time_to_recover_seconds", "") not in samples(borne.resilience("metastable"))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_of_a_fault_breaks_openmetrics(text: str) -> None:
    told = with_faults(borne.summary(), text).turbulence
    assert told is not None

    assert samples(told)["windtunnel_resilience", "degraded"] == 1
