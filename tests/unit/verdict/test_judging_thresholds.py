from __future__ import annotations

import pytest

from tests.support.run_builder import ROWS, Run, threshold
from windtunnel.errors import Location
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.threshold import IMPLIED
from windtunnel.verdict.thresholds import evaluate, in_force, samples_needed


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("avg < 3", "pass"),
        ("avg > 3", "fail"),
        ("min >= 1ms", "pass"),
        ("max <= 2ms", "fail"),
        ("max < 3.5ms", "pass"),
        ("med < 2.01ms", "pass"),
        ("max != 3", "fail"),
        ("count == 5", "pass"),
    ],
)
def test_a_trend_is_held_against_its_limit(condition: str, result: str) -> None:
    run = Run()
    for wait in (1_000, 2_000, 2_000, 2_000, 3_000):
        run.requests(wait=wait)
    assert run.result("http_req_duration", condition).result == result


def test_a_failed_trend_says_what_was_measured_and_of_how_many() -> None:
    result = Run().requests(14_203, wait=812_000).result("http_req_duration", "p(95) < 400")
    assert result.reason == "http_req_duration: p(95) < 400 ms failed: 812 ms (n = 14,203)"
    assert (result.measured, result.limit, result.samples) == ("812 ms", "400 ms", 14_203)


def test_a_failed_rate_says_how_many_of_how_many() -> None:
    result = Run().requests(97).requests(3, 500).result("http_req_failed", "rate < 1%")
    assert result.reason == "http_req_failed: rate < 1% failed: 3% (3 of 100)"


def test_a_selector_judges_only_what_its_tags_pick_out() -> None:
    run = Run().requests(9).requests(1, 500, wait=9_000)
    assert run.result("http_req_duration{status:200}", "max < 5").result == "pass"
    assert run.result("http_req_duration{status:500}", "max < 5").result == "fail"
    assert run.result("http_req_duration{team:a}", "max < 5").result == "fail"


@pytest.mark.parametrize(
    ("condition", "needed"),
    [("p(90) < 1s", 29), ("p(95) < 1s", 59), ("p(99) < 1s", 299), ("p(99.9) < 1s", 2_995), ("avg < 1s", 1)],
)
def test_a_percentile_needs_as_many_samples_as_can_show_it(condition: str, needed: int) -> None:
    assert samples_needed(threshold("http_req_duration", condition)) == needed
    assert Run().requests(needed).result("http_req_duration", condition).result == "pass"
    few = Run().requests(needed - 1).result("http_req_duration", condition)
    assert few.result == "no_data"


@pytest.mark.parametrize("condition", ["p(0) < 1s", "p(100) < 1s", "min < 1s", "max < 1s"])
def test_an_extreme_needs_one_sample(condition: str) -> None:
    assert Run().requests(1).result("http_req_duration", condition).result == "pass"


def test_too_few_samples_say_how_many_were_needed_and_how_many_there_were() -> None:
    reason = Run().requests(120).result("http_req_duration", "p(99) < 1s").reason
    assert reason is not None
    assert "http_req_duration: p(99) < 1 s" in reason
    assert "at least 299 samples and has 120" in reason


def test_a_failing_percentile_with_too_few_samples_is_no_data_either() -> None:
    assert Run().requests(10, wait=9_000_000).result("http_req_duration", "p(99) < 1s").result == "no_data"


def test_min_samples_takes_the_place_of_the_rule() -> None:
    run = Run().requests(10)
    assert run.result("http_req_duration", "p(99) < 1s", min_samples=10).result == "pass"
    assert run.result("http_req_duration", "p(50) < 1s", min_samples=11).result == "no_data"
    assert run.result("http_req_failed", "rate < 1%", min_samples=11).result == "no_data"


@pytest.mark.parametrize("selector", ["http_req_failed", "checks", "assertions", "instances"])
def test_a_rate_without_a_sample_is_no_data(selector: str) -> None:
    result = Run().result(selector, "rate < 100%")
    assert (result.result, result.measured) == ("no_data", "no data")
    assert result.reason is not None
    assert result.reason.endswith("nothing was measured")


def test_a_trend_without_a_sample_is_no_data() -> None:
    assert Run().result("http_req_duration", "max < 1s").result == "no_data"
    assert Run().result("vus", "value < 10").result == "no_data"


def test_nothing_counted_is_a_count_of_zero() -> None:
    assert Run().result("dropped_iterations", "count == 0").result == "pass"
    assert Run().result("http_reqs", "count > 0").result == "fail"


def test_the_rate_of_a_counter_is_per_second_of_the_measured_time() -> None:
    run = Run().instances(100).requests(30)
    result = run.result("http_reqs", "rate > 40")
    assert (result.result, result.measured) == ("fail", "30/s")
    assert run.result("data_sent", "rate == 3000").result == "pass"


def test_the_rate_of_a_counter_has_no_answer_when_no_time_was_measured() -> None:
    assert Run().requests(3).result("http_reqs", "rate > 1").result == "no_data"


@pytest.mark.parametrize(
    ("selector", "condition"),
    [("vus", "value == 3"), ("vus", "avg == 2.5"), ("vus", "max == 4"), ("vus_max", "value == 4")],
)
def test_a_gauge_is_judged_by_its_last_value_its_mean_over_time_or_its_highest(
    selector: str, condition: str
) -> None:
    assert Run().lag(0).result(selector, condition).result == "pass"


