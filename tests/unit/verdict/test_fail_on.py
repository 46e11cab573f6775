"""What makes a job red: the verdict, any instance that did not pass, or nothing that was measured."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.run_builder import START, WHOLE, Run, manifest, threshold
from windtunnel.model.record import RunEnded
from windtunnel.model.threshold import IMPLIED
from windtunnel.model.verdict import EXIT_CODES, exit_code_of
from windtunnel.model.vocabulary import InstanceOutcome, VerdictWord
from windtunnel.verdict.conclude import conclude
from windtunnel.verdict.thresholds import in_force

FORGIVING = threshold("instances", "rate > 50%")


def test_a_threshold_that_speaks_of_instances_takes_the_place_of_the_implied_one_unless_errors_shall_fail() -> (
    None
):
    assert in_force([FORGIVING], "thresholds") == (FORGIVING,)
    assert in_force([FORGIVING], "never") == (FORGIVING,)
    assert in_force([FORGIVING], "errors") == (IMPLIED, FORGIVING)
    assert in_force([], "errors") == (IMPLIED,)


@pytest.mark.parametrize(("fail_on", "verdict"), [("thresholds", "pass"), ("errors", "fail"), ("never", "pass")])
@pytest.mark.parametrize("outcome", ["failed", "errored"])
def test_errors_adds_any_instance_that_did_not_pass(fail_on: str, verdict: str, outcome: InstanceOutcome) -> None:
    run = Run().instances(9).instances(1, outcome).requests(10).ended()
    summary = conclude(replace(manifest([FORGIVING]), fail_on=fail_on), run.aggregate, WHOLE)
    assert summary.verdict == verdict
    if verdict == "fail":
        assert summary.reasons == ["1 of 10 instances did not pass (10%)"]


@pytest.mark.parametrize("word", EXIT_CODES)
def test_never_forgives_what_was_measured_and_nothing_else(word: VerdictWord) -> None:
    code = EXIT_CODES[word]
    assert exit_code_of(code, "thresholds") == exit_code_of(code, "errors") == code
    assert exit_code_of(code, "never") == (0 if word in {"fail", "inconclusive", "pass"} else code)
    assert exit_code_of(143, "never") == 143


def test_a_run_that_reached_its_longest_time_is_inconclusive_unless_a_threshold_failed() -> None:
    run = Run().instances(100).instances(10, "interrupted").requests(1)
    ended = RunEnded(
        t=START + 5, reason="the load did not end within the maximum duration of 5 s", counts={}, capped=True
    )
    run.aggregate.write([ended])
    summary = run.concluded()
    assert (summary.verdict, summary.exit_code) == ("inconclusive", 4)
    assert summary.reasons == [
        "the run was stopped early: the load did not end within the maximum duration of 5 s"
    ]
    assert run.concluded(threshold("http_reqs", "count > 5")).verdict == "fail"
