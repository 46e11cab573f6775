"""When a fault is on: a schedule becomes windows, in seconds since the load began. Pure: no clock is read.

    pattern      settings               within the time from `at`, for `for`                      windows
    window       none                   on throughout                                             one
    flap         on, off (= on)         on and off in turn, on first                              one each time
    ramp         none                   the probability rises evenly from 0 to the fault's own    one
    steps        steps (4)              the same in so many equal steps                           one each step
    pulse        every, width           on for `width` at the start of each `every`               one each time
    random       mtbf, mttr             off for a time with the mean mtbf, on for one with the    one each time
                                        mean mttr, and so on; both exponential, by the seed
    first_n      first_n                the first N requests of each logical one: of ours, those  one
                                        of one step in one instance, retries and polls with them
    every_nth    every_nth              each Nth instance: the Nth, the 2Nth, …; in a proxy each  one
                                        Nth request
    sweep        sweep, of              one level after the other, for equal times                one each level

`repeat: { every, times, step }` does all this again and again, and adds `step` to one setting each time. The
levels of a sweep, of steps and of `repeat` with `step` each get a verdict of their own. No fault is on outside of
the phase `inject`. Random times are drawn from the seed and the name of the fault: they are the same in every run.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.figures import as_written, share
from windtunnel.model.turbulence import FaultSpec, Phases, Schedule
from windtunnel.model.vocabulary import FaultPattern
from windtunnel.turbulence.decision import number
from windtunnel.turbulence.levels import PROBABILITY, added, level_text, with_main
from windtunnel.turbulence.settings import Settings

MOST_WINDOWS = 10_000
_NEARLY = 1e-9
"""Seconds that sums of floats may be off by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which a fault is on, in seconds since the load began; it ends just before `end_s`.

    The share of its probability goes evenly from `low` to `high`. `level` is the text of the level, if it has
    levels; `changes` are the settings, `probability` among them, that are others at that level.
    """

    begin_s: float
    end_s: float
    low: float = 1.0
    high: float = 1.0
    level: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The windows of one fault, in order and apart from each other."""

    windows: tuple[Window, ...]
    first_n: int = 0
    every_nth: int = 0

    def window(self, t_s: float) -> Window | None:
        """The window in which a moment is, in seconds since the load began; None while the fault is off."""
        before = bisect_right(self.windows, t_s, key=_begin)
        if not before or t_s >= self.windows[before - 1].end_s:
            return None
        return self.windows[before - 1]

    def share(self, t_s: float) -> float:
        """What the probability is multiplied by at a moment: 0 while the fault is off, at most 1."""
        window = self.window(t_s)
        if window is None:
            return 0.0
        passed = (t_s - window.begin_s) / (window.end_s - window.begin_s)
        return window.low + (window.high - window.low) * passed

    def level(self, t_s: float) -> str:
        """The level at a moment, "" while there is none."""
        window = self.window(t_s)
        return window.level if window is not None else ""

    def bands(self) -> list[tuple[float, float, str]]:
        """When the fault is on: begin and end in seconds since the load began, and the level."""
        return [(each.begin_s, each.end_s, each.level) for each in self.windows]

    def takes(self, *, request: int, instance: int) -> bool:
        """Whether it takes a request by its number, and that of its instance; both count from 1.

        `request` counts the requests of one logical request.
        """
        if self.first_n:
            return request <= self.first_n
        return not self.every_nth or instance % self.every_nth == 0

    def mean_share(self) -> float:
        """The mean of `share` over the time that the fault is on, weighted by time."""
        on_s = sum(each.end_s - each.begin_s for each in self.windows)
        whole = sum((each.end_s - each.begin_s) * (each.low + each.high) / 2 for each in self.windows)
        return whole / on_s if on_s else 0.0


def _begin(window: Window) -> float:
    return window.begin_s


def timeline(spec: FaultSpec, phases: Phases, *, seed: int, main: str = "") -> Timeline:
    """The windows of a fault. `main` is the setting of its type that a sweep without `of` goes through.

    Raises ExpressionError, with the path in the fault, for a schedule that can't be.
    """
    try:
        return _compiled(spec, phases, seed=seed, main=main)
    except ExpressionError as error:
        error.path = ("schedule", *error.path)
        raise


