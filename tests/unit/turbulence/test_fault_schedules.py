"""When a fault is on, with each pattern, and what is no schedule."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.faulty import amount, fault, schedule
from windtunnel.errors import ExpressionError
from windtunnel.model.turbulence import Amount, Phases, Schedule
from windtunnel.turbulence.schedule import Timeline, timeline

PHASES = Phases(warmup_s=10, steady_s=30, inject_s=60, recover_s=60)
BEGIN_S = 40.0


def on(*args: Any, probability: float = 1.0, seed: int = 1, delay: Any = "800ms", **more: Any) -> Timeline:
    spec = fault("latency", probability=probability, when=schedule(*args, **more), delay=delay)
    return timeline(spec, PHASES, seed=seed, main="delay")


def bands(times: Timeline) -> list[tuple[float, float, str]]:
    """The bands in seconds of the phase `inject`."""
    return [(begin_s - BEGIN_S, end_s - BEGIN_S, level) for begin_s, end_s, level in times.bands()]


@pytest.mark.parametrize(
    ("pattern", "keys", "expected"),
    [
        ("window", {}, [(0, 60)]),
        ("window", {"at": 10, "length": 20}, [(10, 30)]),
        ("window", {"at": "20%", "length": "40%"}, [(12, 36)]),
        ("window", {"at": 10}, [(10, 60)]),
        ("flap", {"on_": "10s"}, [(0, 10), (20, 30), (40, 50)]),
        ("flap", {"on_": "25s", "off": "5s"}, [(0, 25), (30, 55)]),
        ("flap", {"on_": "40s", "off": "5s", "at": 5, "length": 50}, [(5, 45), (50, 55)]),
        ("pulse", {"every": "20s", "width": "1s"}, [(0, 1), (20, 21), (40, 41)]),
        ("ramp", {"length": 30}, [(0, 30)]),
        ("first_n", {"first_n": 3}, [(0, 60)]),
        ("every_nth", {"every_nth": 3}, [(0, 60)]),
        ("window", {"length": 5, "repeat": {"every": "25s"}}, [(0, 5), (25, 30), (50, 55)]),
        ("window", {"length": 5, "repeat": {"every": "25s", "times": 2}}, [(0, 5), (25, 30)]),
        ("window", {"at": 10, "repeat": {"every": "20s"}}, [(10, 30), (30, 50), (50, 60)]),
        ("flap", {"on_": "10s", "length": 30, "repeat": {"every": "50s"}}, [(0, 10), (20, 30), (50, 60)]),
        ("flap", {"on_": "1s", "length": 3, "repeat": {"every": "40s"}}, [(0, 1), (2, 3), (40, 41), (42, 43)]),
    ],
)
def test_windows_of_a_pattern(pattern: Any, keys: dict[str, Any], expected: list[tuple[float, float]]) -> None:
    assert bands(on(pattern, **keys)) == [(*each, "") for each in expected]


def test_a_ramp_rises_evenly_to_the_probability() -> None:
    times = on("ramp", length=30)
    assert [times.share(BEGIN_S + t) for t in (-1, 0, 15, 29.7, 30, 31)] == [0, 0, 0.5, pytest.approx(0.99), 0, 0]
    assert times.mean_share() == 0.5


def test_steps_are_levels_of_the_probability() -> None:
    times = on("steps", probability=0.6, length=40)
    assert bands(times) == [(0, 10, "15%"), (10, 20, "30%"), (20, 30, "45%"), (30, 40, "60%")]
    assert [times.share(BEGIN_S + t) for t in (0, 9, 10, 35)] == [0.25, 0.25, 0.5, 1]


def test_a_sweep_goes_through_levels_of_the_main_setting_or_of_another_one() -> None:
    times = on("sweep", sweep=["100ms", 0.2, "400ms"])
    assert bands(times) == [(0, 20, "100 ms"), (20, 40, "200 ms"), (40, 60, "400 ms")]
    assert [each.changes for each in times.windows] == [{"delay": "100ms"}, {"delay": 0.2}, {"delay": "400ms"}]
    assert times.level(BEGIN_S + 25) == "200 ms"
    shares = on("sweep", sweep=["1%", "10%"], of="probability")
    assert [(each.level, each.changes) for each in shares.windows] == [
        ("1%", {"probability": "1%"}),
        ("10%", {"probability": "10%"}),
    ]


def test_a_sweep_of_a_distribution_goes_through_its_median() -> None:
    times = on("sweep", sweep=["1s", "2s"], delay={"lognormal": {"median": "800ms", "sigma": 0.5}})
    assert [each.changes["delay"] for each in times.windows] == [
        {"lognormal": {"median": "1s", "sigma": 0.5}},
        {"lognormal": {"median": "2s", "sigma": 0.5}},
    ]


@pytest.mark.parametrize(
    ("type", "settings", "step", "levels", "values"),
    [
        ("latency", {"delay": "800ms"}, {"delay": "+50ms"}, ["800 ms", "850 ms", "900 ms"], [0.8, 0.85, 0.9]),
        ("latency", {"delay": 1}, {"delay": "-0.5s"}, ["1 s", "500 ms", "0 s"], [1, 0.5, 0]),
        ("thundering_herd", {"size": 10}, {"size": 5}, ["10", "15", "20"], [10, 15, 20]),
        ("slow_read", {"rate": "10KiB/s"}, {"rate": "-4KiB/s"}, ["10 KiB/s", "6 KiB/s", "2 KiB/s"],
         ["10240B/s", "6144B/s", "2048B/s"]),
        ("status", {"code": 503}, {"probability": "-10%"}, ["60%", "50%", "40%"], [0.6, 0.5, 0.4]),
        ("limit_bytes", {"bytes": "1KiB"}, {"bytes": "1KiB"}, ["1 KiB", "2 KiB", "3 KiB"],
         ["1024B", "2048B", "3072B"]),
    ],
)  # fmt: skip
def test_a_repetition_adds_to_a_setting(
    type: str, settings: dict[str, Any], step: dict[str, Any], levels: list[str], values: list[Any]
) -> None:
    when = schedule(length=5, repeat={"every": "20s", "step": step})
    times = timeline(fault(type, probability=0.6, when=when, **settings), PHASES, seed=1)
    assert [each.level for each in times.windows] == levels
    assert [next(iter(each.changes.values())) for each in times.windows] == [
        pytest.approx(value) if isinstance(value, float) else value for value in values
    ]


def test_a_repetition_that_the_phase_cuts_off_goes_as_far_as_it_gets() -> None:
    ramp = on("ramp", length=40, repeat={"every": "50s"})
    assert [ramp.share(BEGIN_S + t) for t in (20, 39.99, 45, 55)] == [0.5, pytest.approx(1, abs=0.001), 0, 0.125]
    assert ramp.windows[-1].high == pytest.approx(0.25)
    sweep = on("sweep", sweep=["1s", "2s", "3s"], length=30, repeat={"every": "45s"})
    assert bands(sweep)[3:] == [(45, 55, "1 s"), (55, 60, "2 s")]


def test_random_times_are_the_same_every_time_and_have_their_means() -> None:
    long = Phases(steady_s=1, inject_s=36_000, recover_s=1)
    spec = fault("latency", when=schedule("random", mtbf="20s", mttr="5s"), delay=1)
    times, again, other = (timeline(spec, long, seed=seed) for seed in (1, 1, 2))
    assert times == again != other
    lengths = [each.end_s - each.begin_s for each in times.windows]
    assert sum(lengths) / len(lengths) == pytest.approx(5, rel=0.1)
    assert len(lengths) == pytest.approx(36_000 / 25, rel=0.1)


def test_the_first_requests_and_each_nth_instance_are_taken() -> None:
    first = on("first_n", first_n=2)
    assert [first.takes(request=number, instance=1) for number in (1, 2, 3)] == [True, True, False]
    nth = on("every_nth", every_nth=3)
    assert [number for number in range(1, 10) if nth.takes(request=1, instance=number)] == [3, 6, 9]


PATTERNS: list[tuple[Any, dict[str, Any]]] = [
    ("window", {}),
    ("flap", {"on_": "3s", "off": "2s"}),
    ("ramp", {}),
    ("steps", {"steps": 3}),
    ("pulse", {"every": "7s", "width": "2s"}),
    ("random", {"mtbf": "2s", "mttr": "1s"}),
    ("first_n", {"first_n": 1}),
    ("every_nth", {"every_nth": 2}),
    ("sweep", {"sweep": ["1s", "2s", "3s"]}),
]


@given(
    st.sampled_from(PATTERNS),
    st.floats(0, 50),
    st.floats(8, 60),
    st.integers(0, 2**53),
    st.none() | st.floats(20, 60),
)
def test_windows_are_in_order_apart_and_within_their_time(
    written: tuple[Any, dict[str, Any]], at_s: float, length_s: float, seed: int, every_s: float | None
) -> None:
    pattern, keys = written
    length_s = min(length_s, PHASES.inject_s - at_s, every_s or math.inf)
    repeat: dict[str, Any] = {"repeat": {"every": every_s}} if every_s else {}
    try:
        times = on(pattern, at=at_s, length=length_s, seed=seed, **keys, **repeat)
    except ExpressionError as error:
        assert (pattern, str(error)) == ("random", "the fault would never be on")  # noqa: PT017
        return
    found = times.bands()
    assert all(begin_s < end_s for begin_s, end_s, _ in found)
    assert all(one[1] <= other[0] + 1e-6 for one, other in itertools.pairwise(found))
    assert found[0][0] >= BEGIN_S + at_s - 1e-6
    assert found[-1][1] <= PHASES.end_s("inject") + 1e-6
    for begin_s, end_s, level in found:
        middle_s = (begin_s + end_s) / 2
        assert 0 < times.share(middle_s) <= 1
        assert times.level(middle_s) == level
    assert times.share(PHASES.end_s("inject") + 1e-6) == times.share(BEGIN_S - 1e-6) == 0


@given(st.floats(0, 1), st.floats(0.01, 1))
def test_shares_of_the_phase_are_the_same_as_their_seconds(at: float, length: float) -> None:
    if at + length > 1 or at == 1:
        return
    by_share = Schedule(at=Amount(share=at), length=Amount(share=length))
    by_time = Schedule(at=Amount(seconds=at * 60), length=Amount(seconds=length * 60))
    one, other = (timeline(fault("latency", when=when), PHASES, seed=1) for when in (by_share, by_time))
    assert one == other


@pytest.mark.parametrize(
    ("pattern", "keys", "path", "says"),
    [
        ("window", {"at": 60}, ("at",), "the fault would begin after 1 min, but the phase inject is 1 min long"),
        ("window", {"at": 50, "length": 20}, ("for",), "the fault would end 10 s after the phase inject"),
        ("window", {"length": 0}, ("for",), "must be more than zero"),
        ("window", {"on_": "1s"}, ("on",), 'unknown key "on" for the pattern window: it belongs to flap'),
        ("flap", {}, ("pattern",), 'the pattern flap needs "on"'),
        ("flap", {"on_": "0s"}, ("on",), "must be more than zero"),
        ("flap", {"on_": "1ms"}, (), "the fault would be switched on more than 10,000 times"),
        ("pulse", {"every": "1s", "width": "2s"}, ("width",), "must be at most 1 s, the time between two pulses"),
        ("steps", {"steps": 1}, ("steps",), "must be at least 2, not 1"),
        ("sweep", {"sweep": ["1s"]}, ("sweep",), "must be a list of at least two levels"),
        ("random", {"mtbf": "1h", "mttr": "1s"}, (), "the fault would never be on"),
        ("first_n", {}, ("pattern",), 'the pattern first_n needs "first_n"'),
        ("window", {"length": 20, "repeat": {"every": "10s"}}, ("repeat", "every"),
         "one repetition would begin before the last one ends (20 s)"),
        ("window", {"repeat": {"every": "20s", "step": {"size": 1}}}, ("repeat", "step", "size"),
         "the fault has no such setting to add to"),
        ("window", {"repeat": {"every": "20s", "step": {"delay": "-1s"}}}, ("repeat", "step", "delay"),
         "would make it less than zero"),
    ],
)  # fmt: skip
def test_what_is_no_schedule(pattern: Any, keys: dict[str, Any], path: tuple[str, ...], says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        on(pattern, **keys)
    assert (str(caught.value), caught.value.path) == (says, ("schedule", *path))


def test_a_sweep_needs_a_setting_to_go_through() -> None:
    with pytest.raises(ExpressionError, match="says no setting to go through") as caught:
        timeline(fault("abort", when=schedule("sweep", sweep=["1s", "2s"])), PHASES, seed=1)
    assert caught.value.hint == "name it with `of`"
    assert amount(None) is None
