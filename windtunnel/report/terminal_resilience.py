"""How faults were borne, in the terminal: the course of the run, the evidence, and the five lines to remember."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from windtunnel.model.resilience import Bound, Resilience
from windtunnel.report import resilience
from windtunnel.report import resilience_tables as tables
from windtunnel.report.terminal_parts import hanging, plain_table, shown, styled
from windtunnel.report.text import LONGEST_REASON, NO_BREAK
from windtunnel.report.timeline import lines

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from windtunnel.report.resilience_tables import Row

_COLOURS = {"good": "green", "bad": "red", "warn": "yellow", "plain": "yellow"}
_RESULT_SIGNS = {"held": "✓", "broken": "✗", "no_data": "○"}
_MOST_FAULTS = 8
_MOST_REASONS = 5
_WIDEST = 110
_TABLE_OF_PROXIES = 80
_LONGEST_MEASURED = 24


def under_faults(judged: Resilience, width: int) -> Iterator[RenderableType]:
    """The course of the run on an axis of time, the phases side by side, what had to hold, and the proxies."""
    from rich.text import Text

    yield Text.assemble(("under faults", "bold"), f", {resilience.pieces(judged)}")
    for line in lines(judged, width=min(width, _WIDEST), most_faults=_MOST_FAULTS):
        yield Text(shown(line, limit=width), no_wrap=True, overflow="crop")
    yield ""
    if judged.phases:
        head = [f"{tables.WHEN[phase.name]}\n{phase.name}" for phase in judged.phases]
        yield _figures("", head, tables.evidence(judged), width)
        yield ""
    if judged.bounds:
        yield _bounds(judged.bounds, width)
    for line in tables.levels_told(judged.levels):
        yield hanging("-", shown(line, limit=500))
    if judged.groups:
        yield ""
        yield _figures("group", tables.GROUP_HEAD, tables.group_rows(judged), width)
    if judged.proxies:
        yield ""
        yield from _proxies(tables.proxy_rows(judged), width)


def _proxies(rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """A table, or a sentence for each proxy where a table has no room."""
    if width >= _TABLE_OF_PROXIES:
        yield _figures("proxy", tables.PROXY_HEAD, rows, width)
        return
    for row in rows:
        told = zip(tables.PROXY_HEAD, row.cells, strict=True)
        figures = ", ".join(f"{name} {cell}" for name, cell in told if cell != tables.NO_VALUE)
        yield hanging("-", f"proxy {shown(row.name, limit=80)}: {figures}")


def how_borne(judged: Resilience, more: Sequence[str]) -> Iterator[RenderableType]:
    """The word and why, the time to recover, what was injected, and where to look. `more` are further reasons."""
    tone = _COLOURS[resilience.TONES[judged.word]]
    head = f"{resilience.SIGNS[judged.word]} {resilience.word(judged)}"
    why = shown(judged.headline, limit=LONGEST_REASON)
    yield _beside(styled(head, f"bold {tone}"), why)
    for reason in more[:_MOST_REASONS]:
        yield hanging("-", shown(reason, limit=LONGEST_REASON), indent=2)
    if len(more) > _MOST_REASONS:
        yield f"  - and {len(more) - _MOST_REASONS} more"
    told = [("recovery", resilience.recovery(judged)), ("injected", resilience.injected(judged))]
    told += [("" if n else "look at", each) for n, each in enumerate(resilience.look_at(judged))]
    for name, text in told:
        yield _beside(styled(f"  {name:<8}", "dim"), shown(text, limit=500))


def _beside(name: RenderableType, text: str) -> Table:
    """`  recovery  degraded 2 s after …`: continued below the text, not below the name."""
    from rich.table import Table

    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(name, text)
    return row


def _figures(name: str, head: Sequence[str], rows: Sequence[Row], width: int) -> Table:
    table = plain_table()
    table.add_column(name, overflow="fold", ratio=1, min_width=8)
    for column in head:
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(styled(shown(row.name, limit=80)), *row.cells)
    table.width = min(width, _WIDEST)
    return table


def _bounds(bounds: Sequence[Bound], width: int) -> Table:
    table = plain_table()
    table.add_column("bound", no_wrap=True)
    table.add_column("", ratio=1, overflow="fold")
    table.add_column("measured", justify="right", overflow="fold", max_width=_LONGEST_MEASURED)
    for bound in bounds:
        tone = _COLOURS[resilience.RESULT_TONES[bound.result]]
        table.add_row(
            styled(f"{_RESULT_SIGNS[bound.result]} {resilience.spaced(bound.result)}", tone),
            styled(shown(resilience.bound_name(bound), limit=500)),
            styled(_measured(bound)),
        )
    table.width = min(width, _WIDEST)
    return table


def _measured(bound: Bound) -> str:
    """What was measured, on one line if that is short."""
    text = shown(bound.measured, limit=200)
    return text.replace(" ", NO_BREAK) if len(text) <= _LONGEST_MEASURED else text