def _compiled(spec: FaultSpec, phases: Phases, *, seed: int, main: str) -> Timeline:
    schedule, settings = spec.schedule, Settings(spec.schedule.settings)
    _require_keys(schedule.pattern, settings)
    repetitions = _repetitions(settings, *_extent(schedule, phases.inject_s), phases.inject_s)
    plan = _Plan(spec=spec, settings=settings, seed=seed, main=main)
    windows: list[Window] = []
    for number_, (begin_s, length_s) in enumerate(repetitions):
        changed = _stepped(plan, settings.inside("repeat"), number_)
        for window in _PATTERNS[schedule.pattern](plan, length_s):
            moved = _moved(window, phases.begin_s("inject") + begin_s, end_s=phases.end_s("inject"))
            if moved is None:
                break
            if len(windows) >= MOST_WINDOWS:
                raise ExpressionError(f"the fault would be switched on more than {MOST_WINDOWS:,} times")
            windows.append(replace(moved, **changed) if changed else moved)
    if not windows:
        raise ExpressionError("the fault would never be on", hint="give it more time, or another seed")
    return Timeline(
        windows=tuple(windows),
        first_n=settings.whole("first_n") if schedule.pattern == "first_n" else 0,
        every_nth=settings.whole("every_nth") if schedule.pattern == "every_nth" else 0,
    )


def _require_keys(pattern: FaultPattern, settings: Settings) -> None:
    """Raise ExpressionError for a key that is missing, or belongs to another pattern or to none."""
    for key in _REQUIRED.get(pattern, ()):
        if key not in settings:
            raise ExpressionError(f'the pattern {pattern} needs "{key}"', path=("pattern",))
    known = (*_KEYS[pattern], "repeat")
    for key in settings.values:
        owners = [name for name, keys in _KEYS.items() if key in keys]
        if key not in known and owners:
            hint = f"remove it, or write pattern: {owners[0]}"
            message = f'unknown key "{key}" for the pattern {pattern}: it belongs to {owners[0]}'
            raise ExpressionError(message, hint=hint, path=(key,))
    settings.only(known)


