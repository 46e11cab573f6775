from __future__ import annotations

import msgspec
import pytest

from tests.support.run_builder import ROWS, START, WHOLE, Run, threshold
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import StepRecord
from windtunnel.model.summary import Summary
from windtunnel.model.verdict import EXIT_CODES
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.report.wording import headline

UNFINISHED = Evidence(finished=False, intact=True)
SLOW = threshold("http_req_duration", "max < 400")
QUICK = threshold("http_req_duration", "max < 4s")


def told(summary: Summary) -> tuple[str, int]:
    return summary.verdict, summary.exit_code


def healthy() -> Run:
    return Run().instances(20).requests(40)


def test_a_run_in_which_every_threshold_holds_passes() -> None:
    summary = healthy().ended().concluded(QUICK)
    assert told(summary) == ("pass", 0)
    assert summary.reasons == []
    assert [(result.origin, result.result) for result in summary.thresholds] == [
        ("implied", "pass"),
        ("plan", "pass"),
    ]


def test_an_instance_that_did_not_pass_fails_the_run_by_the_implied_threshold() -> None:
    summary = Run().instances(488).instances(7, "failed").instances(5, "errored").requests(9).ended().concluded()
    assert told(summary) == ("fail", 99)
    assert summary.reasons == ["12 of 500 instances did not pass (2.4%)"]


def test_a_single_bad_instance_among_many_never_reads_as_none() -> None:
    summary = Run().instances(29_999).instances(1, "failed").requests(1).ended().concluded()
    assert summary.reasons == ["1 of 30,000 instances did not pass (0.00333%)"]


def test_the_users_word_on_instances_decides_alone() -> None:
    run = Run().instances(488).instances(12, "failed").requests(9).ended()
    assert told(run.concluded(threshold("instances", "rate > 95%"))) == ("pass", 0)
    assert told(run.concluded(threshold("http_req_failed", "rate < 1%"))) == ("pass", 0)
    assert told(run.concluded(QUICK)) == ("fail", 99)


def test_a_failed_threshold_fails_the_run_with_its_measure_in_the_reason() -> None:
    summary = Run().instances(20).requests(40, wait=812_000).ended().concluded(SLOW)
    assert told(summary) == ("fail", 99)
    assert summary.reasons == ["http_req_duration: max < 400 ms failed: 812 ms (n = 40)"]


def test_a_threshold_without_data_is_never_a_pass() -> None:
    summary = healthy().ended().concluded(threshold("http_req_duration", "p(99) < 4s"))
    assert told(summary) == ("inconclusive", 4)


def test_a_failure_outweighs_a_missing_answer_and_both_are_told() -> None:
    summary = (
        healthy().requests(1, wait=900_000).ended().concluded(threshold("http_req_duration", "p(99) < 4s"), SLOW)
    )
    assert told(summary) == ("fail", 99)
    assert ["failed: 900 ms" in summary.reasons[0], "could not be judged" in summary.reasons[1]] == [True, True]


def test_lag_that_explains_a_failure_makes_the_run_inconclusive() -> None:
    assert told(
        Run().instances(20).requests(1).requests(40, wait=410_000).lag(20_000).ended().concluded(SLOW)
    ) == (
        "inconclusive",
        4,
    )


def test_dropped_arrivals_make_the_run_inconclusive_unless_something_fails() -> None:
    assert told(healthy().dropped(9).ended().concluded()) == ("inconclusive", 4)
    assert told(healthy().dropped(9).instances(1, "failed").ended().concluded()) == ("fail", 99)


@pytest.mark.parametrize(("signal", "code"), [(2, 130), (15, 143)])
def test_a_run_stopped_by_a_signal_is_interrupted_whatever_was_measured(signal: int, code: int) -> None:
    good = healthy().instances(3, "interrupted").ended(signal=signal).concluded()
    bad = healthy().instances(1, "failed").ended(signal=signal).concluded()
    assert told(good) == told(bad) == ("interrupted", code)
    assert good.reasons == [f"the run was stopped by {'SIGINT' if signal == 2 else 'SIGTERM'}"]
    assert bad.reasons[1] == "1 of 21 instances did not pass (4.76%)"


def test_a_bug_of_ours_is_an_error_with_the_last_line_of_its_traceback() -> None:
    traceback = "Traceback (most recent call last):\n  File …\nKeyError: 'x'\n"
    summary = healthy().instances(1, "errored").ended(bug=traceback).concluded()
    assert told(summary) == ("error", 1)
    assert summary.reasons[0] == "a bug in Windtunnel, please report it: KeyError: 'x'"


def test_a_run_whose_records_have_no_end_is_incomplete_even_when_all_was_well() -> None:
    summary = healthy().concluded(QUICK, evidence=UNFINISHED)
    assert told(summary) == ("incomplete", 5)
    assert summary.reasons[0].startswith("the run did not finish: records end at ")


