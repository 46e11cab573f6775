"""The load: the settings of the plan and of the flags, combined and checked.

closed   parallel with count and/or duration, or stages with parallel; pace
open     rate with count and/or duration, or stages with rate; max_parallel, arrival
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from windtunnel.config.reader import Document
from windtunnel.errors import ExpressionError, Problem
from windtunnel.expressions.quantities import MAX_USERS, parse_duration, parse_rate, parse_whole
from windtunnel.model.load import OUTSIDE_THE_LOAD, WARMUP, ClosedLoad, Load, OpenLoad, Stage
from windtunnel.model.turbulence import Phases
from windtunnel.model.vocabulary import Arrival

Objection = tuple[str, str, str]
"""(the wrong setting, the message, the hint)."""

_CLOSED = ("parallel", "pace_s")
_OPEN = ("rate", "max_parallel", "arrival")
_WITHOUT_STAGES = ("parallel", "rate", "count", "duration_s")
_OF_PHASES = ("count", "duration_s", "stages", "start")
_USERS_OR_RATE = "keep one of them: users (parallel) or starts per second (rate)"
_STAGES_HINT = 'write "30s:50,2m:50,30s:0" for users, or "30s:100/s" for starts per second'


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """The settings of a load; None for one that is not given. Times are seconds, rates per second.

    `stage_kinds` are the kinds of the stages' targets: users (`parallel`) or starts per second (`rate`).
    """

    parallel: int | None = None
    count: int | None = None
    duration_s: float | None = None
    rate: float | None = None
    stages: tuple[Stage, ...] | None = None
    stage_kinds: tuple[str, ...] = ()
    start: float | None = None
    max_parallel: int | None = None
    arrival: Arrival | None = None
    pace_s: float | None = None
    graceful_stop_s: float | None = None

    @property
    def model(self) -> Literal["open", "closed"] | None:
        """`open` or `closed`, by the settings that only one of them has; None if there are none."""
        if self.rate is not None or "rate" in self.stage_kinds:
            return "open"
        if self.parallel is not None or "parallel" in self.stage_kinds:
            return "closed"
        if any(getattr(self, name) is not None for name in _OPEN):
            return "open"
        return "closed" if self.pace_s is not None else None


def read_load(data: Mapping[str, Any]) -> LoadSettings:
    """The settings of a `load` section that its schema accepts."""
    stages = [_stage(number, entry) for number, entry in enumerate(data.get("stages", ()), 1)]
    start = data.get("start")
    return LoadSettings(
        parallel=_whole(data.get("parallel")),
        count=_whole(data.get("count")),
        duration_s=_seconds(data.get("duration")),
        rate=None if "rate" not in data else parse_rate(data["rate"]),
        stages=tuple(stage for _, stage in stages) if "stages" in data else None,
        stage_kinds=tuple(kind for kind, _ in stages),
        start=None if start is None else parse_rate(start) if isinstance(start, str) else float(start),
        max_parallel=_whole(data.get("max_parallel")),
        arrival=data.get("arrival"),
        pace_s=_seconds(data.get("pace")),
        graceful_stop_s=_seconds(data.get("graceful_stop")),
    )


def parse_stages(text: str) -> tuple[tuple[Stage, ...], tuple[str, ...]]:
    """The stages of `30s:50,2m:50,30s:0` (users) or `30s:50/s` (starts per second); each may begin with `name=`.

    Returns the stages and the kind of each target. Raises ExpressionError.
    """
    stages: list[Stage] = []
    kinds: list[str] = []
    for number, part in enumerate(text.split(","), 1):
        name, equals, rest = part.strip().rpartition("=")
        duration, colon, target = (piece.strip() for piece in rest.partition(":"))
        if not colon or not target or (equals and not name.strip()):
            raise ExpressionError(f'"{part.strip()}" is not a stage', hint=_STAGES_HINT)
        if not target.endswith(("/s", "/m", "/h")) and not _is_whole(target):
            raise ExpressionError(f'"{target}" is neither a number of users nor a rate', hint=_STAGES_HINT)
        kind = "parallel" if _is_whole(target) else "rate"
        duration_s = parse_duration(duration)
        if not duration_s:
            raise ExpressionError(f'the stage "{part.strip()}" must last more than 0', hint=_STAGES_HINT)
        value = float(parse_whole(target, most=MAX_USERS)) if kind == "parallel" else parse_rate(target)
        stages.append(Stage(duration_s=duration_s, target=value, name=name.strip() or _default_name(number)))
        kinds.append(kind)
    return tuple(stages), tuple(kinds)


def with_flags(plan: LoadSettings, flags: LoadSettings) -> LoadSettings:
    """The settings of the plan, overridden by those of the flags.

    Flags for the other kind of load, or for stages instead of a constant load, drop those of the plan (rule 32).
    """
    if flags.model and plan.model and flags.model != plan.model:
        plan = LoadSettings(graceful_stop_s=plan.graceful_stop_s)
    if flags.stages is not None:
        plan = replace(plan, parallel=None, rate=None, count=None, duration_s=None, start=None)
    elif any(getattr(flags, name) is not None for name in _WITHOUT_STAGES):
        plan = replace(plan, stages=None, stage_kinds=(), start=None)
    given = {
        field.name: value for field in fields(flags) if (value := getattr(flags, field.name)) not in (None, ())
    }
    return replace(plan, **given)


def objections(
    settings: LoadSettings,
    *,
    phases: bool = False,
    quote: Callable[[str], str] = "`{}`".format,
    example: str = "rate: 100/s",
) -> Iterator[Objection]:
    """Every combination of settings that is not possible.

    `phases`: those of `turbulence` are the length of the load. `quote` writes the key of a setting in a sentence,
    `example` sets a rate, as the user writes them.
    """
    if phases:
        yield from _beside_phases(settings, quote)
        settings = replace(settings, stage_kinds=(), **dict.fromkeys(_OF_PHASES))
    if settings.stages is not None:
        for key in (_key(name) for name in _WITHOUT_STAGES if getattr(settings, name) is not None):
            amount = f"{quote(key)} can't be combined with {quote('stages')}, which set the amount and the time"
            yield key, amount, f"remove {quote(key)}"
        if len(set(settings.stage_kinds)) > 1:
            kinds = "stages must be all in users (parallel) or all in starts per second (rate)"
            yield "stages", kinds, _STAGES_HINT
        elif not any(stage.target for stage in settings.stages) and not settings.start:
            yield "stages", "every stage has a target of 0", "write a target above 0 for one of them"
        yield from _unmeasured(settings.stages)
    elif settings.start is not None:
        yield "start", f"{quote('start')} has no effect without {quote('stages')}", f"remove {quote('start')}"
    is_open = settings.model == "open"
    for key in (_key(name) for name in (_CLOSED if is_open else _OPEN) if getattr(settings, name) is not None):
        other = "rate" if is_open else "parallel"
        hint = _USERS_OR_RATE if key == "parallel" else f"remove {quote(key)}"
        yield key, f"{quote(key)} can't be combined with {quote(other)}", hint
    if is_open and settings.stages is None:
        if settings.rate is None:
            yield "rate", "an open load needs a rate", example
        elif settings.rate == 0:
            yield "rate", "the rate must be more than 0", example
        elif settings.count is None and settings.duration_s is None and not phases:
            yield "rate", "the load has no end", "add a duration (5m) or a count"


def _beside_phases(settings: LoadSettings, quote: Callable[[str], str]) -> Iterator[Objection]:
    """What the phases of `turbulence` decide."""
    for key in (_key(name) for name in _OF_PHASES if getattr(settings, name) is not None):
        message = f"{quote(key)} can't be combined with phases, which set the time of a load that stays the same"
        yield key, message, f"remove {quote(key)}; {quote('rate')} or {quote('parallel')} sets the load"


def _unmeasured(stages: Sequence[Stage]) -> Iterator[Objection]:
    """Stages whose name alone would leave them out of every metric."""
    for stage in stages:
        if stage.phase in OUTSIDE_THE_LOAD or (stage.name.startswith(WARMUP) and not stage.warmup):
            message = f'a stage can\'t have the name "{stage.name}": no metric includes that phase'
            yield "stages", message, "choose another name; `warmup: true` in the plan makes a stage a warm-up"


def load_problems(document: Document, settings: LoadSettings, *, phases: bool = False) -> list[Problem]:
    """A problem for each objection to the `load` section of a file, at its place."""
    written = document.data.get("load", {})
    return [
        document.problem(message, ("load", key) if key in written else ("load",), key=True, hint=hint)
        for key, message, hint in objections(settings, phases=phases)
    ]


def load_of(settings: LoadSettings, phases: Phases | None = None) -> Load:
    """The load of settings without objections; one instance if neither count nor duration is given.

    With `phases` it stays the same for as long as they are.
    """
    if phases is not None:
        target = settings.rate if settings.model == "open" and settings.rate else float(settings.parallel or 1)
        kind = "rate" if settings.model == "open" else "parallel"
        settings = replace(
            settings, stages=phases.stages(target), stage_kinds=(kind,), start=target, rate=None, parallel=None
        )
    grace_s = settings.graceful_stop_s
    common: dict[str, Any] = {} if grace_s is None else {"graceful_stop_s": grace_s}
    common |= {"stages": settings.stages or (), "start": settings.start or 0.0, "count": settings.count}
    if settings.model == "open":
        return OpenLoad(
            rate=settings.rate or 0.0,
            duration_s=settings.duration_s,
            arrival=settings.arrival or "uniform",
            max_parallel=settings.max_parallel,
            **common,
        )
    if not settings.stages and settings.count is None and settings.duration_s is None:
        common["count"] = 1
    return ClosedLoad(
        parallel=settings.parallel or 1, duration_s=settings.duration_s, pace_s=settings.pace_s, **common
    )


def _stage(number: int, entry: Mapping[str, Any]) -> tuple[str, Stage]:
    kind = "rate" if "rate" in entry else "parallel"
    return kind, Stage(
        duration_s=parse_duration(entry["duration"]),
        target=parse_rate(entry["rate"]) if kind == "rate" else float(entry["parallel"]),
        name=entry.get("name", _default_name(number)),
        warmup=entry.get("warmup", False),
    )


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _default_name(number: int) -> str:
    return f"stage-{number}"


def _key(name: str) -> str:
    return name.removesuffix("_s")


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _seconds(value: str | float | None) -> float | None:
    return None if value is None else parse_duration(value)
