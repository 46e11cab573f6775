"""`windtunnel turbulence`: what is to do with faults besides a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windtunnel.cli.options import with_flags
from windtunnel.terminal import TerminalObserver

if TYPE_CHECKING:
    from windtunnel.turbulence.healing import Undoing
    from windtunnel.turbulence.undo import UndoLog

_PATIENCE_S = 1.0
"""Seconds that what a killed run has just started has to end."""

app = typer.Typer(
    name="turbulence", help="Show the faults of a plan, and undo what those of a run left.", no_args_is_help=True
)


@app.command("plan")
@with_flags("validate")
def plan(
    file: Annotated[
        str, typer.Argument(metavar="PLAN", help="Test plan file with `turbulence`.")
    ] = "windtunnel.yaml",
    **flags: Any,
) -> None:
    """Show when the faults of a plan are on, and what they will be done to. Sends nothing."""
    from windtunnel.cli.timeline import show_timeline
    from windtunnel.config.overrides import overrides_of
    from windtunnel.job.request import JobRequest

    overrides = overrides_of(**{name: flags[name] for name in ("profiles", "allow_paths", "allow_env", "allow")})
    request = JobRequest(plan=file, overrides=overrides, env_files=tuple(flags["env_files"] or ()))
    show_timeline(request, environment=os.environ, observer=TerminalObserver.standard(quiet=flags["quiet"]))


@app.command("heal")
def heal(
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", help="A run id, a path, a folder of runs, or latest.")
    ] = "latest",
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="NAME", help="hook: also run the revert commands of the plan.", show_default=False
        ),
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder of the runs.")] = "runs",
) -> None:
    """Undo the faults that a run left when it was killed, the latest one first.

    Exits 0 when nothing is left to undo, else 5; what is left is printed with the command to type. Doing it twice
    does no harm.
    """
    from windtunnel.model.verdict import EXIT_CODES
    from windtunnel.storage.directory import RunDirectory
    from windtunnel.turbulence.undo import UndoLog

    allowed = _allowed(allow or [])
    directory = RunDirectory.find(run, Path(output))
    observer = TerminalObserver.standard()
    undo = UndoLog.reopen(directory.path, patience_s=_PATIENCE_S)
    try:
        done = _walk(undo, allowed) if undo is not None and undo.left else []
    finally:
        if undo is not None:
            undo.close()
    damage = undo.damage if undo is not None else []
    if not done and not damage:
        observer.result(f"{directory.run_id}: nothing to undo")
        return
    for each in done:
        for line in _lines(each):
            observer.say(line)
    for text in damage:
        observer.note(text)
    undone = sum(each.is_undone for each in done)
    observer.result(f"{directory.run_id}: {undone} of {len(done)} undone")
    if undone < len(done) or damage:
        raise typer.Exit(EXIT_CODES["incomplete"])


def _allowed(values: list[str]) -> frozenset[str]:
    """The names of `--allow`, which may be repeated and hold several with commas between them."""
    from windtunnel.errors import ConfigError, did_you_mean
    from windtunnel.turbulence.drivers.table import DRIVERS

    names = [name.strip() for value in values for name in value.split(",")]
    for name in names:
        if name not in DRIVERS:
            hint = did_you_mean(name, DRIVERS) or f"one of {', '.join(DRIVERS)}"
            raise ConfigError.of(f"there is no driver {name!r}", hint=hint, flag="--allow")
    return frozenset(names)


def _walk(undo: UndoLog, allowed: frozenset[str]) -> list[Undoing]:
    import asyncio

    from windtunnel.engine.run.process import SystemClock
    from windtunnel.engine.sut.family import end_with_parent
    from windtunnel.project import token_values, without_tokens
    from windtunnel.redaction import Redactor
    from windtunnel.turbulence.drivers.driver import Reach
    from windtunnel.turbulence.drivers.table import ASK_AGAIN, DRIVERS
    from windtunnel.turbulence.healing import walk_back

    hide = Redactor(secrets=token_values(os.environ)).excerpt
    reach = Reach(environment=without_tokens(os.environ), hide=hide, in_child=end_with_parent)
    drivers = {name: make(reach) for name, make in DRIVERS.items()}
    refused = {name: f"it runs a command: add --allow {name}" for name in ASK_AGAIN - allowed}
    return asyncio.run(walk_back(undo, drivers, clock=SystemClock(), refused=refused))


def _lines(undoing: Undoing) -> list[str]:
    """What came of one step; of one that is left, why, and the command to type. The file may be anyone's."""
    from windtunnel.report.text import LONGEST_REASON, for_log, printable

    fault, problem = printable(undoing.step.fault, limit=200), undoing.answer.problem
    if problem is None:
        return [f"undone  {fault}"]
    return [
        for_log(line)
        for line in (
            f"left    {fault}: {printable(problem, limit=LONGEST_REASON)}",
            f"        by hand: {printable(undoing.step.by_hand, lines=True)}",
        )
    ]
