"""The bar of a step on the time axis of its instance, of block characters: one sign for each part of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from windtunnel.report.charts import PHASES
from windtunnel.report.model import RequestStory, StepStory, Story

Part = Literal["queue", "dns", "connect", "tls", "send", "wait", "receive", "step"]

SIGNS: dict[Part, str] = {
    "queue": "·",
    "dns": "░",
    "connect": "▒",
    "tls": "▓",
    "send": "▀",
    "wait": "█",
    "receive": "▄",
    "step": "─",
}
"""The sign of each part; `step` is time outside of requests."""

PART_OF_SIGN: dict[str, Part] = {sign: part for part, sign in SIGNS.items()}


def length_us(story: Story) -> int:
    """The length of the time axis: the instance, and what it left running."""
    return max(1, story.duration_us, *(step.began_us + step.duration_us for step in story.steps))


def step_bar(step: StepStory, total_us: int, cells: int) -> str:
    """The bar of a step with its requests, `cells` characters wide."""
    requests = [span for request in step.requests for span in _spans(request)]
    return _bar([(step.began_us, step.duration_us, "step"), *requests], total_us, cells)


def request_bar(request: RequestStory, total_us: int, cells: int) -> str:
    """The bar of one request."""
    return _bar(list(_spans(request)) or [(request.began_us, 0, "send")], total_us, cells)


_Span = tuple[int, int, Part]
"""(begin, length) in microseconds, and what it was."""


def _spans(request: RequestStory) -> Iterator[_Span]:
    at = request.began_us
    for part in PHASES:
        length = getattr(request.timings, part)
        if length:
            yield at, length, part
        at += length


def _bar(spans: list[_Span], total_us: int, cells: int) -> str:
    """Each cell has the sign of the part with the most time in it; time outside of requests comes last."""
    cell_us = total_us / cells
    filled = [_part_of(spans, place * cell_us, (place + 1) * cell_us) for place in range(cells)]
    if not any(filled):
        # Too short for a cell: it leaves the mark of its longest part where it was.
        began, _, part = max(spans, key=lambda span: (span[2] != "step", span[1]))
        filled[min(cells - 1, max(0, int(began / cell_us)))] = part
    return "".join(SIGNS[part] if part else " " for part in filled)


def _part_of(spans: list[_Span], begin_us: float, end_us: float) -> Part | None:
    """The part with the most time in a cell, None where less than half of it is anything."""
    shares: dict[Part, float] = {}
    for at, length, part in spans:
        shared = min(end_us, at + length) - max(begin_us, at)
        if shared > 0:
            shares[part] = shares.get(part, 0.0) + shared
    whole = shares.pop("step", 0.0)
    if max(whole, sum(shares.values())) * 2 < end_us - begin_us:
        return None
    largest: Part = max(shares.items(), key=lambda entry: entry[1])[0] if shares else "step"
    return largest
