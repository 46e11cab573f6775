"""Tab completion for a shell: `--install-completion`, `--show-completion`, and the answers while somebody types.

Typer has the scripts and the answers. They are imported when they are asked for, so that no start pays for them.
"""

from __future__ import annotations

import os
from typing import Any

import typer

from windtunnel.errors import ConfigError

SHELLS = ("bash", "zsh", "fish")

_THIS_SHELL = "auto"

_ONE_LINE = "10000"


def with_shell(arguments: list[str]) -> list[str]:
    """The command line that begins with an option of completion, with a value for it if it names no shell."""
    if arguments[1:2] and not arguments[1].startswith("-"):
        return arguments
    return [arguments[0], _THIS_SHELL, *arguments[1:]]


def answer_shells() -> None:
    """Make the command answer a shell that asks for completions, which is why it was started."""
    os.environ["COLUMNS"] = _ONE_LINE  # each candidate is a line, and Rich breaks the text beside it
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()  # makes the shells known, which Typer does for options of its own


def install(ctx: typer.Context, param: typer.CallbackParam, value: str) -> None:
    """Write the script where the shell finds it, and exit."""
    from typer.completion import install_callback

    shell = _shell(value, param)
    try:
        install_callback(ctx, param, shell)
    except OSError as error:
        hint = f"print the script and put it where your shell reads it: windtunnel --show-completion {shell}"
        raise ConfigError.of(f"can't write {error.filename}: {error.strerror}", hint=hint) from None


def show(ctx: typer.Context, param: typer.CallbackParam, value: str) -> None:
    """Print the script, and exit."""
    from typer.completion import show_callback

    show_callback(ctx, param, _shell(value, param))


def _shell(value: str, param: typer.CallbackParam) -> str:
    option = param.opts[0]
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
