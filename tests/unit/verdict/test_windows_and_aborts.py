"""Thresholds that must hold in every stretch of a run, and those that end it."""

from __future__ import annotations

import pickle

import pytest

from tests.support.run_builder import ROWS, Run, threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.record import RunEnded
from windtunnel.verdict.thresholds import stop_condition


def busy(*milliseconds: int, each: int = 100) -> Run:
    """`each` requests of so many milliseconds in one window of 10 s after the other."""
    run = Run(widths_s=(10.0,))
    for number, wait in enumerate(milliseconds):
        run.requests(each, wait=wait * 1000, at_s=number * 10 + 5)
    return run


@pytest.mark.parametrize(
    ("selector", "condition", "ends"),
    [
        ("http_req_failed", "count < 2", True),
        ("http_req_failed", "count < 4", False),
        ("http_req_failed", "count == 2", True),
        ("http_req_failed", "count == 4", False),
        ("http_req_failed", "count != 3", False),
        ("http_reqs", "count > 100", False),
        ("http_req_duration", "max > 1s", False),
        ("http_req_duration", "max < 1ms", True),
        ("http_req_duration", "min < 1ms", False),
        ("http_req_duration", "min > 100ms", True),
        ("vus_max", "value >= 5", False),
        ("vus_max", "value < 3", True),
        ("vus", "value >= 5", True),
    ],
)
def test_a_run_ends_early_only_for_what_can_hold_no_more(selector: str, condition: str, ends: bool) -> None:
    run = Run().requests(10, wait=20_000).requests(3, 503, wait=20_000).lag(0)
    aborting = threshold(selector, condition, abort=True)

    reason = (stop_condition([aborting], run.aggregate, ROWS) or str)(60.0)

    assert (reason is not None) is ends


def test_a_slow_stretch_fails_where_the_whole_run_would_pass() -> None:
    run = busy(20, 20, 900, 20, 20, 20, 20, 20, 20, 20, 20, 20)
    assert run.result("http_req_duration", "med < 100ms").result == "pass"
    result = run.result("http_req_duration", "med < 100ms", within_s=10.0)
    assert result.result == "fail"
    assert result.measured == "900 ms"
    assert result.reason == "http_req_duration: med < 100 ms failed: 900 ms (n = 100), from 20 s to 30 s"


def test_every_stretch_that_failed_is_counted() -> None:
    result = busy(900, 20, 900).result("http_req_duration", "med < 100ms", within_s=10.0)
    assert result.reason is not None
    assert result.reason.endswith("from 0 s to 10 s, and in 1 more of 3 windows")


def test_a_stretch_with_too_few_samples_says_nothing() -> None:
    run = busy(20, 20).requests(3, wait=900_000, at_s=25)
    assert run.result("http_req_duration", "p(95) < 100ms", within_s=10.0).result == "pass"


def test_only_stretches_with_too_few_samples_have_no_answer() -> None:
    assert busy(20, each=5).result("http_req_duration", "p(95) < 100ms", within_s=10.0).result == "no_data"


def test_a_stretch_without_any_request_breaks_a_rate() -> None:
    result = busy(20, 20).requests(100, at_s=35).result("http_reqs", "rate > 5/s", within_s=10.0)
    assert result.result == "fail"
    assert "from 20 s to 30 s" in (result.reason or "")


def test_lag_excuses_its_own_stretch_only() -> None:
    run = busy(20, 120).requests(1, wait=5_000, at_s=15).lag(50_000, at_s=15)
    assert run.result("http_req_duration", "med < 100ms", within_s=10.0).result == "inconclusive"
    run = busy(20, 120).requests(1, wait=5_000, at_s=15).lag(50_000, at_s=5)
    assert run.result("http_req_duration", "med < 100ms", within_s=10.0).result == "fail"


def test_windows_merge_and_travel_between_processes_to_what_one_would_have_counted() -> None:
    whole, first, second = busy(20, 900, 20).aggregate, busy(20).aggregate, Run(widths_s=(10.0,))
    second.requests(100, wait=900_000, at_s=15).requests(100, wait=20_000, at_s=25)
    merged = (
        Aggregate().merge(pickle.loads(pickle.dumps(first))).merge(pickle.loads(pickle.dumps(second.aggregate)))
    )
    assert merged.windows[10.0].keys() == whole.windows[10.0].keys()
    for number, window in whole.windows[10.0].items():
        ours, theirs = merged.windows[10.0][number].requests, window.requests
        assert {key: series.duration for key, series in ours.items()} == {
            key: series.duration for key, series in theirs.items()
        }


def test_a_successor_counts_windows_from_the_same_beginning() -> None:
    run = busy(20)
    successor = run.aggregate.successor()
    run.aggregate = successor
    run.requests(100, at_s=25)
    assert list(successor.windows[10.0]) == [2]


def test_a_run_ends_when_an_aborting_threshold_is_known_to_fail_but_not_before_its_time() -> None:
    run = Run()
    aborting = threshold("http_req_failed", "rate < 10%", abort=True, after_s=10.0)
    condition = stop_condition([aborting], run.aggregate, ROWS)
    assert condition is not None
    run.requests(10, 500)
    assert condition(9.0) is None
    assert condition(10.0) == "http_req_failed: rate < 10% failed: 100% (10 of 10)"
    run.requests(1000)
    assert condition(11.0) is None


def test_too_few_samples_abort_nothing() -> None:
    run = Run().requests(3, wait=900_000)
    condition = stop_condition([threshold("http_req_duration", "p(95) < 1ms", abort=True)], run.aggregate, ROWS)
    assert condition is not None
    assert condition(60.0) is None


def test_without_an_aborting_threshold_there_is_nothing_to_ask() -> None:
    assert stop_condition([threshold("checks", "rate > 99%")], Aggregate(), ROWS) is None


def test_an_aborted_run_failed_even_if_its_threshold_holds_in_the_end() -> None:
    run = Run().instances(100)
    run.aggregate.write([RunEnded(t=1.0, reason="checks: rate > 99% failed: 97%", counts={}, aborted=True)])
    summary = run.concluded(threshold("http_reqs", "count >= 0"))
    assert (summary.verdict, summary.exit_code) == ("fail", 99)
    assert summary.reasons[0] == "the run was stopped early: checks: rate > 99% failed: 97%"


def test_the_error_of_the_measurement_stands_beside_a_time_it_matters_for() -> None:
    run = Run().requests(100, wait=100_000).lag(5_000)
    assert run.result("http_req_duration", "med < 1s").measured == "100 ms ± 5 ms"
    assert run.result("http_req_duration", "count > 1").measured == "100"
    assert Run().requests(100, wait=100_000).lag(50).result("http_req_duration", "med < 1s").measured == "100 ms"