def test_no_response_in_the_whole_load_is_unreachable() -> None:
    run = Run().instances(5, "failed").requests(4, 0, error="refused").requests(1, 0, error="timeout").ended()
    summary = run.concluded()
    assert told(summary) == ("unreachable", 3)
    assert summary.reasons[0] == "no request got a response (4 of 5 requests: the connection was refused)"
    assert "5 of 5 instances did not pass (100%)" in summary.reasons
    assert headline(summary) == "The system under test did not answer."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("tls", "certificate not accepted: certificate has expired; renew it, or use --insecure"),
        ("connect_timeout", "while waiting for the TLS handshake; if this port speaks plain HTTP, write http://"),
    ],
)
def test_a_sut_that_fails_at_tls_did_answer(error: ErrorKind, said: str) -> None:
    failed = StepRecord(
        t=START,
        instance_id="shop-0",
        correlation_id="c",
        scenario="shop",
        step="pay",
        action="http",
        outcome="failed",
        duration_us=1,
        error=error,
        message=said,
    )
    run = Run().instances(5, "failed").requests(4, 0, error=error).requests(1, 0, error="refused")
    run.aggregate.write([failed])
    summary = run.ended().concluded()

    assert told(summary) == ("unreachable", 3)
    assert summary.reasons[0] == f"no TLS connection to the SUT could be made (4 of 5 requests): {said}"
    assert headline(summary) == "The system under test was reached, but no TLS connection to it could be made."


def test_a_port_that_closes_on_plain_http_may_speak_tls() -> None:
    summary = Run().instances(1, "failed").requests(1, 0, error="closed").ended().concluded()
    assert summary.reasons[0] == (
        "no request got a response (1 of 1 requests: the connection was closed before the response was complete; "
        "if this port speaks TLS, write https://)"
    )


def test_a_single_response_is_enough_to_be_reachable() -> None:
    run = Run().instances(5, "failed").requests(4, 0, error="refused").requests(1, 500).ended()
    assert told(run.concluded()) == ("fail", 99)


def test_a_machine_that_could_not_send_says_nothing_about_the_sut() -> None:
    summary = Run().instances(5, "errored").requests(5, 0, error="open_files").ended().concluded()
    assert told(summary) == ("fail", 99)
    assert any("ran out of file descriptors" in reason for reason in summary.reasons)


def test_a_load_without_requests_is_not_unreachable() -> None:
    assert told(Run().instances(3).steps(3, duration_us=10).ended().concluded()) == ("inconclusive", 4)


def test_a_sut_that_nobody_could_connect_to_is_unreachable() -> None:
    summary = Run().ended(unreachable="http://shop: connection refused").concluded(QUICK)
    assert told(summary) == ("unreachable", 3)
    assert summary.reasons == ["nothing was sent: http://shop: connection refused"]


def test_no_instance_at_all_is_inconclusive_and_said_once() -> None:
    summary = Run().ended().concluded(QUICK)
    assert told(summary) == ("inconclusive", 4)
    assert summary.reasons == ["nothing was measured: no instance ran to its end"]


def test_an_incomplete_run_outweighs_a_signal_and_a_failure_and_a_bug_outweighs_all() -> None:
    run = healthy().instances(1, "failed").ended(signal=2)
    assert told(run.concluded(evidence=UNFINISHED)) == ("incomplete", 5)
    assert told(run.ended(bug="KeyError").concluded(evidence=UNFINISHED)) == ("error", 1)


def test_every_reason_is_told_with_the_deciding_one_first() -> None:
    run = Run().instances(9).instances(1, "failed").requests(1, wait=900_000).ended(signal=2)
    reasons = run.concluded(SLOW, evidence=UNFINISHED).reasons
    assert [
        word in reason
        for word, reason in zip(
            ["records", "stopped by SIGINT", "did not pass", "http_req_duration"], reasons, strict=True
        )
    ] == [True] * 4


def test_a_summary_tells_what_ran() -> None:
    run = healthy().instances(2, "failed").instances(1, "errored").instances(1, "interrupted").ended(signal=2)
    info = run.concluded().run
    assert (info.instances, info.passed, info.failed, info.errored, info.interrupted) == (24, 20, 2, 1, 1)
    assert info.duration_s == pytest.approx(0.24)


def test_a_summary_goes_through_json_unchanged() -> None:
    summary = healthy().instances(2, "failed").lag(9_000).ended().concluded(SLOW, QUICK)
    text = msgspec.json.encode(summary)
    assert msgspec.json.decode(text, type=Summary) == summary
    assert b'"p99.9"' in text


def test_the_exit_code_is_that_of_the_word() -> None:
    summary = healthy().ended().concluded(QUICK, evidence=WHOLE)
    assert summary.exit_code == EXIT_CODES[summary.verdict]
    assert [row.step for row in summary.steps] == [row.step for row in ROWS]
