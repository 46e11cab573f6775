"""A run from Python: the same job as `windtunnel run`, with a value instead of an exit code."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from windtunnel.config.overrides import arguments, overrides_of
from windtunnel.job.interrupts import CallerInterrupts, Interrupts
from windtunnel.job.observer import TextObserver
from windtunnel.job.request import JobRequest
from windtunnel.job.run import run_job
from windtunnel.job.validation import check_plan
from windtunnel.model.plan import TestPlan
from windtunnel.model.summary import Summary
from windtunnel.model.verdict import Verdict
from windtunnel.signals import SignalInterrupts
from windtunnel.terminal import TerminalObserver, terminal_width
from windtunnel.user_code.scenario import PythonScenario

PathOrText = str | os.PathLike[str]
Sut = PathOrText | Mapping[str, Any]
Scenarios = PathOrText | PythonScenario | Sequence[PathOrText | PythonScenario]
Thresholds = Mapping[str, str | Sequence[str]] | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended. `directory` holds its records and reports.

    `output` is what the command would write to its standard output; empty with `show`.
    """

    summary: Summary
    directory: Path
    output: str

    @property
    def verdict(self) -> Verdict:
        """The verdict with the exit code of the command and every reason."""
        summary = self.summary
        return Verdict(word=summary.verdict, exit_code=summary.exit_code, reasons=tuple(summary.reasons))

    @property
    def passed(self) -> bool:
        """Whether the verdict is `pass`."""
        return self.summary.verdict == "pass"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.directory / "report.html"


def run(
    *,
    sut: Sut | None = None,
    scenarios: Scenarios = (),
    plan: PathOrText | None = None,
    thresholds: Thresholds = (),
    environment: Mapping[str, str] | None = None,
    show: bool = False,
    handle_signals: bool = False,
    **flags: Any,
) -> Result:
    """Run scenarios against a system under test, and wait for the verdict.

    `sut` is a file or its content: `{"base_url": "http://localhost:8080"}`. `scenarios` are files, folders, globs
    and functions decorated with `@scenario`, one or several. `thresholds` are texts as on the command line, or a
    mapping of a metric to its conditions. `environment` holds the variables for `${NAME}` in the files; default:
    the process's. `flags` are those of `windtunnel run`, by their names with underscores: parallel, count,
    duration, rate, stages, seed, workers, name and so on, with `output` for the folder of the runs. Times are
    seconds or text such as "500ms". The default of a flag is the plan's value, or else the command's default.

    Returns a Result for every verdict. Raises ConfigError, with every problem and nothing sent, for invalid files
    or flags; TypeError for an unknown flag; RuntimeError inside a running event loop, which it would block: use
    `run_async` there.

    Shows nothing unless `show`: then it writes what the command would write. The run has a thread of its own and
    does not handle signals, unless `handle_signals` (main thread only): then SIGINT, SIGTERM and SIGHUP end it
    early, and its verdict is `interrupted`.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("windtunnel.run() would block the running event loop: await windtunnel.run_async(…)")
    with _request(sut, scenarios, plan, thresholds, flags) as request:
        job = functools.partial(_run, request, environment=environment, show=show)
        if handle_signals:
            with SignalInterrupts() as own:
                return job(interrupts=own)
        interrupts = CallerInterrupts()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="windtunnel") as pool:
            try:
                return pool.submit(job, interrupts=interrupts).result()
            except KeyboardInterrupt:
                interrupts.request()  # leaving the pool waits for the run and its report
                raise


async def run_async(
    *,
    sut: Sut | None = None,
    scenarios: Scenarios = (),
    plan: PathOrText | None = None,
    thresholds: Thresholds = (),
    environment: Mapping[str, str] | None = None,
    show: bool = False,
    **flags: Any,
) -> Result:
    """`run` for code in an event loop: the load has a loop and a thread of its own and does not handle signals.

    A server in this process and loop can be the system under test. A cancellation ends the run early, as a signal
    does, and is raised after its report is written.
    """
    interrupts = CallerInterrupts()
    with _request(sut, scenarios, plan, thresholds, flags) as request:
        job = functools.partial(_run, request, environment=environment, show=show, interrupts=interrupts)
        running = asyncio.get_running_loop().run_in_executor(None, job)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            interrupts.request()
            await asyncio.wait([running])
            raise


def load(
    *,
    sut: Sut | None = None,
    scenarios: Scenarios = (),
    plan: PathOrText | None = None,
    thresholds: Thresholds = (),
    environment: Mapping[str, str] | None = None,
    **flags: Any,
) -> TestPlan:
    """Check the input of `run`, as `windtunnel validate` does, without sending anything.

    Returns the plan that would run. Raises ConfigError with every problem.
    """
    with _request(sut, scenarios, plan, thresholds, flags) as request:
        return check_plan(request, environment=_environment(environment))


def _run(
    request: JobRequest,
    *,
    environment: Mapping[str, str] | None,
    show: bool,
    interrupts: Interrupts,
) -> Result:
    collected = TextObserver(width=terminal_width())
    observer = TerminalObserver.standard() if show else collected
    result = run_job(request, environment=_environment(environment), observer=observer, interrupts=interrupts)
    return Result(summary=result.summary, directory=result.directory.path, output=collected.text)


def _environment(given: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if given is None else given


@contextmanager
def _request(
    sut: Sut | None,
    scenarios: Scenarios,
    plan: PathOrText | None,
    thresholds: Thresholds,
    flags: Mapping[str, Any],
) -> Iterator[JobRequest]:
    """The request. A SUT given as a mapping is a temporary file inside the `with`."""
    unknown = [name for name in flags if name not in arguments()]
    if unknown:
        raise TypeError(f"windtunnel.run() has no argument {unknown[0]!r}")
    overrides = overrides_of(**flags, thresholds=_thresholds(thresholds))
    with tempfile.TemporaryDirectory(prefix="windtunnel-") as folder:
        if isinstance(sut, Mapping):
            path = Path(folder, "sut.yaml")
            path.write_text(json.dumps(sut), encoding="utf-8")
            sut = path
            # The file is the program's own words: what it names is in the program's project.
            overrides = replace(overrides, allow_paths=(*overrides.allow_paths, os.curdir))
        yield JobRequest(
            sut=None if sut is None else os.fspath(sut),
            scenarios=tuple(_scenarios(scenarios)),
            plan=None if plan is None else os.fspath(plan),
            overrides=overrides,
        )


def _scenarios(given: Scenarios) -> Iterator[str | PythonScenario]:
    several = [given] if isinstance(given, str | os.PathLike | PythonScenario) else given
    for each in several:
        yield each if isinstance(each, PythonScenario) else os.fspath(each)


def _thresholds(given: Thresholds) -> tuple[str, ...]:
    if not isinstance(given, Mapping):
        return (given,) if isinstance(given, str) else tuple(given)
    conditions = [
        (metric, each)
        for metric, value in given.items()
        for each in ([value] if isinstance(value, str) else value)
    ]
    return tuple(f"{metric}: {condition}" for metric, condition in conditions)
