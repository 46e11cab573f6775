"""The bounds that a plan sets on retries, effects, scenarios and measures, and the levels of a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.turbulent_run import (
    BEGAN,
    STEADY,
    Answer,
    Service,
    TurbulentRun,
    down,
    fault,
    healthy,
)
from windtunnel.errors import Location
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.record import EffectRecord, FaultRecord, ProxiedRecord, Record
from windtunnel.model.resilience import MEASURES, Bound, Resilience
from windtunnel.model.turbulence import (
    DuplicateLimit,
    LossLimit,
    MeasureLimit,
    ProxySpec,
    RetryLimit,
    Schedule,
)
from windtunnel.model.vocabulary import EffectKind

PAYMENTS = ProxySpec(name="payments", protocol="http", upstream="http://127.0.0.1:9")


def proxied(
    begin_s: float,
    end_s: float,
    *,
    attempts: int,
    every_s: float = 0.1,
    retry_at: Callable[[float], float] | None = None,
) -> list[Record]:
    """A logical request at even moments, each sent so many times, 20 ms apart or when `retry_at` says."""
    found: list[Record] = []
    for number in range(round((end_s - begin_s) / every_s)):
        at_s = begin_s + number * every_s
        for attempt in range(1, attempts + 1):
            sent_s = at_s + 0.02 * (attempt - 1)
            if attempt > 1 and retry_at is not None:
                sent_s = retry_at(at_s)
            found.append(
                ProxiedRecord(
                    t=BEGAN + sent_s + 0.005,
                    proxy="payments",
                    correlation_id=f"c{number}",
                    duration_us=5_000,
                    attempt=attempt,
                    since_us=20_000 if attempt > 1 else 0,
                    in_flight=attempt,
                )
            )
    return found


def through_proxy(*records: Record) -> TurbulentRun:
    return replace(TurbulentRun(), more=records).with_turbulence(proxies=(PAYMENTS,))


def bound(judged: Resilience, name: str) -> Bound:
    return next(each for each in judged.bounds if each.name == name)


def test_retries_are_counted_for_each_logical_request_in_the_worse_of_two_phases() -> None:
    run = through_proxy(*proxied(2, 12, attempts=1), *proxied(12, 32, attempts=2), *proxied(32, 52, attempts=3))

    proxy = run.judged().proxies[0]

    assert proxy.amplification_steady == pytest.approx(1.0, abs=0.02)  # phases are told apart to 0.1 s
    assert proxy.amplification == 3.0
    assert (proxy.requests, proxy.logical, proxy.retries) == (100 + 400 + 600, 500, 600)
    assert (proxy.in_flight_max, proxy.retry_gap_p50_ms) == (3, 20.0)


def test_more_retries_than_allowed_fail_the_run() -> None:
    run = through_proxy(*proxied(12, 52, attempts=2))
    limited = run.judging(retry_amplification=(RetryLimit(proxy="payments", at_most=1.2),)).judged()

    assert limited.word == "failed"
    assert limited.headline == ("the proxy payments saw 2 requests for each logical one; at most 1.2 are allowed")
    assert (
        run.judging(retry_amplification=(RetryLimit(proxy="payments", at_most=2.0),)).judged().word == "resilient"
    )


def test_retries_of_requests_without_an_id_can_not_be_judged() -> None:
    run = through_proxy(*proxied(12, 52, attempts=0), ProxiedRecord(t=BEGAN + 13, proxy="payments"))
    judged = run.judging(retry_amplification=(RetryLimit(proxy="payments", at_most=1.2),)).judged()

    assert judged.word == "not_judged"
    assert "no request that came to it while faults were on had an id" in judged.headline


@pytest.mark.parametrize(
    ("retry_at", "least", "most"),
    [
        (lambda at_s: at_s + 0.02, 0.1, 0.15),
        (lambda at_s: float(int(at_s)) + 0.8, 1.0, 1.0),
    ],
    ids=["spread over the second", "all at the same moment"],
)
def test_retries_at_the_same_moment_are_synchronous(
    retry_at: Callable[[float], float], least: float, most: float
) -> None:
    synchrony = (
        through_proxy(*proxied(12, 32, attempts=2, every_s=0.04, retry_at=retry_at)).judged().proxies[0].synchrony
    )

    assert synchrony is not None
    assert least <= synchrony <= most


def effect(kind: EffectKind, key: str, value: str = "") -> EffectRecord:
    return EffectRecord(t=BEGAN + 20, kind=kind, key=key, value=value)


@pytest.mark.parametrize(
    ("effects", "word", "said"),
    [
        ([("answered", "a", "1"), ("answered", "a", "1")], "resilient", "0"),
        ([("answered", "a", "1"), ("answered", "a", "")], "resilient", "0"),
        ([("answered", "a", "1"), ("answered", "a", "2")], "failed", "1"),
        ([("answered", "a", "1"), ("answered", "a", "2"), ("answered", "b", "3")], "failed", "1"),
        ([], "not_judged", "no data"),
        ([("answered", "a", "1"), ("answered", "b", "2")], "not_judged", "no data"),  # no key was used twice
        ([("answered", "a", ""), ("answered", "a", "")], "not_judged", "no data"),  # nothing to compare
    ],
)
def test_two_answers_to_one_key_that_differ_are_a_duplicate(
    effects: list[tuple[EffectKind, str, str]], word: str, said: str
) -> None:
    run = replace(TurbulentRun(), more=[effect(*each) for each in effects])

    judged = run.judging(duplicates=DuplicateLimit(by="Idempotency-Key")).judged()

    assert judged.word == word
    assert bound(judged, "duplicates").measured == said


def test_what_was_acknowledged_and_is_not_found_is_lost() -> None:
    limit = LossLimit(acknowledged="order", found_by="list_orders")
    kept = [effect("acknowledged", "a"), effect("found", "a")]
    lost = [*kept, effect("acknowledged", "b")]

    assert replace(TurbulentRun(), more=kept).judging(lost=limit).judged().word == "resilient"
    judged = replace(TurbulentRun(), more=lost).judging(lost=limit).judged()
    assert judged.headline == "1 effect lost: order acknowledged, list_orders did not find"
    assert judged.lost == 1


def test_a_scenario_that_was_to_be_unaffected_is_judged_by_itself() -> None:
    other = TurbulentRun(scenario="browse_flow", service=down(14, 18))
    run = replace(TurbulentRun(rate=60), more=other.load()).judging(unaffected=("browse_flow",))
    sound = replace(run, more=replace(other, service=healthy).load())

    assert run.judged().word == "failed"
    assert "the scenario browse_flow was to be unaffected" in run.judged().headline
    assert sound.judged().word == "resilient"


def limited(measure: str, text: str) -> tuple[MeasureLimit, ...]:
    return (MeasureLimit(measure=measure, text=text),)


@pytest.mark.parametrize(
    ("measure", "text", "measured", "held"),
    [
        ("time_to_recover", "< 5s", "4 s", True),
        ("time_to_recover", "< 4s", "4 s", False),
        ("time_to_degrade", "> 1s", "0 ms", False),
        ("error_budget", "< 100%", "560%", False),
        ("passed_during", "> 20%", "30%", True),
        ("fail_fast", "< 100ms", "20 ms", True),
        ("rate_afterwards", ">= 100%", "100%", True),
    ],
)
def test_each_measure_can_have_a_limit(measure: str, text: str, measured: str, held: bool) -> None:
    judged = TurbulentRun(service=down(12, 26)).judging(measures=limited(measure, text)).judged()

    found = bound(judged, measure)
    assert (found.measured, found.result) == (measured, "held" if held else "broken")
    assert judged.word == ("degraded" if held else "failed")


def test_a_system_that_never_recovers_breaks_every_limit_of_the_time() -> None:
    judged = TurbulentRun(service=down(12, 52)).judging(measures=limited("time_to_recover", "< 1h")).judged()

    assert bound(judged, "time_to_recover").measured == "never"
    assert bound(judged, "time_to_recover").result == "broken"


def test_a_system_that_never_degrades_keeps_every_limit_of_the_time() -> None:
    judged = TurbulentRun().judging(measures=limited("time_to_recover", "< 1ms")).judged()

    assert bound(judged, "time_to_recover").result == "held"
    assert judged.word == "resilient"


@pytest.mark.parametrize(
    ("service", "more"), [(healthy, set()), (down(12, 26), {"fail_fast"})], ids=["up", "down"]
)
def test_a_measure_is_a_number_where_something_was_seen(service: Service, more: set[str]) -> None:
    judged = TurbulentRun(service=service).judged()
    values = {name: row.value(judged) for name, row in MEASURES.items()}

    known = {name: value for name, value in values.items() if value is not None}
    assert known.keys() == more | {
        "time_to_degrade",
        "time_to_recover",
        "error_budget",
        "passed_during",
        "p95_during",
        "rate_afterwards",
    }
    assert min(known.values()) >= 0


def test_a_sweep_says_up_to_which_level_the_system_holds() -> None:
    sweep = Schedule(pattern="sweep", settings={"sweep": ["100ms", "200ms", "400ms", "800ms"]})
    slow = TurbulentRun(service=down(22, 32, Answer(503))).with_turbulence(
        faults=(fault("delay", for_s=None, schedule=sweep, settings={"delay": "100ms"}),)
    )

    judged = slow.judged()

    assert [(each.level, each.held) for each in judged.levels] == [
        ("100 ms", True),
        ("200 ms", True),
        ("400 ms", False),
        ("800 ms", False),
    ]
    assert judged.reasons[-1] == "delay: holds up to 200 ms, fails at 400 ms"


def test_faults_that_were_switched_are_on_when_their_records_say() -> None:
    switches = [
        FaultRecord(t=BEGAN + at_s, name="outage", kind="latency", event="on" if on else "off")
        for at_s, on in [(13.0, True), (14.5, False), (16.0, True), (19.0, False)]
    ]
    judged = replace(TurbulentRun(service=down(13, 21)), more=switches).judged()

    assert [(band.begin_s, band.end_s) for band in judged.faults[0].bands] == [(13.0, 14.5), (16.0, 19.0)]
    assert (judged.time_to_degrade_s, judged.time_to_recover_s) == (0.0, 2.0)


def test_a_fault_that_was_not_taken_back_leaves_nothing_to_judge() -> None:
    on = FaultRecord(t=BEGAN + 13, name="outage", kind="latency", event="on")
    judged = replace(TurbulentRun(), more=[on]).judged()

    assert judged.faults[0].left_behind
    assert judged.word == "not_judged"
    assert judged.headline == 'the fault "outage" was never taken back, so nothing is known of the time after it'


def test_a_bound_names_the_place_where_the_plan_has_it() -> None:
    assert TurbulentRun().judged().bounds[0].condition == f"{STEADY[0].selector}: {STEADY[0].text}"
    limit = parse_threshold("instances", "rate > 90%")
    assert bound(TurbulentRun().judging(during=(limit,)).judged(), "during").measured == "100%"


def test_a_bound_without_a_place_of_its_own_has_that_of_its_key() -> None:
    places = {"recover": Location(file="plan.yaml", line=9), "measures": Location(file="plan.yaml", line=12)}
    judged = TurbulentRun().judging(places=places).judged()

    assert (bound(judged, "recover").file, bound(judged, "recover").line) == ("plan.yaml", 9)
    assert bound(judged, "min_injected").file is None
