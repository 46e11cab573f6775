"""`windtunnel trace`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from windtunnel.cli.options import RunArgument, RunIdOption, named_run, with_flags
from windtunnel.errors import ConfigError
from windtunnel.terminal import TerminalObserver

_FAILED = "--failed"
_MOST_DIGITS = 9


class TraceCommand(TyperCommand):
    """A command whose `--failed` may come without its number."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the command line."""
        given: list[str] = []
        for position, word in enumerate(args):
            given.append(word)
            follows = args[position + 1] if position + 1 < len(args) else ""
            if word == _FAILED and not follows.lstrip("-").isdigit():
                given.append("1")
        return super().parse_args(ctx, given)


_InstanceId = Annotated[
    str | None,
    typer.Option(
        "--instance-id", metavar="ID", help="The instance with this id: checkout-17.", show_default=False
    ),
]
_CorrelationId = Annotated[
    str | None,
    typer.Option(
        "--correlation-id",
        metavar="ID",
        help="The instance with this correlation id, or with this traceparent.",
        show_default=False,
    ),
]
_Failed = Annotated[
    str | None,
    typer.Option(
        _FAILED,
        metavar="[N]",
        help="The failed instance number N by the time of its end. Default: 1.",
        show_default=False,
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON, with whole bodies.", show_default=False)]


@with_flags("trace")
def trace(
    run: RunArgument = None,
    run_id: RunIdOption = None,
    instance_id: _InstanceId = None,
    correlation_id: _CorrelationId = None,
    failed: _Failed = None,
    as_json: _Json = False,
    **flags: Any,
) -> None:
    """Show one instance of a run: its steps on a line of time, checks, requests and responses.

    An instance that did not pass is compared with one of the same scenario that did. Without an option it is
    the first one that failed. Every instance of a run can be shown, also one that the report does not hold, and
    of a run that did not finish.
    """
    from windtunnel.report import terminal_trace, trace_json
    from windtunnel.report.trace import Wanted
    from windtunnel.report.trace import trace as find_trace
    from windtunnel.storage.directory import RunDirectory

    named = named_run(run, run_id)
    _at_most_one({"--instance-id": instance_id, "--correlation-id": correlation_id, _FAILED: failed})
    wanted = Wanted(
        instance_id=instance_id or "",
        correlation_id=correlation_id or "",
        failed=_number(failed or "1") if not instance_id and not correlation_id else 0,
        run=_in_commands(named, flags["output"]),
    )
    observer = TerminalObserver.standard(color=flags["color"])
    directory = RunDirectory.find(named, Path(flags["output"] or "runs"))
    if as_json:
        observer.result(trace_json.render(find_trace(directory, wanted, longest_body=trace_json.LONGEST_BODY)))
    else:
        found = find_trace(directory, wanted)
        observer.result(terminal_trace.render(found, width=observer.width, color=observer.color))


def _at_most_one(given: Mapping[str, str | None]) -> None:
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise ConfigError.of(f"{' and '.join(names)} each name another one", hint="give one of them")


def _in_commands(run: str, folder: str | None) -> str:
    """How the same run is named in another command."""
    named = [quote(run)] if run != "latest" else []
    return " ".join([*named, *(["--output", quote(folder)] if folder else [])])


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text):
        return int(text)
    hint = f"1 is the first failed instance: {_FAILED} 1"
    raise ConfigError.of(f"not a number from 1: {text!r}", hint=hint, flag=_FAILED)
