"""What must answer before the load begins, and how a loopback address is understood inside a container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from windtunnel.model.vocabulary import Loopback

LOOPBACKS: tuple[Loopback, ...] = get_args(Loopback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`health` of the SUT file: `path` must answer with a status in one of the ranges (both ends count)."""

    path: str
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    timeout_s: float = 60.0
    interval_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFor:
    """What else must be there first: a URL that answers below 400, otherwise a port that takes connections."""

    text: str
    url: str | None = None
    host: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What is waited for beside the health of the SUT, and how loopback addresses are understood."""

    wait_for: tuple[WaitFor, ...] = ()
    wait_timeout_s: float = 60.0
    loopback: Loopback = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerNetwork:
    """Where this process runs. `gateway` is the address at which a container finds the machine around it; None
    outside of containers, and in those that share the machine's network.
    """

    in_container: bool = False
    gateway: str | None = None
