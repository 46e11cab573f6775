"""What every driver can do. An engine that does not do as it is told is an answer, never an exception.

    look ─▶ the way back, as data ─▶ disk ─▶ apply ─▶ verify ─▶ … ─▶ revert

`revert` takes that data alone: it is the same in a run and in `windtunnel turbulence heal` after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from windtunnel.model.turbulence import FaultSpec

LONGEST_EVIDENCE = 2_000
"""The maximum number of characters that are kept of what an engine says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of asking an engine: `problem` is None when it was done; `evidence` is what the engine said."""

    problem: str | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """How a fault will be undone: `arguments` for `Driver.revert`, and the command to type where that fails."""

    arguments: Mapping[str, Any]
    by_hand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a driver may use: the environment for commands of the user, and how secrets are hidden.

    `in_child` is called in the process of a command before it runs, with the id of ours: it must not outlive that.
    """

    environment: Mapping[str, str]
    hide: Callable[[str], str]
    in_child: Callable[[int], None] | None = None


class Driver(Protocol):
    """An engine that does faults. It has no state: every call says all that it needs.

    Each call ends by itself, within a time that the fault or the driver sets, and can be cancelled.
    """

    def flat(self, fault: FaultSpec) -> FaultSpec:
        """The fault with all that a schedule can change among its settings. What follows takes it so."""

    def main(self, fault: FaultSpec) -> str:
        """The setting that a sweep without `of` goes through; "" where there is none."""

    def check(self, fault: FaultSpec) -> None:
        """Raise ExpressionError, with the path in the fault, for what the engine can't be told."""

    def resource(self, fault: FaultSpec) -> str:
        """What the fault changes. Of faults that change the same thing at the same time, the last one to end puts
        it back, to what it was before the first.
        """

    async def look(self, fault: FaultSpec) -> WayBack | Answer:
        """How the fault will be undone, from the state that the engine has now; changes nothing.

        An answer says why the fault can't be applied.
        """

    async def apply(self, fault: FaultSpec) -> Answer:
        """Apply the fault, or make it as it is now: while it is on, its probability may be another one."""

    async def verify(self, fault: FaultSpec) -> Answer:
        """Ask whether the fault is there."""

    async def revert(self, arguments: Mapping[str, Any]) -> Answer:
        """Undo a fault, as its way back says. Done as well where nothing is left to undo."""
