"""What the thresholds of a run speak of when there are faults: the time without them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.run_builder import ROWS, Run, threshold
from tests.support.turbulent_run import Answer, Service, TurbulentRun, down, fault
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.record import Dropped
from windtunnel.model.summary import Summary, ThresholdResult
from windtunnel.verdict.thresholds import stop_condition


def result(summary: Summary, name: str = "instances") -> ThresholdResult:
    return next(each for each in summary.thresholds if each.metric == name)


def broken(*times: tuple[float, float]) -> Service:
    return lambda at_s: Answer(503) if any(begin <= at_s < end for begin, end in times) else Answer()


def test_the_implied_threshold_leaves_the_time_of_the_faults_to_the_judge() -> None:
    summary = TurbulentRun(service=down(12, 25)).summary()

    assert result(summary).result == "pass"
    # 10 s of steady and 20 s of recover, at 20 a second.
    assert result(summary).samples == 200 + 400
    assert (summary.verdict, summary.exit_code) == ("pass", 0)


def test_a_run_that_degraded_passes_with_a_warning() -> None:
    summary = TurbulentRun(service=down(12, 25)).summary()

    told = "the system degraded 0 s after the first fault, and recovered 3 s after the last one ended"
    assert told in summary.soundness.findings
    assert summary.reasons == []


def test_what_fails_before_the_faults_or_after_the_recovery_fails_the_run() -> None:
    summary = TurbulentRun(service=broken((12, 22), (45, 45.06))).summary()

    assert (
        result(summary).reason
        == "2 of 600 instances did not pass (0.333%), before the faults or after the recovery"
    )
    assert summary.exit_code == 99


def test_without_a_recovery_the_thresholds_speak_of_the_time_before() -> None:
    summary = TurbulentRun(service=down(12, 52)).summary()

    assert result(summary).samples == 200
    assert result(summary).result == "pass"
    assert summary.reasons[0].startswith("the faults are gone and the load is the same, but the system is stuck")


def test_an_instance_from_before_the_recovery_that_ends_after_it_is_the_judge_s() -> None:
    hung = TurbulentRun(service=down(12, 22, Answer(0, takes_s=15.0)))

    summary = hung.summary()

    assert result(summary).result == "pass"
    # Those of the last moment of the fault end at 37 s: only what ended in later seconds is known to be new.
    assert result(summary).samples == 200 + 300


def test_a_threshold_on_a_phase_speaks_of_that_phase() -> None:
    run = TurbulentRun(service=down(12, 22), thresholds=[parse_threshold("instances{phase:inject}", "rate > 90%")])

    assert result(run.summary()).result == "fail"
    assert result(run.summary()).measured == "50%"


def test_a_rate_a_second_is_that_of_the_seconds_without_faults() -> None:
    run = TurbulentRun(service=down(12, 32, None), thresholds=[parse_threshold("http_reqs", "rate > 19/s")])

    assert result(run.summary(), "http_reqs").measured == "20/s"


def test_windows_that_touch_the_time_of_the_faults_are_not_judged() -> None:
    run = TurbulentRun(
        service=down(12, 25),
        thresholds=[threshold("http_req_failed", "rate < 1%", within_s=5.0), threshold("instances", "rate > 0%")],
    )

    assert result(run.summary(), "http_req_failed").result == "pass"
    failing = replace(run, service=broken((12, 22), (45, 47)))
    assert "from 45 s to 50 s" in (result(failing.summary(), "http_req_failed").reason or "")


def test_a_metric_of_the_generator_speaks_of_the_whole_run() -> None:
    run = TurbulentRun(thresholds=[threshold("generator_lag", "max < 1s"), threshold("instances", "rate == 100%")])

    assert result(run.summary(), "generator_lag").samples == 52


@pytest.mark.parametrize(("phase", "word"), [("steady", "inconclusive"), ("inject", "pass")])
def test_arrivals_without_a_slot_are_the_generator_s_before_the_faults_only(phase: str, word: str) -> None:
    dropped = [Dropped(t=1_700_000_020.0, scenario="shop", index=n, scheduled=0, phase=phase) for n in range(50)]

    assert replace(TurbulentRun(), more=dropped).summary().verdict == word


def test_a_threshold_that_aborts_does_so_before_the_faults_only() -> None:
    run = Run().requests(10, 503)
    aborting = threshold("http_req_failed", "rate < 1%", abort=True)
    asked = stop_condition([aborting], run.aggregate, ROWS, until_s=12.0)

    assert asked is not None
    assert asked(11.0) is not None
    assert asked(12.0) is None


def test_a_shard_is_judged_when_it_is_merged() -> None:
    summary = TurbulentRun(service=down(12, 52), shard="1/2").summary()

    assert summary.turbulence is None
    assert summary.verdict == "pass"


def test_a_fault_of_several_bands_ends_with_the_last_one() -> None:
    run = TurbulentRun(service=broken((12, 13), (30, 31))).with_turbulence(
        faults=(fault("early", for_s=1), fault("late", at_s=18, for_s=1))
    )

    assert result(run.summary()).samples == 200 + 400
    assert run.judged().word == "degraded"
