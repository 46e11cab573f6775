"""Then and now: what a comparison says, and what a threshold makes of it."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.support.records import step
from tests.support.run_builder import ROWS, WHOLE, Run, manifest, threshold
from windtunnel.model.summary import Baseline, Summary
from windtunnel.report.changes import change_rows
from windtunnel.verdict.comparison import compare
from windtunnel.verdict.conclude import conclude
from windtunnel.verdict.selectors import check_selectors
from windtunnel.verdict.thresholds import stop_condition

P95 = "http_req_duration"


def ran(wait_us: int, *, failing: int = 0) -> Run:
    run = Run().instances(100 - failing).instances(failing, "failed").lag(0)
    return run.requests(100 - failing, wait=wait_us).requests(failing, 500, wait=wait_us)


def baseline(wait_us: int = 100_000, *, failing: int = 0) -> Baseline:
    return Baseline.of(ran(wait_us, failing=failing).concluded())


def judged(run: Run, selector: str, condition: str, before: Baseline | None) -> Summary:
    plan = manifest([threshold(selector, condition), threshold("instances", "rate > 50%")])
    return conclude(plan, run.aggregate, WHOLE, before)


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("p(95) < baseline * 1.3", "pass"),
        ("p(95) < baseline * 1.1", "fail"),
        ("p(95) < baseline", "fail"),
        ("p(95) < baseline + 30ms", "pass"),
        ("p(95) < baseline + 10ms", "fail"),
        ("p(95) > baseline - 10ms", "pass"),
        ("avg <= baseline * 1.2", "pass"),
        ("count == baseline", "pass"),
    ],
)
def test_a_limit_follows_from_the_baseline(condition: str, result: str) -> None:
    found = judged(ran(120_000), P95, condition, baseline()).thresholds[0]
    assert found.result == result, found.reason


def test_a_threshold_against_a_baseline_shows_the_limit_it_comes_to() -> None:
    found = judged(ran(120_000), P95, "p(95) < baseline * 1.1", baseline()).thresholds[0]
    assert found.condition == "p(95) < baseline * 1.1 (110 ms)"
    assert found.limit == "110 ms"
    assert found.reason == "http_req_duration: p(95) < baseline * 1.1 (110 ms) failed: 120 ms (n = 100)"


@pytest.mark.parametrize(
    ("selector", "condition", "result"),
    [
        ("http_req_failed", "rate <= baseline + 1%", "fail"),
        ("http_req_failed", "rate <= baseline + 5%", "pass"),
        ("http_req_failed", "count <= baseline + 3", "pass"),
        ("http_req_failed", "count <= baseline", "fail"),
        ("instances", "count == baseline", "pass"),
        ("vus", "avg <= baseline", "pass"),
        ("vus", "max > baseline", "fail"),
        ("http_req_failed", "rate <= baseline * 100", "fail"),  # of nothing, everything is too much
        ("instances", "rate >= baseline - 5%", "pass"),
        ("http_reqs", "count >= baseline", "pass"),
        ("http_req_duration{step:browse}", "p(95) < baseline * 1.1", "pass"),
        ("http_req_duration{scenario:shop,step:browse}", "p(95) < baseline * 0.9", "fail"),
    ],
)
def test_shares_counts_and_steps_have_their_baseline_too(selector: str, condition: str, result: str) -> None:
    found = judged(ran(100_000, failing=3), selector, condition, baseline()).thresholds[0]
    assert found.result == result, found.reason


def test_without_a_baseline_there_is_no_answer_and_no_pass() -> None:
    summary = judged(ran(100_000), P95, "p(95) < baseline", None)
    assert (summary.verdict, summary.thresholds[0].result) == ("inconclusive", "no_data")
    assert summary.reasons == [
        "http_req_duration: p(95) < baseline could not be judged: there is no baseline; name one with --baseline, "
        "or pass --baseline none"
    ]


def test_a_baseline_without_the_figure_gives_no_answer_either() -> None:
    empty = Baseline.of(Run().instances(1).concluded())
    found = judged(ran(100_000), P95, "p(95) < baseline", empty).thresholds[0]
    assert found.result == "no_data"
    assert found.reason is not None
    assert found.reason.endswith("the baseline, run run, has no such figure")


def test_who_says_that_there_is_none_gets_the_other_thresholds_and_a_remark() -> None:
    plan = replace(
        manifest([threshold(P95, "p(95) < baseline"), threshold(P95, "p(95) < 1s")]), without_baseline=True
    )
    summary = conclude(plan, ran(100_000).aggregate, WHOLE)
    assert summary.verdict == "pass"
    assert [each.condition for each in summary.thresholds] == ["rate == 100%", "p(95) < 1 s"]
    assert "http_req_duration: p(95) < baseline was not judged: there is no baseline" in summary.soundness.findings


def test_changes_decide_nothing_by_themselves() -> None:
    slow = conclude(manifest(), ran(900_000).aggregate, WHOLE, baseline(1_000))
    assert slow.verdict == "pass"
    assert slow.baseline is not None
    p95 = next(each for each in slow.baseline.changes if (each.metric, each.aggregate) == (P95, "p(95)"))
    assert (p95.before, p95.now, p95.step) == (1.0, 900.0, "")
    assert p95.relative == pytest.approx(899)


def test_a_comparison_has_the_run_then_the_steps_and_leaves_out_what_one_of_them_has_not() -> None:
    now, before = Baseline.of(ran(120_000, failing=5).concluded()), baseline()
    changes = compare(before, now).changes
    places = [each.step for each in changes]
    assert places == sorted(places), "the whole run comes first"
    assert {each.metric for each in changes} >= {"http_req_duration", "http_req_failed", "http_reqs", "instances"}
    failed = next(each for each in changes if each.metric == "http_req_failed")
    assert (failed.before, failed.now, failed.relative, failed.unit) == (0.0, 0.05, None, "share")
    alone = compare(replace(before, metrics={}, steps=[]), now)
    assert alone.changes == []


def waited(step_us: int, request_us: int) -> Baseline:
    """A run whose step `browse` polls: its own time is not that of its requests."""
    run = Run().instances(100).requests(300, wait=request_us)
    run.aggregate.write([step("browse", duration_us=step_us, requests=3) for _ in range(100)])
    return Baseline.of(run.concluded())


def test_a_step_is_compared_by_its_own_times_and_its_requests_by_theirs() -> None:
    comparison = compare(waited(2_000_000, 10_000), waited(1_000_000, 20_000))

    found = {
        each.metric: (each.before, each.now)
        for each in comparison.changes
        if (each.step, each.aggregate) == ("browse", "p(95)")
    }
    assert found == {"step_duration": (2_000.0, 1_000.0), "http_req_duration": (10.0, 20.0)}
    (shown,) = [row for row in change_rows(comparison, most_steps=5) if row.step]
    assert (shown.before, shown.now, shown.change) == ("2 s", "1 s", "-50%")


def test_a_threshold_on_the_requests_of_a_step_compares_with_requests() -> None:
    now = Run().instances(100).requests(300, wait=11_000)
    condition = "p(95) < baseline * 1.2"
    (found, _) = judged(now, "http_req_duration{step:browse}", condition, waited(2_000_000, 10_000)).thresholds
    assert (found.result, found.limit) == ("pass", "12 ms")


def test_a_baseline_of_a_version_that_knew_no_time_of_a_step_is_compared_by_its_requests() -> None:
    written = msgspec.json.decode(msgspec.json.encode(waited(2_000_000, 10_000)))
    for row in written["steps"]:
        del row["retries"], row["request_latency"]
        row["latency"] = {**row["latency"], "count": 300, "med": 10.0, "p95": 10.0, "p99": 10.0}
    before = msgspec.convert(written, Baseline)

    changes = compare(before, waited(1_000_000, 20_000)).changes

    found = {each.metric: each.before for each in changes if (each.step, each.aggregate) == ("browse", "p(95)")}
    assert found == {"http_req_duration": 10.0}


def test_what_takes_away_from_a_comparison_is_said() -> None:
    before = baseline()
    other = replace(before, verdict="incomplete", run=replace(before.run, load="9 users", shard="1/2"))
    assert compare(other, before).notes == [
        "the baseline's own verdict is incomplete",
        "run differently: load 9 users, now 1 user",
        "one of the two runs is a shard",
    ]
    assert compare(before, before).notes == []


def test_a_baseline_is_read_from_a_summary_of_any_version_that_has_what_is_needed() -> None:
    written = msgspec.json.decode(msgspec.json.encode(ran(100_000).concluded()))
    written |= {"schema_version": 99, "new": True, "soundness": None, "thresholds": "other"}
    del written["run"]["shard"]
    assert msgspec.convert(written, Baseline).metrics[P95].count == 100


def test_an_aborting_threshold_may_name_the_baseline() -> None:
    aborting = threshold(P95, "p(95) < baseline", abort=True)
    run = ran(200_000)
    condition = stop_condition([aborting], run.aggregate, ROWS, baseline=baseline())
    assert condition is not None
    assert (condition(9.0) or "").startswith("http_req_duration: p(95) < baseline (100 ms) failed")
    without = stop_condition([aborting], run.aggregate, ROWS)
    assert without is not None
    assert without(9.0) is None


@pytest.mark.parametrize(
    ("selector", "condition", "within_s", "said"),
    [
        (P95, "p(97) < baseline", None, "a baseline has no p(97)"),
        (P95, "p(95) < baseline", 10.0, "a baseline does not have this value"),
        ("http_req_duration{method:GET}", "p(95) < baseline", None, "a baseline does not have this value"),
        ("checks{step:browse}", "rate >= baseline", None, "a baseline does not have this value"),
    ],
)
def test_what_no_baseline_can_have_is_told_before_the_run(
    selector: Any, condition: str, within_s: float | None, said: str
) -> None:
    asked = changed(threshold(selector, condition), within_s=within_s)
    [problem] = check_selectors([asked], ROWS)
    assert problem.message.endswith(said)
    assert check_selectors([threshold("http_req_duration{step:browse}", "p(99.9) < baseline")], ROWS) == []
