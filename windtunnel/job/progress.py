"""Live progress: one line that renews itself on a terminal, one line every ten seconds in a log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from windtunnel.model.plan import TestPlan
from windtunnel.terminal import Terminal

LIVE_S = 0.5
LOG_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a run is. `requests_per_s` is over the whole run so far, `p95_ms` None before the first response."""

    elapsed_s: float
    instances: int
    not_passed: int
    in_flight: int
    dropped: int
    requests_per_s: float
    p95_ms: float | None


def share_done(plan: TestPlan, status: Status) -> float:
    """How much of the load is over, from 0 to 1, by whichever end comes first."""
    shares = [0.0]
    if plan.count:
        shares.append(status.instances / plan.count)
    if plan.length_s:
        shares.append(status.elapsed_s / plan.length_s)
    return min(1.0, max(shares))


def progress_line(plan: TestPlan, status: Status) -> str:
    """`12 s  240/500 instances, 3 not passed · 50 running · 1,234 req/s · p95 12 ms · about 8 s left`."""
    of_count = f"/{plan.count:,}" if plan.count else ""
    bad = f", {status.not_passed:,} not passed" if status.not_passed else ""
    dropped = f", {status.dropped:,} dropped" if status.dropped else ""
    parts = [
        f"{status.elapsed_s:3.0f} s  {status.instances:,}{of_count} instances{bad}",
        f"{status.in_flight:,} running{dropped}",
        f"{status.requests_per_s:,.0f} req/s",
    ]
    if status.p95_ms is not None:
        parts.append(f"p95 {status.p95_ms:.3g} ms")
    done = share_done(plan, status)
    if 0.02 < done < 1 and status.elapsed_s > 1:
        parts.append(f"about {status.elapsed_s * (1 - done) / done:.0f} s left")
    return " · ".join(parts)


async def watch(plan: TestPlan, read: Callable[[], Status], terminal: Terminal) -> None:
    """Show progress until cancelled."""
    if terminal.quiet:
        return
    if not terminal.interactive:
        while True:
            await asyncio.sleep(LOG_S)
            terminal.note(progress_line(plan, read()))
    await _live(plan, read, terminal)


async def _live(plan: TestPlan, read: Callable[[], Status], terminal: Terminal) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    console = Console(file=terminal.err, no_color=not terminal.color, width=terminal.width)
    columns = (SpinnerColumn(), BarColumn(bar_width=16), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(progress_line(plan, read()), total=1.0)
        while True:
            status = read()
            bar.update(task, completed=share_done(plan, status), description=progress_line(plan, status))
            bar.refresh()
            await asyncio.sleep(LIVE_S)
