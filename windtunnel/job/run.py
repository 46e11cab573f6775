"""The whole job: load, compile, run, judge, render. Every command that runs something comes through here."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from windtunnel.engine.clock import SystemClock
from windtunnel.engine.plan import Plan, compile_plan
from windtunnel.engine.run.coordinator import Outcome, RunContext, execute
from windtunnel.engine.run.limits import local_ports, raise_open_file_limit, shortages
from windtunnel.engine.run.loop import run_loop
from windtunnel.engine.run.preflight import Preflight, PreflightResult
from windtunnel.engine.run.segment import SegmentParts
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.figures import plural
from windtunnel.http.proxy import proxies_in_use
from windtunnel.http.transport import HttpTransport
from windtunnel.job.baseline import read_baseline
from windtunnel.job.manifest import run_manifest
from windtunnel.job.progress import Status, watch
from windtunnel.job.reports import write_reports
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.job.thresholds import check_thresholds
from windtunnel.job.verbose import VerbosePrinter
from windtunnel.job.warnings import left_out_notes, row_notes
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Counter, Gauge, Rate, Trend, select
from windtunnel.model.baseline import Baseline
from windtunnel.model.load import Segment
from windtunnel.model.manifest import Manifest
from windtunnel.model.plan import TestPlan
from windtunnel.model.summary import Summary
from windtunnel.redaction import Redactor
from windtunnel.report.collect import Analysis
from windtunnel.signals import Interruptions
from windtunnel.storage.directory import RunDirectory, new_run_id
from windtunnel.terminal import Terminal
from windtunnel.verdict.abort import stop_condition
from windtunnel.verdict.conclude import conclude
from windtunnel.verdict.fail_on import exit_code_of

INTERRUPT_S = 0.2
"""How often it is looked whether the caller wants the run to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How the job ended, and where everything about it lies. `exit_code`: as `--fail-on` has it."""

    summary: Summary
    directory: RunDirectory
    exit_code: int


def run_job(
    request: JobRequest,
    *,
    environment: Mapping[str, str],
    terminal: Terminal,
    interrupt: threading.Event | None = None,
    on_judged: Callable[[JobResult], None] | None = None,
) -> JobResult:
    """Do the whole job. Raises ConfigError, with nothing sent and nothing written, when the input is wrong.

    In the main thread SIGINT and SIGTERM end the run early; in another one signals are left alone. `interrupt`
    does the same from any thread. `on_judged` is told of the result as soon as the short files of the run are
    there, before the HTML is.
    """
    with Interruptions() as interruptions, interruptions.allowed(), terminal.section("validate", "Validate"):
        test_plan = load_test_plan(request, environment)
        redactor = Redactor(secrets=test_plan.secrets, names=test_plan.sut.redact)
        verbose = VerbosePrinter(terminal.result, redactor) if request.verbose else None
        job = _prepare(test_plan, request, environment, redactor, verbose)
        _announce(job, terminal)
        terminal.debug(f"plan {job.manifest.plan_hash} of {', '.join(each.file for each in test_plan.sources)}")
    with terminal.section("run", "Run"):
        outcome = run_loop(lambda: _carry_out(job, terminal, interrupt))
    manifest = _with_reroutes(job.manifest, outcome.reroutes)
    summary = conclude(manifest, outcome.aggregate, outcome.evidence, job.baseline)
    analysis = Analysis(summary=summary, aggregate=outcome.aggregate, manifest=manifest)
    exit_code = exit_code_of(summary.exit_code, test_plan.fail_on)
    result = JobResult(summary=summary, directory=job.directory, exit_code=exit_code)
    write_reports(
        job.directory,
        analysis,
        terminal,
        environment=environment,
        on_judged=lambda: on_judged(result) if on_judged else None,
    )
    if exit_code != summary.exit_code:
        terminal.note(f"exit {exit_code} in place of {summary.exit_code}, for --fail-on is {test_plan.fail_on}")
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A run that is ready to be carried out."""

    test_plan: TestPlan
    preflight: Preflight
    execute: Callable[[Shutdown, Callable[[], Coroutine[Any, Any, PreflightResult]]], RunContext]
    manifest: Manifest
    baseline: Baseline | None
    aggregate: Aggregate
    directory: RunDirectory
    notes: tuple[str, ...]


