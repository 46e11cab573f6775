"""The values of the flags: each is read once, here, whether it was typed, set as an input or passed in Python."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from windtunnel.config.flags import FLAGS, Flag, Kind
from windtunnel.config.load import LoadSettings, objections, parse_stages
from windtunnel.config.presets import Preset, parse_preset, parse_tag
from windtunnel.config.readiness import parse_command, parse_target, parse_wait_for, with_target
from windtunnel.errors import ExpressionError, Problem, did_you_mean, visible
from windtunnel.expressions.quantities import MAX_USERS, parse_duration, parse_rate, parse_whole
from windtunnel.expressions.threshold import parse_flag
from windtunnel.figures import literal
from windtunnel.model.load import Segment
from windtunnel.model.origin import checked_host
from windtunnel.model.sut import Readiness, Service, Sut, WaitFor
from windtunnel.model.threshold import Threshold
from windtunnel.model.vocabulary import FailOn, KeepBodies, Loopback

_LONGEST_SHOWN = 60
_LONGEST_MESSAGE = 250
_PORT = re.compile(r"[0-9]{1,5}")
_SHARD_NUMBER = re.compile(r"[0-9]{1,4}")
MOST_WORKERS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the flags say; None and empty where they say nothing. They win over the plan.

    `settings` are start values of variables, `only` and `skip` patterns of scenarios, `profiles` names of profiles
    in the SUT file. `workers` is 0 for one per processor. `given` are the names of the flags, `problems` those of
    the values that can't be read; such a value is missing here.
    """

    load: LoadSettings = LoadSettings()
    max_duration_s: float | None = None
    fail_on: FailOn | None = None
    baseline: str | None = None
    seed: int | None = None
    workers: int = 1
    shard: Segment | Literal["auto"] = Segment()
    thresholds: tuple[Threshold, ...] = ()
    output: str | None = None
    bodies: KeepBodies | None = None
    name: str | None = None
    insecure: bool = False
    resolve: tuple[tuple[str, str], ...] = ()
    target: str | None = None
    exec: tuple[str, ...] = ()
    wait_for: tuple[WaitFor, ...] = ()
    wait_timeout_s: float | None = None
    loopback: Loopback | None = None
    tags: tuple[tuple[str, str], ...] = ()
    settings: tuple[Preset, ...] = ()
    profiles: tuple[str, ...] = ()
    allow_paths: tuple[str, ...] = ()
    allow_env: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    once: bool = False
    verbose: bool = False
    given: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def applied_to(self, sut: Sut) -> Sut:
        """The SUT with the target, the resolutions and `--insecure`.

        Raises ExpressionError for a target that fits no base URL.
        """
        if self.target is not None:
            sut = with_target(sut, self.target)
        if self.insecure:
            services = {name: _unchecked(service) for name, service in sut.services.items()}
            sut = replace(sut, default=sut.default and _unchecked(sut.default), services=services)
        return replace(sut, http=replace(sut.http, resolve={**sut.http.resolve, **dict(self.resolve)}))

    @property
    def readiness(self) -> Readiness:
        """What to wait for."""
        default = Readiness()
        return Readiness(
            command=self.exec,
            wait_for=self.wait_for,
            wait_timeout_s=default.wait_timeout_s if self.wait_timeout_s is None else self.wait_timeout_s,
            # What the run starts is in this container, whatever answers on its host.
            loopback=self.loopback or ("strict" if self.exec else default.loopback),
        )

    def with_shard(self, text: str | None) -> Overrides:
        """The same with `--shard auto` replaced by the shard that the CI system names, if it names one."""
        if self.shard != "auto":
            return self
        hint = "write --shard 2/4, or set `parallel:` (GitLab) or `parallelism:` (CircleCI) on the job"
        problem = Problem(
            flag="--shard",
            message="auto found no variable of GitLab or CircleCI with the number of the shard",
            hint=hint,
        )
        if text is not None:
            try:
                return replace(self, shard=parse_shard(text))
            except ExpressionError as error:
                problem = Problem(flag="--shard", message=str(error), hint=error.hint)
        return replace(self, shard=Segment(), problems=(*self.problems, problem))


_LOAD_FIELDS = frozenset(each.name for each in fields(LoadSettings))
_OWN_FIELDS = frozenset(each.name for each in fields(Overrides))


def overrides_of(**given: Any) -> Overrides:
    """The flags by their names in Python: texts as they are typed, or Python's own values. None is not given."""
    values, problems = read_values(given)
    if "stages" in values:
        values["stages"], values["stage_kinds"] = values["stages"]
    load = LoadSettings(**{name: value for name, value in values.items() if name in _LOAD_FIELDS})
    own = {name: value for name, value in values.items() if name in _OWN_FIELDS}
    names = tuple(flag.name for flag in FLAGS if _is_given(given.get(flag.parameter)))
    return Overrides(load=load, **own, given=names, problems=tuple(problems))


