"""The words of the judge, on services whose behaviour is known beforehand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.turbulent_run import BEGAN, Answer, Service, TurbulentRun, down, fault, healthy
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.record import FaultRecord, InstanceRecord, Record, RunEnded, StepRecord
from windtunnel.model.turbulence import Phases
from windtunnel.model.vocabulary import ResilienceWord

INJECT, RECOVER, END = 12.0, 32.0, 52.0
"""When the phases of the runs here begin, and when the last one ends. The fault is on from 12 s to 22 s."""


@pytest.mark.parametrize(
    ("service", "word", "exit_code"),
    [
        (healthy, "resilient", 0),
        (down(14.0, 17.0), "degraded", 0),
        (down(12.0, 26.0), "degraded", 0),
        (down(12.0, 26.0, Answer(takes_s=0.5)), "degraded", 0),
        (lambda at_s: Answer(503 if at_s >= 12.0 and round(at_s * 20) % 3 == 0 else 200), "failed", 99),
        (down(12.0, END), "metastable", 99),
        (down(12.0, END, None), "metastable", 99),
        (down(6.0, 9.0), "not_judged", 99),
    ],
    ids=[
        "nothing happens",
        "it breaks for 3 s and mends itself",
        "it needs 4 s after the fault",
        "it is slow and not wrong",
        "a third of the requests fail for ever",
        "it never comes back",
        "it never answers again",
        "it was broken before the fault",
    ],
)
def test_the_word_follows_from_what_the_service_did(
    service: Service, word: ResilienceWord, exit_code: int
) -> None:
    run = TurbulentRun(service=service)

    assert run.judged().word == word
    assert run.summary().exit_code == exit_code


@pytest.mark.parametrize("late_s", [0, 1, 4, 7])
def test_the_time_to_recover_counts_from_the_end_of_the_last_fault(late_s: int) -> None:
    judged = TurbulentRun(service=down(12.0, 22.0 + late_s)).judged()

    assert judged.time_to_recover_s == late_s
    assert judged.recovery == "recovered"


def test_the_time_to_degrade_counts_from_the_first_fault() -> None:
    assert TurbulentRun(service=down(15.0, 22.0)).judged().time_to_degrade_s == 3.0


def test_what_takes_too_long_to_recover_has_failed() -> None:
    judged = TurbulentRun(service=down(12.0, 26.0)).judging(within_s=3.0).judged()

    assert judged.word == "failed"
    assert judged.headline == "the system took 4 s to recover after the last fault; it has 3 s"


def test_a_bound_for_the_time_of_the_faults_is_one_of_what_was_due_then() -> None:
    run = TurbulentRun(service=down(14.0, 17.0))
    bound = (parse_threshold("instances", "rate > 90%"),)

    assert run.judging(during=bound).judged().headline == (
        "instances: rate > 90% did not hold during the faults: 85%"
    )
    assert run.judging(during=(parse_threshold("instances", "rate > 80%"),)).judged().word == "degraded"


def test_a_fault_that_never_fired_proves_nothing() -> None:
    summary = replace(TurbulentRun(), applied=0).summary()

    assert summary.turbulence is not None
    assert summary.turbulence.word == "not_judged"
    assert summary.exit_code == 4
    assert (
        'the fault "outage" never fired: no request came that it had to be done to' in summary.turbulence.headline
    )


def test_fewer_faults_than_asked_for_prove_nothing() -> None:
    judged = TurbulentRun().judging(min_injected=31).judged()

    assert judged.word == "not_judged"
    assert judged.headline == "faults were done only 30 times, and min_injected is 31"


def test_a_run_that_was_stopped_early_is_not_judged() -> None:
    ended = TurbulentRun().ended
    assert ended is not None
    stopped = replace(TurbulentRun(), ended=None)
    stopped = replace(stopped, more=[type(ended)(t=ended.t - 20, reason="a guard", counts={}, aborted=True)])

    assert stopped.judged().word == "not_judged"
    assert stopped.judged().headline == "the run was stopped early: a guard"
    assert stopped.summary().exit_code == 99


def test_a_system_that_is_bad_once_more_after_it_recovered_is_told() -> None:
    run = TurbulentRun(service=lambda at_s: Answer(503 if 12 <= at_s < 24 or 40 <= at_s < 42 else 200))

    assert run.judged().reasons == [
        "the system degraded 0 s after the first fault, and recovered 2 s after the last one ended",
        "the system left its steady state once more, 18 s after the last fault ended",
    ]


@pytest.mark.parametrize(
    ("service", "word"),
    [(healthy, "not_judged"), (down(14.0, 17.0), "not_judged"), (down(12.0, END), "metastable")],
    ids=["nothing happens", "it degrades", "it never comes back"],
)
def test_a_slow_generator_gives_no_good_word_and_excuses_no_failure(
    service: Service, word: ResilienceWord
) -> None:
    judged = TurbulentRun(service=service, late_s=0.01).judged()

    assert judged.word == word
    if word == "not_judged":
        assert judged.headline.startswith("1,000 of 1,000 instances started more than 5 ms late")


@pytest.mark.parametrize("status", [200, 503])
def test_what_a_fault_on_our_own_requests_spoiled_is_not_held_against_the_system(status: int) -> None:
    run = TurbulentRun(service=down(12, 18, Answer(status, takes_s=3.0)))

    judged = run.judged(run.aggregate(spoiled(run, 12, 18)))

    assert judged.word == "resilient"
    assert judged.phases[1].injected == (120 if status == 503 else 0)
    assert run.judged().word == "degraded"


def test_a_system_that_is_never_seen_during_the_faults_is_not_resilient() -> None:
    run = TurbulentRun(service=down(12, 22))

    judged = run.judged(run.aggregate(spoiled(run, 12, 22)))

    assert judged.word == "not_judged"
    assert judged.headline.startswith("the steady state could not be judged while faults were on")


def spoiled(run: TurbulentRun, begin_s: float, end_s: float) -> list[Record]:
    """The records of a run in which a fault of ours was done to every request that was sent in a time."""
    found = run.records()
    for record in found:
        if isinstance(record, StepRecord | InstanceRecord):
            sent_s = record.t - BEGAN - record.duration_us / 1e6
            if begin_s - 0.001 <= sent_s < end_s - 0.001:
                record.fault = "outage"
            if isinstance(record, InstanceRecord) and record.outcome == "passed":
                record.fault = None
    return found


def test_a_steady_phase_without_a_whole_second_is_called_too_short() -> None:
    phases = Phases(warmup_s=0.0, steady_s=0.5, inject_s=10.0, recover_s=20.0)

    assert TurbulentRun().with_turbulence(phases=phases).judged().headline == (
        "no second of steady could be judged: it is too short; make it some seconds long"
    )


def test_a_run_in_which_nothing_ended_does_not_say_that_the_recovery_held() -> None:
    judged = TurbulentRun(rate=0.01, applied=0).judged()

    (recover,) = [bound for bound in judged.bounds if bound.name == "recover"]
    assert (judged.word, recover.result, recover.measured) == ("not_judged", "no_data", "no data")


def test_a_recovery_that_too_little_was_seen_of_is_unknown() -> None:
    """At 4 requests a second a p(95) needs 21 s, and the load ends 20 s after the faults."""
    slow = down(12, 34, Answer(takes_s=0.5))
    run = TurbulentRun(service=slow, rate=4.0).with_turbulence(
        phases=Phases(warmup_s=2.0, steady_s=20.0, inject_s=20.0, recover_s=10.0),
        steady_state=(parse_threshold("http_req_duration", "p(95) < 100ms"),),
        faults=(fault(for_s=None),),
    )

    judged = replace(run, service=down(22, 44, Answer(takes_s=0.5))).judged()

    assert (judged.recovery, judged.word) == ("unknown", "not_judged")
    assert judged.headline.startswith("whether the system recovered is unknown: too little ended")


def test_nothing_is_known_of_the_time_after_a_run_that_was_cut_off() -> None:
    """Its process is gone: no line tells of the end, and the fault was never switched off."""
    run = TurbulentRun(service=healthy, ended=None)
    applied = FaultRecord(t=BEGAN + INJECT, name="outage", kind="latency", event="on")
    cut = [each for each in [*run.records(), applied] if each.t < BEGAN + INJECT + 3]
    judged = run.judged(run.aggregate(cut))

    assert judged.word == "not_judged"
    assert judged.time_to_degrade_s is None
    assert not any(bucket.good is False for bucket in judged.buckets)
    assert [bound.condition for bound in judged.bounds if bound.name == "recover"] == ["within 20 s, good for 5 s"]


def test_a_run_that_sent_nothing_says_why_and_nothing_of_its_faults() -> None:
    """No service answered before the load."""
    ended = RunEnded(t=BEGAN, reason="unreachable", counts={}, unreachable="no service answers")
    run = TurbulentRun(applied=0, ended=ended)
    summary = run.summary(run.aggregate([run.head()[0], ended]))

    assert (summary.verdict, summary.exit_code) == ("unreachable", 3)
    assert summary.reasons == ["nothing was sent: no service answers"]
    assert summary.turbulence is not None
    assert summary.turbulence.word == "not_judged"
