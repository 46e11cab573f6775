from __future__ import annotations

from pathlib import PurePath
from typing import Any

import msgspec

from windtunnel.ci.annotations import problem_annotations, summary_annotations
from windtunnel.ci.github import Annotation
from windtunnel.ci.workspace import Workspace
from windtunnel.errors import Location, Problem
from windtunnel.model.summary import ErrorGroup, StepSummary, Summary, ThresholdResult
from windtunnel.model.vocabulary import ThresholdWord

WORKSPACE = Workspace(root=PurePath("/w"), folder=PurePath("/w"))
DISTRIBUTION = {"count": 0, "avg": 0, "min": 0, "med": 0, "p90": 0, "p95": 0, "p99": 0, "p99.9": 0, "max": 0}


def summary(verdict: str, **fields: object) -> Summary:
    run = {
        "name": "", "sut": "shop", "scenarios": ["browse"], "load": "closed", "seed": 1, "version": "0",
        "started": 0, "duration_s": 1, "instances": 0, "passed": 0, "failed": 0, "errored": 0, "interrupted": 0,
    }  # fmt: skip
    soundness: dict[str, Any] = {
        "finished": True, "intact": True, "lag_p99_ms": 0, "lag_max_ms": 0, "littles_law": None, "dropped": 0,
        "late": 0, "cpu": 0, "findings": [],
    }  # fmt: skip
    plain = {
        "schema_version": 1, "run_id": "r", "verdict": verdict, "exit_code": 99, "reasons": ["because"],
        "run": run, "thresholds": [], "metrics": {}, "steps": [], "errors": [],
        "soundness": soundness, "turbulence": None,
    }  # fmt: skip
    return msgspec.structs.replace(msgspec.convert(plain, Summary), **fields)


def threshold(result: ThresholdWord, *, file: str | None = None, line: int | None = None) -> ThresholdResult:
    return ThresholdResult(
        selector="http_req_duration",
        condition="p(95) < 500ms",
        result=result,
        measured="812 ms",
        limit="500 ms",
        samples=14203,
        origin="plan",
        metric="http_req_duration",
        aggregate="p",
        percentile=95.0,
        operator="<",
        unit="us",
        value=812_000.0,
        limit_value=500_000.0,
        file=file,
        line=line,
    )


def test_a_pass_is_not_remarked() -> None:
    assert summary_annotations(summary("pass", thresholds=[threshold("pass")]), workspace=WORKSPACE) == []


def test_a_failed_threshold_is_remarked_where_it_stands() -> None:
    remarks = summary_annotations(
        summary("fail", thresholds=[threshold("pass"), threshold("fail", file="/w/plan.yaml", line=12)]),
        workspace=WORKSPACE,
    )
    assert remarks == [
        Annotation(
            title="Threshold: fail",
            message="http_req_duration: p(95) < 500ms, measured 812 ms (n = 14,203)",
            file="plan.yaml",
            line=12,
        )
    ]


def test_failures_come_before_thresholds_without_data() -> None:
    found = summary_annotations(
        summary("fail", thresholds=[threshold("no_data"), threshold("inconclusive"), threshold("fail")]),
        workspace=WORKSPACE,
    )
    assert [remark.title for remark in found] == [
        "Threshold: fail",
        "Threshold: no data",
        "Threshold: inconclusive",
    ]


def test_a_verdict_that_no_threshold_explains_comes_first() -> None:
    [remark] = summary_annotations(
        summary("incomplete", reasons=["disk full", "12 records lost"]), workspace=WORKSPACE
    )
    assert (remark.title, remark.message) == ("Windtunnel: incomplete", "disk full\n12 records lost")


def test_no_sentence_is_in_two_annotations_or_twice_in_one() -> None:
    why = "it needs at least 59 samples and has 3"
    said = f"http_req_duration: p(95) < 500ms could not be judged: {why}"
    unjudged = msgspec.structs.replace(threshold("inconclusive"), reason=said, explanation=why)
    failed = msgspec.structs.replace(threshold("fail"), reason="http_req_duration: p(95) < 500ms failed: 812 ms")
    for verdict, results in (("inconclusive", [unjudged]), ("fail", [failed, unjudged])):
        remarks = summary_annotations(
            summary(verdict, reasons=[each.reason for each in results], thresholds=results), workspace=WORKSPACE
        )
        text = "\n".join(remark.message for remark in remarks)
        assert text.count(why) == 1
        assert text.count("http_req_duration: p(95) < 500ms") == len(results)


def test_errors_are_remarked_at_the_step_of_the_scenario() -> None:
    latency = {**DISTRIBUTION}
    counts = dict.fromkeys(
        ["passed", "failed", "errored", "skipped", "interrupted", "requests", "requests_failed"], 0
    )
    row = msgspec.convert(
        {
            "scenario": "browse", "step": "search", "action": "http", "count": 4, **counts, "latency": latency,
            "file": "scenarios/browse.yaml", "line": 30,
        },
        StepSummary,
    )  # fmt: skip
    group = ErrorGroup(
        scenario="browse",
        step="search",
        cause="status_code",
        outcome="failed",
        count=2,
        share=0.5,
        first_t=0,
        last_t=1,
        example="expected 200, got 503\n::set-env::",
        instances=["browse-1"],
        file="scenarios/browse.yaml",
        line=30,
    )
    remark = summary_annotations(
        summary("fail", thresholds=[threshold("fail")], steps=[row], errors=[group]), workspace=WORKSPACE
    )[1]
    assert remark == Annotation(
        title="browse / search: failed",
        message="status_code: 2 times (50% of instances)\nexpected 200, got 503\n::set-env::",
        file="scenarios/browse.yaml",
        line=30,
    )


def test_a_problem_is_remarked_in_the_users_file_with_its_mend() -> None:
    where = Location(file="scenarios/browse.yaml", line=3, column=5)
    problem = Problem(message='unknown key "metod"', where=where, hint='did you mean "method"?')
    assert problem_annotations([problem], verdict="invalid", workspace=WORKSPACE) == [
        Annotation(
            title="Windtunnel: invalid",
            message='scenarios/browse.yaml:3:5: unknown key "metod"\n  help: did you mean "method"?',
            file="scenarios/browse.yaml",
            line=3,
        )
    ]
