"""Faults, proxied requests and effects are counted the same, however their records come."""

from __future__ import annotations

import pickle
import random

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.turbulence import FaultKey, ProxySeries, TurbulenceSeries
from windtunnel.model.record import EffectRecord, FaultRecord, PhaseRecord, ProxiedRecord, Record
from windtunnel.model.vocabulary import FaultEvent

T = 1_700_000_000.0
moments = st.integers(0, 400).map(lambda hundredths: T + hundredths / 100)
faults = st.builds(
    FaultRecord,
    t=moments,
    name=st.sampled_from("ab"),
    kind=st.just("latency"),
    event=st.sampled_from(["on", "off", "applied", "missed"]),
    level=st.sampled_from(["", "100 ms"]),
)
proxied = st.builds(
    ProxiedRecord,
    t=moments,
    proxy=st.sampled_from("pq"),
    attempt=st.integers(0, 3),
    since_us=st.integers(0, 10_000),
    in_flight=st.integers(0, 9),
)
effects = st.builds(
    EffectRecord,
    t=moments,
    kind=st.sampled_from(["answered", "acknowledged", "found"]),
    key=st.sampled_from("xyz"),
    value=st.sampled_from(["", "1", "2"]),
)


def counted(records: list[Record]) -> Aggregate:
    aggregate = Aggregate()
    aggregate.write(records)
    return aggregate


def figures(aggregate: Aggregate) -> object:
    series = aggregate.turbulence or TurbulenceSeries()
    return (
        {
            key: (each.applied, each.missed, each.left_behind, each.bands(T + 9))
            for key, each in series.faults.items()
        },
        {
            name: (dict(each.tenths), each.in_flight_max, each.gaps, each.synchrony(2))
            for name, each in series.proxies.items()
        },
        (series.effects.duplicates, series.effects.lost),
    )


@given(st.lists(faults | proxied | effects, max_size=40), st.integers(1, 4), st.randoms())
def test_order_and_workers_do_not_matter(records: list[Record], workers: int, chance: random.Random) -> None:
    shuffled = list(records)
    chance.shuffle(shuffled)
    parts = [counted(shuffled[number::workers]) for number in range(workers)]
    merged = Aggregate()
    for part in chance.sample(parts, len(parts)):
        merged.merge(pickle.loads(pickle.dumps(part)))

    assert figures(merged) == figures(counted(records))


def test_a_run_without_faults_counts_none() -> None:
    assert counted([]).turbulence is None


def switched(*events: tuple[float, FaultEvent]) -> list[tuple[float, float]]:
    records: list[Record] = [FaultRecord(t=t, name="a", kind="reset", event=event) for t, event in events]
    series = counted(records).turbulence
    assert series is not None
    return series.faults[FaultKey("a", "")].bands(10.0)


def test_a_fault_is_on_from_the_first_on_to_the_last_off() -> None:
    assert switched((1.0, "on"), (2.0, "off"), (4.0, "on"), (5.0, "off")) == [(1.0, 2.0), (4.0, 5.0)]


def test_a_fault_that_two_processes_switch_is_on_while_one_has_it_on() -> None:
    assert switched((1.0, "on"), (1.5, "on"), (2.0, "off"), (2.5, "off")) == [(1.0, 2.5)]


def test_a_fault_that_was_never_switched_off_is_on_to_the_end() -> None:
    assert switched((1.0, "on"), (2.0, "off"), (3.0, "on")) == [(1.0, 2.0), (3.0, 10.0)]


def test_an_off_without_an_on_is_no_band() -> None:
    assert switched((1.0, "off"), (2.0, "on"), (3.0, "off")) == [(2.0, 3.0)]


def test_parts_of_a_load_that_began_at_different_times_count_from_their_own_begin() -> None:
    merged = Aggregate()
    for began in (T, T + 3.5):
        part: list[Record] = [
            PhaseRecord(t=began, name="steady", duration_us=1_000_000),
            FaultRecord(t=began + 2, name="a", kind="reset", event="on"),
            ProxiedRecord(t=began + 2.5, proxy="p", attempt=1),
            FaultRecord(t=began + 4, name="a", kind="reset", event="off"),
        ]
        merged.merge(counted(part))

    series = merged.turbulence
    assert series is not None
    assert series.faults[FaultKey("a", "")].bands(9.0) == [(2.0, 4.0)]
    assert series.proxies["p"].attempts(2.4, 2.6).logical == 2


def through_a_proxy(at_s: float, *, took_s: float = 0.0) -> ProxiedRecord:
    return ProxiedRecord(t=T + at_s, proxy="p", attempt=1, duration_us=round(took_s * 1e6))


def test_a_request_through_a_proxy_counts_in_the_time_in_which_it_came() -> None:
    series = ProxySeries()
    for record in (through_a_proxy(1.0), through_a_proxy(2.0), through_a_proxy(2.55, took_s=1.0)):
        series.add(record, record.t - T)

    assert series.attempts(1.0, 2.0).requests == 2
    assert series.attempts(2.0, 3.0).requests == 1