def read_values(given: Mapping[str, Any], flags: Sequence[Flag] = FLAGS) -> tuple[dict[str, Any], list[Problem]]:
    """(values by the name of their field, problems of those that can't be read), in the order of the table."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for flag in flags:
        found = given.get(flag.parameter)
        if found is None:
            continue
        read = []
        for each in _several(found, listed=flag.kind == "choice") if flag.repeatable else (found,):
            try:
                if flag.kind != "text" and isinstance(each, str) and not _is_utf_8(each):
                    raise ExpressionError(f"{_shown(each)} is not UTF-8 text")
                read.append(_read_choice(flag, each) if flag.kind == "choice" else READERS[flag.kind](each))
            except ExpressionError as error:
                message = (
                    str(error) if len(str(error)) <= _LONGEST_MESSAGE else f"{str(error)[:_LONGEST_MESSAGE]}…"
                )
                problems.append(Problem(flag=f"--{flag.name}", message=message, hint=error.hint))
        if flag.repeatable:
            values[flag.field] = tuple(read)
        elif read:
            values[flag.field] = read[0]
    return values, problems


def arguments(flags: Sequence[Flag] = FLAGS) -> frozenset[str]:
    """The names of the flags that `windtunnel.run()` takes."""
    return frozenset(flag.parameter for flag in flags if flag.in_python)


def load_problems_of_flags(
    settings: LoadSettings, overrides: Overrides, *, phases: bool = False
) -> Iterator[Problem]:
    """What the load can't be with the flags over the plan, each with the flag it is about."""
    if overrides.load == LoadSettings():
        return  # the plan's own objections were made where it was read
    for key, message, hint in objections(settings, phases=phases, quote=str, example="--rate 100/s"):
        yield Problem(flag=f"--{key.replace('_', '-')}", message=message, hint=hint)


def parse_shard(text: str) -> Segment:
    """The part of the load that `2/4` means. Raises ExpressionError."""
    number, slash, of = text.partition("/")
    if slash and _SHARD_NUMBER.fullmatch(number) and _SHARD_NUMBER.fullmatch(of) and 0 < int(number) <= int(of):
        return Segment(number=int(number) - 1, of=int(of))
    raise ExpressionError(f"{_shown(text)} is not a shard", hint="write it like 2/4: the second of four")


def parse_resolution(text: str) -> tuple[str, str]:
    """(host or host:port, address) of `shop.test:10.0.0.5` or `shop.test:443:10.0.0.5`. Raises ExpressionError."""
    host, _, rest = text.partition(":")
    port, _, after_port = rest.partition(":")
    for key, address in ((host, rest), (f"{host}:{port}", after_port)):
        try:
            found = str(ipaddress.ip_address(address.strip("[]")))
        except ValueError:
            continue
        name = checked_host(host.lower(), _shown(text))
        if key != host and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
            raise ExpressionError(f"{_shown(text)}: the port is not a number from 1 to 65535")
        return (name if key == host else f"{name}:{int(port)}"), found
    raise ExpressionError(
        f"{_shown(text)} is not HOST:IP or HOST:PORT:IP", hint="write it like shop.test:10.0.0.5"
    )


def _length(value: Any) -> float:
    seconds = parse_duration(value)
    if seconds == 0:
        raise ExpressionError("must be more than 0")
    return seconds


def _workers(value: Any) -> int:
    text = _text(value)
    if not re.fullmatch(r"auto|0*[1-9][0-9]*", text):
        hint = "write a number such as 4, or auto for one process per processor"
        raise ExpressionError(f"must be a number of processes or auto, not {_shown(text)}", hint=hint)
    if text != "1" and sys.platform == "win32":
        raise ExpressionError("there is only one worker on Windows")
    return 0 if text == "auto" else parse_whole(text, most=MOST_WORKERS)


def _shard(value: Any) -> Segment | Literal["auto"]:
    text = _text(value)
    return "auto" if text == "auto" else parse_shard(text)


def _read_choice(flag: Flag, value: Any) -> str:
    text = _text(value)
    if text not in flag.choices:
        words = f"{', '.join(flag.choices[:-1])} or {flag.choices[-1]}"
        raise ExpressionError(f"must be {words}, not {_shown(text)}", hint=did_you_mean(text, flag.choices))
    return text


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value not in ((), [])


def _several(value: Any, *, listed: bool) -> Sequence[Any]:
    """The values of a flag that can be given several times: `{"team": "cart"}` is `team=cart`.

    Those of a `listed` one may have commas between them.
    """
    if listed:
        return [part.strip() for each in _several(value, listed=False) for part in str(each).split(",")]
    if isinstance(value, Mapping):
        return [f"{key}={each}" for key, each in value.items()]
    if isinstance(value, str | os.PathLike) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def _text(value: Any) -> str:
    return str(os.fspath(value)) if isinstance(value, os.PathLike) else str(value)


def _is_utf_8(text: str) -> bool:
    """Whether it is: other bytes of the command line come as lone surrogates, which only paths may hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    """The value in quotes, on one line and not too long."""
    text = visible(str(value)).replace("\n", " ")
    return f'"{text}"' if len(text) <= _LONGEST_SHOWN else f'"{text[: _LONGEST_SHOWN - 1]}…"'


def _unchecked(service: Service) -> Service:
    return replace(service, tls=replace(service.tls, verify=False))


READERS: dict[Kind, Callable[[Any], object]] = {
    "text": _text,
    "switch": bool,
    "on_off": bool,
    "whole": parse_whole,
    "count": lambda value: parse_whole(value, least=1),
    "users": lambda value: parse_whole(value, least=1, most=MAX_USERS),
    "duration": parse_duration,
    "length": _length,
    "rate": lambda value: parse_rate(value if isinstance(value, str) else f"{literal(value)}/s"),
    "stages": lambda value: parse_stages(_text(value)),
    "workers": _workers,
    "shard": _shard,
    "resolution": parse_resolution,
    "target": parse_target,
    "wait_for": parse_wait_for,
    "threshold": lambda value: parse_flag(_text(value)),
    "preset": parse_preset,
    "tag": parse_tag,
    "command": parse_command,
}
"""Kind -> what reads one value and raises ExpressionError for one that can't be read; `choice` needs its row."""
