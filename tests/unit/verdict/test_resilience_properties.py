"""What holds for every judgement, whatever the service did."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tiers import slow_unless
from tests.support.turbulent_run import PHASES, STEADY, Answer, Service, TurbulentRun, down, fault
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.resilience import Resilience
from windtunnel.model.turbulence import Phases, Turbulence

END = PHASES.length_s
answers = st.builds(Answer, st.sampled_from([200, 200, 200, 429, 503]), st.sampled_from([0.01, 0.05, 0.3, 2.0]))
troubles = st.lists(
    st.tuples(st.floats(0, END), st.floats(0.1, 20), st.floats(0, 1), answers | st.none()), max_size=4
)


def troubled(troubles: list[tuple[float, float, float, Answer | None]]) -> Service:
    """Answers otherwise from a moment on, for a time, to a share of the requests."""

    def answer(at_s: float) -> Answer | None:
        for begin_s, for_s, share, other in troubles:
            if begin_s <= at_s < begin_s + for_s and (at_s * 7919) % 1 < share:
                return other
        return Answer()

    return answer


@given(troubles, st.sampled_from([30, 0]))
@settings(max_examples=15, deadline=None)
def test_no_run_is_resilient_with_a_broken_bound(
    troubles: list[tuple[float, float, float, Answer | None]], applied: int
) -> None:
    run = TurbulentRun(service=troubled(troubles), applied=applied).judging(
        during=(parse_threshold("instances", "rate > 90%"),), within_s=5.0
    )

    judged = run.judged()

    results = {bound.result for bound in judged.bounds}
    if judged.word == "resilient":
        assert results == {"held"}
        assert all(bucket.good is not False for bucket in judged.buckets)
    if judged.word == "degraded":
        assert results == {"held"}
        assert judged.time_to_degrade_s is not None
    if applied == 0:
        assert judged.word == "not_judged"
    assert judged.headline
    assert judged.reasons[0] == judged.headline


@given(troubles, st.integers(1, 4), st.integers().map(random.Random))
@settings(max_examples=8, deadline=None)
def test_the_order_of_records_and_the_number_of_workers_do_not_matter(
    troubles: list[tuple[float, float, float, Answer | None]], workers: int, chance: random.Random
) -> None:
    run = TurbulentRun(service=troubled(troubles))
    body = [*run.load(), *run.faults(), *run.health()]
    tail = [run.ended] if run.ended is not None else []
    chance.shuffle(body)
    merged = Aggregate.for_judging((), run.turbulence)
    for number in range(workers):
        merged.merge(run.aggregate([*run.head(), *body[number::workers], *tail]))

    assert run.judged(merged) == run.judged()


@given(st.floats(0, 9), st.floats(1, 9), st.floats(0, 12))
@settings(max_examples=15, deadline=None)
def test_the_time_to_recover_is_within_a_bucket_of_the_truth(at_s: float, for_s: float, after_s: float) -> None:
    ended_s = 12 + at_s + for_s
    run = TurbulentRun(service=down(12 + at_s, ended_s + after_s)).with_turbulence(
        faults=(fault(at_s=at_s, for_s=for_s),)
    )

    judged = run.judged()

    assert judged.time_to_recover_s == pytest.approx(after_s, abs=judged.bucket_s + 0.05)


@pytest.mark.parametrize(
    ("condition", "rate", "bucket_s"),
    [
        ("med < 100ms", 20.0, 1.0),
        ("p(95) < 100ms", 20.0, 5.0),
        ("p(95) < 100ms", 100.0, 1.0),
        ("p(90) < 100ms", 20.0, 3.0),
    ],
)
def test_a_bucket_is_long_enough_for_the_samples_that_the_steady_state_needs(
    condition: str, rate: float, bucket_s: float
) -> None:
    turbulence = Turbulence(
        phases=PHASES, steady_state=(parse_threshold("http_req_duration", condition),), faults=(fault(),)
    )
    judged = TurbulentRun(turbulence=turbulence, rate=rate, service=down(12, 22, Answer(takes_s=0.4))).judged()

    assert judged.bucket_s == bucket_s
    assert all(bucket.good is not None for bucket in judged.buckets)
    assert judged.word == "degraded"


def test_usual_errors_are_no_degradation() -> None:
    """One request in 40 fails at all times: some seconds of 20 requests have one, which is 5 % of them."""
    usual = TurbulentRun(service=lambda at_s: Answer(503 if round(at_s * 20) % 40 == 0 else 200)).with_turbulence(
        steady_state=(parse_threshold("http_req_failed", "rate < 5%"), STEADY[1])
    )

    judged = usual.judged()

    assert judged.bucket_s == 1.0
    assert judged.word == "resilient"


def test_a_phase_need_not_end_with_a_whole_second() -> None:
    phases = replace(TurbulentRun()).turbulence.phases
    odd = type(phases)(warmup_s=0.4, steady_s=9.9, inject_s=12.3, recover_s=15.15)
    run = TurbulentRun(service=down(10.3, 14.3), ended=None).with_turbulence(
        phases=odd, faults=(fault(for_s=3.0),)
    )

    judged = run.judged()

    assert judged.word == "degraded"
    assert judged.time_to_recover_s == pytest.approx(1.0, abs=1.0)


def test_a_cold_start_does_not_make_the_buckets_long() -> None:
    """The first second of the steady phase is slow, as a service is that was just started."""
    run = TurbulentRun(service=lambda at_s: Answer(takes_s=0.3 if at_s < 3 else 0.02)).with_turbulence(
        phases=Phases(warmup_s=2.0, steady_s=10.0, inject_s=20.0, recover_s=20.0)
    )

    assert run.judged().bucket_s == 1.0
    assert run.judged().word == "resilient"


@pytest.mark.parametrize(("bad", "word"), [((15,), "resilient"), ((15, 16), "degraded"), ((15, 30), "resilient")])
def test_a_single_bad_second_says_nothing_where_there_are_such_before_the_faults(
    bad: tuple[int, ...], word: str
) -> None:
    usual = TurbulentRun(service=lambda at_s: Answer(503 if int(at_s) in {5, *bad} and at_s % 1 < 0.4 else 200))

    judged = usual.judged()

    assert (judged.bucket_s, judged.word) == (1.0, word)


BOTH = (parse_threshold("http_req_failed", "rate < 1%"), parse_threshold("http_req_duration", "p(95) < 250ms"))


def usual(seed: int, down_s: tuple[float, float] = (0.0, 0.0)) -> Service:
    """One request in 500 fails, and one in 20 takes 154 ms and more; in between four of five fail."""
    chance = random.Random(seed)

    def answer(at_s: float) -> Answer:
        if down_s[0] <= at_s < down_s[1]:
            return Answer(503 if chance.random() < 0.8 else 200, 0.05)
        return Answer(503 if chance.random() < 0.002 else 200, 0.08 * math.exp(chance.gauss(0, 0.4)))

    return answer


def observed(seed: int, rate: float, service: Service) -> Resilience:
    phases = Phases(steady_s=30.0, inject_s=20.0, recover_s=30.0)
    turbulence = Turbulence(phases=phases, steady_state=BOTH, faults=(fault(for_s=15.0),))
    return TurbulentRun(turbulence=turbulence, rate=rate, service=service, ended=None).judged()


@pytest.mark.parametrize("rate", [5.0, 20.0])
@pytest.mark.parametrize("seed", slow_unless(lambda seed: seed < 2, range(10)))
def test_a_service_that_is_healthy_but_for_chance_is_resilient(seed: int, rate: float) -> None:
    assert observed(seed, rate, usual(seed)).word == "resilient"


@pytest.mark.parametrize("rate", [5.0, 20.0])
@pytest.mark.parametrize("seed", slow_unless(lambda seed: seed < 2, range(10)))
def test_its_recovery_is_seen_within_a_second_however_long_a_bucket_is(seed: int, rate: float) -> None:
    judged = observed(seed, rate, usual(seed, (30.0, 50.0)))

    assert judged.word == "degraded"
    assert judged.time_to_recover_s == pytest.approx(5.0, abs=1.0)


def test_what_is_little_in_each_second_and_too_much_in_all_of_them_is_degraded() -> None:
    def every_tenth_fails(at_s: float) -> Answer:
        return Answer(503) if 12 <= at_s < 22 and round(at_s * 20) % 10 == 0 else Answer()

    judged = TurbulentRun(service=every_tenth_fails).judged()

    assert not any(bucket.good is False for bucket in judged.buckets)
    assert judged.word == "degraded"
    assert judged.time_to_degrade_s == 0