def _moved(window: Window, by_s: float, *, end_s: float) -> Window | None:
    """A window that begins later and is cut off at a moment; None for one that would begin only then."""
    begin_s, length_s = window.begin_s + by_s, window.end_s - window.begin_s
    if begin_s >= end_s - _NEARLY:
        return None
    left = min(1.0, (end_s - begin_s) / length_s)
    if left > 1 - _NEARLY:
        return replace(window, begin_s=begin_s, end_s=min(window.end_s + by_s, end_s))
    return replace(window, begin_s=begin_s, end_s=end_s, high=window.low + (window.high - window.low) * left)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What the patterns need to know."""

    spec: FaultSpec
    settings: Settings
    seed: int
    main: str


def _extent(schedule: Schedule, inject_s: float) -> tuple[float, float]:
    """When a schedule begins, in seconds of the phase `inject`, and how long it is."""
    at_s = schedule.at.of(inject_s)
    if at_s >= inject_s:
        where = f"the phase inject is {as_written(inject_s)} long"
        hint = "times count from the start of inject: write an earlier one, or make the phase longer"
        message = f"the fault would begin after {as_written(at_s)}, but {where}"
        raise ExpressionError(message, path=("at",), hint=hint)
    if schedule.length is None:
        return at_s, inject_s - at_s
    length_s = schedule.length.of(inject_s)
    if length_s <= 0:
        raise ExpressionError("must be more than zero", path=("for",))
    if at_s + length_s > inject_s + _NEARLY:
        over = as_written(round(at_s + length_s - inject_s, 6))
        raise ExpressionError(
            f"the fault would end {over} after the phase inject",
            hint="shorten `for`, or leave it out: the fault then ends with the phase",
            path=("for",),
        )
    return at_s, min(length_s, inject_s - at_s)


def _repetitions(
    settings: Settings, at_s: float, length_s: float, inject_s: float
) -> Iterator[tuple[float, float]]:
    """Begin of each repetition in seconds of the phase `inject`, and its length, which may be beyond the phase."""
    if "repeat" not in settings:
        yield at_s, length_s
        return
    repeat = settings.inside("repeat")
    repeat.only(("every", "times", "step"))
    every_s, times = repeat.positive("every"), repeat.whole("times", MOST_WINDOWS)
    whole = length_s >= inject_s - at_s - _NEARLY
    if whole:
        length_s = every_s  # without `for`: one repetition follows the other
    elif length_s > every_s + _NEARLY:
        raise ExpressionError(
            f"one repetition would begin before the last one ends ({as_written(length_s)})",
            path=("repeat", "every"),
        )
    for number_ in range(times):
        begin_s = at_s + number_ * every_s
        if begin_s >= inject_s - _NEARLY:
            return
        yield begin_s, length_s


def _stepped(plan: _Plan, repeat: Settings, number_: int) -> dict[str, Any]:
    """What is different in the repetition of a number: its settings, and the text of its level."""
    step = repeat.inside("step")
    if not step.values:
        return {}
    if len(step.values) != 1:
        raise ExpressionError("must be one setting", hint="step: { delay: +50ms }", path=("repeat", "step"))
    key, amount = next(iter(step.values.items()))
    base = plan.spec.probability if key == PROBABILITY else plan.spec.settings.get(key)
    try:
        value = added(base, amount, number_)
        return {"changes": {key: value}, "level": level_text(key, value)}
    except ExpressionError as error:
        error.path = ("repeat", "step", key)
        raise


_Windows = Iterable[Window]


def _window(_: _Plan, length_s: float) -> _Windows:
    return (Window(begin_s=0.0, end_s=length_s),)


def _ramp(_: _Plan, length_s: float) -> _Windows:
    return (Window(begin_s=0.0, end_s=length_s, low=0.0),)


def _steps(plan: _Plan, length_s: float) -> _Windows:
    steps = plan.settings.whole("steps", 4, least=2, most=100)
    for number_ in range(steps):
        part = (number_ + 1) / steps
        begin_s, end_s = _part(length_s, number_, steps)
        level = share(plan.spec.probability * part)
        yield Window(begin_s=begin_s, end_s=end_s, low=part, high=part, level=level)


def _flap(plan: _Plan, length_s: float) -> _Windows:
    on_s = plan.settings.positive("on")
    every_s = on_s + plan.settings.positive("off", on_s)
    _require_time("on and off once", every_s, length_s, "on")
    return _pulses(on_s, every_s, length_s)


def _pulse(plan: _Plan, length_s: float) -> _Windows:
    every_s, width_s = plan.settings.positive("every"), plan.settings.positive("width")
    if width_s > every_s:
        raise ExpressionError(
            f"must be at most {as_written(every_s)}, the time between two pulses", path=("width",)
        )
    return _pulses(width_s, every_s, length_s)


def _require_time(what: str, every_s: float, length_s: float, key: str) -> None:
    """Raise ExpressionError where the fault is switched on once, and the pattern therefore does nothing."""
    if every_s > length_s + _NEARLY:
        raise ExpressionError(
            f"{what} takes {as_written(every_s)}, and the fault has {as_written(length_s)}",
            hint="shorten it, or make the time of the fault longer",
            path=(key,),
        )


def _pulses(on_s: float, every_s: float, length_s: float) -> Iterator[Window]:
    number_ = 0
    while (begin_s := number_ * every_s) < length_s - _NEARLY:
        yield Window(begin_s=begin_s, end_s=min(begin_s + on_s, length_s))
        number_ += 1


def _random(plan: _Plan, length_s: float) -> _Windows:
    mtbf_s, mttr_s = plan.settings.positive("mtbf"), plan.settings.positive("mttr")
    drawn, now_s, name = 0, 0.0, plan.spec.macro or plan.spec.name
    while True:
        off_s, on_s = (
            -mean_s * math.log1p(-number(plan.seed, "schedule", name, drawn + which))
            for which, mean_s in enumerate((mtbf_s, mttr_s))
        )
        drawn += 2
        begin_s, now_s = now_s + off_s, now_s + off_s + on_s
        if begin_s >= length_s:
            return
        if now_s > begin_s:
            yield Window(begin_s=begin_s, end_s=min(now_s, length_s))


def _sweep(plan: _Plan, length_s: float) -> _Windows:
    levels = plan.settings.read("sweep", _levels)
    key = plan.settings.text("of", plan.main)
    if not key:
        raise ExpressionError("says no setting to go through", hint="name it with `of`", path=("sweep",))
    for number_, value in enumerate(levels):
        begin_s, end_s = _part(length_s, number_, len(levels))
        changes = {key: value if key == PROBABILITY else with_main(plan.spec.settings.get(key), value)}
        yield Window(begin_s=begin_s, end_s=end_s, changes=changes, level=level_text(key, value))


def _levels(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise ExpressionError("must be a list of at least two levels", hint="sweep: [100ms, 200ms, 400ms]")
    return tuple(value)


def _part(length_s: float, number_: int, parts: int) -> tuple[float, float]:
    """Begin and end of one of equal parts; the last one ends exactly with the whole."""
    end_s = length_s if number_ + 1 == parts else length_s * (number_ + 1) / parts
    return length_s * number_ / parts, end_s


_PATTERNS: Mapping[FaultPattern, Callable[[_Plan, float], _Windows]] = {
    "window": _window,
    "flap": _flap,
    "ramp": _ramp,
    "steps": _steps,
    "pulse": _pulse,
    "random": _random,
    "first_n": _window,
    "every_nth": _window,
    "sweep": _sweep,
}

_KEYS: Mapping[FaultPattern, tuple[str, ...]] = {
    "window": (),
    "flap": ("on", "off"),
    "ramp": (),
    "steps": ("steps",),
    "pulse": ("every", "width"),
    "random": ("mtbf", "mttr"),
    "first_n": ("first_n",),
    "every_nth": ("every_nth",),
    "sweep": ("sweep", "of"),
}

_REQUIRED: Mapping[FaultPattern, tuple[str, ...]] = {
    "flap": ("on",),
    "pulse": ("every", "width"),
    "random": ("mtbf", "mttr"),
    "first_n": ("first_n",),
    "every_nth": ("every_nth",),
    "sweep": ("sweep",),
}
