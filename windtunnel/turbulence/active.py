"""A fault of the plan as a process does it: compiled for each of its levels, with its windows and its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_percentage
from windtunnel.model.turbulence import FaultSpec, Phases
from windtunnel.turbulence.faults.fault import Fault, Holding
from windtunnel.turbulence.faults.table import PluginFaultType, compile_fault, fault_type
from windtunnel.turbulence.levels import PROBABILITY
from windtunnel.turbulence.schedule import Window, timeline
from windtunnel.turbulence.target import Matcher


class ActiveFault:
    """`label` names the fault in messages, and the package that added it."""

    def __init__(self, spec: FaultSpec, phases: Phases, *, seed: int) -> None:
        """Raises ExpressionError, with the path in the fault, for one that can't be, at any of its levels."""
        self.spec, self.kind = spec, fault_type(spec.type)
        self.label = str(self.kind) if isinstance(self.kind, PluginFaultType) else f"fault {spec.type}"
        self.matcher = Matcher(spec.on)
        self.timeline = timeline(spec, phases, seed=seed, main=self.kind.main)
        self._at_base = compile_fault(spec)
        self._at_level: dict[str, tuple[Fault, float]] = {}
        for window in self.timeline.windows:
            if window.changes and window.level not in self._at_level:
                self._at_level[window.level] = self._changed(window.changes)

    def fault(self, window: Window) -> Fault:
        """The fault as it is in a window."""
        return self._at_level[window.level][0] if window.changes else self._at_base

    def probability(self, window: Window) -> float:
        """The probability that the share of the schedule is taken of, in a window."""
        return self._at_level[window.level][1] if window.changes else self.spec.probability

    def end(self) -> None:
        """Let go of every request that is held."""
        for fault in (self._at_base, *(each for each, _ in self._at_level.values())):
            if isinstance(fault, Holding):
                fault.end()

    def _changed(self, changes: Mapping[str, Any]) -> tuple[Fault, float]:
        others = {key: value for key, value in changes.items() if key != PROBABILITY}
        probability = self.spec.probability
        try:
            if PROBABILITY in changes:
                probability = parse_percentage(changes[PROBABILITY])
            return compile_fault(self.spec, others), probability
        except ExpressionError as error:
            error.path = ("schedule", "sweep" if self.spec.schedule.pattern == "sweep" else "repeat")
            raise
