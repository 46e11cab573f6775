"""Faults through engines outside of our process: each follows its schedule while the load goes on.

band begins ─▶ look ─▶ way back on disk ─▶ apply ─▶ verify ─▶ `on`, `applied`      else `missed`, with the reason
band ends   ─▶ revert ─▶ `off`                                                    else it is tried again at the end
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from windtunnel.errors import EvidenceError
from windtunnel.interfaces import Clock
from windtunnel.model.record import FaultRecord, Record
from windtunnel.model.turbulence import FaultSpec, Turbulence
from windtunnel.model.vocabulary import FaultEvent
from windtunnel.tasks import all_of, first_of
from windtunnel.turbulence.driven import DrivenFault
from windtunnel.turbulence.drivers.driver import Answer, Driver, Reach
from windtunnel.turbulence.drivers.table import DRIVERS
from windtunnel.turbulence.healing import Undoing, walk_back
from windtunnel.turbulence.undo import UndoLog, UndoStep

UNDO_S = 5.0
"""Seconds in which everything is undone at the end of a run, however it ends."""


class OutsideFaults:
    """The faults of a plan that engines do. Owned by the coordinator: `run` beside the load, then always `close`.

    `write` takes what happened as records; `directory` is that of the run, `seed` that of the faults. A fault that
    an engine does not do is a record `missed`, never an exception. Raises ExpressionError, with the path in the
    fault, for one that no driver can do.
    """

    def __init__(
        self,
        turbulence: Turbulence,
        *,
        seed: int,
        clock: Clock,
        write: Callable[[Sequence[Record]], None],
        directory: Path,
        reach: Reach,
        drivers: Mapping[str, Callable[[Reach], Driver]] = DRIVERS,
    ) -> None:
        specs = [fault for fault in turbulence.faults if fault.engine]
        self._drivers = {name: drivers[name](reach) for name in {spec.engine for spec in specs}}
        self._faults = {
            spec.name: DrivenFault(spec, turbulence.phases, seed=seed, driver=self._drivers[spec.engine])
            for spec in specs
        }
        self._clock, self._write, self._hide = clock, write, reach.hide
        self._directory = directory
        self._log: UndoLog | None = None
        self._resources: dict[int, str] = {}  # number of a step that is not undone -> what its fault changes
        self._on: dict[int, str] = {}  # number of a step whose fault is on -> the level of its schedule
        self._closing, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()

    async def run(self, began: float) -> None:
        """Apply and revert every fault at its times; `began` is the reading of the clock when the load began.

        Returns after the last band, or when `close` is called. What it leaves is undone by `close`.
        """
        if not self._faults or self._closing.is_set():
            return
        self._idle.clear()
        try:
            await first_of(self._follow_all(began), self._closing.wait())
        finally:
            self._idle.set()

    async def close(self, within_s: float = UNDO_S) -> list[Undoing]:
        """End all faults, and return those that could not be undone. Safe to call twice."""
        self._closing.set()
        await self._idle.wait()
        if self._log is None:
            return []
        done = await walk_back(self._log, self._drivers, clock=self._clock, within_s=within_s)
        for each in done:
            if each.is_undone:
                self._tell_end(each.step)
            else:
                level = self._on.get(each.step.number, "")
                self._tell(each.step.fault, "left", level=level, detail=each.answer.problem or "")
        self._log.close()
        self._log = None
        return [each for each in done if not each.is_undone]

    async def _follow_all(self, began: float) -> None:
        await all_of([self._follow(fault, began) for fault in self._faults.values()])

    async def _follow(self, driven: DrivenFault, began: float) -> None:
        for band in driven.bands:
            first, *later = band.changes
            await self._wait_until(began + first.begin_s)
            step = await self._begin(first.fault, band.level)
            if step is None:
                continue
            for change in later:
                await self._wait_until(began + change.begin_s)
                answer = await driven.driver.apply(change.fault)
                if answer.problem is not None:
                    self._tell(driven.spec.name, "missed", level=band.level, detail=answer.problem)
            await self._wait_until(began + band.end_s)
            await self._end(step)

    async def _wait_until(self, moment: float) -> None:
        if (seconds := moment - self._clock.now()) > 0:
            await self._clock.sleep(seconds)

    async def _begin(self, fault: FaultSpec, level: str) -> UndoStep | None:
        """Apply a fault. None when it is not applied; what it may have left is undone again."""
        step = await self._write_way_back(fault)
        if isinstance(step, Answer):
            self._tell(fault.name, "missed", level=level, detail=step.problem or "")
            return None
        began = self._clock.unix()  # from here on the fault may be there
        answer = await self._apply(fault)
        if answer.problem is not None:
            self._tell(fault.name, "missed", level=level, detail=answer.problem)
            await self._end(step)
            return None
        self._on[step.number] = level
        self._tell(fault.name, "on", level=level, at=began)
        self._tell(fault.name, "applied", level=level, detail=answer.evidence)
        return step

    async def _apply(self, fault: FaultSpec) -> Answer:
        """Apply a fault and see that it is there."""
        driver = self._drivers[fault.engine]
        applied = await driver.apply(fault)
        if applied.problem is not None:
            return applied
        verified = await driver.verify(fault)
        return verified if verified.problem is not None else applied

    async def _write_way_back(self, fault: FaultSpec) -> UndoStep | Answer:
        """Write down how the fault will be undone; an answer says why it can't be applied."""
        driver = self._drivers[fault.engine]
        resource = driver.resource(fault)
        way = self._shared_with(resource) or await driver.look(fault)
        if isinstance(way, Answer):
            return way
        try:
            self._log = self._log or UndoLog.create(self._directory, hide=self._hide)
            step = self._log.add(fault=fault.name, kind=fault.engine, arguments=way.arguments, by_hand=way.by_hand)
        except EvidenceError as error:
            return Answer(problem=str(error))
        self._resources[step.number] = resource
        return step

    def _shared_with(self, resource: str, *, but: UndoStep | None = None) -> UndoStep | None:
        """A step whose fault changes the same thing now."""
        steps = self._log.left if self._log is not None else ()
        return next((step for step in steps if step != but and self._resources[step.number] == resource), None)

    async def _end(self, step: UndoStep) -> None:
        """Undo a fault, unless another one still needs what it changed. What fails is tried again by `close`."""
        assert self._log is not None, "it was there when the step was written"
        shared = self._shared_with(self._resources[step.number], but=step)
        answer = Answer() if shared else await self._drivers[step.kind].revert(step.arguments)
        if answer.problem is None:
            self._log.undone(step)
            self._tell_end(step)

    def _tell_end(self, step: UndoStep) -> None:
        if (level := self._on.pop(step.number, None)) is not None:
            self._tell(step.fault, "off", level=level)

    def _tell(
        self, name: str, event: FaultEvent, *, level: str = "", detail: str = "", at: float | None = None
    ) -> None:
        kind = self._faults[name].spec.type
        record = FaultRecord(
            t=self._clock.unix() if at is None else at,
            name=name,
            kind=kind,
            event=event,
            level=level,
            detail=self._hide(detail),
        )
        self._write([record])
