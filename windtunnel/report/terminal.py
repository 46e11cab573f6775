"""The summary of a run for the terminal or the CI log: steps, thresholds, errors, the verdict last.

The verdict comes last because that is what is in sight when the command returns. `rich` is imported only when
something is drawn: the rest of the command line does without.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from windtunnel import figures
from windtunnel.model.summary import Comparison, Distribution, Summary
from windtunnel.report.changes import NOISE, baseline_name, change_rows
from windtunnel.report.model import Report
from windtunnel.report.text import LONGEST_REASON, for_log, printable
from windtunnel.report.wording import (
    ICONS,
    MAX_REASONS,
    NO_VALUE,
    NOTES_TITLE,
    OF_REQUESTS,
    TIMES,
    UNFINISHED,
    error_place,
    failing,
    has_retries,
    headline,
    honest,
    instances_line,
    of_service,
    remark,
    requests_beside,
    result_word,
    title,
    unsaid,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table


_COLOURS = {"pass": "green", "fail": "red", "error": "red", "no data": "yellow", "held so far": "default"}
_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps a condition on one line while text is wrapped; a plain blank in the output."""

_COMMAND = re.compile(r" ?`([^`]{40,})`")
_MOST_ERRORS = 5
_MOST_CHANGED_STEPS = 5
_MOST_STEPS = 100


def render(report: Report | Summary, *, width: int = 80, color: bool = False) -> str:
    """The end of a run as text, lines at most `width` wide; with ANSI colours only when asked for.

    A Summary alone does, too: then there is no line that says where the report is.
    """
    summary = honest(report.summary if isinstance(report, Report) else report)
    directory = report.directory if isinstance(report, Report) else ""
    from rich.text import Text

    stream, console = _console(width=width, color=color)
    for part in _parts(summary, width):
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    if directory:
        # Past the console, which would wrap it: a path that is cut in two can't be clicked or copied.
        stream.write(f"\nreport  {_shown(directory, limit=4096)}/report.html\n")
    return _written(stream)


def render_comparison(comparison: Comparison, run_id: str, *, width: int = 80, color: bool = False) -> str:
    """What changed from one run to another, as text."""
    stream, console = _console(width=width, color=color)
    console.print(_styled(f"run {_shown(run_id)}", "bold"))
    for part in _changes(comparison):
        console.print(part)
    return _written(stream)


def _console(*, width: int, color: bool) -> tuple[io.StringIO, Console]:
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        height=100,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        _environ={},
    )
    return stream, console


def _written(stream: io.StringIO) -> str:
    # The margin of a table is blanks at the end of every line: of no use, and a nuisance in logs.
    lines = (line.rstrip() for line in stream.getvalue().replace(_NO_BREAK, " ").split("\n"))
    return for_log("\n".join(lines))


def _parts(summary: Summary, width: int) -> list[RenderableType]:
    from rich.text import Text

    run = summary.run
    about = [f"on {_shown(run.sut)}", _shown(run.load), figures.offset(run.duration_s), f"seed {run.seed}"]
    parts: list[RenderableType] = [
        "",
        Text.assemble((_shown(title(summary)), "bold"), " ", " · ".join(about)),
        "",
    ]
    if summary.steps:
        parts += [_steps(summary, width), ""]
    if summary.thresholds:
        parts += [_thresholds(summary, width), ""]
    if summary.baseline:
        parts += [*_changes(summary.baseline), ""]
    if summary.errors:
        parts += [_errors(summary), ""]
    if summary.notes:
        parts += [_notes(summary), ""]
    for finding in unsaid(summary)[:_MOST_ERRORS]:
        parts.append(_hanging("!", _shown(finding, limit=LONGEST_REASON), style="yellow"))
    parts += _verdict(summary)
    return parts


def _verdict(summary: Summary) -> list[RenderableType]:
    from rich.text import Text

    colour = _COLOURS.get(summary.verdict, "yellow")
    parts: list[RenderableType] = []
    if not summary.soundness.finished:
        parts.append(_hanging("!", UNFINISHED, style="bold yellow"))
    icon = ICONS.get(summary.verdict, "!")
    parts.append(
        Text.assemble((f"{icon} {summary.verdict}", f"bold {colour}"), "  ", headline(summary), overflow="fold")
    )
    for reason in summary.reasons[:MAX_REASONS]:
        parts += _with_whole_lines(_shown(reason, limit=LONGEST_REASON))
    if len(summary.reasons) > MAX_REASONS:
        parts.append(f"  - and {len(summary.reasons) - MAX_REASONS} more")
    parts.append(f"  {instances_line(summary)}")
    return parts


