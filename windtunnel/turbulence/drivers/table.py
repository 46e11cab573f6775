"""The table of drivers. A new one is a module here and a row in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from windtunnel.turbulence.drivers.driver import Driver, Reach
from windtunnel.turbulence.drivers.hook import HookDriver
from windtunnel.turbulence.drivers.toxiproxy import ToxiproxyDriver

DRIVERS: Mapping[str, Callable[[Reach], Driver]] = {
    "hook": HookDriver,
    "toxiproxy": ToxiproxyDriver,
}
"""The engine of a fault -> its driver."""

ASK_AGAIN = frozenset({"hook"})
"""Drivers that `heal` uses only where the command line allows them: their steps run commands of the plan."""
