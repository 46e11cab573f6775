"""The flags of a command as options, and its help in sections; both from the rows of `config/flags.py`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from windtunnel.config.flags import FLAGS, TITLES, Flag
from windtunnel.errors import ConfigError

_FIRST_COLUMN = 30
_OTHERS = "Other"

RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN", help="A run id, a path, a folder of runs or latest (default).", show_default=False
    ),
]
RunIdOption = Annotated[
    str | None, typer.Option("--run-id", metavar="RUN", help="The same as RUN.", show_default=False)
]


def named_run(run: str | None, run_id: str | None) -> str:
    """How RUN or --run-id names the run. Raises ConfigError when they name two."""
    if run and run_id and run != run_id:
        raise ConfigError.of(f"RUN is {run!r} and --run-id is {run_id!r}", hint="give one of them")
    return run or run_id or "latest"


def with_flags(
    command: str, flags: Sequence[Flag] = FLAGS
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate the function of a command: each flag of the command becomes an option, passed in its `**flags`."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        shared = [_option(flag) for flag in flags if command in flag.commands]
        function.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
        return function

    return decorate


def help_of(flag: Flag) -> str:
    """The help of a flag on the command line."""
    repeatable = " Repeatable." if flag.repeatable else ""
    default = f" Default: {flag.default}." if flag.default else ""
    return f"{flag.help}{repeatable}{default}"


def _option(flag: Flag) -> inspect.Parameter:
    """Values stay texts: `config/overrides.py` reads them, all of them, and names every one that is wrong."""
    option = typer.Option(
        *flag.spellings,
        metavar=flag.metavar or None,
        help=help_of(flag),
        show_default=False,
        rich_help_panel=TITLES[flag.group],
    )
    kind: Any = bool | None if flag.kind == "on_off" else bool if flag.kind == "switch" else str | None
    return inspect.Parameter(
        flag.parameter,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if flag.kind == "switch" else None,
        annotation=Annotated[list[str] | None if flag.repeatable else kind, option],
    )


class GroupedCommand(TyperCommand):
    """A command whose help has a section for each group of flags, in plain text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections, all with the same columns."""
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in (*TITLES.values(), _OTHERS)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections[getattr(parameter, "rich_help_panel", None) or _OTHERS].append(record)
        width = max(len(first) for rows in sections.values() for first, _ in rows)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(f"{first:<{min(width, _FIRST_COLUMN)}}", text) for first, text in rows])
