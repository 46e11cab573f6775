"""What is evidence in the records of a load: responses and checks, in the measured phase, of every scenario."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.support.run_builder import ROWS, START, WHOLE, Run, manifest, threshold
from windtunnel.model.manifest import StepRow
from windtunnel.model.record import AssertionRecord, Checks, FailedCheck, StepRecord
from windtunnel.model.summary import Summary
from windtunnel.model.threshold import Threshold
from windtunnel.model.vocabulary import AssertionAction, InstanceOutcome, Outcome
from windtunnel.verdict.conclude import conclude

NOTHING = (
    "nothing was tested: no request of the measured load got a complete response, and no code checked anything"
)
CURE = "; send a request in the flow, or check something in Python (`user.check`)"
LENIENT = threshold("instances", "rate >= 0%")
BAD = FailedCheck(name="echo", expected="a", actual="b")


def said(summary: Summary) -> tuple[str, list[str]]:
    return summary.verdict, summary.reasons


def step(action: str, checks: Checks, *, outcome: Outcome = "passed", phase: str = "") -> StepRecord:
    return StepRecord(
        t=START,
        instance_id="shop-0",
        correlation_id="c",
        scenario="shop",
        step="look",
        action=action,
        outcome=outcome,
        duration_us=5,
        checks=checks,
        phase=phase,
    )


def assertion(action: AssertionAction, *, outcome: Outcome = "passed", phase: str = "") -> AssertionRecord:
    return AssertionRecord(
        t=START,
        instance_id="shop-0",
        correlation_id="c",
        scenario="shop",
        name="held",
        action=action,
        outcome=outcome,
        checks=[] if outcome == "skipped" else ["condition"],
        phase=phase,
    )


@pytest.mark.parametrize(
    ("record", "evidence"),
    [
        (step("ledger", ["balance"]), True),
        (step("ledger", [BAD], outcome="failed"), True),
        (step("ledger", []), False),
        (step("ledger", ["balance"], phase="setup"), False),
        (step("ledger", ["balance"], phase="warmup:first"), False),
        (step("python", ["balance"]), True),
        (step("python", []), False),
        (step("assert", ["condition"]), False),
        (
            step("http", [FailedCheck(name="status_code", expected="200", actual="refused")], outcome="failed"),
            False,
        ),
        (assertion("check"), True),
        (assertion("check", outcome="failed"), True),
        (assertion("check", phase="warmup:first"), False),
        (assertion("assert"), False),
        (assertion("assert", outcome="skipped"), False),
    ],
)
def test_a_check_is_evidence_when_code_of_its_own_made_it(
    record: StepRecord | AssertionRecord, *, evidence: bool
) -> None:
    run = Run().instances(3)
    run.aggregate.write([record])
    assert said(run.ended().concluded(LENIENT)) == (
        ("pass", []) if evidence else ("inconclusive", [NOTHING + CURE])
    )


@pytest.mark.parametrize("phase", ["warmup:first", "setup", "user_setup", "teardown", "health", "token"])
def test_a_response_outside_the_measured_phase_is_no_evidence_and_that_is_told(phase: str) -> None:
    run = Run().instances(3).requests(5, phase=phase).ended()
    hint = f"; responses outside the measured load do not count ({phase})"
    assert said(run.concluded()) == ("inconclusive", [NOTHING + hint + CURE])
    assert said(run.requests(1, phase="peak").concluded()) == ("pass", [])


@pytest.mark.parametrize("status", [200, 404, 503])
def test_any_response_is_evidence_whatever_its_status(status: int) -> None:
    assert said(Run().instances(3).requests(1, status).ended().concluded(LENIENT)) == ("pass", [])


def test_requests_that_were_never_sent_are_no_evidence_even_if_the_user_allows_every_failure() -> None:
    run = Run().instances(3, "failed").requests(3, 0, error="host_not_allowed").ended()
    assert said(run.concluded(LENIENT)) == ("inconclusive", [NOTHING + CURE])
    assert said(run.concluded()) == ("fail", ["3 of 3 instances did not pass (100%)", NOTHING + CURE])


def test_responses_that_broke_off_are_no_evidence() -> None:
    run = Run().instances(3, "failed").requests(3, 200, error="closed")
    assert said(run.ended().concluded(LENIENT)) == ("inconclusive", [NOTHING + CURE])
    assert said(run.requests(1, 200).ended().concluded(LENIENT)) == ("pass", [])


def test_checks_beside_a_request_without_a_response_are_no_evidence() -> None:
    run = Run().instances(3, "failed").requests(1, 0, error="host_not_allowed", step="look")
    run.aggregate.write([step("python", ["sum", BAD], outcome="failed")])
    assert said(run.ended().concluded(LENIENT)) == ("inconclusive", [NOTHING + CURE])


def test_a_signal_outweighs_nothing_tested() -> None:
    summary = Run().instances(3).ended(signal=2).concluded()
    assert said(summary) == ("interrupted", ["the run was stopped by SIGINT", NOTHING + CURE])


# ── scenarios that never ran ──────────────────────────────────────────────────────────────────────────────────

TWO_ROWS = [
    *ROWS,
    StepRow(scenario="rare", step="refund", action="http", method="POST", service="bank", tags={"team": "b"}),
    StepRow(scenario="rare", step="browse", action="http", method="GET", service="shop", tags={"team": "b"}),
]
NEVER = "scenario rare never ran: the load was too short for it; run more instances, or leave it out with --skip"

IDLE = "scenario rare tested nothing: no request of it got a complete response, and no code of it checked anything"


def of_two(run: Run, *thresholds: Threshold, rows: Sequence[StepRow] = TWO_ROWS) -> Summary:
    planned = replace(manifest(thresholds, rows), scenarios=["shop", "rare"])
    return conclude(planned, run.aggregate, WHOLE)


def busy() -> Run:
    return Run().instances(20).requests(40)


def test_a_scenario_that_never_ran_is_a_warning() -> None:
    summary = of_two(busy().ended())
    assert said(summary) == ("pass", [])
    assert summary.soundness.findings == [NEVER]


@pytest.mark.parametrize(
    ("phase", "outcome", "warning"),
    [
        (
            "warmup:first",
            "passed",
            "scenario rare was not tested: it ran in warm-up stages only; run the load longer",
        ),
        ("", "interrupted", "scenario rare was not tested: 2 instances of it started and none ran to its end"),
        ("", "errored", IDLE),
        ("peak", "passed", IDLE),
    ],
)
def test_only_a_completed_instance_of_the_measured_phase_counts(
    phase: str, outcome: InstanceOutcome, warning: str
) -> None:
    summary = of_two(busy().instances(200).instances(2, outcome, scenario="rare", phase=phase).ended(), LENIENT)
    assert summary.soundness.findings == [warning]


def test_a_scenario_whose_arrivals_were_all_dropped_says_so() -> None:
    findings = of_two(busy().instances(1000).dropped(3, scenario="rare").ended()).soundness.findings
    assert findings == ["scenario rare never ran: 3 arrivals of it found no free slot; raise max_parallel"]


@pytest.mark.parametrize(
    ("selector", "condition", "result"),
    [
        ("instances{scenario:rare}", "rate == 100%", "no_data"),
        ("http_reqs{scenario:rare}", "count == 0", "no_data"),
        ("http_reqs{step:refund}", "count < 5", "no_data"),
        ("http_reqs{team:b,status:500}", "count == 0", "no_data"),
        ("dropped_iterations{scenario:rare}", "count == 0", "no_data"),
        ("http_reqs{step:only in code}", "count == 0", "no_data"),
        ("http_reqs{step:refund}", "count > 5", "fail"),
        ("http_reqs{step:browse}", "count > 5", "pass"),
        ("http_reqs{service:bank}", "count == 0", "pass"),
        ("http_reqs{status:500}", "count == 0", "pass"),
        ("http_reqs{scenario:shop}", "count > 5", "pass"),
    ],
)
def test_a_threshold_that_speaks_only_of_a_scenario_that_never_ran_has_no_data(
    selector: str, condition: str, result: str
) -> None:
    summary = of_two(busy().ended(), threshold(selector, condition))
    judged = summary.thresholds[-1]
    assert judged.result == result
    assert summary.verdict == {"no_data": "inconclusive"}.get(result, result)
    if result == "no_data" and judged.samples == 0 and "count" in condition:
        assert summary.reasons == [f"{selector}: {condition} could not be judged: {NEVER}"]


def test_a_shard_leaves_both_to_the_merge() -> None:
    planned = replace(manifest(rows=TWO_ROWS), scenarios=["shop", "rare"], shard="1/2")
    summary = conclude(planned, Run().instances(3).ended().aggregate, WHOLE)
    assert (said(summary), summary.soundness.findings) == (("pass", []), [])


def test_where_no_instance_ran_there_is_no_word_of_each_scenario() -> None:
    assert of_two(Run().ended()).soundness.findings == []


def test_a_scenario_that_tested_nothing_beside_others_that_did_is_a_warning() -> None:
    summary = of_two(busy().instances(2, scenario="rare").ended())
    assert (summary.verdict, summary.soundness.findings) == ("pass", [IDLE])
    assert of_two(Run().instances(2).instances(2, scenario="rare").ended()).soundness.findings == []
