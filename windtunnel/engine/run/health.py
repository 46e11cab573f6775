"""Health of the load generator itself, sampled once a second, so that its lateness is never blamed on the SUT."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from windtunnel.interfaces import Clock
from windtunnel.model.record import Health, Record, Users

PROBE_S = 0.02
"""The interval of the timers that measure the lag of the event loop."""

SAMPLE_S = 1.0

TIMER_RESOLUTION_S = 0.001
"""Both asyncio's selector loop and uvloop wake timers in steps of a millisecond, which is not lag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthProbe:
    """Readings of a segment: instances in flight; users and the maximum lateness of a start since the last one."""

    segment: int
    in_flight: Callable[[], int]
    take_lateness_us: Callable[[], int]
    take_users: Callable[[], Users | None]


async def watch_health(write: Callable[[Record], None], clock: Clock, probe: HealthProbe) -> None:
    """Write a `health` record every second until cancelled, and a last one then."""

    def write_sample() -> None:
        write(_sample(lags, clock, probe, cpu=(time.process_time() - cpu) / max(clock.now() - began, PROBE_S)))

    lags: list[float] = []
    cpu = time.process_time()
    began = clock.now()
    try:
        while True:
            due = clock.now() + PROBE_S
            await clock.sleep(PROBE_S)
            now = clock.now()
            lags.append(max(0.0, now - due - TIMER_RESOLUTION_S))
            if now - began >= SAMPLE_S:
                write_sample()
                lags.clear()
                began, cpu = now, time.process_time()
    except asyncio.CancelledError:
        if lags:
            write_sample()
        raise


def _sample(lags: list[float], clock: Clock, probe: HealthProbe, *, cpu: float) -> Health:
    ordered = sorted(lags)
    return Health(
        t=clock.unix(),
        lag_p50_us=_microseconds(ordered[len(ordered) // 2]),
        lag_p99_us=_microseconds(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]),
        lag_max_us=_microseconds(ordered[-1]),
        late_max_us=probe.take_lateness_us(),
        cpu=round(cpu, 3),
        memory=_resident_bytes(),
        open_files=_open_files(),
        in_flight=probe.in_flight(),
        segment=probe.segment,
        users=probe.take_users(),
    )


def _microseconds(seconds: float) -> int:
    return int(seconds * 1e6)


def _resident_bytes() -> int:
    """Resident memory now, where /proc has it; the peak on macOS; 0 where neither is known."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        if sys.platform == "win32":
            return 0
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  counting names; Path objects would cost more
    except OSError:
        return 0
