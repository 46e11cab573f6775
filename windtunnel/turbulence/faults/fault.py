"""What a fault on our own requests is: a type, that of one plan, and what it does to one request.

    FaultType.compile(settings) ─▶ Fault          once a process, before the load
    Fault.apply(request, forward, case)           for each request that it is done to ─▶ Exchange

`forward` sends the request, or has the next fault do so. A fault tells its case what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, runtime_checkable

from windtunnel.interfaces import Clock, Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.settings import Settings

Forward = Callable[[Request], Coroutine[Any, Any, Exchange]]
"""Sends a request and returns its exchange; a failure is a value (`Exchange.error`)."""


class Case(Protocol):
    """One fault at one request.

    `name` is the name of the fault: `Exchange.fault`, where the times or the outcome of an exchange are not the
    SUT's.
    """

    name: str
    clock: Clock

    def applied(self, detail: str = "", *, delay_s: float = 0.0) -> None:
        """Put on record that the fault was done, and in a few words how."""

    def missed(self, why: str, *, delay_s: float = 0.0) -> None:
        """Put on record that the fault could not be done."""

    def draw(self, what: int = 0) -> float:
        """A number from 0 to below 1 that depends on the request alone; another one for each `what`."""

    def again(self, request: Request) -> Request:
        """The same request as a further attempt: with the next number, which no other one of the step has."""

    def hits(self, request: Request) -> bool:
        """Whether the fault is done to a further attempt too. What is told after that is about this attempt."""

    def lost(self, exchange: Exchange) -> None:
        """An answer that was forwarded did not come: forget its cookies. Call it before the answer is spoilt."""

    def observe(self, request: Request, exchange: Exchange) -> None:
        """Put an exchange on record that the step does not receive. All but the last one of a request are."""

    @property
    def left_s(self) -> float:
        """Seconds until the fault is switched off."""


class Fault(Protocol):
    """A fault with its settings. One serves all requests of a process, at the same time."""

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """Send the request with the fault done to it. Raises CancelledError alone."""

    @property
    def words(self) -> str:
        """What happens to a request, after a plural: `wait 800 ms (median) longer`."""


@runtime_checkable
class Holding(Protocol):
    """A fault that holds requests until something happens."""

    def end(self) -> None:
        """The load is over: let go of every request that is held."""


class FaultType(Protocol):
    """A type of faults."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings."""

    @property
    def main(self) -> str:
        """The setting that a sweep without `of` goes through, "" for none."""

    @property
    def passes_on(self) -> bool:
        """Whether further faults are done to the request as well; of all others only the first one is."""

    def compile(self, settings: Settings) -> Fault:
        """The fault that settings describe. Raises ExpressionError with the path to what is wrong."""
