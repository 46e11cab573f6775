"""The steps of a run in the terminal, each with its p95 along time, and the run as a whole along time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from windtunnel import figures
from windtunnel.model.summary import Distribution, Summary
from windtunnel.report.course import Course
from windtunnel.report.pictures import along_time, p95_of_steps, time_axis
from windtunnel.report.terminal_parts import plain_table, shown, styled
from windtunnel.report.wording import NO_VALUE, OF_REQUESTS, failing, has_retries, requests_beside

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_WIDEST = 110
_MOST_STEPS = 100
_GAP = 2
_LEAST_NAME, _GOOD_NAME = 16, 28
_LEAST_BAR, _BEST_BAR = 9, 30
_TITLES = ("p95 over time", "over time")
_P99 = "p99"


def course_lines(summary: Summary, course: Course, width: int) -> Iterator[Text]:
    """The rate, failures, p95 and users along time; nothing for a run too short to have a course."""
    from rich.text import Text

    bar_width = min(width, _WIDEST) - 26
    drawn = along_time(summary, course, width=max(_LEAST_BAR, bar_width))
    if not drawn or bar_width < _LEAST_BAR:
        return
    figure_width = max(len(each.figure) for each in drawn)
    for each in drawn:
        bad = each.label in {"failures", "dropped"}
        line = Text(f"{each.label:<11}  {each.figure:>{figure_width}}  ", no_wrap=True, overflow="crop")
        line.append(each.bar, "red" if bad else "cyan")
        yield line
    blank = " " * (11 + 2 + figure_width + 2)
    yield Text(f"{blank}{time_axis(course, width=bar_width)}", style="bright_black", no_wrap=True, overflow="crop")


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table: its label, its numbers, the bar, and whether it is a step that failed."""

    label: str
    cells: tuple[str, ...] = ()
    bar: str = ""
    style: str = ""
    bad: bool = False


def steps_table(summary: Summary, course: Course, width: int) -> Table:
    """The table. What does not fit beside the bars is the end of long names, then the column p99."""
    width = min(width, _WIDEST)
    retried = has_retries(summary)
    head = ["count", "failed", *(["retries"] if retried else []), "p50", "p95", _P99, "max"]
    rows = list(_rows(summary, retried, {}))
    bars: Mapping[tuple[str, str], str] = {}
    bar_width = _room_for_bars(head, rows, width)
    if bar_width < _LEAST_BAR and bool(p95_of_steps(course, summary.steps[:1], width=_LEAST_BAR)):
        dropped = head.index(_P99)
        without = [*head[:dropped], *head[dropped + 1 :]]
        narrow = [_Row(row.label, (*row.cells[:dropped], *row.cells[dropped + 1 :])) for row in rows]
        bar_width = _room_for_bars(without, narrow, width)
        head = without if bar_width >= _LEAST_BAR else head
    if bar_width >= _LEAST_BAR:
        bars = p95_of_steps(course, summary.steps[:_MOST_STEPS], width=bar_width)
    return _table(head, list(_rows(summary, retried, bars)), width, bar_width if bars else 0)


def _room_for_bars(head: Sequence[str], rows: Sequence[_Row], width: int) -> int:
    """The columns that are left for bars beside the numbers, with names of the length they need or can do with."""
    numbers = _width_of_numbers(head, rows)
    longest = max((len(row.label) for row in rows), default=0)
    rest = width - numbers - _GAP
    room = rest - min(longest, _GOOD_NAME) - _GAP
    return min(_BEST_BAR, room if room >= _LEAST_BAR else rest - min(longest, _LEAST_NAME) - _GAP)


def _width_of_numbers(head: Sequence[str], rows: Sequence[_Row]) -> int:
    return sum(
        max(len(title), *(len(row.cells[place]) for row in rows if row.cells), 0) + _GAP
        for place, title in enumerate(head)
    )


def _rows(summary: Summary, retried: bool, bars: Mapping[tuple[str, str], str]) -> Iterator[_Row]:
    scenario = ""
    several = len({row.scenario for row in summary.steps}) > 1
    for row in summary.steps[:_MOST_STEPS]:
        if several and row.scenario != scenario:
            yield _Row(shown(row.scenario), style="bold")
        scenario = row.scenario
        bad = failing(row)
        indent = "  " * (row.depth + several)
        name = f"{indent}{shown(row.step)}{f' ({row.skipped:,} skipped)' if row.skipped else ''}"
        again = [f"{row.retries:,}"] if retried else []
        cells = (f"{row.count:,}", f"{bad:,}", *again, *_times(row.latency))
        yield _Row(name, cells, bars.get((row.scenario, row.step), ""), bad=bool(bad))
        if sent := requests_beside(row, summary.soundness.lag_p99_ms):
            counts = (f"{row.requests:,}", f"{row.requests_failed:,}", *([""] if retried else []))
            yield _Row(f"{indent}  {OF_REQUESTS}", (*counts, *_times(sent)), style="dim")
    if len(summary.steps) > _MOST_STEPS:
        yield _Row(f"and {len(summary.steps) - _MOST_STEPS} more")


def _without_p99(cells: tuple[str, ...]) -> tuple[str, ...]:
    return (*cells[:-2], cells[-1]) if cells else cells


def _times(latency: Distribution) -> list[str]:
    return [
        figures.duration(ms) if latency.count else NO_VALUE
        for ms in (latency.med, latency.p95, latency.p99, latency.max)
    ]


def _table(head: Sequence[str], rows: Sequence[_Row], width: int, bar_width: int) -> Table:
    from rich.text import Text

    table = plain_table()
    wide, narrow = _TITLES
    title_of_bars = wide if bar_width >= len(wide) else narrow
    bars = _GAP + max(bar_width, len(title_of_bars)) if bar_width else 0
    dropped = _P99 not in head
    kept = [replace(row, cells=_without_p99(row.cells)) if dropped else row for row in rows]
    # Counted here, as if the last column were padded too: some versions of rich do so and narrow the others.
    room = width - _width_of_numbers(head, kept) - bars
    longest = max((len(row.label) for row in kept), default=0)
    label_width = max(10, room - _GAP if longest <= room - _GAP or bars else room)
    table.add_column("step", no_wrap=True, overflow="ellipsis", width=label_width)
    for title in head:
        table.add_column(title, justify="right", no_wrap=True)
    if bar_width:
        table.add_column(title_of_bars, no_wrap=True, min_width=bar_width)
    for row in kept:
        cells: list[RenderableType] = list(row.cells)
        if row.bad:
            cells[1] = styled(row.cells[1], "bold red")
        label = Text(row.label, style=row.style, overflow="ellipsis")
        table.add_row(label, *cells, *([styled(row.bar, "cyan")] if row.bar else []))
    return table
