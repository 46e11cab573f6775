"""From counts by time to windows: what is in them does not depend on how the records came."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import START, aggregate_of, instance, request, step
from tests.support.two_runs import ran
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.bins import Durations, count_up_to, percentiles
from windtunnel.metrics.windows import windows_of
from windtunnel.model.record import Record
from windtunnel.storage.directory import summary_text


def second_by_second(seconds: int, *, phase: str = "", wait: int = 20_000) -> list[Record]:
    """Ten instances a second of one request each."""
    found: list[Record] = []
    for number in range(seconds * 10):
        t = START + number / 10
        found.append(step(t=t, duration_us=wait, phase=phase, request=request(wait=wait)))
        found.append(instance(number, started=t, phase=phase))
    return found


@pytest.mark.parametrize("seconds", [2, 10, 60, 600, 7200])
def test_a_run_has_8_to_30_windows_of_one_width(seconds: int) -> None:
    aggregate = Aggregate()
    for number in range(200):
        aggregate.write([step(t=START + number * seconds / 200, request=request())])
    run = windows_of(aggregate.cube).run
    assert run is not None
    assert 8 <= run.number <= 30
    assert len(run.requests.count) == len(run.requests.p95) == run.number
    assert run.started + run.number * run.width_s <= START + seconds
    assert run.started >= START


def test_a_warm_up_is_in_no_window() -> None:
    warm, measured = second_by_second(20, phase="warmup", wait=900_000), second_by_second(20)
    for record in measured:
        record.t += 20
    run = windows_of(aggregate_of([*warm, *measured]).cube).run
    assert run is not None
    assert run.started >= START + 20
    assert max(each or 0.0 for each in run.requests.p95) < 30


def test_windows_do_not_depend_on_how_a_run_was_split() -> None:
    records = second_by_second(20)
    whole, even, odd = (windows_of(aggregate_of(part).cube) for part in (records, records[::2], records[1::2]))
    assert even != whole
    assert odd != whole
    merged = aggregate_of(records[1::2])
    merged.merge(aggregate_of(records[::2]))
    assert windows_of(merged.cube) == whole


def test_nothing_measured_has_no_windows() -> None:
    assert windows_of(Aggregate().cube).run is None
    assert windows_of(aggregate_of(second_by_second(5, phase="setup")).cube).run is None


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200))
def test_samples_are_counted_up_to_a_duration_as_they_are_in_percentiles(samples: list[int]) -> None:
    counted = Durations()
    counted.add(samples)
    bins = counted.bins
    median = percentiles(bins, (50,))[0]
    assert abs(count_up_to(bins, median) - len(samples) / 2) <= 1.5
    counts = [count_up_to(bins, us) for us in (0, 10, 10**4, 10**6, 2 * 10**9)]
    assert all(one <= next_ for one, next_ in pairwise(counts))
    assert counts[-1] == len(samples)


def test_each_list_of_numbers_is_one_line_of_a_summary() -> None:
    summary = ran(seconds=10, name="[\n 1,\n 2\n]")
    text = summary_text(summary)
    assert msgspec.json.decode(text) == msgspec.json.decode(msgspec.json.encode(summary))
    assert max(line.count(b",") for line in text.splitlines()) >= 7
