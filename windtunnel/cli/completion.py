"""Tab completion for a shell: `--install-completion`, `--show-completion`, and the answers while somebody types.

Typer has the scripts and the answers. They are imported when they are asked for, so that no start pays for them.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
import typer.main

from windtunnel.errors import ConfigError

SHELLS = ("bash", "zsh", "fish")

_INSTALL = "--install-completion"
_SHOW = "--show-completion"

_THIS_SHELL = "auto"

_ONE_LINE = "10000"


def options() -> list[Any]:
    """The two options, for the command that has all sub-commands."""
    both = typer.main.get_command(_app).params
    for option in both:
        option.expose_value = False  # each ends the process, so there is no function that takes its value
    return both


def with_shell(arguments: list[str]) -> list[str]:
    """The command line, with a value for an option of completion that names no shell."""
    if arguments[:1] not in ([_INSTALL], [_SHOW]) or (arguments[1:2] and not arguments[1].startswith("-")):
        return arguments
    return [arguments[0], _THIS_SHELL, *arguments[1:]]


def answer_shells() -> None:
    """Make the command answer a shell that asks for completions, which is why it was started."""
    os.environ["COLUMNS"] = _ONE_LINE  # each candidate is a line, and Rich breaks the text beside it
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()  # makes the shells known, which Typer does for options of its own


def _install(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> None:
    """Write the script where the shell finds it, and exit."""
    if value is None:
        return
    from typer.completion import install_callback

    shell = _shell(value, _INSTALL)
    try:
        install_callback(ctx, param, shell)
    except OSError as error:
        hint = f"print the script and put it where your shell reads it: windtunnel {_SHOW} {shell}"
        raise ConfigError.of(f"can't write {error.filename}: {error.strerror}", hint=hint) from None


def _show(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> None:
    """Print the script, and exit."""
    if value is None:
        return
    from typer.completion import show_callback

    show_callback(ctx, param, _shell(value, _SHOW))


def _shell(value: str, option: str) -> str:
    shell = _running_shell() if value == _THIS_SHELL else value
    if shell in SHELLS:
        return shell
    known = ", ".join(SHELLS)
    if value == _THIS_SHELL:
        said = f"there is no completion for {shell}" if shell else "can't tell which shell this is"
        raise ConfigError.of(said, hint=f"name one of {known}: windtunnel {option} bash", flag=option)
    raise ConfigError.of(f"there is no completion for {value!r}", hint=f"use one of {known}", flag=option)


def _running_shell() -> str | None:
    """The name of the shell that started this process, None where none did."""
    import shellingham

    detected: Any
    try:
        detected = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure:
        return None
    return str(detected[0])


_app = typer.Typer(add_completion=False)


@_app.callback()
def _declared(
    install_completion: Annotated[
        str | None,
        typer.Option(
            _INSTALL,
            metavar="[SHELL]",
            help="Install tab completion for bash, zsh or fish and exit. Default: the shell this runs in.",
            callback=_install,
            is_eager=True,
            show_default=False,
        ),
    ] = None,
    show_completion: Annotated[
        str | None,
        typer.Option(
            _SHOW,
            metavar="[SHELL]",
            help="Print the script of that completion and exit.",
            callback=_show,
            is_eager=True,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Declare the options, for Typer to read."""
    del install_completion, show_completion
