"""One job: load, compile, run, judge, render. Every command and call that runs something comes through here."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from windtunnel.engine.plan import Plan
from windtunnel.engine.run.coordinator import Outcome, RunContext, execute
from windtunnel.engine.run.preflight import Preflight, PreflightResult
from windtunnel.engine.run.process import SystemClock, require_open_files, run_loop
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.errors import EvidenceError
from windtunnel.figures import as_written
from windtunnel.interfaces import StopCondition
from windtunnel.job.announce import announce, announce_reroutes, announce_waits
from windtunnel.job.around import (
    announce_answering,
    announce_end_of_sut,
    announce_left,
    announce_not_undone,
    announce_proxies,
    announce_slow_end,
    announce_start,
    require_ports,
    sut_process,
)
from windtunnel.job.baseline import read_baseline
from windtunnel.job.compile import CompiledJob, compile_job
from windtunnel.job.interrupts import Interrupted, Interrupts, NoInterrupts
from windtunnel.job.leaving import RedactedObserver, exits_told, without_secrets
from windtunnel.job.manifest import run_manifest
from windtunnel.job.observer import Observer
from windtunnel.job.progress import Schedules, read_status
from windtunnel.job.reports import Check, publish, remove_problems
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.job.verbose import VerbosePrinter
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Manifest
from windtunnel.model.plan import TestPlan
from windtunnel.model.summary import Baseline, Summary
from windtunnel.model.verdict import exit_code_of
from windtunnel.processes import LostProcessError, watch
from windtunnel.project import without_tokens
from windtunnel.redaction import Redactor
from windtunnel.report.collect import Analysis, analyse
from windtunnel.storage.directory import SUT_LOG, RunDirectory, new_run_id
from windtunnel.tasks import background
from windtunnel.verdict.thresholds import stop_condition


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How a job ended. `exit_code` follows `--fail-on`; that of the verdict is in the summary."""

    summary: Summary
    directory: RunDirectory
    exit_code: int

    @classmethod
    def of(cls, analysis: Analysis, directory: RunDirectory) -> JobResult:
        """The end of a run that was judged."""
        summary = analysis.summary
        exit_code = exit_code_of(summary.exit_code, analysis.manifest.fail_on)
        return cls(summary=summary, directory=directory, exit_code=exit_code)


OnJudged = Callable[[JobResult], Sequence[str]]
"""What is told of a judged run; returns why it could not be, a sentence each."""


def run_job(
    request: JobRequest,
    *,
    environment: Mapping[str, str],
    observer: Observer,
    interrupts: Interrupts | None = None,
    on_judged: OnJudged | None = None,
) -> JobResult:
    """Do the whole job. Raises ConfigError, with nothing sent and nothing written, when the input is wrong.

    `interrupts` may end the run early; without them it runs to its end. `on_judged` is called with the result as
    soon as the short files of the run are written, before the HTML; what it returns, a sentence each, could not be
    published and makes the run incomplete. It is called again when anything changed the verdict after that.

    Raises LostProcessError when code of the user ended its process before there was a run; one that there was is
    judged by what it left.
    """
    ways = _Ways(
        environment=environment,
        observer=observer,
        interrupts=interrupts or NoInterrupts(),
        on_judged=on_judged or (lambda _: ()),
    )
    try:
        return _run(request, ways)
    except LostProcessError as lost:
        if lost.directory is None:
            raise
        return _judge_lost(lost, RunDirectory(lost.directory), ways)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ways:
    """The ways of a job into and out of its process."""

    environment: Mapping[str, str]
    observer: Observer
    interrupts: Interrupts
    on_judged: OnJudged

    def publish(self, directory: RunDirectory, analysis: Analysis, *, check: Check) -> JobResult:
        """Write the files of the run, and return how it ended.

        A verdict that stands in the files is the end, also when an interrupt then cuts short what is shown of it.
        """
        told: list[JobResult] = []

        def tell(analysis: Analysis) -> Sequence[str]:
            told.append(JobResult.of(analysis, directory))
            return self.on_judged(told[-1])

        try:
            judged = publish(
                directory,
                analysis,
                self.observer,
                environment=self.environment,
                interrupts=self.interrupts,
                check=check,
                on_judged=tell,
            )
        except Interrupted:
            if told and (directory.path / "summary.json").is_file():
                return told[-1]
            raise
        return JobResult.of(judged, directory)


