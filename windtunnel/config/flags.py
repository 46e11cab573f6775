"""What the command line says, as it was typed, and what is wrong with it."""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from windtunnel.config.load import LoadSettings, objections, parse_stages
from windtunnel.config.presets import parse_preset, parse_tag
from windtunnel.config.readiness import aimed_at, parse_target, parse_wait_for
from windtunnel.errors import ExpressionError, Problem, did_you_mean
from windtunnel.expressions.quantities import parse_duration, parse_rate
from windtunnel.expressions.threshold import parse_flag
from windtunnel.model.load import Segment
from windtunnel.model.readiness import LOOPBACKS, Readiness
from windtunnel.model.sut import Service, Sut
from windtunnel.model.vocabulary import Arrival, FailOn, KeepBodies, Loopback

ARRIVALS: tuple[Arrival, ...] = get_args(Arrival)
FAIL_ON: tuple[FailOn, ...] = get_args(FailOn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says; None where it says nothing. It wins over the plan.

    `thresholds` (`metric{tag:value}: condition`) and `tags` (`team=cart`) are added to the plan's. `settings` are
    start values of variables (`qty=2`), `only` and `skip` pick scenarios, `profiles` are of the SUT file. `once`:
    one instance of each scenario, whatever the plan says of the load.
    """

    parallel: int | None = None
    count: int | None = None
    duration: str | None = None
    rate: str | None = None
    stages: str | None = None
    max_parallel: int | None = None
    arrival: Arrival | None = None
    pace: str | None = None
    graceful_stop: str | None = None
    max_duration: str | None = None
    fail_on: FailOn | None = None
    baseline: str | None = None
    seed: int | None = None
    workers: str | None = None
    shard: str | None = None
    thresholds: Sequence[str] = ()
    directory: str | None = None
    bodies: KeepBodies | None = None
    name: str | None = None
    insecure: bool = False
    resolve: Sequence[str] = ()
    target: str | None = None
    wait_for: Sequence[str] = ()
    wait_timeout: str | None = None
    loopback: Loopback | None = None
    tags: Sequence[str] = ()
    settings: Sequence[str] = ()
    profiles: Sequence[str] = ()
    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    once: bool = False
    verbose: bool = False

    def applied_to(self, sut: Sut) -> Sut:
        """The SUT as the flags have it.

        Raises ExpressionError for what `flag_problems` objects to, and for a target that fits no base URL.
        """
        if self.target is not None:
            sut = aimed_at(sut, parse_target(self.target))
        if self.insecure:
            services = {name: _unchecked(service) for name, service in sut.services.items()}
            sut = replace(sut, default=sut.default and _unchecked(sut.default), services=services)
        fixed = dict(map(parse_resolution, self.resolve))
        return replace(sut, http=replace(sut.http, resolve={**sut.http.resolve, **fixed}))

    def processes(self, *, processors: int) -> int:
        """How many worker processes are asked for."""
        return processors if self.workers == "auto" else int(self.workers or 1)

    def readiness(self) -> Readiness:
        """What is waited for. Raises ExpressionError for what `flag_problems` objects to."""
        default = Readiness()
        return Readiness(
            wait_for=tuple(map(parse_wait_for, self.wait_for)),
            wait_timeout_s=default.wait_timeout_s
            if self.wait_timeout is None
            else parse_duration(self.wait_timeout),
            loopback=self.loopback or default.loopback,
        )

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> Overrides:
        """Those of the flags that are overrides, by their names here; lists become tuples."""
        given: dict[str, Any] = {
            each.name: flags[each.name] for each in fields(cls) if flags.get(each.name) is not None
        }
        values: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return cls(**values)

    def load(self) -> LoadSettings:
        """What the flags say about the load. Raises ExpressionError for what `flag_problems` objects to."""
        stages, kinds = parse_stages(self.stages) if self.stages is not None else (None, ())
        return LoadSettings(
            parallel=self.parallel,
            count=self.count,
            duration_s=None if self.duration is None else parse_duration(self.duration),
            rate=None if self.rate is None else parse_rate(self.rate),
            stages=stages,
            stage_kinds=kinds,
            max_parallel=self.max_parallel,
            arrival=self.arrival,
            pace_s=None if self.pace is None else parse_duration(self.pace),
            graceful_stop_s=None if self.graceful_stop is None else parse_duration(self.graceful_stop),
        )


def flag_problems(overrides: Overrides) -> list[Problem]:
    """A problem for each flag that can't be read."""
    problems = []
    for flag, number, least in (
        ("--parallel", overrides.parallel, 1),
        ("--count", overrides.count, 1),
        ("--max-parallel", overrides.max_parallel, 1),
        ("--seed", overrides.seed, 0),
    ):
        if number is not None and number < least:
            problems.append(Problem(message=f"{flag} must be at least {least}, not {number}"))
    for flag, text, parse, least_s in _quantities(overrides):
        try:
            if text is not None and parse(text) == least_s:
                problems.append(Problem(message=f"{flag} must be more than 0"))
        except ExpressionError as error:
            problems.append(Problem(message=f"{flag}: {error}", hint=error.hint))
    if overrides.workers is not None and not re.fullmatch(r"auto|0*[1-9][0-9]{0,3}", overrides.workers):
        hint = "write a number of processes, or auto for one a processor"
        problems.append(Problem(message=f'--workers can\'t be "{overrides.workers}"', hint=hint))
    elif overrides.workers not in (None, "1") and sys.platform == "win32":
        problems.append(Problem(message="--workers: there is only one worker on Windows"))
    if overrides.arrival not in (None, *ARRIVALS):
        problems.append(Problem(message=f'--arrival is uniform or poisson, not "{overrides.arrival}"'))
    if overrides.fail_on not in (None, *FAIL_ON):
        meant = did_you_mean(overrides.fail_on or "", FAIL_ON)
        message = f'--fail-on is thresholds, errors or never, not "{overrides.fail_on}"'
        problems.append(Problem(message=message, hint=meant))
    if overrides.loopback not in (None, *LOOPBACKS):
        problems.append(Problem(message=f'--loopback is auto, gateway or strict, not "{overrides.loopback}"'))
    try:
        parse_shard(overrides.shard)
    except ExpressionError as error:
        problems.append(Problem(message=f"--shard: {error}", hint=error.hint))
    return [*problems, *_list_problems(overrides)]


def _list_problems(overrides: Overrides) -> Iterator[Problem]:
    """What can't be read of the flags that can be given several times."""
    lists: tuple[tuple[str, Sequence[str], Callable[[str], object]], ...] = (
        ("--resolve", overrides.resolve, parse_resolution),
        ("--threshold", overrides.thresholds, parse_flag),
        ("--set", overrides.settings, parse_preset),
        ("--tag", overrides.tags, parse_tag),
    )
    for flag, texts, parse in lists:
        for text in texts:
            try:
                parse(text)
            except ExpressionError as error:
                yield Problem(message=f"{flag}: {error}", hint=error.hint)


def parse_shard(text: str | None) -> Segment:
    """The part of the load that `2/4` means; all of it without a text. Raises ExpressionError.

    Where a CI system numbers its jobs, `auto` was replaced before it came here.
    """
    if text is None:
        return Segment()
    if text == "auto":
        hint = (
            "GitLab says so with `parallel:` on the job, CircleCI with `parallelism:`; elsewhere write --shard 2/4"
        )
        raise ExpressionError("no variable of a CI system says which shard this is", hint=hint)
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and 0 < int(number) <= int(of) < 10_000:
        return Segment(number=int(number) - 1, of=int(of))
    raise ExpressionError(f'"{text}" is not a shard', hint="write it like 2/4: the second of four")


def parse_resolution(text: str) -> tuple[str, str]:
    """(host or host:port, address) of `shop.test:10.0.0.5` or `shop.test:443:10.0.0.5`. Raises ExpressionError."""
    host, _, rest = text.partition(":")
    port, _, after_port = rest.partition(":")
    for key, address in ((host, rest), (f"{host}:{port}", after_port)):
        try:
            return key.lower(), str(ipaddress.ip_address(address.strip("[]")))
        except ValueError:
            continue
    raise ExpressionError(f'"{text}" is not a host and its address', hint="write it like shop.test:10.0.0.5")


def _unchecked(service: Service) -> Service:
    return replace(service, tls=replace(service.tls, verify=False))


def load_flag_problems(settings: LoadSettings, overrides: Overrides) -> list[Problem]:
    """What can't be carried out together, once the flags stand over the plan; each names a flag."""
    if overrides.load() == LoadSettings():
        return []  # the plan's own objections were made where it was read
    return [
        Problem(message=f"--{key.replace('_', '-')}: {message}".replace("`", ""), hint=hint.replace("`", ""))
        for key, message, hint in objections(settings)
    ]


def _quantities(overrides: Overrides) -> list[tuple[str, str | None, Callable[[str], object], float | None]]:
    """(flag, its text, what reads it, the value that is too little)."""
    return [
        ("--duration", overrides.duration, parse_duration, 0.0),
        ("--rate", overrides.rate, parse_rate, None),
        ("--stages", overrides.stages, parse_stages, None),
        ("--pace", overrides.pace, parse_duration, 0.0),
        ("--max-duration", overrides.max_duration, parse_duration, 0.0),
        ("--graceful-stop", overrides.graceful_stop, parse_duration, None),
        ("--wait-timeout", overrides.wait_timeout, parse_duration, None),
        ("--target", overrides.target, parse_target, None),
        *(("--wait-for", text, parse_wait_for, None) for text in overrides.wait_for),
    ]