def failing() -> Run:
    """12 of 40 requests failed; nothing else."""
    return Run().requests(28).requests(12, 503)


@pytest.mark.parametrize(
    ("selector", "condition", "result", "measured"),
    [
        ("http_req_failed", "count < 10", "fail", "12"),
        ("http_req_failed", "count <= 12", "pass", "12"),
        ("http_req_failed{status:503}", "count == 12", "pass", "12"),
        ("http_req_failed{status:200}", "count == 0", "pass", "0"),
        ("checks", "count > 0", "fail", "0"),
        ("assertions", "count == 0", "pass", "0"),
    ],
)
def test_a_rate_also_has_the_count_of_what_matches(
    selector: str, condition: str, result: str, measured: str
) -> None:
    found = failing().result(selector, condition)
    assert (found.result, found.measured) == (result, measured)


def test_the_count_of_a_rate_that_fails_says_of_how_many() -> None:
    found = failing().result("http_req_failed", "count < 10")
    assert found.reason == "http_req_failed: count < 10 failed: 12 of 40"


def test_the_count_of_instances_and_iterations_is_that_of_all_as_in_k6() -> None:
    run = Run().instances(5).instances(3, "failed")
    for selector in ("instances", "iterations"):
        assert run.result(selector, "count == 8").result == "pass"


def test_a_time_that_only_lag_made_too_long_is_inconclusive() -> None:
    run = Run().requests(1, wait=5_000).requests(100, wait=410_000).lag(20_000)
    result = run.result("http_req_duration", "p(95) < 400")
    assert (result.result, result.measured) == ("inconclusive", "410 ms ± 20 ms")
    assert result.reason is not None
    assert "up to 20 ms late" in result.reason
    assert "use fewer users" in result.reason


def test_lag_does_not_excuse_a_limit_that_not_even_the_fastest_met() -> None:
    run = Run().requests(100, wait=2_000).requests(100, wait=13_000).lag(27_000)
    assert run.result("http_req_duration", "p(95) < 0.001ms").result == "fail"
    assert run.result("http_req_duration", "p(95) < 2.1ms").result == "inconclusive"


def test_no_lag_excuses_a_limit_that_no_server_can_meet() -> None:
    run = Run().requests(100, wait=13_000).lag(900_000, p50_us=900_000)
    assert run.result("http_req_duration", "p(95) < 0.001ms").result == "fail"
    assert run.result("http_req_duration", "p(95) < 1ms").result == "inconclusive"


def test_a_time_that_is_too_long_without_the_lag_too_fails() -> None:
    assert (
        Run().requests(100, wait=421_000).lag(20_000).result("http_req_duration", "p(95) < 400").result == "fail"
    )


def test_a_time_that_holds_holds_whatever_the_lag() -> None:
    assert (
        Run().requests(100, wait=390_000).lag(900_000).result("http_req_duration", "p(95) < 400").result == "pass"
    )


def test_lag_is_no_excuse_for_a_time_that_is_too_short() -> None:
    assert Run().requests(100, wait=1_000).lag(900_000).result("http_req_duration", "min > 2").result == "fail"


def test_lag_is_no_excuse_for_counts_and_shares_nor_for_itself() -> None:
    run = Run().requests(10, 500).lag(900_000)
    assert run.result("http_req_failed", "rate < 1%").result == "fail"
    assert run.result("http_req_duration", "count < 5").result == "fail"
    # Some seconds without lag and some with it: what is measured here is the lag, so none of it is subtracted.
    assert Run().lag(1_000).lag(900_000).result("generator_lag", "max < 10").result == "fail"


def test_step_durations_are_times_like_any_other() -> None:
    run = Run().steps(1, duration_us=5_000).steps(100, duration_us=410_000).lag(20_000)
    assert run.result("step_duration{step:rest}", "p(95) < 400").result == "inconclusive"


def test_a_measured_value_shows_enough_digits_to_tell_on_which_side_of_the_limit_it_is() -> None:
    assert Run().requests(100, wait=400_049).result("http_req_duration", "avg < 400").measured == "400.05 ms"
    assert Run().requests(9_999).requests(1, 500).result("http_req_failed", "rate == 0%").measured == "0.01%"


def test_a_result_says_where_its_threshold_stands() -> None:
    where = Location(file="plan.yaml", line=12, column=5)
    stands = parse_threshold("http_reqs", "count > 0", where=where)
    result = evaluate(stands, Run().aggregate, ROWS)
    assert (result.file, result.line, result.origin) == ("plan.yaml", 12, "plan")


@pytest.mark.parametrize(
    "selector", ["instances", "iterations", "checks", "assertions", "http_req_failed", "checks{step:browse}"]
)
def test_speaking_of_instances_takes_the_place_of_the_implied_threshold(selector: str) -> None:
    mine = threshold(selector, "rate < 100%")
    assert in_force([mine]) == (mine,)


def test_every_instance_must_pass_unless_the_user_speaks_of_instances() -> None:
    mine = threshold("http_req_duration", "max < 1s")
    assert in_force([mine]) == (IMPLIED, mine)
    assert in_force([]) == (IMPLIED,)
