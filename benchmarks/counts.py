"""What `make count` has counted: the figures of one tree, as a table, as a file, next to those of another tree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.callgrind import Instructions

REQUESTS_PER_INSTANCE = 2

FIGURES = {
    "request": "a request, event loop only",
    "run": "a run of one instance",
    "version": "`windtunnel --version`",
    "validate": "`windtunnel validate` of one file",
    "floor_request": "floor: a request, event loop only",
    "floor_run": "floor: a run of one instance",
}
"""Every figure, in user instructions, and what it counts."""

JUDGED = ("request", "run", "version", "validate")
"""The figures that must not grow. The floor is a reference point, not part of the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The two runs whose difference is the cost of a request: `few` and `many` instances of `users` users."""

    users: int = 50
    few: int = 200
    many: int = 1_700


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The figures of a tree, and what they were counted with.

    `figures` has the median over all rounds for each of FIGURES, `spreads` the maximum less the minimum.
    """

    python: dict[str, Any]
    packages: dict[str, str]
    sizes: Sizes
    rounds: int
    figures: dict[str, float]
    spreads: dict[str, float]

    @classmethod
    def load(cls, path: Path) -> Counts:
        """Read what `save` wrote. Raises OSError, and ValueError when the file holds something else."""
        text = path.read_text(encoding="utf-8")
        try:
            content = json.loads(text)
            counts = cls(**{**content, "sizes": Sizes(**content["sizes"])})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} was not written by `make count`: {error}") from error
        if counts.figures.keys() != FIGURES.keys():
            raise ValueError(f"{path} has other figures: {', '.join(counts.figures)}")
        return counts

    def save(self, path: Path) -> None:
        """Write a JSON file."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def per_request(few: Instructions, many: Instructions, sizes: Sizes) -> float:
    """The instructions that each further request of the longer run took inside the event loop.

    Raises RuntimeError when a run had no event loop that callgrind could name.
    """
    if not few.in_loop or not many.in_loop:
        raise RuntimeError("callgrind names no event loop of uvloop: its symbols may be stripped")
    return (many.in_loop - few.in_loop) / ((sizes.many - sizes.few) * REQUESTS_PER_INSTANCE)


def describe_python(python: Mapping[str, Any]) -> str:
    """The interpreter in one line. `not stated`: its build does not record such an optimisation."""
    optimised = [f"{kind.upper()} {'yes' if python[kind] else 'not stated'}" for kind in ("pgo", "lto")]
    name = f"{python['implementation']} {python['version']}"
    return ", ".join((name, python["compiler"], python["machine"], *optimised))


def describe(counts: Counts) -> str:
    """The Python build, and below it the figures as a table."""
    head = ["user instructions", "median" if counts.rounds > 1 else "counted", "spread"]
    rows = [
        [label, f"{counts.figures[name]:,.0f}", f"{counts.spreads[name] / counts.figures[name]:.2%}"]
        for name, label in FIGURES.items()
    ]
    if counts.rounds == 1:
        head, rows = head[:2], [row[:2] for row in rows]
    return f"{describe_python(counts.python)}\n\n{_table(head, rows)}"


def compare(before: Counts, now: Counts, *, tolerance_percent: float) -> tuple[str, bool]:
    """A table of both, and whether no judged figure grew by more than the tolerance.

    Raises ValueError when the figures of the two do not compare.
    """
    if before.python != now.python:
        raise ValueError(f"the other figures are of another Python build ({describe_python(before.python)})")
    if before.sizes != now.sizes:
        raise ValueError(f"the other figures are of runs of another size ({before.sizes})")
    rows = []
    within = True
    for name, label in FIGURES.items():
        old, new = before.figures[name], now.figures[name]
        grew = name in JUDGED and new > old * (1 + tolerance_percent / 100)
        within = within and not grew
        note = f"more than {tolerance_percent:g} %" if grew else ""
        rows.append([label, f"{old:,.0f}", f"{new:,.0f}", f"{(new / old - 1) * 100:+.2f} %", note])
    lines = [_table(["user instructions", "before", "now", "change", ""], rows)]
    for package, version in sorted(now.packages.items()):
        other = before.packages.get(package, version)
        if other != version:
            lines.append(f"note: {package} was {other}, is {version}")
    return "\n".join(lines), within


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that reads as plain text too: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([f"| {line(head)} |", f"|{rule}|", *(f"| {line(row)} |" for row in rows)])
