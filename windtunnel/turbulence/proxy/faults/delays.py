"""Faults that take time: `latency` and `delay` hold what is sent, `blackhole` until the fault is off."""

from __future__ import annotations

from typing import Literal

from windtunnel.figures import as_written
from windtunnel.turbulence.delay import Delay, parse_delay
from windtunnel.turbulence.proxy.treatment import ANY, HTTP, Draw, Treatment, WithoutSettings
from windtunnel.turbulence.settings import Settings

_OF_DELAY, _OF_JITTER = 0, 1
"""What is drawn."""


class Latency:
    """`latency`: a request is sent on later. In a TCP proxy, what comes from the upstream is passed on later."""

    keys = ("delay", "jitter")
    main = "delay"
    passes_on = True
    waits = False
    protocols = ANY

    def __init__(self, delay: Delay, jitter_s: float) -> None:
        self._delay, self._jitter_s = delay, jitter_s

    @classmethod
    def compile(cls, settings: Settings) -> Latency:
        """See `ProxyFaultType.compile`."""
        return cls(settings.read("delay", parse_delay), settings.duration("jitter", 0.0))

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        jitter = f" ± {as_written(self._jitter_s)}" if self._jitter_s else ""
        return f"wait {self._delay.words}{jitter} longer"

    def add(self, treatment: Treatment, draw: Draw) -> None:
        """See `ProxyFault.add`."""
        jitter_s = self._jitter_s * (2 * draw(_OF_JITTER) - 1)
        treatment.delay_s += max(0.0, self._delay.seconds(draw(_OF_DELAY)) + jitter_s)


class HoldBack:
    """`delay`: a request is sent on later, or its answer passed on later."""

    keys = ("delay", "when")
    main = "delay"
    passes_on = True
    protocols = HTTP

    def __init__(self, delay: Delay, when: Literal["before", "after"]) -> None:
        self._delay, self._when = delay, when
        self.waits = when == "after"

    @classmethod
    def compile(cls, settings: Settings) -> HoldBack:
        """See `ProxyFaultType.compile`."""
        when = settings.choice("when", ("before", "after"), "before")
        return cls(settings.read("delay", parse_delay), "after" if when == "after" else "before")

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        answer = " for their answer" if self._when == "after" else ""
        return f"wait {self._delay.words} longer{answer}"

    def add(self, treatment: Treatment, draw: Draw) -> None:
        """See `ProxyFault.add`."""
        seconds = self._delay.seconds(draw(_OF_DELAY))
        if self._when == "after":
            treatment.after_s += seconds
        else:
            treatment.delay_s += seconds


class Blackhole(WithoutSettings):
    """`blackhole`: nothing passes until the fault is off, and neither side is told.

    As over a network that loses packets, what is sent meanwhile arrives afterwards, unless its sender is gone.
    """

    protocols = ANY
    says = "are held until the fault is off"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.held = True
