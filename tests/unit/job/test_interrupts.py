"""Ending a job early from the code that started it."""

from __future__ import annotations

import asyncio
import signal

from windtunnel.job.interrupts import CallerInterrupts, NoInterrupts

EXPECTED = [("interrupted by its caller", signal.SIGINT)]


async def run_until_stopped(interrupts: CallerInterrupts, *, request_in_thread: bool) -> list[tuple[str, int]]:
    """What `stop` was called with, in a run that ends at its first call."""
    stopped = asyncio.Event()
    calls: list[tuple[str, int]] = []

    def stop(reason: str, number: int) -> None:
        calls.append((reason, number))
        stopped.set()

    with interrupts.during_run(stop):
        if request_in_thread:
            await asyncio.to_thread(interrupts.request)
        await stopped.wait()
    return calls


def test_a_request_of_another_thread_stops_the_run() -> None:
    assert asyncio.run(run_until_stopped(CallerInterrupts(), request_in_thread=True)) == EXPECTED


def test_a_request_before_the_run_stops_it_at_its_start() -> None:
    interrupts = CallerInterrupts()
    interrupts.request()
    assert asyncio.run(run_until_stopped(interrupts, request_in_thread=False)) == EXPECTED


def test_a_request_after_the_run_reaches_no_closed_loop() -> None:
    interrupts = CallerInterrupts()
    asyncio.run(run_until_stopped(interrupts, request_in_thread=True))
    interrupts.request()


def test_a_request_does_not_keep_the_report_from_being_written() -> None:
    interrupts = CallerInterrupts()
    interrupts.request()
    written = []
    with interrupts.deferred(), interrupts.allowed():
        written.append("report.html")
    assert written == ["report.html"]


def test_without_interrupts_nothing_stops_a_run() -> None:
    calls: list[str] = []
    with NoInterrupts().during_run(lambda reason, _: calls.append(reason)):
        pass
    assert calls == []
