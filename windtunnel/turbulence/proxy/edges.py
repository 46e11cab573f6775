"""Switches the faults of a proxy on and off by a timer, and puts each of these moments on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from windtunnel.interfaces import Clock
from windtunnel.model.record import FaultRecord, Record
from windtunnel.turbulence.proxy.placed import PlacedFault
from windtunnel.turbulence.proxy.traffic import Later, Timer
from windtunnel.turbulence.schedule import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A fault is switched on or off at a moment, in seconds since the load began."""

    at_s: float
    is_on: bool
    placed: PlacedFault
    window: Window


class Edges:
    """`switched` is told each edge when its moment has come. Records have the moment of the schedule."""

    def __init__(
        self,
        faults: tuple[PlacedFault, ...],
        *,
        proxy: str,
        clock: Clock,
        later: Later,
        write: Callable[[Record], None],
        switched: Callable[[Edge], None],
    ) -> None:
        self._proxy, self._clock, self._later, self._write = proxy, clock, later, write
        self._switched = switched
        # What ends at a moment ends before what begins then.
        self._waiting = sorted(
            (
                Edge(at_s=at_s, is_on=is_on, placed=placed, window=window)
                for placed in faults
                for window in placed.timeline.windows
                for at_s, is_on in ((window.begin_s, True), (window.end_s, False))
            ),
            key=lambda edge: (edge.at_s, edge.is_on),
            reverse=True,
        )
        self._on: list[Edge] = []
        self._began = 0.0
        self._timer: Timer | None = None

    def begin(self, began: float) -> None:
        """The load begins, at this reading of the clock."""
        self._began = began
        self._set_timer()

    def end(self) -> None:
        """Switch off what is on, and nothing on any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()
        now_s = self._clock.now() - self._began
        for edge in tuple(self._on):
            self._switch(Edge(at_s=now_s, is_on=False, placed=edge.placed, window=edge.window))

    def _set_timer(self) -> None:
        if self._waiting:
            wait_s = self._began + self._waiting[-1].at_s - self._clock.now()
            self._timer = self._later(max(0.0, wait_s), self._come)

    def _come(self) -> None:
        self._timer = None
        now_s = self._clock.now() - self._began
        while self._waiting and self._waiting[-1].at_s <= now_s:
            self._switch(self._waiting.pop())
        self._set_timer()

    def _switch(self, edge: Edge) -> None:
        if edge.is_on:
            self._on.append(edge)
        else:
            self._on = [each for each in self._on if (each.placed, each.window) != (edge.placed, edge.window)]
        self._write(
            FaultRecord(
                t=self._clock.unix(self._began + edge.at_s),
                name=edge.placed.spec.name,
                kind=edge.placed.spec.type,
                event="on" if edge.is_on else "off",
                level=edge.window.level,
                proxy=self._proxy,
            )
        )
        self._switched(edge)
