"""Two runs side by side: differences with an interval over windows of time, and what limits them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.two_runs import AROUND, baseline, ran, without_windows
from windtunnel.actions.table import ACTIONS
from windtunnel.model.summary import Baseline, Change, Comparison, Summary, is_timed
from windtunnel.report.changes import change_rows, first_sentence, has_intervals, remarks
from windtunnel.verdict.comparison import compare


def change(comparison: Comparison, metric: str, aggregate: str = "rate", step: str = "") -> Change:
    (found,) = [c for c in comparison.changes if (c.metric, c.aggregate, c.step) == (metric, aggregate, step)]
    return found


def test_what_two_runs_of_one_service_differ_by_lies_within_the_interval_and_the_spread() -> None:
    p95 = change(compare(baseline(draws=1), baseline(draws=2)), "http_req_duration", "p(95)")
    assert p95.low is not None
    assert p95.high is not None
    assert p95.spreads is not None
    assert p95.low < 0 < p95.high
    assert p95.spreads < 1


def test_a_service_that_takes_20_percent_longer_is_seen_to_differ() -> None:
    p95 = change(compare(baseline(draws=1), baseline(draws=2, slower=1.2)), "http_req_duration", "p(95)")
    assert p95.low is not None
    assert p95.high is not None
    assert 0 < p95.low < 0.2 < p95.high


def test_failures_and_rates_have_an_interval_of_their_own() -> None:
    comparison = compare(baseline(failing=0.0), baseline(failing=0.2, per_second=12))
    for metric, sign in (("http_req_failed", 1), ("instances", -1), ("http_reqs", 1)):
        found = change(comparison, metric)
        assert found.low is not None
        assert found.high is not None
        assert min(sign * found.low, sign * found.high) > 0, metric
    failed = change(comparison, "failed", step="pay")
    assert failed.low is not None
    assert failed.low > 0.1


def test_no_failure_before_and_none_now_is_not_certain_to_stay_so() -> None:
    failed = change(compare(baseline(draws=1), baseline(draws=2)), "http_req_failed")
    assert (failed.before, failed.now, failed.spreads) == (0.0, 0.0, None)
    assert failed.low is not None
    assert failed.high is not None
    assert -0.01 < failed.low < 0 < failed.high < 0.01


def test_containers_pauses_and_set_are_not_compared() -> None:
    summary = ran(around_us=900_000)
    compared = {each.step for each in compare(baseline(), Baseline.of(summary)).changes}
    assert compared == {"", "browse", "pay"}
    assert [row.step for row in summary.steps if row.windows is None] == [name for name, _ in AROUND]


def test_each_step_type_says_whether_its_time_is_that_of_the_sut() -> None:
    of_the_sut = {name for name in ACTIONS if is_timed(name, requests=1)}
    assert of_the_sut == {"http", "wait", "assert", "python"}
    assert not is_timed("wait", requests=0), "a pause"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({"load": "9 users"}, "run differently: load 9 users, now 1 user"),
        ({"plan_hash": "other"}, "run differently: other files, data or thresholds"),
        ({"seed": 8}, "run differently: seed 8, now 1"),
        ({"seconds": 30}, "run differently: duration 29.9 s, now 59.9 s"),
        (
            {"load": "9 users", "plan_hash": "o", "seed": 8},
            "run differently: load 9 users, now 1 user; seed 8, now 1",
        ),
    ],
)
def test_what_was_not_the_same_in_the_two_runs_is_told(before: dict[str, Any], said: str) -> None:
    assert compare(baseline(**before), baseline()).notes == [said]


def test_a_baseline_without_windows_is_compared_and_what_is_missing_is_told() -> None:
    older = msgspec.json.decode(without_windows(ran(draws=1)), type=Baseline)
    comparison = compare(older, baseline(draws=2))
    assert comparison.notes == [
        "no intervals: the summary of the baseline is of a version without windows of time"
    ]
    p95 = change(comparison, "http_req_duration", "p(95)")
    assert (p95.low, p95.high, p95.spreads) == (None, None, None)
    assert p95.relative is not None
    rows = change_rows(comparison, most_steps=5)
    assert not has_intervals(rows)
    assert "window" not in " ".join([first_sentence(comparison), *remarks(comparison, rows)])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "no intervals: nothing was measured in this run"),
        (1, None),
        (120, None),
    ],
)
def test_runs_of_any_length_say_something_true(seconds: int, said: str | None) -> None:
    comparison = compare(baseline(), baseline(seconds=seconds))
    assert said is None or said in comparison.notes
    assert all(each.low is None or each.low <= (each.high or 0) for each in comparison.changes)
    assert first_sentence(comparison) or not seconds


def test_a_run_that_is_too_short_for_an_interval_says_what_it_has() -> None:
    comparison = compare(baseline(), baseline(seconds=1, per_second=1))
    assert comparison.notes[1:] == [
        "no intervals: this run has 5 windows of 125 ms, and 8 are needed; run it for longer"
    ]
    assert all(each.low is None for each in comparison.changes)


def test_of_many_steps_those_beyond_their_interval_come_first_and_chance_is_told() -> None:
    steps = [f"step {number:03}" for number in range(20)]
    before, now = (ran(draws=draws, steps=steps, seconds=30) for draws in (1, 2))
    slow = ran(draws=3, steps=steps[7:8], seconds=30, slower=3).steps[0]
    now = replace(now, steps=[slow if row.step == slow.step else row for row in now.steps])
    comparison = compare(Baseline.of(before), Baseline.of(now))
    rows = [row for row in change_rows(comparison, most_steps=5) if row.step]
    assert len(rows) == 5
    assert rows[0].step == "step 007"
    (told,) = [each for each in remarks(comparison, rows) if "by chance" in each]
    assert told.endswith("by chance alone about 1 would be.")


def test_a_summary_of_200_steps_keeps_its_windows_small() -> None:
    steps = [f"step {number:03}" for number in range(200)]
    summary = ran(steps=steps, seconds=15, per_second=2)
    assert summary.windows is not None
    assert summary.windows.number <= 15
    windows = [row.windows for row in summary.steps]
    assert len(msgspec.json.encode(windows)) < 80_000


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_that_stands_in_windows_brings_a_comparison_down(data: st.DataObject) -> None:
    number = st.one_of(st.just(0), st.integers(0, 10**12))
    figure = st.one_of(st.none(), st.floats(0, 1e12))
    odd = {
        "count": data.draw(st.lists(number, max_size=12)),
        "failed": data.draw(st.lists(number, max_size=12)),
        "p50": data.draw(st.lists(figure, max_size=12)),
        "p95": data.draw(st.lists(figure, max_size=12)),
        "intervals": data.draw(
            st.dictionaries(
                st.sampled_from(["p50", "p95", "p99", "odd"]), st.tuples(st.floats(0, 1e12), st.floats(0, 1e12))
            )
        ),
    }
    written = msgspec.json.decode(msgspec.json.encode(ONE))
    written["windows"] |= {"requests": odd, "instances": odd}
    written["steps"][0]["windows"] = odd
    before = msgspec.convert(written, Baseline, strict=False)
    comparison = compare(before, Baseline.of(ONE))
    for each in comparison.changes:
        assert each.low is None or each.high is None or each.low <= each.high
    msgspec.json.decode(msgspec.json.encode(comparison), type=Comparison)
    assert change_rows(comparison, most_steps=5)


ONE: Summary = ran(seconds=10)