def _steps(summary: Summary, width: int) -> Table:
    table = _table()
    table.add_column("step", no_wrap=True, overflow="ellipsis", ratio=1, min_width=10)
    retried = has_retries(summary)
    columns = ("count", "failed", *(["retries"] if retried else []), "p50", "p95", "p99", "max")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    scenario = ""
    several = len({row.scenario for row in summary.steps}) > 1
    for row in summary.steps[:_MOST_STEPS]:
        if several and row.scenario != scenario:
            table.add_row(_styled(_shown(row.scenario), "bold"))
        scenario = row.scenario
        bad = failing(row)
        indent = "  " * (row.depth + several)
        name = _styled(f"{indent}{_shown(row.step)}{f' ({row.skipped:,} skipped)' if row.skipped else ''}")
        again = [f"{row.retries:,}"] if retried else []
        table.add_row(
            name, f"{row.count:,}", _styled(f"{bad:,}", "bold red" if bad else ""), *again, *_times(row.latency)
        )
        if sent := requests_beside(row, summary.soundness.lag_p99_ms):
            label = _styled(f"{indent}  {OF_REQUESTS}", "dim")
            counts = (f"{row.requests:,}", f"{row.requests_failed:,}", *([""] if retried else []))
            table.add_row(label, *counts, *_times(sent))
    if len(summary.steps) > _MOST_STEPS:
        table.add_row(f"and {len(summary.steps) - _MOST_STEPS} more")
    table.width = min(width, 110)
    return table


def _times(latency: Distribution) -> list[str]:
    return [
        figures.duration(ms) if latency.count else NO_VALUE
        for ms in (latency.med, latency.p95, latency.p99, latency.max)
    ]


def _thresholds(summary: Summary, width: int) -> Table:
    table = _table()
    table.add_column("threshold", no_wrap=True)
    table.add_column("", ratio=1, overflow="fold")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("samples", justify="right", no_wrap=True)
    for threshold in summary.thresholds:
        word = result_word(threshold, finished=summary.soundness.finished)
        condition = _shown(threshold.condition).replace(" ", _NO_BREAK)
        what = f"{_shown(threshold.selector, limit=500)} {condition}"
        if said := remark(threshold, summary):
            what += f"\n{_shown(said)}"
        table.add_row(
            _styled(f"{ICONS.get(word, '!')} {word}", _COLOURS.get(word, "yellow")),
            _styled(what),
            _shown(threshold.measured, limit=20),
            f"{threshold.samples:,}",
        )
    table.width = min(width, 110)
    return table


def _changes(comparison: Comparison) -> list[RenderableType]:
    table = _table()
    table.add_column("figure", no_wrap=True, overflow="ellipsis", ratio=1, min_width=10)
    for column in ("before", "now", "change"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in change_rows(comparison, most_steps=_MOST_CHANGED_STEPS):
        what = f"{row.what} of {_shown(row.step, limit=60)}" if row.step else row.what
        table.add_row(_styled(what), row.before, row.now, row.change)
    said: list[RenderableType] = [_styled(f"against {_shown(baseline_name(comparison))}", "bold"), table]
    said += [_hanging("!", _shown(note), style="yellow") for note in comparison.notes]
    return [*said, _hanging("-", NOISE)]


def _errors(summary: Summary) -> RenderableType:
    from rich.console import Group
    from rich.table import Table

    lines = Table.grid(padding=(0, 1, 0, 0))
    lines.add_column(justify="right", no_wrap=True, style="red")
    lines.add_column(overflow="fold")
    for group in summary.errors[:_MOST_ERRORS]:
        example = f": {_shown(group.example, limit=160)}" if group.example else ""
        first = f" (first: {_shown(group.instances[0], limit=60)})" if group.instances else ""
        text = f"{_shown(error_place(group), limit=60)}, {_shown(group.cause, limit=80)}{example}{first}"
        lines.add_row(f"{group.count:,} {TIMES}", text)
    if len(summary.errors) > _MOST_ERRORS:
        lines.add_row("", f"and {figures.plural(len(summary.errors) - _MOST_ERRORS, 'more cause')}, in the report")
    return Group(_styled("errors", "bold"), lines)


def _notes(summary: Summary) -> RenderableType:
    from rich.console import Group

    lines = [_hanging("-", f"{_shown(of_service(note))} (first: {_shown(note.step)})") for note in summary.notes]
    return Group(_styled(NOTES_TITLE, "bold"), *lines)


def _table() -> Table:
    from rich.table import Table

    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False, header_style="bold")


def _with_whole_lines(reason: str) -> Iterator[RenderableType]:
    """A reason. A command in it has a line of its own that is not wrapped, to be copied."""
    from rich.text import Text

    parts = _COMMAND.split(reason)
    yield _hanging("-", parts[0], indent=2)
    for command, after in zip(parts[1::2], parts[2::2], strict=True):
        yield Text(f"      {command}", no_wrap=True, overflow="ignore")
        if text := after.lstrip(" ;,."):
            yield _hanging(" ", text, indent=2)


def _hanging(sign: str, text: str, *, style: str = "", indent: int = 0) -> Table:
    """A line whose continuation is aligned with its text, not with its sign."""
    from rich.table import Table

    row = Table.grid(padding=(0, 1, 0, 0))
    if indent:
        row.add_column(width=indent - 1)
    row.add_column(no_wrap=True, style=style)
    row.add_column(overflow="fold")
    row.add_row(*([""] if indent else []), sign, text)
    return row


def _styled(text: str, style: str = "") -> RenderableType:
    from rich.text import Text

    return Text(text, style=style, overflow="fold")


def _shown(text: str, *, limit: int = 300) -> str:
    return printable(text, limit=limit)
