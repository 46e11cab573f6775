"""What the parts of the terminal's report are made of: a console in memory, tables, lines with a sign.

`rich` is imported only when something is drawn.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from windtunnel.report.text import NO_BREAK, for_log, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table


def memory_console(*, width: int, color: bool) -> tuple[io.StringIO, Console]:
    """A console that writes to a text in memory, and that text."""
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


def written(stream: io.StringIO) -> str:
    """What a console wrote, harmless for a CI log."""
    # The margin of a table is blanks at the end of every line: of no use, and a nuisance in logs.
    lines = (line.rstrip() for line in stream.getvalue().replace(NO_BREAK, " ").split("\n"))
    return for_log("\n".join(lines))


def plain_table() -> Table:
    """A table without lines."""
    from rich.table import Table

    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False, header_style="bold")


def hanging(sign: str, text: str, *, style: str = "", indent: int = 0) -> Table:
    """A line whose continuation is aligned with its text, not with its sign."""
    from rich.table import Table

    row = Table.grid(padding=(0, 1, 0, 0))
    if indent:
        row.add_column(width=indent - 1)
    row.add_column(no_wrap=True, style=style)
    row.add_column(overflow="fold")
    row.add_row(*([""] if indent else []), sign, text)
    return row


def styled(text: str, style: str = "") -> RenderableType:
    """Text in a style; no markup in it is obeyed."""
    from rich.text import Text

    return Text(text, style=style, overflow="fold")


def shown(text: str, *, limit: int = 300) -> str:
    """Text of others on one line, without what a terminal would obey."""
    return printable(text, limit=limit)
