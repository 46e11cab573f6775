"""Every flag, declared once.

The options of the commands and their help, the inputs of the action, the arguments of `windtunnel.run()` and the
reference pages come from these rows. `config/overrides.py` reads the values. This module imports little: the
command line needs it before it knows which command is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from windtunnel.model.vocabulary import Allowance, Arrival, FailOn, KeepBodies, Loopback

Group = Literal["load", "target", "thresholds", "data", "ci", "output", "debugging"]

Kind = Literal[
    "text", "switch", "on_off", "choice", "whole", "count", "users", "duration", "length",
    "rate", "stages", "workers", "shard", "resolution", "target", "wait_for", "threshold", "preset", "tag",
    "command",
]  # fmt: skip
"""How a value is read. `whole` and `duration` may be 0; `count`, `users` and `length` may not."""

TITLES: dict[Group, str] = {
    "load": "Load",
    "target": "Target",
    "thresholds": "Thresholds",
    "data": "Scenarios and data",
    "ci": "CI",
    "output": "Output",
    "debugging": "Debugging",
}
"""Group -> its heading in the help, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag. The fields that are empty by default do not apply to it.

    name       without the dashes: `max-parallel`
    help       sentences that hold for the command line and the action; `default` and `repeatable` are added
    argument   its name in Python, `name` with underscores unless given
    input      the input of the action: one of the spellings of the flag
    input_help the description of the input where it differs from `help`
    in_python  whether `windtunnel.run()` takes it among its flags
    commands   the commands that have the flag; without one it is an argument of `windtunnel.run()` only
    """

    name: str
    kind: Kind
    help: str
    group: Group
    metavar: str = ""
    choices: tuple[str, ...] = ()
    short: str = ""
    aliases: tuple[str, ...] = ()
    repeatable: bool = False
    default: str = ""
    argument: str = ""
    input: str = ""
    input_help: str = ""
    input_default: str = ""
    in_python: bool = True
    commands: tuple[str, ...] = ("run",)

    @property
    def spellings(self) -> tuple[str, ...]:
        """The flag as it is typed, the long form first."""
        if self.kind == "on_off":
            return (f"--{self.name}/--no-{self.name}",)
        long = (f"--{each}" for each in (self.name, *self.aliases))
        return (*long, f"-{self.short}") if self.short else tuple(long)

    @property
    def parameter(self) -> str:
        """The name of the value in Python."""
        return self.argument or self.name.replace("-", "_")

    @property
    def field(self) -> str:
        """The field of `Overrides` or `LoadSettings` that holds the value; seconds are named so."""
        return f"{self.parameter}_s" if self.kind in ("duration", "length") else self.parameter


# One row: what the flag is, then its words. Laid out by hand, to be read as a table.
# fmt: off
FLAGS: tuple[Flag, ...] = (
    Flag(
        name="parallel", kind="users", short="p", group="load", metavar="N", default="1", input="parallel",
        help="Number of concurrent users.",
    ),
    Flag(
        name="count", kind="count", short="n", group="load", metavar="N", default="1", input="count",
        help="Number of instances in the whole run.",
    ),
    Flag(
        name="duration", kind="length", group="load", metavar="TIME", input="duration",
        help="Keep starting new instances for this long: 30s, 5m.",
    ),
    Flag(
        name="rate", kind="rate", group="load", metavar="RATE", input="rate",
        help="Instances to start per second, whether or not earlier ones have ended: 100/s, 6000/m.",
    ),
    Flag(
        name="stages", kind="stages", group="load", metavar="TEXT", input="stages",
        help="Load in stages, each a straight line to its target: '30s:50,2m:50,30s:0' in users, "
        "'1m:100/s,5m:100/s' in starts. With a name: 'ramp=30s:50'.",
    ),
    Flag(
        name="max-parallel", kind="users", group="load", metavar="N", input="max-parallel",
        help="Maximum concurrent instances; further arrivals are dropped and counted. Only with a rate.",
    ),
    Flag(
        name="arrival", kind="choice", choices=get_args(Arrival), group="load", metavar="KIND",
        default="uniform", input="arrival",
        help="How arrivals are spaced: uniform or poisson. Only with a rate.",
    ),
    Flag(
        name="pace", kind="length", group="load", metavar="TIME", input="pace",
        help="Minimum time between two starts of the same user: 5s. Not with a rate.",
    ),
    Flag(
        name="graceful-stop", kind="duration", group="load", metavar="TIME", default="30s",
        input="graceful-stop",
        help="Maximum time for running instances to end after the last start.",
    ),
    Flag(
        name="max-duration", kind="length", group="load", metavar="TIME", input="max-duration",
        help="Maximum duration of the run: 10m. Then no new instance starts and running ones have 3 s to end. "
        "The verdict is inconclusive (exit 4), or fail if a threshold failed.",
    ),
    Flag(
        name="seed", kind="whole", group="load", metavar="N", default="random", input="seed",
        help="Seed of all random numbers; the same seed repeats a run.",
    ),
    Flag(
        name="workers", kind="workers", group="load", metavar="N", default="1", input="workers",
        help="Number of processes that share the load; auto: one per processor.",
    ),
    Flag(
        name="sut", kind="text", group="target", metavar="FILE", default="sut.yaml", input="sut", in_python=False,
        help="File that describes the system under test.",
    ),
    Flag(
        name="profile", argument="profiles", kind="text", repeatable=True, group="target", metavar="NAME",
        input="profile", commands=("run", "validate"),
        help="Apply a profile from the SUT file; later ones override earlier ones.",
    ),
    Flag(
        name="target", kind="target", group="target", metavar="URL", input="target",
        help="Base URL that replaces the one in the SUT file, such as a preview deployment; its host is "
        "allowed.",
    ),
    Flag(
        name="exec", kind="command", group="target", metavar="COMMAND",
        help="Start the SUT with this command, wait until it answers, and end it after the run. No shell reads "
        "it; its output is in sut.log of the run.",
    ),
    Flag(
        name="resolve", kind="resolution", repeatable=True, group="target", metavar="HOST:IP",
        help="Connect to this address for a host, or HOST:PORT:IP for one port of it.",
    ),
    Flag(
        name="insecure", kind="switch", group="target",
        help="Skip TLS certificate verification.",
    ),
    Flag(
        name="wait-for", kind="wait_for", repeatable=True, group="target", metavar="URL", input="wait-for",
        help="Start when this URL answers with a status below 400, or this HOST:PORT accepts connections.",
    ),
    Flag(
        name="wait-timeout", kind="duration", group="target", metavar="TIME", default="60s",
        input="wait-timeout",
        help="Maximum time to wait for --wait-for.",
    ),
    Flag(
        name="loopback", kind="choice", choices=get_args(Loopback), group="target", metavar="HOW",
        default="auto", input="loopback",
        help="How localhost is reached inside a container. auto: try the container, then the Docker host; "
        "gateway: the Docker host; strict: the container.",
    ),
    Flag(
        name="threshold", argument="thresholds", kind="threshold", repeatable=True, aliases=("thresholds",),
        group="thresholds", metavar="TEXT", input="thresholds",
        help="Condition the run must meet: 'http_req_duration: p(95) < 400ms', "
        "'http_req_failed{step:add_to_cart}: rate < 1%'. Added to those of the plan.",
        input_help="Conditions the run must meet, such as `http_req_duration: p(95) < 400ms`. Added to those "
        "of the plan.",
    ),
    Flag(
        name="baseline", kind="text", group="thresholds", metavar="RUN", input="baseline",
        commands=("run", "report", "merge"),
        help="Run to compare with: a run id, a path, a folder of runs, latest or a summary.json. A change "
        "fails only a threshold that names the baseline: 'http_req_duration: p(95) < baseline * 1.3'. "
        "none: there is no baseline; thresholds that name it are not judged.",
        input_help="Run to compare with: the path of a summary.json or of a run's folder. If it is missing, a "
        "notice says so and thresholds that name the baseline are not judged.",
    ),
    Flag(
        name="scenarios", kind="text", repeatable=True, group="data", metavar="PATH", default="scenarios/",
        input="scenarios", in_python=False,
        help="Scenario file, folder (searched for *.yaml) or glob.",
    ),
    Flag(
        name="plan", kind="text", group="data", metavar="FILE",
        default="windtunnel.yaml if it exists and neither --sut nor --scenarios is given", input="plan",
        in_python=False,
        help="Test plan file; other flags override it.",
        input_help="Test plan file; other inputs override it.",
    ),
    Flag(
        name="only", kind="text", repeatable=True, group="data", metavar="PATTERN", input="only",
        help="Run only scenarios with this name (checkout*) or tag (team=cart).",
    ),
    Flag(
        name="skip", kind="text", repeatable=True, group="data", metavar="PATTERN", input="skip",
        help="Skip scenarios with this name or tag.",
    ),
    Flag(
        name="set", argument="settings", kind="preset", repeatable=True, group="data", metavar="NAME=VALUE",
        input="set",
        help="Start value of a variable in every scenario that has it: qty=2 is a number, 'qty=\"2\"' is text. "
        "Never a template.",
    ),
    Flag(
        name="env-file", argument="env_files", kind="text", repeatable=True, group="data", metavar="FILE",
        input="env-file", commands=("run", "validate"), in_python=False,
        help="KEY=VALUE lines for ${NAME} in files; later files override earlier ones, and the environment "
        "overrides all of them.",
    ),
    Flag(
        name="allow-path", argument="allow_paths", kind="text", repeatable=True, group="data", metavar="DIR",
        input="allow-path", commands=("run", "validate"),
        help="Let the files of the test read this folder or file outside of the project.",
    ),
    Flag(
        name="allow-env", kind="text", repeatable=True, group="data", metavar="NAME", input="allow-env",
        commands=("run", "validate"),
        help="Let the files of the test read this variable, which holds a token of the CI system.",
    ),
    Flag(
        name="allow", kind="choice", repeatable=True, choices=get_args(Allowance), group="data", metavar="WHAT",
        input="allow", commands=("run", "validate"),
        help="Let `turbulence` of the plan do more than faults on our own requests and in local proxies. "
        "listen: proxies that other machines reach; toxiproxy: faults in a Toxiproxy; hook: commands. "
        "Several with commas.",
    ),
    Flag(
        name="shard", kind="shard", group="ci", metavar="I/N", input="shard",
        help="Run one of N parts of the load, such as 2/4; auto: the part that GitLab's `parallel:` or "
        "CircleCI's `parallelism:` gives the job. All parts need the same --seed; `windtunnel merge` "
        "judges them together.",
    ),
    Flag(
        name="fail-on", kind="choice", choices=get_args(FailOn), group="ci", metavar="WHAT",
        default="thresholds", input="fail-on",
        help="What fails the run. thresholds: a failed threshold; errors: also any instance that did not pass; "
        "never: the verdicts fail and inconclusive exit 0.",
    ),
    Flag(
        name="tag", argument="tags", kind="tag", repeatable=True, group="ci", metavar="KEY=VALUE", input="tag",
        help="Tag of the run for manifest and report, such as stage=nightly.",
    ),
    Flag(
        name="output", kind="text", aliases=("output-dir",), group="output", metavar="FOLDER", default="runs",
        input="output-dir", input_default="windtunnel-report",
        commands=("run", "report", "trace", "verify", "compare", "merge", "demo"),
        help="Folder that holds the runs.",
        input_help="Folder in the workspace for the run.",
    ),
    Flag(
        name="bodies", kind="choice", choices=get_args(KeepBodies), group="output", default="failures",
        commands=(),
        help="Bodies to keep.",
    ),
    Flag(
        name="name", kind="text", group="output", metavar="TEXT",
        help="Name of the run in the report.",
    ),
    Flag(
        name="quiet", kind="switch", short="q", group="output",
        commands=("run", "report", "validate", "merge", "demo"), in_python=False,
        help="Show only problems and the verdict.",
    ),
    Flag(
        name="color", kind="on_off", group="output", default="colour on a terminal without NO_COLOR",
        commands=("run", "report", "trace", "compare", "merge", "demo"), in_python=False,
        help="Colour the output.",
    ),
    Flag(
        name="list", argument="listing", kind="switch", group="debugging", in_python=False,
        help="Show the scenarios with weight, tags and steps; send nothing.",
    ),
    Flag(
        name="dry-run", kind="switch", group="debugging", in_python=False,
        help="Show what would run: arrivals, concurrent users, data rows, size on disk; send nothing.",
    ),
    Flag(
        name="once", kind="switch", group="debugging",
        help="Run one instance of each scenario, one after the other, without thresholds.",
    ),
    Flag(
        name="verbose", kind="switch", short="v", group="debugging",
        help="With --once: show each request, response and check; secrets are hidden.",
    ),
)
# fmt: on