def _run(request: JobRequest, ways: _Ways) -> JobResult:
    environment, observer, interrupts = ways.environment, ways.observer, ways.interrupts
    redactor = Redactor()
    with without_secrets(lambda: redactor):
        with interrupts.deferred(), interrupts.allowed(), observer.section("validate", "Validate"):
            test_plan = load_test_plan(request, environment)
            redactor = Redactor(secrets=test_plan.secrets, names=test_plan.sut.redact)
            observer = RedactedObserver(observer, redactor)
            require_open_files(test_plan.workers)
            job = _prepare(test_plan, request, environment, observer, redactor)
            announce(job.compiled, job.manifest, observer)
            observer.debug(
                f"plan {job.manifest.plan_hash} of {', '.join(each.file for each in test_plan.sources)}"
            )
        with exits_told(job.directory.path):
            with observer.section("run", "Run"):
                outcome = run_loop(lambda: _execute(job, environment, observer, interrupts))
            announce_end_of_sut(outcome.sut_end, job.directory.path / SUT_LOG, observer)
            announce_not_undone(outcome.not_undone, job.directory, observer)
            return _judge(job, outcome, replace(ways, observer=observer))


def _judge(job: _Job, outcome: Outcome, ways: _Ways) -> JobResult:
    """Judge the run, write its files and show the report."""
    manifest = _with_reroutes(job.manifest, outcome.reroutes)
    ended = ways.publish(
        job.directory,
        Analysis.of(manifest, outcome.aggregate, outcome.evidence, job.baseline),
        check=lambda hurried: job.directory.differences(outcome.evidence.written, content=not hurried),
    )
    if job.compiled.test_plan.output.compress is not None:
        _compress(job.directory, ways)
    own = ended.summary.exit_code
    if ended.exit_code != own:
        ways.observer.note(f"exit {ended.exit_code} instead of {own}: --fail-on is {manifest.fail_on}")
    return ended


def _compress(directory: RunDirectory, ways: _Ways) -> None:
    """Compress the record files, which nothing is added to any more; what can't be stays as it is and is told."""
    from windtunnel.storage.compressed import compress  # for the runs that ask for it

    try:
        with ways.interrupts.deferred():
            compress(directory.segments())
    except EvidenceError as error:
        ways.observer.warning(str(error))


