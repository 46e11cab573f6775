"""The summary of a run for the terminal or the CI log: steps, thresholds, errors, the verdict last.

The verdict comes last because that is what is in sight when the command returns. `rich` is imported only when
something is drawn: the rest of the command line does without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from windtunnel import figures
from windtunnel.model.summary import Comparison, Summary
from windtunnel.report.changes import (
    INTERVAL,
    NOTHING_IN_COMMON,
    SPREADS,
    baseline_name,
    change_rows,
    first_sentence,
    has_intervals,
    remarks,
)
from windtunnel.report.course import Course
from windtunnel.report.model import Report
from windtunnel.report.pictures import cause_along_time
from windtunnel.report.resilience import more_reasons, other_reasons
from windtunnel.report.terminal_parts import hanging, memory_console, plain_table, shown, styled, written
from windtunnel.report.terminal_steps import course_lines, steps_table
from windtunnel.report.text import LONGEST_REASON, NO_BREAK
from windtunnel.report.wording import (
    ICONS,
    MAX_REASONS,
    MOST_CAUSES,
    NOTES_TITLE,
    TIMES,
    UNFINISHED,
    error_place,
    headline,
    honest,
    instances_line,
    named_run,
    of_instances,
    of_service,
    place_of,
    remark,
    result_word,
    title,
    trace_command,
    unsaid,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


_COLOURS = {"pass": "green", "fail": "red", "error": "red", "no data": "yellow", "held so far": "default"}
_COMMAND = re.compile(r" ?`([^`]{40,})`")
_MOST_FINDINGS = 5
_MOST_CHANGED_STEPS = 5
_LEAST_CAUSE_BAR, _WIDEST_CAUSE_BAR = 8, 30


def render(report: Report | Summary, *, width: int = 80, color: bool = False) -> str:
    """The end of a run as text, lines at most `width` wide; with ANSI colours only when asked for.

    A Summary alone does, too: then there is no line that says where the report is.
    """
    summary = honest(report.summary if isinstance(report, Report) else report)
    directory = report.directory if isinstance(report, Report) else ""
    from rich.text import Text

    stream, console = memory_console(width=width, color=color)
    course = report.course if isinstance(report, Report) else Course()
    for part in _parts(summary, course, named_run(directory, summary.run_id), width):
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    if directory:
        # Past the console, which would wrap it: a path that is cut in two can't be clicked or copied.
        stream.write(f"\nreport  {shown(directory, limit=4096)}/report.html\n")
    return written(stream)


def render_comparison(comparison: Comparison, run_id: str, *, width: int = 80, color: bool = False) -> str:
    """What changed from one run to another, as text."""
    stream, console = memory_console(width=width, color=color)
    console.print(styled(f"run {shown(run_id)}", "bold"))
    for part in _changes(comparison):
        console.print(part)
    return written(stream)


def _parts(summary: Summary, course: Course, run_name: str, width: int) -> list[RenderableType]:
    from rich.text import Text

    run = summary.run
    about = [f"on {shown(run.sut)}", shown(run.load), figures.offset(run.duration_s), f"seed {run.seed}"]
    parts: list[RenderableType] = [
        "",
        Text.assemble((shown(title(summary)), "bold"), " ", " · ".join(about)),
        "",
    ]
    if not summary.turbulence and (lines := list(course_lines(summary, course, width))):
        parts += [*lines, ""]
    if summary.steps:
        parts += [steps_table(summary, course, width), ""]
    if summary.thresholds:
        parts += [_thresholds(summary, width), ""]
    if summary.turbulence:
        from windtunnel.report.terminal_resilience import under_faults  # for the runs with faults

        parts += [*under_faults(summary.turbulence, width), ""]
    if summary.baseline:
        parts += [*_changes(summary.baseline), ""]
    if summary.errors:
        parts += [*_errors(summary, course, run_name, width), ""]
    if summary.notes:
        parts += [_notes(summary), ""]
    for finding in unsaid(summary)[:_MOST_FINDINGS]:
        parts.append(hanging("!", shown(finding, limit=LONGEST_REASON), style="yellow"))
    parts += _verdict(summary)
    return parts


def _verdict(summary: Summary) -> list[RenderableType]:
    from rich.text import Text

    colour = _COLOURS.get(summary.verdict, "yellow")
    parts: list[RenderableType] = []
    if not summary.soundness.finished:
        parts.append(hanging("!", UNFINISHED, style="bold yellow"))
    icon = ICONS.get(summary.verdict, "!")
    parts.append(
        Text.assemble((f"{icon} {summary.verdict}", f"bold {colour}"), "  ", headline(summary), overflow="fold")
    )
    reasons = other_reasons(summary)
    for reason in reasons[:MAX_REASONS]:
        parts += _with_whole_lines(shown(reason, limit=LONGEST_REASON))
    if len(reasons) > MAX_REASONS:
        parts.append(f"  - and {len(reasons) - MAX_REASONS} more")
    parts.append(f"  {instances_line(summary)}")
    if summary.turbulence:
        from windtunnel.report.terminal_resilience import how_borne  # for the runs with faults

        parts += how_borne(summary.turbulence, more_reasons(summary))
    return parts


def _thresholds(summary: Summary, width: int) -> Table:
    table = plain_table()
    table.add_column("threshold", no_wrap=True)
    table.add_column("", ratio=1, overflow="fold")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("samples", justify="right", no_wrap=True)
    for threshold in summary.thresholds:
        word = result_word(threshold, finished=summary.soundness.finished)
        condition = shown(threshold.condition).replace(" ", NO_BREAK)
        what = f"{shown(threshold.selector, limit=500)} {condition}"
        if said := remark(threshold, summary):
            what += f"\n{shown(said)}"
        table.add_row(
            styled(f"{ICONS.get(word, '!')} {word}", _COLOURS.get(word, "yellow")),
            styled(what),
            shown(threshold.measured, limit=20),
            f"{threshold.samples:,}",
        )
    table.width = min(width, 110)
    return table


def _changes(comparison: Comparison) -> list[RenderableType]:
    rows = change_rows(comparison, most_steps=_MOST_CHANGED_STEPS)
    table = plain_table()
    table.add_column("figure", no_wrap=True, overflow="ellipsis", ratio=1, min_width=10)
    known = has_intervals(rows)
    for column in ("before", "now", "change", *((INTERVAL, SPREADS.lower()) if known else ())):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        what = f"{row.what} of {shown(row.step, limit=60)}" if row.step else row.what
        table.add_row(
            styled(what), row.before, row.now, row.change, *((row.interval, row.spreads) if known else ())
        )
    said: list[RenderableType] = [styled(f"against {shown(baseline_name(comparison))}", "bold")]
    said += [hanging("-", sentence)] if (sentence := first_sentence(comparison)) else []
    said += [table if rows else hanging("-", NOTHING_IN_COMMON)]
    said += [hanging("!", shown(note), style="yellow") for note in comparison.notes]
    return [*said, *(hanging("-", each) for each in remarks(comparison, rows))]


def _errors(summary: Summary, course: Course, run_name: str, width: int) -> Iterator[RenderableType]:
    """The causes with the most failures: what happened, where it is in the scenario, when, and how to see one."""
    from rich.text import Text

    yield styled("errors", "bold")
    counts = [f"{group.count:,} {TIMES}" for group in summary.errors[:MOST_CAUSES]]
    margin = " " * (max(map(len, counts)) + 1)
    for count, group in zip(counts, summary.errors, strict=False):
        example = f": {shown(group.example, limit=160)}" if group.example else ""
        text = f"{shown(error_place(group), limit=60)}, {shown(group.cause, limit=80)}{example}"
        yield hanging(f"{count:>{len(margin) - 1}}", text, style="red")
        about = [place_of(group), of_instances(group)]
        line = Text(f"{margin}{shown(' · '.join(filter(None, about)), limit=200)}", overflow="fold")
        said = f"{' · ' if any(about) else ''}when "
        room = min(_WIDEST_CAUSE_BAR, width - line.cell_len - len(said))
        if room >= _LEAST_CAUSE_BAR and (when := cause_along_time(course, group, width=room)):
            line.append(said).append(when, "red")
        if line.plain.strip():
            yield line
        if group.instances:
            # Not wrapped: it is there to be copied.
            yield Text(f"{margin}{trace_command(run_name, group.instances[0])}", no_wrap=True, overflow="ignore")
    if len(summary.errors) > MOST_CAUSES:
        yield f"{margin}and {figures.plural(len(summary.errors) - MOST_CAUSES, 'more cause')}, in the report"


def _notes(summary: Summary) -> RenderableType:
    from rich.console import Group

    lines = [hanging("-", f"{shown(of_service(note))} (first: {shown(note.step)})") for note in summary.notes]
    return Group(styled(NOTES_TITLE, "bold"), *lines)


def _with_whole_lines(reason: str) -> Iterator[RenderableType]:
    """A reason. A command in it has a line of its own that is not wrapped, to be copied."""
    from rich.text import Text

    parts = _COMMAND.split(reason)
    yield hanging("-", parts[0], indent=2)
    for command, after in zip(parts[1::2], parts[2::2], strict=True):
        yield Text(f"      {command}", no_wrap=True, overflow="ignore")
        if text := after.lstrip(" ;,."):
            yield hanging(" ", text, indent=2)
