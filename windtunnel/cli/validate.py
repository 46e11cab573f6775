"""`windtunnel validate`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated, Any

import typer

from windtunnel.cli.options import with_flags
from windtunnel.figures import plural
from windtunnel.terminal import TerminalObserver


@with_flags("validate")
def validate(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            help="SUT files, scenarios, plans or folders. Default: windtunnel.yaml if it exists, "
            "else sut.yaml and scenarios/.",
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="List the step types and renderers of installed packages.")
    ] = False,
    **flags: Any,
) -> None:
    """Check files without sending anything. Shows every problem with its place; exits 2 if there is one."""
    from windtunnel.config.overrides import Overrides, overrides_of
    from windtunnel.job.request import allowances, with_env_files
    from windtunnel.job.validation import validate_files

    overrides = overrides_of(allow=flags["allow"]) if flags["allow"] else Overrides()
    profiles, paths, names = (tuple(flags[name] or ()) for name in ("profiles", "allow_paths", "allow_env"))
    overrides = replace(overrides, profiles=profiles, allow_paths=paths, allow_env=names)
    files_of_env = tuple(flags["env_files"] or ())
    environment = with_env_files(files_of_env, os.environ, allowances(overrides, os.environ))
    observer = TerminalObserver.standard(quiet=flags["quiet"])
    checked = validate_files(files or [], environment=environment, overrides=overrides, caution=observer.warning)
    for name, what in checked:
        observer.say(f"{name}: {what}")
    if verbose:
        from windtunnel import plugins

        for group in plugins.GROUPS:
            for plugin in plugins.installed(group).values():
                observer.say(f"installed: {plugin}")
    observer.say(f"{plural(len(checked), 'file')} valid, nothing was sent")
