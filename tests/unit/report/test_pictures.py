"""Pictures of block characters: the run along time, the p95 of steps, where latencies lie."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from tests.support import sample_run
from tests.unit.report.conftest import report_of
from windtunnel.ci.github import fitted_summary
from windtunnel.metrics.histogram import Histogram
from windtunnel.model.summary import ErrorGroup
from windtunnel.report import markdown, terminal
from windtunnel.report.course import LEVELS, Course, CourseBand
from windtunnel.report.model import Latency, Report
from windtunnel.report.pictures import (
    along_time,
    cause_along_time,
    distributions,
    has_course,
    p95_of_steps,
    time_axis,
)

SIGNS = {" ", *LEVELS}


def course(**series: Any) -> Course:
    made = Course(
        width_s=1.0,
        buckets=6,
        rate=(0.0, 10.0, 20.0, 20.0, 10.0, 0.0),
        requests=(0, 10, 20, 20, 10, 0),
        failures=(0, 0, 1, 0, 0, 0),
        p95=(None, 5.0, 10.0, 40.0, 5.0, None),
        users=(1.0, 4.0, 4.0, 4.0, 2.0, 0.0),
    )
    return dataclasses.replace(made, **series)


def test_the_run_along_time_has_a_line_for_each_thing_that_there_was() -> None:
    drawn = {each.label: each for each in along_time(sample_run.summary(), course(), width=60)}

    assert list(drawn) == ["requests", "failures", "p95", "users"]
    assert drawn["requests"].bar == "▁▄██▄▁"
    assert drawn["failures"].bar == "  █   ", "one failure is seen beside nothing"
    assert drawn["p95"] == dataclasses.replace(drawn["p95"], figure="≤ 40 ms", bar=" ▁▂█▁ ")


def test_failures_by_a_fault_and_dropped_arrivals_have_lines_of_their_own() -> None:
    made = course(injected=(0, 3, 0, 0, 0, 0), dropped=(0, 0, 0, 0, 2, 0))
    drawn = {each.label: each.figure for each in along_time(sample_run.summary(), made, width=60)}
    assert (drawn["by a fault"], drawn["dropped"]) == ("3", "2")


@pytest.mark.parametrize("made", [Course(), course(buckets=4), course(requests=(0, 5, 5, 5, 4, 0))])
def test_a_run_that_is_too_short_has_no_course(made: Course) -> None:
    assert not has_course(made)
    assert along_time(sample_run.summary(), made, width=60) == ()
    assert p95_of_steps(made, sample_run.summary().steps, width=60) == {}


@pytest.mark.parametrize("width", [8, 9, 20, 60, 100])
def test_no_bar_is_wider_than_it_may_be(failing_report: Report, width: int) -> None:
    summary, made = failing_report.summary, failing_report.course
    steps = p95_of_steps(made, summary.steps, width=width)
    drawn, axis = distributions(failing_report, width=width)
    bars = [
        *(each.bar for each in along_time(summary, made, width=width)),
        *steps.values(),
        *(each.bar for each in drawn),
        *(cause_along_time(made, group, width=width) for group in summary.errors),
    ]
    assert {"list_products", "pay"} <= {step for _, step in steps}
    assert len(bars) > 8
    assert max(map(len, bars)) <= width
    assert set("".join(bars)) <= SIGNS
    assert len(axis) <= max(width, 8)


def test_a_cause_is_drawn_when_it_happened(failing_report: Report) -> None:
    group: ErrorGroup = failing_report.summary.errors[0]
    bar = cause_along_time(failing_report.course, group, width=400)
    first, last = (
        int((t - failing_report.course.started) / failing_report.course.width_s)
        for t in (group.first_t, group.last_t)
    )
    assert bar.index(bar.strip()[0]) == first
    assert len(bar.rstrip()) == last + 1


def test_the_axis_of_time_ends_where_the_bars_end() -> None:
    made = course(buckets=300, width_s=2.0)
    assert len(time_axis(made, width=60)) == 60
    assert time_axis(made, width=60).endswith("10 min")
    assert time_axis(course(buckets=6), width=60) == "0 to 6 s"


def test_the_axis_of_time_says_where_the_warm_up_ended() -> None:
    warm = CourseBand(kind="stage", name="warm-up", warmup=True, from_s=0.0, to_s=60.0)
    made = course(buckets=300, width_s=2.0, bands=(warm,))
    axis = time_axis(made, width=60)
    assert axis.startswith("warm  |1 min ")
    assert axis.endswith(" 10 min")
    assert len(axis) == 60
    late = course(buckets=300, width_s=2.0, bands=(dataclasses.replace(warm, to_s=590.0),))
    assert len(time_axis(late, width=60)) <= 60


def latency(step: str, values_us: list[int], failed_us: list[int]) -> Latency:
    passed, failed, both = Histogram(values_us), Histogram(failed_us), Histogram(values_us + failed_us)
    return Latency(
        scenario="checkout",
        step=step,
        distribution=both.to_distribution(),
        passed=tuple(passed.buckets()),
        failed=tuple(failed.buckets()),
    )


def test_distributions_stand_on_one_axis_with_failures_apart(failing_report: Report) -> None:
    steps = (latency("list_products", [1_000] * 9, []), latency("pay", [100_000] * 3, [2_000_000]))
    drawn, axis = distributions(dataclasses.replace(failing_report, steps=steps), width=60)

    assert [each.label for each in drawn] == ["list_products", "pay", "pay failed"]
    places = [len(each.bar) - 1 for each in drawn]
    assert places[0] < places[1] < places[2] <= 59
    assert axis.index("|100 ms") in {places[1], places[1] - 1}
    assert re.match(r"\|1 ms", axis)


def test_pauses_do_not_push_the_steps_that_send_something_aside(failing_report: Report) -> None:
    rest = latency("rest", [60_000_000], [])
    rows = [dataclasses.replace(each) for each in failing_report.steps]
    summary = failing_report.summary
    pause = replace(summary.steps[0], step="rest", action="pause", requests=0)
    report = dataclasses.replace(
        failing_report,
        steps=(*rows, rest),
        summary=replace(summary, steps=[*summary.steps, pause]),
    )
    drawn, _ = distributions(report, width=60)
    assert "rest" not in {each.label for each in drawn}


# ── in the terminal ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_table_of_steps_with_its_bars_fits_the_terminal(failing_report: Report, width: int) -> None:
    shown = terminal.render(failing_report, width=width)
    commands = [line for line in shown.split("\n") if "windtunnel trace" in line]
    assert max(len(line) for line in shown.split("\n") if line not in commands) <= width
    assert ("over time" in shown) == (width >= 80)


def test_a_column_gives_way_to_the_bars_where_retries_need_one(failing_report: Report) -> None:
    steps = [replace(row, retries=3, step=row.step) for row in failing_report.summary.steps]
    summary = replace(failing_report.summary, steps=steps)
    report = dataclasses.replace(failing_report, summary=summary)
    head = {
        w: next(x for x in terminal.render(report, width=w).split("\n") if x.startswith("step")) for w in (80, 110)
    }
    assert "over time" in head[80]
    assert "p99" not in head[80]
    assert "p99" in head[110]


def test_each_of_the_three_worst_causes_says_where_it_is_and_how_to_see_one(failing_report: Report) -> None:
    errors = [
        replace(group, file="scenarios/checkout.yaml", line=14 + place)
        for place, group in enumerate(failing_report.summary.errors * 2)
    ]
    summary = replace(failing_report.summary, errors=errors)
    shown = terminal.render(dataclasses.replace(failing_report, summary=summary))

    places = [f"scenarios/checkout.yaml:{14 + place} · " for place in range(3)]
    ids = [group.instances[0] for group in errors[:3]]
    commands = [f"\n     windtunnel trace {sample_run.RUN_ID} --instance-id {each}\n" for each in ids]
    assert [wanted for wanted in places + commands if wanted not in shown] == []
    assert f"and {len(errors) - 3} more causes, in the report" in shown


def test_a_run_in_another_folder_is_named_by_its_path(failing_report: Report) -> None:
    shown = terminal.render(dataclasses.replace(failing_report, directory="out dir/x"))
    assert "windtunnel trace 'out dir/x' --instance-id" in shown


# ── in Markdown ──────────────────────────────────────────────────────────────────────────────────────────────────


def fences_of(shown: str) -> list[str]:
    return [token.content for token in MarkdownIt("commonmark").parse(shown) if token.type == "fence"]


def test_the_markdown_has_the_pictures_and_folds_failing_instances(failing_report: Report) -> None:
    shown = markdown.render(failing_report)

    course, *instances, latencies = fences_of(shown)
    assert [line.split()[0] for line in course.splitlines()[:3]] == ["requests", "failures", "p95"]
    assert {"list_products", "pay"} <= {line.split()[0] for line in latencies.splitlines()[:-1]}
    assert len(instances) == shown.count("<details>") == shown.count("</details>") == 3
    assert "failed  checkout-5" in instances[0]
    assert "| p95 over time |" in shown
    assert max(len(line) for fence in fences_of(shown) for line in fence.splitlines()) <= 92


def test_bodies_stay_out_of_what_may_become_a_comment(failing_report: Report) -> None:
    assert "payment provider did not answer" in str(failing_report.stories)
    assert "payment provider did not answer" not in markdown.render(failing_report)


def test_a_run_of_one_instance_has_no_pictures(tmp_path: Path) -> None:
    shown = markdown.render(report_of(tmp_path, instances=1))
    assert fences_of(shown) == []
    assert "over time" not in shown


def test_the_fourth_cause_and_a_long_table_are_folded(failing_report: Report) -> None:
    steps = [
        replace(row, step=f"step {number}") for number in range(30) for row in failing_report.summary.steps[:1]
    ]
    errors = [
        replace(group, cause=f"{group.cause} {n}") for n in range(3) for group in failing_report.summary.errors
    ]
    summary = replace(failing_report.summary, steps=steps, errors=errors)
    shown = markdown.render(dataclasses.replace(failing_report, summary=summary))

    assert f"<summary>{len(errors) - 3} more causes</summary>" in shown
    assert "<summary>30 steps</summary>" in shown
    parser = MarkdownIt("commonmark").enable("table")
    tables = [token for token in parser.parse(shown) if token.type == "table_open"]
    assert len(tables) == 2


def test_a_cause_links_to_its_line_where_that_can_be_reached(failing_report: Report) -> None:
    group = replace(failing_report.summary.errors[0], file="scenarios/a b.yaml", line=7)
    summary = replace(failing_report.summary, errors=[group])
    plain = dataclasses.replace(failing_report, summary=summary)
    linked = dataclasses.replace(plain, source_url="https://forge/blob/abc/")

    assert "  - at `scenarios/a b.yaml:7`" in markdown.render(plain)
    assert "  - at [`scenarios/a b.yaml:7`](https://forge/blob/abc/scenarios/a%20b.yaml#L7)" in markdown.render(
        linked
    )


def test_wherever_a_summary_is_cut_nothing_stays_open(failing_report: Report) -> None:
    whole = markdown.render(failing_report)
    size = len(whole.encode())
    cuts = [fitted_summary(whole, budget=budget) for budget in range(400, size, 97)]

    assert len(cuts) > 40
    assert [cut for cut in cuts if cut.count("<details>") != cut.count("</details>")] == []
    assert [cut for cut in cuts if cut.count("```") % 2] == []
    assert all(len(cut.encode()) <= size for cut in cuts)
    assert any("<details>" in cut for cut in cuts)
