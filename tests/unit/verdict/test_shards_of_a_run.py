"""What a part of a load may say, and what its parts together do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.run_builder import ROWS, START, WHOLE, Run, manifest, threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.record import RunEnded, RunStarted
from windtunnel.verdict.conclude import conclude
from windtunnel.verdict.thresholds import stop_condition


def ran(begin_s: float, end_s: float) -> Aggregate:
    """One shard's run, from one second to another."""
    run = Run().instances(10).requests(10)
    run.aggregate = Aggregate().merge(run.aggregate)
    run.aggregate.started = run.aggregate.last_started = START + begin_s
    run.aggregate.write([RunEnded(t=START + end_s, reason="completed", counts={})])
    return run.aggregate


def test_a_shard_passes_when_it_ran_soundly_and_leaves_judging_to_the_merge() -> None:
    run = Run().instances(1, "failed").ended()
    shard = replace(manifest([threshold("http_reqs", "count > 100")]), shard="2/4")
    summary = conclude(shard, run.aggregate, WHOLE)
    assert (summary.verdict, summary.thresholds, summary.run.shard) == ("pass", [], "2/4")
    assert conclude(replace(shard, shard=""), run.aggregate, WHOLE).verdict == "fail"


def test_a_shard_whose_load_did_not_come_says_so_unless_the_plan_speaks_of_it() -> None:
    run = Run().instances(10).dropped(10).ended()
    assert conclude(replace(manifest(), shard="1/2"), run.aggregate, WHOLE).verdict == "inconclusive"
    allowed = manifest([threshold("dropped_iterations", "count < 100")])
    assert conclude(replace(allowed, shard="1/2"), run.aggregate, WHOLE).verdict == "pass"


@pytest.mark.parametrize(("begin_s", "verdict"), [(0.0, "pass"), (59.0, "pass"), (61.0, "inconclusive")])
def test_shards_are_the_load_that_was_asked_for_only_while_all_of_them_run(begin_s: float, verdict: str) -> None:
    merged = ran(0, 60).merge(ran(begin_s, begin_s + 60))
    summary = conclude(replace(manifest(), shards=2), merged, WHOLE)
    assert summary.verdict == verdict
    if verdict == "inconclusive":
        assert "the last one started 1 s after the first one ended" in summary.reasons[0]
    assert conclude(manifest(), merged, WHOLE).verdict == "pass", "workers of one run are no shards"


def test_an_aggregate_knows_when_the_last_segment_began_and_the_first_ended() -> None:
    aggregate = Aggregate()
    for begin_s, end_s in ((0, 9), (3, 7)):
        segment = Aggregate()
        segment.write([RunStarted(t=START + begin_s, schema_version=1, segment=0, plan_hash="h", seed=1)])
        segment.write([RunEnded(t=START + end_s, reason="completed", counts={})])
        aggregate.merge(segment)
    assert (aggregate.started, aggregate.last_started) == (START, START + 3)
    assert (aggregate.first_ended, aggregate.last_t) == (START + 7, START + 9)


def test_a_shard_ends_early_for_times_and_shares_but_not_for_sums() -> None:
    run = Run().instances(10, "failed")
    sums = threshold("instances", "count < 5", abort=True)
    shares = threshold("instances", "rate > 50%", abort=True)
    assert stop_condition([sums], run.aggregate, ROWS, shard=True) is None
    condition = stop_condition([sums, shares], run.aggregate, ROWS, shard=True)
    assert condition is not None
    assert "rate > 50%" in (condition(60.0) or "")
    whole = stop_condition([sums, shares], run.aggregate, ROWS)
    assert whole is not None
    assert "count < 5" in (whole(60.0) or "")
