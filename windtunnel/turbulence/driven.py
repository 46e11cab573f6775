"""A fault of the plan as an engine does it: at which times, and how it is at each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_percentage
from windtunnel.model.turbulence import FaultSpec, Phases
from windtunnel.turbulence.drivers.driver import Driver
from windtunnel.turbulence.levels import PROBABILITY
from windtunnel.turbulence.schedule import Window, timeline

RAMP_STEP_S = 1.0
MOST_RAMP_STEPS = 20
"""A ramp is so many steps at most, none shorter than `RAMP_STEP_S`: an engine is told each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The fault as it is from a moment on, in seconds since the load began."""

    begin_s: float
    fault: FaultSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A time in which the fault is on, at a `level` of the schedule; in a ramp it changes meanwhile."""

    changes: tuple[Change, ...]
    end_s: float
    level: str


class DrivenFault:
    """Raises ExpressionError, with the path in the fault, for what the engine can't do at any level."""

    def __init__(self, spec: FaultSpec, phases: Phases, *, seed: int, driver: Driver) -> None:
        if spec.schedule.pattern in ("first_n", "every_nth"):
            raise ExpressionError(
                f"{spec.engine} sees no requests, so it can't count them",
                hint="use another pattern, or a proxy of the plan",
                path=("schedule", "pattern"),
            )
        spec = driver.flat(spec)
        self.spec, self.driver = spec, driver
        driver.check(spec)
        windows = timeline(spec, phases, seed=seed, main=driver.main(spec)).windows
        self.bands = tuple(self._band(window) for window in windows)

    def _band(self, window: Window) -> Band:
        spec = _changed(self.spec, window.changes)
        if window.changes:
            self._check_level(spec)
        changes = (
            Change(begin_s=begin_s, fault=replace(spec, probability=spec.probability * share))
            for begin_s, share in _shares(window)
        )
        return Band(changes=tuple(changes), end_s=window.end_s, level=window.level)

    def _check_level(self, spec: FaultSpec) -> None:
        try:
            self.driver.check(spec)
        except ExpressionError as error:
            error.path = ("schedule", *error.path)
            raise


def _changed(spec: FaultSpec, changes: Mapping[str, Any]) -> FaultSpec:
    settings = {key: value for key, value in changes.items() if key != PROBABILITY}
    probability = parse_percentage(changes[PROBABILITY]) if PROBABILITY in changes else spec.probability
    return replace(spec, settings={**spec.settings, **settings}, probability=probability)


def _shares(window: Window) -> Iterator[tuple[float, float]]:
    """The share of the probability, from a moment on: in a ramp, that of the middle of each step."""
    if window.low == window.high:
        yield window.begin_s, window.high
        return
    length_s = window.end_s - window.begin_s
    steps = max(1, min(MOST_RAMP_STEPS, int(length_s / RAMP_STEP_S)))
    for step in range(steps):
        share = window.low + (window.high - window.low) * (step + 0.5) / steps
        yield window.begin_s + length_s * step / steps, share
