"""The course of a run with faults on one axis of time: as numbers for SVG, and as lines of block characters.

Places and widths are percent of the drawing, heights are pixels. The axis begins with the phase `steady`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from windtunnel.figures import offset
from windtunnel.model.resilience import Band, Bucket, Resilience
from windtunnel.model.vocabulary import TurbulencePhase
from windtunnel.report.charts import Anchor
from windtunnel.report.course import block
from windtunnel.report.resilience import first_fault_s, last_fault_s
from windtunnel.report.text import printable, shortened
from windtunnel.report.time_axis import TimeAxis, TimeTick, time_ticks

MOST_COLUMNS = 240
"""Columns of the drawing: more buckets than that are taken together."""

MOST_FAULTS = 20
"""Faults that are drawn; the table has all of them."""

_LEAST_HEIGHT = 1.5

Fits = Literal["always", "wide", "never"]
"""On which screens there is room for a text: `wide` is not on a narrow one."""

_LONGEST_LABEL = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseBar:
    """One phase, and where there is room for its name and for its length beside that."""

    name: TurbulencePhase
    length: str
    x: float
    width: float
    name_fits: Fits
    length_fits: Fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A time in which a fault was on."""

    x: float
    width: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStrips:
    """One fault, and when it was on."""

    name: str
    kind: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeMark:
    """When the system degraded or recovered: a line at `x`, its label in row 0 or 1."""

    x: float
    label: str
    row: int
    anchor: Anchor


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A piece of time. Heights are those of instances per second, one above the other; `good` as in a bucket.

    `drawn_width` leaves a little room between two columns.
    """

    x: float
    width: float
    drawn_width: float
    passed_y: float
    passed_height: float
    failed_y: float
    failed_height: float
    injected_y: float
    injected_height: float
    good: bool | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything that is drawn. `top` is the number of instances per second of the highest column."""

    phases: tuple[PhaseBar, ...]
    faults: tuple[FaultStrips, ...]
    more_faults: int
    marks: tuple[TimeMark, ...]
    columns: tuple[Column, ...]
    ticks: tuple[TimeTick, ...]
    top: float
    height: float


def timeline(judged: Resilience, *, height: float = 72) -> Timeline:
    """The course of a run as numbers."""
    axis = _axis(judged)
    buckets = _joined(judged.buckets)
    top = max((_per_second(each) for each in buckets), default=0.0) or 1.0
    shown = judged.faults[:MOST_FAULTS]
    return Timeline(
        phases=tuple(_phase_bars(judged, axis)),
        faults=tuple(
            FaultStrips(name=fault.name, kind=fault.kind, strips=tuple(_strip(band, axis) for band in fault.bands))
            for fault in shown
        ),
        more_faults=len(judged.faults) - len(shown),
        marks=tuple(_marks(judged, axis)),
        columns=tuple(_column(each, axis, top, height) for each in buckets),
        ticks=tuple(time_ticks(axis)),
        top=top,
        height=height,
    )


def _axis(judged: Resilience) -> TimeAxis:
    """From the begin of the first phase to the end of the last one."""
    begin_s = min((phase.begin_s for phase in judged.phases), default=0.0)
    return TimeAxis(begin_s, max((phase.end_s for phase in judged.phases), default=1.0))


def degraded_s(judged: Resilience) -> float | None:
    """The moment at which it degraded, in seconds since the load began."""
    return None if judged.time_to_degrade_s is None else first_fault_s(judged) + judged.time_to_degrade_s


def recovered_s(judged: Resilience) -> float | None:
    """The moment at which it had recovered, in seconds since the load began."""
    return None if judged.time_to_recover_s is None else last_fault_s(judged) + judged.time_to_recover_s


def _phase_bars(judged: Resilience, axis: TimeAxis) -> Iterator[PhaseBar]:
    for phase in judged.phases:
        x, width = axis.span(phase.begin_s, phase.end_s)
        yield PhaseBar(
            name=phase.name,
            length=offset(phase.end_s - phase.begin_s),
            x=x,
            width=width,
            name_fits=_fits(width, 18),
            length_fits=_fits(width, 31),
        )


