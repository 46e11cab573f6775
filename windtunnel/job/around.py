"""What a job has around its load, the proxies and the SUT that it starts: what it makes of them, and says."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import ConfigError, EvidenceError, visible
from windtunnel.figures import as_written
from windtunnel.job.observer import Observer
from windtunnel.model.plan import TestPlan
from windtunnel.storage.directory import SUT_LOG, RunDirectory

if TYPE_CHECKING:
    from windtunnel.engine.run.proxies import Listening
    from windtunnel.engine.sut.process import SutEnd, SutProcess
    from windtunnel.model.turbulence import ProxySpec

_LONGEST_LINE = 300


def require_ports(test_plan: TestPlan) -> None:
    """Raise ConfigError when the proxies of the plan can't listen."""
    if test_plan.turbulence is not None and test_plan.turbulence.proxies:
        from windtunnel.engine.run.proxies import taken_ports  # for the jobs that have some

        if problems := taken_ports(test_plan.turbulence.proxies):
            raise ConfigError(problems)


def sut_process(test_plan: TestPlan, directory: RunDirectory, environment: Mapping[str, str]) -> SutProcess | None:
    """The process of `--exec`, which has the environment of the command that was typed, and its folder."""
    if not test_plan.readiness.command:
        return None
    from windtunnel.engine.sut.keeper import SutTask  # for the jobs that start their SUT
    from windtunnel.engine.sut.process import SutProcess

    return SutProcess(
        SutTask(
            command=test_plan.readiness.command,
            environment=dict(environment),
            folder=str(Path.cwd()),
            log=(directory.path / SUT_LOG).absolute(),
            secrets=tuple(test_plan.secrets),
            names=test_plan.sut.redact,
        )
    )


def announce_answering(base_urls: Iterable[str], observer: Observer) -> None:
    """Services that answer before the command of `--exec` has started."""
    for each in base_urls:
        observer.warning(
            f"{each} answers before --exec has started its command: does another program listen there?"
        )


def announce_start(command: Sequence[str], observer: Observer) -> None:
    """The command of `--exec`, which is about to start."""
    observer.note(f"starting {shlex.join(command)}")


def announce_proxies(proxies: Iterable[Listening], observer: Observer, *, starts_sut: bool) -> None:
    """Where proxies listen, and for whom."""
    for proxy in proxies:
        spec = proxy.spec
        observer.note(f"proxy {spec.name} listens on {proxy.url}{_meant_for(spec)}")
        if spec.export and not starts_sut:
            observer.warning(
                f"no process is told {spec.export}: start the SUT with --exec, or give it {proxy.url} yourself"
            )
        elif not (spec.export or spec.service or spec.port):
            observer.warning(
                f"no process is told where proxy {spec.name} listens: add `export: NAME` to it for --exec, "
                "or a port of its own, such as `listen: 127.0.0.1:9090`"
            )


def _meant_for(spec: ProxySpec) -> str:
    service = f"the requests of the load to {spec.service}" if spec.service else ""
    meant = " and ".join(filter(None, [service, spec.export]))
    return f", for {meant}" if meant else ""


def announce_slow_end(observer: Observer) -> None:
    """The command of `--exec` takes a while to end."""
    from windtunnel.engine.sut.keeper import GRACE_S  # for the jobs that start their SUT

    observer.note(f"waiting up to {as_written(GRACE_S)} for the command of --exec to end; interrupt to kill it")


def announce_end_of_sut(end: SutEnd | None, log: Path, observer: Observer) -> None:
    """The last lines of a SUT that did not last."""
    if end is not None and end.last:
        lines = "\n".join(f"  {visible(line)[:_LONGEST_LINE]}" for line in end.last)
        observer.note(f"the last lines of {log}:\n{lines}")


def announce_not_undone(faults: Sequence[str], directory: RunDirectory, observer: Observer) -> None:
    """Faults that are still there after the run."""
    for each in faults:
        observer.warning(f"not undone: {each}")
    if faults:
        announce_left(directory, observer)


def announce_left(directory: RunDirectory, observer: Observer) -> None:
    """How to undo the faults of drivers that are left."""
    if not (directory.path / "turbulence").exists():
        return
    from windtunnel.turbulence.undo import UNDO_FILE, read_left  # for the runs that have had some

    try:
        steps = read_left(directory.path / UNDO_FILE).steps
    except EvidenceError as error:
        observer.warning(str(error))
        return
    if steps:
        allow = " --allow hook" if any(step.kind == "hook" for step in steps) else ""
        run = shlex.quote(str(directory.path))
        names = ", ".join(step.fault for step in steps)
        observer.warning(f"still there: {names}; to undo it: windtunnel turbulence heal --run {run}{allow}")
