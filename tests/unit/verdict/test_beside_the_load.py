"""What a failed setup or teardown means for the verdict."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.run_builder import START, WHOLE, Run, manifest, threshold
from windtunnel.model.manifest import StepRow
from windtunnel.model.record import FailedCheck, InstanceRecord, StepRecord
from windtunnel.model.vocabulary import InstanceOutcome
from windtunnel.verdict.conclude import conclude


def beside(run: Run, phase: str, outcome: InstanceOutcome) -> Run:
    """A setup or teardown that came to this, at its step `prepare`."""
    who: dict[str, Any] = {
        "instance_id": f"shop-{phase}",
        "correlation_id": "c",
        "scenario": "shop",
        "phase": phase,
        "t": START,
    }
    check = FailedCheck(name="status_code", expected="below 400", actual="500")
    run.aggregate.write(
        [
            StepRecord(
                step="prepare",
                action="http",
                outcome=outcome,
                duration_us=10,
                checks=[check] if outcome == "failed" else [],
                **who,
            ),
            InstanceRecord(
                index=-1,
                user=-1,
                outcome=outcome,
                scheduled=START,
                started=START,
                duration_us=10,
                response_time_us=10,
                **who,
            ),
        ]
    )
    return run


def test_after_a_failed_setup_the_run_is_inconclusive_and_says_why_once() -> None:
    summary = beside(Run(), "setup", "failed").ended().concluded()

    assert (summary.verdict, summary.exit_code) == ("inconclusive", 4)
    assert summary.reasons == [
        "no load was sent: the setup of shop failed at prepare: status_code: expected below 400 but got 500"
    ]
    assert [(group.phase, group.step, group.cause, group.share) for group in summary.errors] == [
        ("setup", "prepare", "status_code", 0.0)
    ]
    assert summary.run.instances == 0


def test_a_failed_teardown_leaves_the_numbers_and_is_said() -> None:
    summary = beside(Run().instances(20).requests(40), "teardown", "failed").ended().concluded()

    assert (summary.verdict, summary.run.instances) == ("pass", 20)
    assert [finding for finding in summary.soundness.findings if "teardown" in finding] == [
        "the teardown of shop failed at prepare: status_code: expected below 400 but got 500;"
        " resources may be left behind"
    ]


def test_a_user_setup_that_failed_is_an_error_and_a_reason_of_a_run_that_is_no_pass() -> None:
    said = "the user_setup of shop failed 3 times at prepare: status_code: expected below 400 but got 500"
    run = Run().instances(17).instances(3, "failed").requests(40)
    for _ in range(3):
        beside(run, "user_setup", "failed")

    judged = run.ended().concluded()
    allowed = run.concluded(threshold("instances", "rate > 50%"))

    assert judged.reasons == ["3 of 20 instances did not pass (15%)", said]
    assert (allowed.verdict, allowed.reasons, allowed.soundness.findings) == ("pass", [], [said])
    for summary in (judged, allowed):
        [group] = summary.errors
        assert (group.phase, group.step, group.count, group.share) == ("user_setup", "prepare", 3, 0.15)
        assert group.instances == ["shop-user_setup"]


def test_a_user_setup_counts_among_the_instances_of_every_stage() -> None:
    run = Run().instances(6).instances(4, "failed", phase="warmup:first").requests(9)
    for _ in range(4):
        beside(run, "user_setup", "failed")
    [group] = run.ended().concluded().errors
    assert (group.count, group.share) == (4, 0.4)


def test_a_user_setup_that_a_bug_ended_has_no_step() -> None:
    run = beside(Run().instances(1, "errored").requests(1), "user_setup", "errored").ended()
    [group] = run.concluded().errors
    assert (group.phase, group.step, group.cause) == ("user_setup", "prepare", "errored")


PLANNED = [StepRow(scenario="shop", step="clean", action="http", phase="teardown", file="shop.yaml", line=9)]


def with_teardown(run: Run) -> list[str]:
    planned = replace(manifest(), section_steps=PLANNED)
    findings = conclude(planned, run.aggregate, WHOLE).soundness.findings
    return [finding for finding in findings if "teardown" in finding]


def test_a_teardown_that_was_cut_short_or_did_not_run_is_said() -> None:
    run = Run().instances(20).requests(40)
    assert with_teardown(run) == ["the teardown of shop did not run; resources may be left behind"]
    beside(run, "teardown", "interrupted")
    assert with_teardown(run) == ["the teardown of shop did not end in time; resources may be left behind"]


def test_where_nothing_was_begun_no_teardown_is_missed() -> None:
    assert with_teardown(Run().ended(unreachable="connection refused")) == []


def test_the_place_of_a_failed_step_is_that_of_its_section() -> None:
    run = beside(Run().instances(20).requests(40), "teardown", "failed")
    rows = [StepRow(scenario="shop", step="prepare", action="http", phase="teardown", file="shop.yaml", line=9)]
    [group] = conclude(replace(manifest(), section_steps=rows), run.aggregate, WHOLE).errors
    assert (group.file, group.line) == ("shop.yaml", 9)


@pytest.mark.parametrize("phase", ["setup", "user_setup", "teardown"])
def test_what_passed_beside_the_load_changes_nothing(phase: str) -> None:
    plain = Run().instances(20).requests(40).ended().concluded()
    summary = beside(Run().instances(20).requests(40), phase, "passed").ended().concluded()

    assert summary.reasons == plain.reasons
    assert summary.metrics == plain.metrics