def _fits(width: float, needed: float) -> Fits:
    """Whether a text fits that needs so many percent of a narrow screen; a wide one has 2.5 times that."""
    return "always" if width >= needed else "wide" if width >= needed / 2.5 else "never"


def _strip(band: Band, axis: TimeAxis) -> Strip:
    x, width = axis.span(band.begin_s, band.end_s)
    level = f" at {band.level}" if band.level else ""
    return Strip(x=x, width=width, label=f"{offset(band.begin_s)} to {offset(band.end_s)}{level}")


def _marks(judged: Resilience, axis: TimeAxis) -> Iterator[TimeMark]:
    named = (
        ("degraded after", degraded_s(judged), judged.time_to_degrade_s),
        ("recovered after", recovered_s(judged), judged.time_to_recover_s),
    )
    for row, (what, moment_s, took_s) in enumerate(named):
        if moment_s is not None and took_s is not None:
            x = axis.place(moment_s)
            # In the middle no label of this length fits on one side, on a narrow screen.
            anchor: Anchor = "start" if x < 40 else "end" if x > 60 else "middle"
            yield TimeMark(x=x, label=f"{what} {offset(took_s)}", row=row, anchor=anchor)


def _joined(buckets: Sequence[Bucket]) -> list[Bucket]:
    """At most `MOST_COLUMNS` buckets: neighbours of one phase taken together."""
    each = -(-len(buckets) // MOST_COLUMNS) or 1
    found = []
    for _, of_phase in groupby(buckets, key=lambda bucket: bucket.phase):
        pieces = list(of_phase)
        found += [_together(pieces[start : start + each]) for start in range(0, len(pieces), each)]
    return found


def _together(pieces: Sequence[Bucket]) -> Bucket:
    if len(pieces) == 1:
        return pieces[0]
    known = [piece.good for piece in pieces if piece.good is not None]
    return Bucket(
        begin_s=pieces[0].begin_s,
        end_s=pieces[-1].end_s,
        phase=pieces[0].phase,
        passed=sum(piece.passed for piece in pieces),
        failed=sum(piece.failed for piece in pieces),
        injected=sum(piece.injected for piece in pieces),
        p95_ms=max(piece.p95_ms for piece in pieces),
        good=all(known) if known else None,
        faults=[*dict.fromkeys(name for piece in pieces for name in piece.faults)],
    )


def _per_second(bucket: Bucket) -> float:
    length_s = bucket.end_s - bucket.begin_s
    return (bucket.passed + bucket.failed + bucket.injected) / length_s if length_s > 0 else 0.0


def _column(bucket: Bucket, axis: TimeAxis, top: float, height: float) -> Column:
    x, width = axis.span(bucket.begin_s, bucket.end_s, least=0.05)
    length_s = max(bucket.end_s - bucket.begin_s, 0.001)
    passed, failed, injected = (
        max(_LEAST_HEIGHT, height * count / length_s / top) if count else 0.0
        for count in (bucket.passed, bucket.failed, bucket.injected)
    )
    passed = max(0.0, min(passed, height - failed - injected))
    counts = [(bucket.passed, "passed"), (bucket.failed, "failed"), (bucket.injected, "failed by a fault")]
    said = ", ".join(f"{count:,} {what}" for count, what in counts if count or what == "passed")
    held = {True: "steady state held", False: "steady state did not hold", None: "too few samples to tell"}
    return Column(
        x=x,
        width=width,
        drawn_width=round(0.88 * width, 3),
        passed_y=round(height - passed, 2),
        passed_height=round(passed, 2),
        failed_y=round(height - passed - failed, 2),
        failed_height=round(failed, 2),
        injected_y=round(height - passed - failed - injected, 2),
        injected_height=round(injected, 2),
        good=bucket.good,
        label=f"{offset(bucket.begin_s)} to {offset(bucket.end_s)}: {said}; {held[bucket.good]}",
    )


# ── Lines of characters ─────────────────────────────────────────────────────────────────────────────────────────


def lines(judged: Resilience, *, width: int, most_faults: int) -> list[str]:
    """Phases, faults, instances passed and bad times, one below the other: lines of at most `width` columns."""
    if not judged.phases:
        return []
    axis = _axis(judged)
    shown = judged.faults[:most_faults]
    names = [printable(fault.name, limit=_LONGEST_LABEL) for fault in shown]
    labels = ["", *names, "passed/s", "not held"]
    room = min(max(map(_columns, labels)), max(8, width // 3))
    cells = max(10, width - room - 2)

    def line(label: str, drawn: str) -> str:
        return f"{_fitted(label, room)}  {drawn}".rstrip()

    found = [line("", _phase_line(judged, axis, cells))]
    for name, fault in zip(names, shown, strict=True):
        found.append(line(name, _blocks([(band.begin_s, band.end_s) for band in fault.bands], axis, cells)))
    if len(judged.faults) > len(shown):
        found.append(line("", f"and {len(judged.faults) - len(shown)} more"))
    found.append(line("passed/s", _sparkline(judged, axis, cells)))
    bad = [(bucket.begin_s, bucket.end_s) for bucket in judged.buckets if bucket.good is False]
    if bad:
        found.append(line("not held", _blocks(bad, axis, cells)))
    return found


def _phase_line(judged: Resilience, axis: TimeAxis, cells: int) -> str:
    """`│steady 10 s │inject 20 s        │recover 30 s      │`: each phase as wide as it is long."""
    edges = [round(axis.place(phase.begin_s) / 100 * (cells - 1)) for phase in judged.phases] + [cells - 1]
    line = ""
    for phase, begin, end in zip(judged.phases, edges, edges[1:], strict=False):
        room = max(0, end - begin - 1)
        whole = f"{phase.name} {offset(phase.end_s - phase.begin_s)}"
        told = whole if len(whole) <= room else shortened(phase.name, room) if room else ""
        line += f"│{told:<{room}}" if end > begin else ""
    return line + "│"


def _blocks(spans: Sequence[tuple[float, float]], axis: TimeAxis, cells: int) -> str:
    """A block where one of the times is; the shortest one has a block too."""
    drawn = [" "] * cells
    for begin_s, end_s in spans:
        first = min(cells - 1, int(axis.place(begin_s) / 100 * cells + 1e-9))
        last = max(first + 1, min(cells, round(axis.place(end_s) / 100 * cells)))
        drawn[first:last] = "█" * (last - first)
    return "".join(drawn)


def _sparkline(judged: Resilience, axis: TimeAxis, cells: int) -> str:
    """Instances passed per second, as heights."""
    rates = [_rate(judged.buckets, axis, cell, cells) for cell in range(cells)]
    top = max((rate for rate in rates if rate is not None), default=0.0) or 1.0
    return "".join(" " if rate is None else block(rate / top) for rate in rates)


def _rate(buckets: Sequence[Bucket], axis: TimeAxis, cell: int, cells: int) -> float | None:
    """The rate in one cell; None without data."""
    begin_s = axis.begin_s + axis.length_s * cell / cells
    end_s = begin_s + axis.length_s / cells
    passed = covered_s = 0.0
    for bucket in buckets:
        shared_s = min(end_s, bucket.end_s) - max(begin_s, bucket.begin_s)
        if shared_s > 0:
            passed += bucket.passed * shared_s / (bucket.end_s - bucket.begin_s)
            covered_s += shared_s
    return passed / covered_s if covered_s else None


def _columns(text: str) -> int:
    """Columns of a text in a terminal: wide characters have two, marks on the one before none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1 for c in text
    )


def _fitted(text: str, room: int) -> str:
    """The text, cut or filled to so many columns."""
    while _columns(text) > room:
        text = text[:-2] + "…" if len(text) > 1 else ""
    return text + " " * (room - _columns(text))
