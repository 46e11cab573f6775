"""What a failed setup or teardown means for the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.run_builder import START, Run
from windtunnel.model.record import FailedCheck, InstanceRecord, StepRecord
from windtunnel.model.vocabulary import InstanceOutcome


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
    assert summary.errors == []
    assert summary.run.instances == 0


def test_a_failed_teardown_leaves_the_numbers_and_is_said() -> None:
    summary = beside(Run().instances(20).requests(40), "teardown", "failed").ended().concluded()

    assert (summary.verdict, summary.run.instances) == ("pass", 20)
    assert [finding for finding in summary.soundness.findings if "teardown" in finding] == [
        "the teardown of shop failed at prepare: status_code: expected below 400 but got 500;"
        " resources may be left behind"
    ]


@pytest.mark.parametrize("phase", ["setup", "user_setup", "teardown"])
def test_what_passed_beside_the_load_changes_nothing(phase: str) -> None:
    plain = Run().instances(20).requests(40).ended().concluded()
    summary = beside(Run().instances(20).requests(40), phase, "passed").ended().concluded()

    assert summary.reasons == plain.reasons
    assert summary.metrics == plain.metrics