def _prepare(
    test_plan: TestPlan,
    request: JobRequest,
    environment: Mapping[str, str],
    redactor: Redactor,
    verbose: VerbosePrinter | None,
) -> _Job:
    """Compile everything, then make the run directory."""
    baseline = read_baseline(request.overrides.baseline, Path(test_plan.output.directory))
    clock = SystemClock()
    run_id = new_run_id(started := clock.unix())
    transport = HttpTransport(test_plan.sut, run_id)
    if verbose is not None:
        transport.on_request.append(verbose.on_request)
        transport.on_response.append(verbose.on_response)
    plan = compile_plan(test_plan, transport=transport, run_id=run_id)
    test_plan, silent = check_thresholds(test_plan, plan)
    manifest = run_manifest(
        test_plan,
        plan,
        run_id=run_id,
        started=started,
        argv=request.argv,
        environment=environment,
        redactor=redactor,
    )
    directory = _new_directory(test_plan, manifest, baseline, redactor)
    aggregate = Aggregate.for_thresholds(test_plan.thresholds)
    return _Job(
        test_plan=test_plan,
        manifest=manifest,
        baseline=baseline,
        aggregate=aggregate,
        directory=directory,
        notes=(*left_out_notes(silent), *row_notes(test_plan, plan)),
        preflight=Preflight(transport, test_plan, request.container_network, clock=clock, redactor=redactor),
        execute=lambda shutdown, preflight_result: RunContext(
            test_plan=test_plan,
            parts=_parts(plan, transport, directory, redactor, manifest, test_plan.segment(0), shutdown, verbose),
            preflight=preflight_result,
            aggregate=aggregate,
            stop_condition=stop_condition(
                test_plan.thresholds, aggregate, plan.rows, baseline=baseline, shard=bool(manifest.shard)
            ),
        ),
    )


def _parts(
    plan: Plan,
    transport: HttpTransport,
    directory: RunDirectory,
    redactor: Redactor,
    manifest: Manifest,
    segment: Segment,
    shutdown: Shutdown,
    verbose: VerbosePrinter | None,
) -> SegmentParts:
    """What the segment of this process is run with."""
    return SegmentParts(
        plan=plan,
        transport=transport,
        directory=directory,
        redactor=redactor,
        clock=SystemClock(),
        shutdown=shutdown,
        sinks=(),
        plan_hash=manifest.plan_hash,
        segment=segment,
        on_record=(verbose.on_record,) if verbose else (),
    )


def _new_directory(
    test_plan: TestPlan, manifest: Manifest, baseline: Baseline | None, redactor: Redactor
) -> RunDirectory:
    """The directory of the run with everything that is known before it starts; first of all the manifest."""
    directory = RunDirectory.create(Path(test_plan.output.directory), manifest.run_id)
    directory.write_manifest(manifest)
    if baseline is not None:
        directory.write_baseline(baseline)
    directory.write_sources(test_plan.sources, redactor)
    directory.write_data(test_plan.data, redactor)
    return directory


async def _carry_out(job: _Job, terminal: Terminal, interrupt: threading.Event | None) -> Outcome:
    shutdown = Shutdown()
    loop = asyncio.get_running_loop()
    in_main_thread = threading.current_thread() is threading.main_thread()
    for number in (signal.SIGINT, signal.SIGTERM) if in_main_thread else ():
        # Windows has no signal handlers in its loops: Ctrl-C arrives as KeyboardInterrupt there.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, _on_signal, number, shutdown, terminal)
    background = [asyncio.create_task(watch(job.test_plan, _status_reader(job.aggregate), terminal))]
    if interrupt is not None:
        background.append(asyncio.create_task(_stop_when(interrupt, shutdown)))
    try:
        return await execute(job.execute(shutdown, lambda: _open(job, terminal)))
    finally:
        for each in background:
            each.cancel()
        await asyncio.gather(*background, return_exceptions=True)


