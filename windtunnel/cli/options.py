"""Flags that several commands share, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

SutFile = Annotated[
    str | None,
    typer.Option("--sut", metavar="FILE", help="The system under test. Default: sut.yaml.", show_default=False),
]
Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenarios",
        metavar="PATH",
        help="A scenario file, a folder (searched for *.yaml) or a glob. Repeatable. Default: scenarios/.",
        show_default=False,
    ),
]
Profiles = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Put a profile of the SUT file over the rest of it. Repeatable: later ones over earlier ones.",
        show_default=False,
    ),
]
EnvFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="Variables for ${NAME} in files, as KEY=VALUE lines. The environment itself wins. Repeatable: later "
        "ones win.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "--output-dir",
        metavar="FOLDER",
        help="Where runs are kept. Default: runs.",
        show_default=False,
    ),
]
RunId = Annotated[
    str | None,
    typer.Option("--run-id", metavar="RUN", help="The same as RUN.", show_default=False),
]
BaselineRun = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="RUN",
        help="A run to compare with: a run id, a path, a folder of runs, latest or a summary.json. Changes fail "
        "only what a threshold names: 'http_req_duration: p(95) < baseline * 1.3'. none: there is none yet, and "
        "such thresholds are not judged.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only problems and the verdict.")]
Color = Annotated[
    bool | None,
    typer.Option(
        "--color/--no-color", help="Colour, or none. Default: on a terminal without NO_COLOR.", show_default=False
    ),
]
