"""`windtunnel run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import typer

from windtunnel.cli.options import BaselineRun, Color, EnvFiles, Output, Profiles, Quiet, Scenarios, SutFile
from windtunnel.terminal import TerminalObserver

HELP = """Run scenarios against a system under test.

Validates everything first; nothing is sent while anything is wrong. Ends with a table, a verdict and a report.

Exit codes: 0 pass, 1 error (a bug of ours), 2 invalid input, 3 SUT unreachable, 4 inconclusive,
5 evidence incomplete, 99 fail, 130/143 interrupted.
"""

PlanFile = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="A test plan. Default: windtunnel.yaml if it exists and neither --sut nor --scenarios is given. "
        "What is given here wins over the plan.",
        show_default=False,
    ),
]
Parallel = Annotated[
    int | None,
    typer.Option("--parallel", "-p", metavar="N", help="Users at the same time. Default: 1.", show_default=False),
]
Count = Annotated[
    int | None,
    typer.Option(
        "--count", "-n", metavar="N", help="Instances over the whole run. Default: 1.", show_default=False
    ),
]
Duration = Annotated[
    str | None,
    typer.Option("--duration", metavar="TIME", help="How long new instances start: 30s, 5m.", show_default=False),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="RATE",
        help="Open load: instances that start per second, whether or not earlier ones have ended: 100/s, 6000/m.",
        show_default=False,
    ),
]
Stages = Annotated[
    str | None,
    typer.Option(
        "--stages",
        metavar="TEXT",
        help="Load in stages, each a straight line to its target: '30s:50,2m:50,30s:0' users, "
        "'1m:100/s,5m:100/s' starts. A name in front: 'ramp=30s:50'.",
        show_default=False,
    ),
]
MaxParallel = Annotated[
    int | None,
    typer.Option(
        "--max-parallel",
        metavar="N",
        help="Open load: most instances at once; what finds no room is dropped and counted.",
        show_default=False,
    ),
]
Arrival = Annotated[
    str | None,
    typer.Option("--arrival", metavar="KIND", help="Open load: uniform (default) or poisson.", show_default=False),
]
Pace = Annotated[
    str | None,
    typer.Option(
        "--pace",
        metavar="TIME",
        help="Closed load: two instances of a user start at least this far apart.",
        show_default=False,
    ),
]
GracefulStop = Annotated[
    str | None,
    typer.Option(
        "--graceful-stop",
        metavar="TIME",
        help="How long running instances may take at the end. Default: 30s.",
        show_default=False,
    ),
]
MaxDuration = Annotated[
    str | None,
    typer.Option(
        "--max-duration",
        metavar="TIME",
        help="The longest the run may take. Then no new instance starts and running ones have 3 s; the load was "
        "not all that was asked for, so the verdict is inconclusive (exit 4), or fail if a threshold failed.",
        show_default=False,
    ),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="WHAT",
        help="thresholds (default); errors: also any instance that did not pass, whatever the thresholds allow; "
        "never: exit 0 for fail and inconclusive, which the verdict still says.",
        show_default=False,
    ),
]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        "--thresholds",
        metavar="TEXT",
        help="A condition the run must meet: 'http_req_duration: p(95) < 400ms', "
        "'http_req_failed{step:add_to_cart}: rate < 1%'. Repeatable, added to the plan's.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Makes a run repeatable. Default: random.", show_default=False),
]
Workers = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Processes that share the load; auto is one a processor. Default: 1.",
        show_default=False,
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Run one of N parts of the load, such as 2/4, or auto for what GitLab's `parallel:` or CircleCI's "
        "`parallelism:` says. All need the same --seed; `windtunnel merge` judges them together.",
        show_default=False,
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Believe every certificate: for test systems with one of their own.")
]
Resolve = Annotated[
    list[str] | None,
    typer.Option(
        "--resolve",
        metavar="HOST:IP",
        help="Connect to this address for a host (or HOST:PORT:IP for one port of it). Repeatable.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="URL",
        help="Base URL in place of that of the SUT file, such as a preview deployment; its host is allowed.",
        show_default=False,
    ),
]
WaitForIt = Annotated[
    list[str] | None,
    typer.Option(
        "--wait-for",
        metavar="URL",
        help="Begin when this URL answers below 400, or HOST:PORT takes connections. Repeatable.",
        show_default=False,
    ),
]
WaitTimeout = Annotated[
    str | None,
    typer.Option(
        "--wait-timeout", metavar="TIME", help="How long --wait-for may take. Default: 60s.", show_default=False
    ),
]
Loopback = Annotated[
    str | None,
    typer.Option(
        "--loopback",
        metavar="HOW",
        help="Inside a container, localhost is: auto, the machine around it when the container refuses (default); "
        "gateway, that machine at once; strict, only the container.",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Start value of a variable, in every scenario that has it: qty=2 is a number, 'qty=\"2\"' a text. "
        "Never a template. Repeatable.",
        show_default=False,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="PATTERN",
        help="Run only scenarios of this name (checkout*) or tag (team=cart). Repeatable: any of them.",
        show_default=False,
    ),
]
Skip = Annotated[
    list[str] | None,
    typer.Option(
        "--skip", metavar="PATTERN", help="Leave scenarios out, by name or tag. Repeatable.", show_default=False
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="KEY=VALUE",
        help="A tag of the run, for manifest and report. Repeatable.",
        show_default=False,
    ),
]
Listing = Annotated[
    bool, typer.Option("--list", help="Show the scenarios with weight, tags and steps; send nothing.")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what would run: arrivals, users at once, rows of data, size on disk; send nothing.",
    ),
]
Once = Annotated[
    bool,
    typer.Option("--once", help="One instance of each scenario, one after the other, without thresholds."),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="With --once: show each request, response and check, secrets hidden."),
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="TEXT", help="A name for the report.", show_default=False)
]


def run(
    sut: SutFile = None,
    scenarios: Scenarios = None,
    plan: PlanFile = None,
    parallel: Parallel = None,
    count: Count = None,
    duration: Duration = None,
    rate: Rate = None,
    stages: Stages = None,
    max_parallel: MaxParallel = None,
    arrival: Arrival = None,
    pace: Pace = None,
    graceful_stop: GracefulStop = None,
    max_duration: MaxDuration = None,
    thresholds: Thresholds = None,
    fail_on: FailOn = None,
    baseline: BaselineRun = None,
    seed: Seed = None,
    workers: Workers = None,
    shard: Shard = None,
    insecure: Insecure = False,
    resolve: Resolve = None,
    target: Target = None,
    wait_for: WaitForIt = None,
    wait_timeout: WaitTimeout = None,
    loopback: Loopback = None,
    profiles: Profiles = None,
    settings: Settings = None,
    env_files: EnvFiles = None,
    only: Only = None,
    skip: Skip = None,
    tags: Tags = None,
    listing: Listing = False,
    dry_run: DryRun = False,
    once: Once = False,
    verbose: Verbose = False,
    directory: Output = None,
    name: Name = None,
    quiet: Quiet = False,
    color: Color = None,
) -> None:
    """Run scenarios against a system under test."""
    _run(dict(locals()))


def _run(flags: Mapping[str, Any]) -> None:
    from windtunnel.cli.preview import preview
    from windtunnel.job.machine import container_network
    from windtunnel.job.request import request_of
    from windtunnel.job.run import run_job
    from windtunnel.signals import SignalInterrupts

    request = request_of(flags, argv=tuple(sys.argv[1:]), container_network=container_network())
    observer = TerminalObserver.standard(color=flags["color"], quiet=flags["quiet"])
    if flags["listing"] or flags["dry_run"]:
        preview(request, environment=os.environ, observer=observer, listing=flags["listing"])
        return
    result = run_job(request, environment=os.environ, observer=observer, interrupts=SignalInterrupts())
    raise typer.Exit(result.exit_code)


def read_flags(words: Sequence[str]) -> dict[str, Any]:
    """What would be typed after `windtunnel run`, as the values of its flags by their names there.

    Raises ValueError for what can't be read.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(add_help_option=False)(run)
    # Typer brings its own copy of click or uses the one that is there: this is the UsageError of either.
    usage_error = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
    try:
        return typer.main.get_command(app).make_context("run", list(words)).params
    except usage_error as error:
        raise ValueError(error.format_message()) from None
