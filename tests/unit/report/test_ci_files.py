"""The files that CI systems read: valid in the eyes of their readers, whatever the SUT says."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support import SCHEMAS, sample_run
from tests.support.reports import HOSTILE, PLACE, bare, with_text
from windtunnel.errors import Location, Problem
from windtunnel.expressions.threshold import format_limit, parse_threshold
from windtunnel.model.summary import Summary, ThresholdResult
from windtunnel.model.verdict import EXIT_CODES
from windtunnel.model.vocabulary import VerdictWord
from windtunnel.report import dotenv, gitlab, junit, k6_summary, markdown, openmetrics
from windtunnel.report.model import Report
from windtunnel.report.text import code
from windtunnel.report.wording import breach

texts = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(HOSTILE[:-1])

JUNIT = SCHEMAS / "junit-10.xsd"
"""What the xUnit plugin of Jenkins checks a file against; see the README beside it."""

JENKINS = etree.XMLSchema(etree.parse(JUNIT))


def cases(report: Report) -> dict[tuple[str, str], ElementTree.Element]:
    """The test cases of a report by class name and name, after every rule was looked at."""
    return cases_of(junit.render(report))


def cases_of(text: str) -> dict[tuple[str, str], ElementTree.Element]:
    JENKINS.assertValid(etree.fromstring(text.encode()))
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for suite in [root, *root.findall("testsuite")]:
        for total, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(suite.attrib[total]) == len(list(suite.iter(tag))), total
        assert float(suite.attrib["time"]) >= 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", "2026-01-01T00:00:00"))
    found = list(root.iter("testcase"))
    assert all(
        len(case.findall("failure") + case.findall("error") + case.findall("skipped")) <= 1 for case in found
    )
    named = {(case.attrib["classname"], case.attrib["name"]): case for case in found}
    assert len(named) == len(found), "GitLab drops what is called the same"
    return named


def changed(report: Report, **changes: Any) -> Report:
    return dataclasses.replace(report, summary=msgspec.structs.replace(report.summary, **changes))


def problem_of(case: ElementTree.Element) -> str:
    """`failure: message`, `error: message` or nothing."""
    found = [element for element in case if element.tag in {"failure", "error"}]
    return f"{found[0].tag}: {found[0].attrib['message']}" if found else ""


def test_junit_has_a_case_for_the_verdict_each_threshold_and_each_step() -> None:
    found = cases(bare(sample_run.summary()))
    assert {key: problem_of(case) for key, case in found.items()} == {
        ("windtunnel", "verdict"): "failure: fail",
        ("plan.yaml", "http_req_duration{step:pay}: p(95) < 300 ms"): "failure: p95 812 ms > 300 ms (n = 2,000)",
        ("thresholds", "http_req_duration: p(99) < 900 ms"): "",
        ("thresholds", "checks{step:refund}: rate > 99 %"): "error: nothing was measured",
        ("checkout", "list_products"): "",
        ("checkout", "pay"): "failure: 143 of 2,000 executions did not pass",
    }
    place = found["plan.yaml", "http_req_duration{step:pay}: p(95) < 300 ms"].findtext("failure") or ""
    assert place.endswith("\nat plan.yaml:14")
    detail = found["checkout", "pay"].findtext("failure") or ""
    assert detail.startswith("143 times status: expected 200, got 503 (first in checkout-17, checkout-31")


@pytest.mark.parametrize(
    ("metric", "condition", "value", "said"),
    [
        ("http_req_duration", "p(95) < 500ms", 812_000, "p95 812 ms > 500 ms (n = 14,203)"),
        ("http_req_duration", "p(99.9) <= 1s", 1_200_000, "p99.9 1.2 s > 1 s (n = 14,203)"),
        ("http_req_duration", "p(95) < 500ms", 500_000, "p95 500 ms = 500 ms (n = 14,203)"),
        ("checks", "rate > 99%", 0.97, "rate 97% < 99% (n = 14,203)"),
        ("checks", "rate == 100%", 0.97, "rate 97% ≠ 100% (n = 14,203)"),
        ("http_reqs", "count != 0", 0, "count 0 = 0 (n = 14,203)"),
    ],
)
def test_a_threshold_that_failed_says_by_how_much(metric: str, condition: str, value: float, said: str) -> None:
    threshold = parse_threshold(metric, condition)
    result = ThresholdResult(
        selector=metric,
        condition=threshold.text,
        result="fail",
        measured=format_limit(value, threshold.unit),
        limit=format_limit(threshold.limit, threshold.unit),
        samples=14203,
        origin="plan",
        metric=metric,
        aggregate=threshold.aggregate,
        percentile=threshold.percentile,
        operator=threshold.op,
        unit=threshold.unit,
        value=value,
        limit_value=threshold.limit,
    )
    assert breach(result) == said


def test_steps_that_failed_in_a_run_that_passed_are_no_failing_cases() -> None:
    summary = sample_run.summary()
    held = msgspec.structs.replace(summary.thresholds[1])
    passed = sample_run.summary(verdict="pass", exit_code=0, reasons=[], thresholds=[held])
    found = cases(bare(passed))
    assert not any(map(problem_of, found.values()))
    assert "143 of 2,000 executions" in (found["checkout", "pay"].findtext("system-out") or "")


def test_a_verdict_that_no_threshold_explains_is_an_error_of_its_own() -> None:
    for report in (bare(sample_run.unfinished(verdict="pass", exit_code=0, reasons=[])),):
        case = cases(report)["windtunnel", "verdict"]
        assert problem_of(case) == "error: incomplete"
        assert "the run did not finish" in (case.findtext("error") or "")


@pytest.mark.parametrize("verdict", [word for word in EXIT_CODES if word != "pass"])
def test_the_case_of_the_verdict_is_red_in_every_run_that_did_not_pass(verdict: VerdictWord) -> None:
    report = bare(sample_run.summary(verdict=verdict, exit_code=EXIT_CODES[verdict], thresholds=[], errors=[]))
    problem = problem_of(cases(report)["windtunnel", "verdict"])
    assert problem == f"{'failure' if verdict == 'fail' else 'error'}: {verdict}"


def test_the_case_of_the_verdict_is_green_in_a_run_that_passed() -> None:
    passed = bare(sample_run.summary(verdict="pass", exit_code=0, reasons=[]))
    assert problem_of(cases(passed)["windtunnel", "verdict"]) == ""


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 59.9999, 1_234.5, 86_400.0, 1e9])
def test_jenkins_takes_the_duration_of_any_run(seconds: float) -> None:
    summary = sample_run.summary()
    cases(changed(bare(summary), run=msgspec.structs.replace(summary.run, duration_s=seconds)))


def test_the_schema_is_the_one_its_readme_names() -> None:
    assert hashlib.sha256(JUNIT.read_bytes()).hexdigest() in (SCHEMAS / "README.md").read_text()


def test_problems_are_test_cases_where_nothing_ran() -> None:
    where = Location(file="scenarios/a.yaml", line=3, column=5, excerpt="    metod: GET")
    twice = Problem(message='unknown key "metod"', where=where, hint='did you mean "method"?')
    found = cases_of(junit.render_problems("invalid", [twice, twice, Problem(message="x\0<y>", flag="--count")]))
    assert {key: problem_of(case) for key, case in found.items()} == {
        ("windtunnel", "verdict"): "error: invalid",
        ("scenarios/a.yaml", 'unknown key "metod"'): 'error: unknown key "metod"',
        ("scenarios/a.yaml", 'unknown key "metod" (2)'): 'error: unknown key "metod"',
        ("windtunnel", "--count: x\N{REPLACEMENT CHARACTER}<y>"): "error: --count: x\N{REPLACEMENT CHARACTER}<y>",
    }
    told = found["scenarios/a.yaml", 'unknown key "metod"'].findtext("error") or ""
    assert told.startswith("scenarios/a.yaml:3:5: ")
    assert told.endswith('help: did you mean "method"?')


def test_junit_names_what_is_called_the_same_apart() -> None:
    summary = sample_run.summary()
    names = [name for _, name in cases(bare(sample_run.summary(thresholds=[summary.thresholds[0]] * 3)))]
    assert names[1:4] == [
        "http_req_duration{step:pay}: p(95) < 300 ms",
        "http_req_duration{step:pay}: p(95) < 300 ms (2)",
        "http_req_duration{step:pay}: p(95) < 300 ms (3)",
    ]


@given(text=texts)
def test_junit_is_well_formed_whatever_the_sut_says(text: str) -> None:
    report = with_text(bare(sample_run.summary()), text)
    assert len(cases(report)) == len(cases(bare(sample_run.summary())))
    assert len(cases(changed(report, verdict="pass", exit_code=0))) == len(cases(report))


def test_junit_is_valid_for_a_run_of_nothing(empty_report: Report) -> None:
    assert problem_of(cases(empty_report)["windtunnel", "verdict"]) == "error: inconclusive"


def samples(report: Report) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample that the OpenMetrics parser of Prometheus finds, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): float(sample.value)
        for family in text_string_to_metric_families(openmetrics.render(report))  # type: ignore[no-untyped-call]  # it has no types
        for sample in family.samples
    }


def test_openmetrics_has_the_run_the_steps_and_the_verdict() -> None:
    found = samples(bare(sample_run.summary()))
    assert found["windtunnel_http_reqs_total", ()] == 14203
    assert found["windtunnel_http_req_failed_ratio", ()] == 0.01007
    assert found["windtunnel_http_req_duration_seconds", (("quantile", "0.99"),)] == pytest.approx(
        0.812, rel=0.005
    )
    pay = (("scenario", "checkout"), ("step", "pay"))
    assert found["windtunnel_step_latency_seconds_count", pay] == 3
    assert found["windtunnel_step_latency_seconds_sum", pay] == pytest.approx(1.242, rel=0.005)
    assert found["windtunnel_verdict", (("windtunnel_verdict", "fail"),)] == 1
    assert found["windtunnel_verdict", (("windtunnel_verdict", "pass"),)] == 0
    assert openmetrics.render(bare(sample_run.summary())).endswith("\n# EOF\n")


def test_openmetrics_has_every_metric_of_a_real_run(failing_report: Report) -> None:
    names = {name for name, _ in samples(failing_report)}
    measured = [
        name
        for name, metric in failing_report.summary.metrics.items()
        if metric.count or metric.rate is not None or metric.value is not None
    ]
    assert len(measured) > 15
    for name in measured:
        assert any(sample.startswith(f"windtunnel_{name}") for sample in names), name


@given(text=texts)
def test_openmetrics_is_valid_whatever_the_steps_are_called(text: str) -> None:
    report = bare(sample_run.summary())
    row = report.summary.steps[0]
    steps = [msgspec.structs.replace(row, step=text), msgspec.structs.replace(row, step=f"{text}\\")]
    labels = [
        dict(labels)
        for name, labels in samples(changed(report, steps=steps))
        if name.endswith("_latency_seconds_count")
    ]
    assert len(labels) == len({label["step"] for label in labels}) >= 1


def test_openmetrics_of_a_run_of_nothing_is_valid(empty_report: Report) -> None:
    assert samples(empty_report)["windtunnel_verdict", (("windtunnel_verdict", "inconclusive"),)] == 1


def test_k6_readers_find_their_keys(failing_report: Report) -> None:
    metrics = json.loads(k6_summary.render(failing_report))["metrics"]
    assert set(metrics["http_req_duration"]) == {"avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"}
    assert metrics["http_reqs"]["count"] == failing_report.summary.metrics["http_reqs"].count
    failed = metrics["http_req_failed"]
    assert failed["value"] == failed["passes"] / (failed["passes"] + failed["fails"])
    run = failing_report.summary.run
    assert metrics["iterations"] == {"count": run.instances, "rate": pytest.approx(run.instances / run.duration_s)}
    assert not metrics.keys() & {"instances", "step_duration", "assertions"}


def placed(summary: Summary) -> Report:
    """A report whose steps stand in a file."""
    replace = msgspec.structs.replace
    steps, errors = ([replace(each, **PLACE) for each in rows] for rows in (summary.steps, summary.errors))
    return bare(replace(summary, steps=steps, errors=errors))


def test_code_quality_has_an_issue_at_the_line_of_everything_that_failed() -> None:
    issues = json.loads(gitlab.code_quality(placed(sample_run.summary())))
    assert [(i["check_name"], i["severity"], i["location"]) for i in issues] == [
        ("windtunnel-threshold", "major", {"path": "plan.yaml", "lines": {"begin": 14}}),
        ("windtunnel-step", "major", {"path": "scenarios/a.yaml", "lines": {"begin": 4}}),
    ]
    assert issues[1]["description"] == "pay: 143 times status: expected 200, got 503"


def test_a_threshold_of_an_input_is_at_the_file_with_the_settings_of_the_job() -> None:
    result = msgspec.structs.replace(sample_run.summary().thresholds[0], file=None, line=None, origin="flag")
    report = bare(sample_run.summary(thresholds=[result], errors=[]))
    for file in (".gitlab-ci.yml", ".github/workflows/load.yml"):
        [issue] = json.loads(gitlab.code_quality(dataclasses.replace(report, settings_file=file)))
        assert issue["location"] == {"path": file, "lines": {"begin": 1}}
        assert issue["check_name"] == "windtunnel-threshold"


def test_the_same_failure_in_the_next_run_is_the_same_issue() -> None:
    first = sample_run.summary()
    more = [msgspec.structs.replace(first.errors[0], count=7, example="expected 200, got 500")]
    prints = [
        [issue["fingerprint"] for issue in json.loads(gitlab.code_quality(placed(summary)))]
        for summary in (first, sample_run.summary(errors=more))
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == 2


@pytest.mark.parametrize("file", ["/etc/plan.yaml", "../plan.yaml", "", None])
def test_code_quality_leaves_out_what_is_not_in_the_project(file: str | None) -> None:
    results = [msgspec.structs.replace(sample_run.summary().thresholds[0], file=file)]
    assert json.loads(gitlab.code_quality(bare(sample_run.summary(thresholds=results)))) == []


@given(text=texts)
def test_json_files_are_json_whatever_the_sut_says(text: str) -> None:
    report = dataclasses.replace(with_text(bare(sample_run.summary()), text), url=f"https://ci.example/{text}")
    issues = json.loads(gitlab.code_quality(report).encode())
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) >= 2
    assert json.loads(gitlab.external_links(report).encode())["Windtunnel"]
    assert "metrics" in json.loads(k6_summary.render(report).encode())


def test_the_link_to_the_report_is_there_when_somebody_knows_it() -> None:
    report = bare(sample_run.summary())
    assert json.loads(gitlab.external_links(report)) == {}
    url = "https://gitlab.example/-/jobs/7/artifacts/file/runs/x/report.html"
    linked = json.loads(gitlab.external_links(dataclasses.replace(report, url=url)))
    assert linked == {"Windtunnel": [{"external_link": {"label": "Windtunnel report", "url": url}}]}
    assert json.loads(gitlab.external_links(dataclasses.replace(report, url=url * 99))) == {}


def variables(report: Report) -> dict[str, str]:
    """The variables of a dotenv file, as GitLab takes them: no blank line, no comment, at most twenty."""
    text = dotenv.render(report)
    lines = text.removesuffix("\n").split("\n")
    assert text.endswith("\n")
    assert len(lines) <= 20
    assert all(re.fullmatch(r"WINDTUNNEL_[A-Z0-9_]+=[A-Za-z0-9_.:/+-]*", line) for line in lines), lines
    return dict(line.split("=", 1) for line in lines)


def test_the_outcome_stands_in_variables() -> None:
    assert variables(bare(sample_run.summary())) == {
        "WINDTUNNEL_VERDICT": "fail",
        "WINDTUNNEL_EXIT_CODE": "99",
        "WINDTUNNEL_RUN_ID": sample_run.RUN_ID,
        "WINDTUNNEL_THRESHOLDS_TOTAL": "3",
        "WINDTUNNEL_THRESHOLDS_FAILED": "1",
        "WINDTUNNEL_INSTANCES": "2000",
        "WINDTUNNEL_REQUESTS": "14203",
        "WINDTUNNEL_ERROR_RATE": "0.01007",
        "WINDTUNNEL_P95_MS": "812",
        "WINDTUNNEL_RESILIENCE": "",
        "WINDTUNNEL_TIME_TO_RECOVER_S": "",
        "WINDTUNNEL_REPORT_DIR": "runs/x",
    }


@given(text=texts)
def test_no_text_breaks_out_of_a_variable(text: str) -> None:
    report = dataclasses.replace(bare(sample_run.summary(run_id=text)), directory=text)
    assert len(variables(report)) == 12


@given(text=texts)
def test_markdown_comes_to_the_same_blocks_whatever_the_sut_says(text: str) -> None:
    parser = MarkdownIt("commonmark").enable("table")
    blank = not code(text)
    shapes = [
        [token.type for token in parser.parse(markdown.render(with_text(bare(sample_run.compared()), said)))]
        for said in ("harmless", text)
    ]
    assert shapes[0] == shapes[1] or blank
