"""Time in the page: what the script reads is what was counted, and what is drawn without it fits its drawing."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import borne, sample_run
from tests.support.reports import bare
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.cube import Cube, StepRow
from windtunnel.model.record import Record, RequestFacts, RunStarted, StepRecord, Timings
from windtunnel.model.summary import Summary
from windtunnel.report import html
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.course import Course, course_of
from windtunnel.report.course_bands import course_bands
from windtunnel.report.course_chart import MOST_COLUMNS, course_chart
from windtunnel.report.cube_data import page_cube
from windtunnel.report.model import Report

STARTED = sample_run.STARTED
OUTCOMES = ["passed", "failed", "errored", "skipped", "interrupted"]
ENDS = st.lists(
    st.tuples(st.floats(0, 900), st.integers(0, 1 << 33), st.sampled_from(OUTCOMES)),
    min_size=1,
    max_size=40,
)
"""(seconds into the run, duration, outcome) of executions of one step."""


def step(at_s: float, duration_us: int, outcome: Any = "passed", **fields: Any) -> StepRecord:
    request = RequestFacts(
        method="GET",
        url="http://shop.internal/",
        status=200,
        failed=outcome != "passed",
        bytes_sent=100,
        timings_us=Timings(wait=duration_us),
    )
    return StepRecord(
        t=STARTED + at_s,
        step="pay",
        action="http",
        outcome=outcome,
        duration_us=duration_us,
        instance_id="checkout-1",
        correlation_id="0" * 32,
        scenario="checkout",
        request=request,
        **fields,
    )


def counted(records: list[Record]) -> Aggregate:
    aggregate = Aggregate()
    first = RunStarted(t=STARTED, schema_version=1, segment=0, plan_hash="x", seed=1)
    aggregate.write([first, *records])
    return aggregate


def summary_of_one_step() -> Summary:
    made = sample_run.summary()
    return msgspec.structs.replace(made, steps=[row for row in made.steps if row.step == "pay"], errors=[])


def series(flat: list[int]) -> Counter[int]:
    """Counts by bucket, as the script reads them."""
    found: Counter[int] = Counter()
    bucket = 0
    for further, count in zip(flat[::2], flat[1::2], strict=True):
        bucket += further
        found[bucket] += count
    return found


def cells(flat: list[int], bins: list[int]) -> Counter[tuple[int, int]]:
    """Counts by bucket and lower bound of the bin, as the script reads them."""
    found: Counter[tuple[int, int]] = Counter()
    rest: Iterator[int] = iter(flat)
    bucket = 0
    for further in rest:
        bucket += further
        place = 0
        for _ in range(next(rest)):
            place += next(rest)
            found[bucket, bins[place]] += next(rest)
    return found


@settings(max_examples=60, deadline=None)
@given(ENDS)
def test_the_script_reads_what_the_cube_counted(ends: list[tuple[float, int, str]]) -> None:
    cube = counted([step(*end) for end in ends]).cube

    found = page_cube(course_of(cube), summary_of_one_step())

    first = cube.buckets.start
    of_step = found.counts["steps"][0]
    counted_cells = cube.steps[StepRow(False, "checkout", "pay")]
    for name in OUTCOMES:
        wanted = {n - first: getattr(cell, name) for n, cell in counted_cells.items() if getattr(cell, name)}
        assert series(of_step[name]) == wanted
    for name, bins in (("passed", "passed_us"), ("failed", "failed_us")):
        durations = {
            (n - first, lower): count
            for n, cell in counted_cells.items()
            for lower, count in getattr(cell, bins).items()
        }
        assert cells(of_step["latency"][name], found.axis["bins"]) == durations
    assert found.axis["buckets"] == len(cube.buckets)
    assert found.axis["first_bucket_unix"] == first * cube.width_s


@settings(max_examples=30, deadline=None)
@given(ENDS)
def test_a_page_with_too_many_bins_has_wider_buckets_and_the_same_counts(
    ends: list[tuple[float, int, str]],
) -> None:
    course = course_of(counted([step(*end) for end in ends]).cube)

    whole = page_cube(course, summary_of_one_step())
    small = page_cube(course, summary_of_one_step(), most_entries=5)

    assert small.axis["width_s"] >= whole.axis["width_s"]
    for name in OUTCOMES:
        of_both = [series(each.counts["steps"][0][name]).total() for each in (small, whole)]
        assert of_both[0] == of_both[1]


def test_an_assertion_has_no_counts_over_time(failing_report: Report) -> None:
    summary = failing_report.summary

    found = page_cube(failing_report.course, summary)

    assertions = [place for place, row in enumerate(summary.steps) if row.action == "assert"]
    assert assertions
    assert [place for place, counts in enumerate(found.counts["steps"]) if counts is None] == assertions


def test_a_page_of_a_run_that_counted_nothing_has_no_time(empty_report: Report) -> None:
    page = html.render(dataclasses.replace(empty_report, course=Course()))

    assert 'id="timeline"' not in page
    assert 'id="data-cube"' not in page


@settings(max_examples=60, deadline=None)
@given(ENDS)
def test_columns_stay_inside_of_the_drawing(ends: list[tuple[float, int, str]]) -> None:
    drawn = course_chart(course_of(counted([step(*end) for end in ends]).cube), started=STARTED)

    for column in drawn.columns:
        assert 0 <= column.failed_y <= column.failed_y + column.failed_height <= column.passed_y + 0.02
        assert column.passed_y + column.passed_height <= drawn.height + 0.02
        assert 0 <= column.x <= column.x + column.width <= 100
    assert len(drawn.columns) <= MOST_COLUMNS
    assert drawn.ticks[0].label


def test_a_long_run_is_drawn_in_wider_columns_that_hold_the_same() -> None:
    course = course_of(counted([step(second, 1000) for second in range(299)]).cube)

    drawn = course_chart(course, started=STARTED)

    assert course.buckets > MOST_COLUMNS
    assert sum(int(column.label.split(": ")[1].split(" ")[0]) for column in drawn.columns) == 299


def test_a_line_is_interrupted_where_nothing_passed() -> None:
    records: list[Record] = [step(0.1, 1000), step(1.1, 2000), step(8.1, 3000)]
    drawn = course_chart(course_of(counted(records).cube), started=STARTED)

    assert drawn.lines[0].path.count("M") == 3


def test_the_time_of_warm_up_has_a_name() -> None:
    records: list[Record] = [step(0.5, 1000, phase="warmup"), step(3.5, 1000, phase="warmup"), step(4.5, 1000)]
    bands = course_bands(counted(records), sample_run.manifest(), sample_run.summary())

    assert [(band.kind, band.name, band.warmup) for band in bands] == [("stage", "warm-up", True)]
    assert bands[0].from_s == pytest.approx(0, abs=0.5)
    assert bands[0].to_s == pytest.approx(3.2, abs=0.5)


def test_phases_and_faults_stand_where_the_table_of_faults_says(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = borne.write_run(tmp_path_factory.mktemp("disturbed"))
    analysis = analyse(directory)
    report = build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate)

    judged = report.summary.turbulence
    assert judged is not None
    bands = report.course.bands
    assert [band.name for band in bands if band.kind == "phase"] == [phase.name for phase in judged.phases]
    lengths = [band.to_s - band.from_s for band in bands if band.kind == "fault"]
    told = [band.end_s - band.begin_s for fault in judged.faults for band in fault.bands]
    assert lengths == pytest.approx(told)


def test_a_name_of_a_step_can_do_nothing_to_the_page(failing_report: Report) -> None:
    evil = "</script><script>alert(1)</script>"
    summary = failing_report.summary
    steps = [msgspec.structs.replace(row, step=evil) for row in summary.steps]
    report = dataclasses.replace(
        bare(msgspec.structs.replace(summary, steps=steps)), course=course_of(Cube(), order=[("checkout", evil)])
    )

    assert "<script>alert" not in html.render(report)