def _judge_lost(lost: LostProcessError, directory: RunDirectory, ways: _Ways) -> JobResult:
    """Judge a run whose process is gone, by its records. It is incomplete, whatever they are."""
    try:
        left = analyse(directory)
    except EvidenceError as error:
        raise EvidenceError(f"{lost}; {error}", hint=lost.hint) from None
    ways.observer.note(f"{lost}\n  help: {lost.hint}" if lost.hint else str(lost))
    announce_left(directory, ways.observer)
    return ways.publish(directory, left, check=lambda _: [str(lost)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A run that is ready to start."""

    compiled: CompiledJob
    preflight: Preflight
    manifest: Manifest
    baseline: Baseline | None
    aggregate: Aggregate
    directory: RunDirectory
    verbose: VerbosePrinter | None


def _prepare(
    test_plan: TestPlan,
    request: JobRequest,
    environment: Mapping[str, str],
    observer: Observer,
    redactor: Redactor,
) -> _Job:
    """Compile everything, then make the run directory."""
    baseline = read_baseline(request.overrides.baseline, Path(test_plan.output.directory))
    clock = SystemClock()
    run_id = new_run_id(started := clock.unix())
    compiled = compile_job(test_plan, run_id=run_id, redactor=redactor)
    test_plan, transport = compiled.test_plan, compiled.parts.transport
    require_ports(test_plan)
    verbose = VerbosePrinter(observer.result, redactor) if request.verbose else None
    if verbose is not None:
        transport.on_request.append(verbose.on_request)
        transport.on_response.append(verbose.on_response)
    manifest = run_manifest(
        test_plan,
        compiled.plan,
        run_id=run_id,
        started=started,
        argv=request.argv,
        environment=environment,
        redactor=redactor,
    )
    return _Job(
        compiled=compiled,
        preflight=Preflight(
            transport,
            test_plan,
            request.container_network,
            clock=clock,
            redactor=redactor,
            loopback_help=lambda: _loopback_help(request, environment),
        ),
        manifest=manifest,
        baseline=baseline,
        aggregate=compiled.parts.aggregate(),
        directory=_new_directory(test_plan, manifest, baseline, redactor),
        verbose=verbose,
    )


def _loopback_help(request: JobRequest, environment: Mapping[str, str]) -> str | None:
    from windtunnel.job.surroundings import Surroundings  # for the jobs that find no server

    container = request.container_network.in_container
    where = Surroundings.of(environment, in_container=container, argv=request.argv, folder=Path.cwd())
    return where.loopback_help


def _new_directory(
    test_plan: TestPlan, manifest: Manifest, baseline: Baseline | None, redactor: Redactor
) -> RunDirectory:
    """The run directory with everything that is known before the load; the manifest first."""
    root = Path(test_plan.output.directory)
    directory = RunDirectory.create(root, manifest.run_id, redactor)
    remove_problems(root)
    watch().made(directory.path)
    directory.write_manifest(manifest)
    if baseline is not None:
        directory.write_baseline(baseline)
    directory.write_sources(test_plan.sources)
    directory.write_data(test_plan.data)
    return directory


async def _execute(
    job: _Job, environment: Mapping[str, str], observer: Observer, interrupts: Interrupts
) -> Outcome:
    """Run the load, with progress and interrupts."""
    run = _context(job, environment, observer)
    shutdown = run.parts.shutdown

    def stop(reason: str, number: int) -> None:
        if not shutdown.requested:
            grace = f"running ones have {as_written(shutdown.grace_s)}"
            observer.note(f"{reason}: no new instances start, {grace}; repeat to stop at once")
        shutdown.request(Stop(reason=reason, signal=number))

    async with background(report_progress(run.test_plan, run.aggregate, observer)):
        with interrupts.during_run(stop):
            if run.sut is not None:
                announce_answering(await job.preflight.answering(), observer)
                announce_start(run.test_plan.readiness.command, observer)
            return await execute(run)


def _context(job: _Job, environment: Mapping[str, str], observer: Observer) -> RunContext:
    """What the coordinator runs; its parts are those of the segment of this process."""
    test_plan, plan = job.compiled.test_plan, job.compiled.plan
    return RunContext(
        test_plan=test_plan,
        parts=job.compiled.parts.segment(
            test_plan.segment(0),
            job.directory,
            shutdown=Shutdown(),
            plan_hash=job.manifest.plan_hash,
            on_record=(job.verbose.on_record,) if job.verbose else (),
        ),
        preflight=lambda: _preflight(job, observer),
        aggregate=job.aggregate,
        sut=sut_process(test_plan, job.directory, environment),
        on_listening=lambda proxies: announce_proxies(
            proxies, observer, starts_sut=bool(test_plan.readiness.command)
        ),
        on_slow_end=lambda: announce_slow_end(observer),
        reroute=job.compiled.parts.transport.reroute,
        environment=without_tokens(environment),
        stop_condition=_stop_condition(job, test_plan, plan),
    )


def _stop_condition(job: _Job, test_plan: TestPlan, plan: Plan) -> StopCondition | None:
    """When the run ends before its time: by a threshold that says so, or by a guard."""
    is_shard, faults = bool(job.manifest.shard), test_plan.turbulence
    aborts = stop_condition(
        test_plan.thresholds,
        job.aggregate,
        plan.rows,
        baseline=job.baseline,
        shard=is_shard,
        until_s=math.inf if faults is None else faults.phases.begin_s("inject"),
    )
    if faults is None:
        return aborts
    from windtunnel.verdict.guards import first_reason, guard_condition  # for the runs that have faults

    return first_reason(aborts, guard_condition(faults, job.aggregate, plan.rows, shard=is_shard))


async def report_progress(test_plan: TestPlan, aggregate: Aggregate, observer: Observer) -> None:
    """Tell the observer the status of the run at its interval, until cancelled.

    A stream that can't be written ends the progress, not the run.
    """
    began = time.perf_counter()
    if observer.progress_every_s is None:
        return
    schedules = Schedules(test_plan)
    while observer.progress_every_s is not None:
        await asyncio.sleep(observer.progress_every_s)
        now = {"elapsed_s": time.perf_counter() - began, "unix": time.time()}
        try:
            observer.progress(read_status(test_plan, aggregate, schedules=schedules, **now))
        except OSError:
            return


async def _preflight(job: _Job, observer: Observer) -> PreflightResult:
    """Wait for the SUT and find the way to it. The manifest says where another address is used."""
    announce_waits(job.preflight.awaited, observer)
    result = await job.preflight.run()
    if result.reroutes:
        job.directory.write_manifest(_with_reroutes(job.manifest, result.reroutes))
        announce_reroutes(result.reroutes, observer)
    return result


def _with_reroutes(manifest: Manifest, reroutes: Mapping[str, str]) -> Manifest:
    return msgspec.structs.replace(manifest, reroutes=dict(reroutes))
