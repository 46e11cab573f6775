"""Drawings tell the truth: every sample is in a bar, every part of a request has its length and its place."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.metrics.histogram import Histogram
from windtunnel.model.record import Timings
from windtunnel.report.charts import shape, track
from windtunnel.report.model import Latency, RequestStory, StepStory, Story

SAMPLES = st.lists(st.integers(0, 120_000_000), min_size=1, max_size=60)


def latency(passed: list[int], failed: list[int] | None = None) -> Latency:
    good, bad, both = Histogram(passed), Histogram(failed or []), Histogram()
    both.merge(good)
    both.merge(bad)
    return Latency(distribution=both.to_distribution(), passed=tuple(good.buckets()), failed=tuple(bad.buckets()))


@settings(max_examples=60)
@given(passed=SAMPLES, failed=st.lists(st.integers(0, 120_000_000), max_size=20))
def test_every_sample_is_in_a_bar_and_everything_is_inside_the_drawing(
    passed: list[int], failed: list[int]
) -> None:
    drawn = shape(latency(passed, failed), height=100)
    assert sum(bar.passed for bar in drawn.bars) == len(passed)
    assert sum(bar.failed for bar in drawn.bars) == len(failed)
    for bar in drawn.bars:
        assert 0 <= bar.x < bar.x + bar.width <= 100.01
        assert bar.failed_height >= (1.5 if bar.failed else 0)
        assert bar.failed_y >= -1.6
    assert all(0 <= mark.x <= 100 for mark in drawn.marks)
    assert all(0 <= tick.x <= 100 for tick in drawn.ticks)
    assert drawn.top == max(bar.passed + bar.failed for bar in drawn.bars)


def test_the_highest_bar_is_as_high_as_the_drawing() -> None:
    drawn = shape(latency([5000] * 10 + [50_000]), height=100)
    assert max(bar.passed_height for bar in drawn.bars) == 100


def test_a_wide_and_a_narrow_range_both_have_a_readable_axis() -> None:
    wide = shape(latency([300, 3000, 90_000_000]), height=100)
    narrow = shape(latency([20_000, 20_400]), height=100)
    for drawn in (wide, narrow):
        labels = [tick.label for tick in drawn.ticks]
        assert 1 <= len(labels) <= 10
        assert len(labels) == len(set(labels))
    assert next(tick.label for tick in wide.ticks) == "1 ms"


def test_labels_of_marks_have_rows_of_their_own() -> None:
    marks = shape(latency([5000] * 100), height=100).marks
    assert sorted(mark.row for mark in marks) == [0, 1, 2]
    assert [mark.label.split()[0] for mark in marks] == ["p99", "p95", "p50"]


def test_a_waterfall_has_every_part_in_its_place() -> None:
    timings = Timings(connect=10_000, send=5_000, wait=60_000, receive=25_000)
    request = RequestStory(
        method="GET",
        url="/",
        service="",
        status=200,
        error=None,
        error_detail=None,
        attempt=1,
        span_id="",
        failed=False,
        poll=False,
        resent=False,
        bytes_sent=1,
        bytes_received=1,
        began_us=100_000,
        timings=timings,
    )
    step = StepStory(
        name="pay", action="http", outcome="passed", began_us=100_000, duration_us=100_000, requests=(request,)
    )
    story = Story(
        instance_id="a-1",
        correlation_id="c",
        scenario="a",
        outcome="passed",
        began_s=0,
        offset_s=0,
        duration_us=200_000,
        steps=(step,),
    )
    assert [(s.kind, s.x, s.width) for s in track(step, story).segments] == [
        ("step", 50, 50),
        ("connect", 50, 5),
        ("send", 55, 2.5),
        ("wait", 57.5, 30),
        ("receive", 87.5, 12.5),
    ]


def test_what_took_no_time_leaves_a_mark_inside_the_track() -> None:
    step = StepStory(name="last", action="assert", outcome="passed", began_us=200_000, duration_us=0)
    story = Story(
        instance_id="a-1",
        correlation_id="c",
        scenario="a",
        outcome="passed",
        began_s=0,
        offset_s=0,
        duration_us=200_000,
        steps=(step,),
    )
    (segment,) = track(step, story).segments
    assert segment.width > 0
    assert segment.x + segment.width <= 100
