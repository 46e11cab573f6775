"""Ending a job early from the code that started it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from windtunnel.config.overrides import overrides_of
from windtunnel.job.interrupts import CallerInterrupts, Interrupted, NoInterrupts
from windtunnel.job.observer import TextObserver
from windtunnel.job.request import JobRequest
from windtunnel.job.run import run_job
from windtunnel.report.model import Report

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


class _Impatient(TextObserver):
    """Somebody who presses Ctrl-C as soon as the verdict is shown."""

    def report(self, report: Report) -> None:
        raise Interrupted(signal.SIGINT)


def test_a_verdict_in_the_files_is_the_end_whatever_cuts_short_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "sut.yaml").write_text("name: nobody\nbase_url: http://127.0.0.1:9\n")
    (tmp_path / "look.yaml").write_text("id: look\nflow: [{ type: http, name: look, path: / }]\n")
    request = JobRequest(
        sut=str(tmp_path / "sut.yaml"),
        scenarios=(str(tmp_path / "look.yaml"),),
        overrides=overrides_of(output=str(tmp_path / "runs")),
    )
    result = run_job(request, environment={}, observer=_Impatient(width=100))
    assert (result.summary.verdict, result.exit_code) == ("unreachable", 3)
    assert (result.directory.path / "summary.json").is_file()


def test_without_interrupts_nothing_stops_a_run() -> None:
    calls: list[str] = []
    with NoInterrupts().during_run(lambda reason, _: calls.append(reason)):
        pass
    assert calls == []
