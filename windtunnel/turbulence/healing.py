"""Walks the way back: the latest fault first, each by the driver that did it. In a run and after a crash alike."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from windtunnel.figures import as_written
from windtunnel.interfaces import Clock
from windtunnel.tasks import within
from windtunnel.turbulence.drivers.driver import Answer, Driver
from windtunnel.turbulence.undo import UndoLog, UndoStep

SHORTEST_S = 0.2
"""Seconds that every step has at least, however many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What came of undoing one step: the problem of the answer is None when it is undone."""

    step: UndoStep
    answer: Answer

    @property
    def is_undone(self) -> bool:
        """Whether the fault is gone."""
        return self.answer.problem is None


async def walk_back(
    undo: UndoLog,
    drivers: Mapping[str, Driver],
    *,
    clock: Clock,
    within_s: float | None = None,
    refused: Mapping[str, str] = MappingProxyType({}),
) -> list[Undoing]:
    """Undo all that is left, and note in the log what is undone.

    `within_s` is the time for all steps together: one that takes long leaves every later one its share. Without it
    each has as long as its driver gives it. `refused`: kinds of steps that are left, and why.
    """
    steps = undo.left
    until = None if within_s is None else clock.now() + within_s
    done = []
    for position, step in enumerate(steps):
        share_s = None if until is None else max(SHORTEST_S, (until - clock.now()) / (len(steps) - position))
        if step.kind in refused:
            answer = Answer(problem=refused[step.kind])
        else:
            answer = await _revert(step, drivers.get(step.kind), share_s)
        if answer.problem is None:
            undo.undone(step)
        done.append(Undoing(step=step, answer=answer))
    return done


async def _revert(step: UndoStep, driver: Driver | None, within_s: float | None) -> Answer:
    if driver is None:
        return Answer(problem=f"there is no driver {step.kind!r}")
    if step.hidden:
        return Answer(problem="a part of its command is secret, and was not written to the disk")
    if within_s is None:
        return await driver.revert(step.arguments)
    try:
        return await within(within_s, driver.revert(step.arguments))
    except asyncio.TimeoutError:
        return Answer(problem=f"it took longer than {as_written(within_s)}")