async def _stop_when(interrupt: threading.Event, shutdown: Shutdown) -> None:
    """Pass on what another thread asks for."""
    while not interrupt.is_set():  # noqa: ASYNC110  it belongs to a thread: nothing in it could wake this loop
        await asyncio.sleep(INTERRUPT_S)
    shutdown.request(Stop(reason="interrupted by its caller", signal=signal.SIGINT))


async def _open(job: _Job, terminal: Terminal) -> PreflightResult:
    """Wait and find the way, and say so where that is not a matter of course."""
    for awaited in job.preflight.awaited:
        terminal.note(f"waiting for {awaited}")
    preflight_result = await job.preflight.open()
    if preflight_result.reroutes:
        job.directory.write_manifest(_with_reroutes(job.manifest, preflight_result.reroutes))
        for origin, address in preflight_result.reroutes.items():
            terminal.note(f"{origin} is reached at {address}, the machine around this container (--loopback)")
    return preflight_result


def _with_reroutes(manifest: Manifest, reroutes: Mapping[str, str]) -> Manifest:
    return msgspec.structs.replace(manifest, reroutes=dict(reroutes))


def _on_signal(number: int, shutdown: Shutdown, terminal: Terminal) -> None:
    name = signal.Signals(number).name
    if not shutdown.requested:
        terminal.note(
            f"{name}: no new instances start, running ones have {shutdown.grace_s:g} s; again to stop at once"
        )
    shutdown.request(Stop(reason=f"interrupted by {name}", signal=number))


def _status_reader(aggregate: Aggregate) -> Callable[[], Status]:
    began = time.perf_counter()

    def read() -> Status:
        elapsed_s = time.perf_counter() - began
        instances = select(aggregate, "instances")
        requests = select(aggregate, "http_reqs")
        duration = select(aggregate, "http_req_duration")
        users = select(aggregate, "vus")
        assert isinstance(instances, Rate)
        assert isinstance(requests, Counter)
        assert isinstance(duration, Trend)
        dropped = select(aggregate, "dropped_iterations")
        assert isinstance(users, Gauge)
        assert isinstance(dropped, Counter)
        return Status(
            elapsed_s=elapsed_s,
            instances=instances.count,
            not_passed=instances.count - instances.matches,
            in_flight=int(users.value or 0),
            dropped=dropped.total,
            requests_per_s=requests.total / elapsed_s if elapsed_s else 0.0,
            p95_ms=duration.histogram.percentile(95) / 1000 if duration.histogram.count else None,
        )

    return read


def _announce(job: _Job, terminal: Terminal) -> None:
    test_plan, manifest = job.test_plan, job.manifest
    scenarios = len(test_plan.scenarios)
    terminal.say(f"windtunnel {manifest.version} · run {manifest.run_id} · seed {manifest.seed}")
    terminal.say(
        f"{manifest.sut} ({', '.join(manifest.base_urls)}) · "
        f"{plural(scenarios, 'scenario')} · {manifest.load}"
        + (f" · {manifest.segments} workers" if manifest.segments > 1 else "")
        + (f" · shard {manifest.shard}" if manifest.shard else "")
    )
    _warn(test_plan, terminal)
    for note in job.notes:
        terminal.note(note)


def _warn(test_plan: TestPlan, terminal: Terminal) -> None:
    """What a reader of the results must know of how they came about."""
    if unchecked := test_plan.sut.unchecked:
        terminal.note(f"warning: the certificate of {', '.join(unchecked)} is not checked; anybody could answer")
    for shortage in shortages(test_plan, open_files=raise_open_file_limit(), ports=local_ports()):
        terminal.note(f"warning: {shortage}")
    for proxy in proxies_in_use(test_plan.sut):
        terminal.note(f"requests go through the proxy {proxy}")
