from __future__ import annotations

from typing import Any

import pytest

from tests.support.run_builder import START, WHOLE, Run, manifest, threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import RunEnded, StepRecord
from windtunnel.model.summary import Soundness
from windtunnel.model.threshold import Threshold
from windtunnel.model.verdict import Finding
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.verdict.conclude import conclude
from windtunnel.verdict.soundness import assess


def assessed(run: Run, *thresholds: Threshold, evidence: Evidence = WHOLE) -> tuple[Soundness, list[Finding]]:
    return assess(run.aggregate, evidence, thresholds)


def words(run: Run, *thresholds: Threshold, evidence: Evidence = WHOLE) -> list[str]:
    return [word for word, _ in assessed(run, *thresholds, evidence=evidence)[1]]


def test_a_sound_run_has_no_findings() -> None:
    soundness, deciding = assessed(Run().instances(10).requests(10).lag(800).ended())
    assert (soundness.findings, deciding) == ([], [])
    assert (soundness.lag_p99_ms, soundness.lag_max_ms, soundness.cpu) == (0.8, 0.8, 0.5)


def test_lag_is_a_warning_with_the_error_it_means_and_decides_nothing() -> None:
    soundness, deciding = assessed(Run().instances(10).lag(12_000))
    assert deciding == []
    assert soundness.findings == ["the event loop of this machine was late (p99): times are ± 12 ms"]


def test_littles_law_holds_when_durations_account_for_the_time_stamps() -> None:
    soundness, deciding = assessed(Run().instances(50, stamped_us=10_150))
    assert soundness.littles_law == pytest.approx(1.015)
    assert deciding == []


@pytest.mark.parametrize("stamped_us", [10_300, 9_700, 60_000])
def test_a_clock_that_fails_littles_law_is_our_bug_and_is_said(stamped_us: int) -> None:
    ((word, sentence),) = assessed(Run().instances(50, stamped_us=stamped_us))[1]
    assert word == "error"
    assert "Little's law" in sentence
    assert "bug in Windtunnel" in sentence


def test_instances_so_short_that_reading_the_clock_shows_do_not_fail_littles_law() -> None:
    run = Run().instances(10, stamped_us=10_090)
    for series in run.aggregate.instances.values():
        series.duration.total_us, series.elapsed_us = 10 * 100, 10 * 190
    assert words(run) == []


def test_littles_law_is_unknown_without_instances() -> None:
    assert assessed(Run())[0].littles_law is None


@pytest.mark.parametrize(("dropped", "found"), [(1, []), (2, ["inconclusive"])])
def test_more_than_one_percent_of_arrivals_dropped_is_inconclusive(dropped: int, found: list[str]) -> None:
    assert words(Run().instances(100 - dropped).dropped(dropped)) == found


def test_who_starts_when_free_is_not_late() -> None:
    run = Run().instances(10).instances(10, late_us=90_000)
    soundness, deciding = assess(run.aggregate, WHOLE, (), timed=False)
    assert deciding == []
    assert soundness.late == 10


@pytest.mark.parametrize(("late", "found"), [(1, []), (2, ["inconclusive"])])
def test_more_than_one_percent_of_instances_late_is_inconclusive(late: int, found: list[str]) -> None:
    run = Run().instances(100 - late, late_us=5_000).instances(late, late_us=5_001)
    assert words(run) == found
    assert assessed(run)[0].late == late


def test_a_threshold_on_dropped_iterations_decides_instead() -> None:
    run = Run().instances(50).instances(50, late_us=90_000).dropped(50)
    assert words(run, threshold("dropped_iterations", "count < 100")) == []
    assert assessed(run)[0].dropped == 50


def test_instances_cut_short_at_a_normal_end_are_inconclusive() -> None:
    ((word, sentence),) = assessed(Run().instances(98).instances(2, "interrupted").ended())[1]
    assert word == "inconclusive"
    assert "2 of 100 instances were cut short" in sentence
    assert "graceful_stop" in sentence


def test_instances_cut_short_by_a_signal_or_a_full_disk_are_expected() -> None:
    assert words(Run().instances(5, "interrupted").ended(signal=2)) == []
    torn = Evidence(finished=False, intact=False, findings=("disk full",))
    assert words(Run().instances(5, "interrupted").ended(), evidence=torn) == ["incomplete"]


@pytest.mark.parametrize(
    ("kind", "cure"), [("open_files", "ulimit -n"), ("ports", "keep connections alive")], ids=["files", "ports"]
)
def test_running_out_of_files_or_ports_is_the_generators_fault(kind: ErrorKind, cure: str) -> None:
    ((word, sentence),) = assessed(Run().instances(5).requests(3, 0, error=kind))[1]
    assert word == "inconclusive"
    assert sentence.startswith("3 requests could not be sent: this machine ran out of")
    assert cure in sentence


def test_a_run_without_an_end_says_when_its_records_end() -> None:
    unfinished = Evidence(finished=False, intact=True, unfinished=("0000.jsonl ends",))
    soundness, deciding = assessed(Run().instances(1), evidence=unfinished)
    assert deciding == [
        ("incomplete", "the run did not finish: records end at 2023-11-14 22:13:20 UTC, 10 ms after the start"),
        ("incomplete", "0000.jsonl ends"),
    ]
    assert START == 1_700_000_000
    assert (soundness.finished, soundness.intact) == (False, True)


def test_damaged_records_are_told_one_by_one() -> None:
    damaged = Evidence(
        finished=True, intact=False, findings=("line 3: not a record", "line 9: seq 9 where 8 was due")
    )
    assert [sentence for _, sentence in assessed(Run().ended(), evidence=damaged)[1]] == list(damaged.findings)


def test_incomplete_records_are_never_passed_over_in_silence() -> None:
    assert words(Run().ended(), evidence=Evidence(finished=True, intact=False)) == ["incomplete"]
    assert words(Run().ended(), evidence=Evidence(finished=False, intact=True)) == ["incomplete"]


def test_code_that_keeps_everybody_waiting_is_a_warning() -> None:
    def call(*held_us: int) -> Aggregate:
        facts: dict[str, Any] = {"instance_id": "i", "correlation_id": "c", "scenario": "shop", "action": "python"}
        aggregate = Aggregate()
        aggregate.write(
            [
                StepRecord(t=START, outcome="passed", duration_us=1, held_us=held, step="sign", **facts)
                for held in held_us
            ]
        )
        return aggregate

    soundness, deciding = assess(call(0, 230_000, 120_000).merge(call(60_000)), WHOLE, [])
    assert "nothing" not in str(deciding)
    assert soundness.findings[-1] == (
        "step sign of shop blocked the event loop 3 times, for up to 230 ms; "
        "make its function async, or move the work to a thread"
    )
    assert not any("sign" in finding for finding in assess(call(0), WHOLE, [])[0].findings)


def test_heads_and_bodies_that_were_left_out_are_told_and_decide_nothing() -> None:
    run = Run().instances(3).requests(3)
    for left_out in (1, 4_000):
        run.aggregate.write([RunEnded(t=START + 5, reason="completed", counts={}, bodies_left_out=left_out)])
    summary = conclude(manifest(), Aggregate().merge(run.aggregate), WHOLE)

    assert summary.verdict == "pass"
    assert summary.soundness.findings == [
        "not kept: 4,001 heads and bodies over the limit of a run; no record is missing"
    ]
