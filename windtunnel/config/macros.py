"""Macros: well-known outages, each written from other faults.

brownout    slow answers, and errors among them       latency, then status (in a tcp proxy: reset)
blackhole   requests get no answer                    latency beyond every deadline (in a proxy: a fault itself)
slow_drip   answers come drop by drop                 slow_read (in a proxy: bandwidth)
partition   no way to the other side                  drop_connection (in a proxy: refuse, then blackhole)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from windtunnel.expressions.quantities import parse_percentage
from windtunnel.model.vocabulary import ProxyProtocol

_SLOW: Mapping[str, Any] = {"lognormal": {"median": "500ms", "sigma": 0.5, "max": "5s"}}
_ERRORS = "10%"
_DRIP = "1KiB/s"
_UNAVAILABLE = 503
_FOREVER = "1h"  # longer than any request is waited for

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One fault of a macro: `share` of the requests of the macro, and what it adds to its name."""

    type: str
    settings: Settings = field(default_factory=dict)
    share: float = 1.0
    label: str = ""


def parts_of(macro: str, settings: Settings, protocol: ProxyProtocol | None) -> tuple[Part, ...] | None:
    """The faults of a macro; None where the type is no macro. `protocol` is that of the proxy, if it is in one."""
    made = (_ON_REQUESTS if protocol is None else _IN_A_PROXY).get(macro)
    return None if made is None else made(settings, protocol)


def _brownout(settings: Settings, protocol: ProxyProtocol | None) -> tuple[Part, ...]:
    share = parse_percentage(settings.get("errors", _ERRORS))
    error = (
        Part(type="reset", share=share, label="errors")
        if protocol == "tcp"
        else Part(type="status", settings={"code": _UNAVAILABLE}, share=share, label="errors")
    )
    return (Part(type="latency", settings={"delay": settings.get("delay", _SLOW)}, label="latency"), error)


def _blackhole(_: Settings, __: ProxyProtocol | None) -> tuple[Part, ...]:
    return (Part(type="latency", settings={"delay": _FOREVER}),)


def _slow_drip(settings: Settings, protocol: ProxyProtocol | None) -> tuple[Part, ...]:
    kind = "slow_read" if protocol is None else "bandwidth"
    return (Part(type=kind, settings={"rate": settings.get("rate", _DRIP)}),)


def _partition(_: Settings, protocol: ProxyProtocol | None) -> tuple[Part, ...]:
    if protocol is None:
        return (Part(type="drop_connection", settings={"at": "before"}),)
    return (Part(type="refuse", label="new connections"), Part(type="blackhole", label="open connections"))


_Macro = Callable[[Settings, ProxyProtocol | None], tuple[Part, ...]]

_ON_REQUESTS: Mapping[str, _Macro] = {
    "brownout": _brownout,
    "blackhole": _blackhole,
    "slow_drip": _slow_drip,
    "partition": _partition,
}

_IN_A_PROXY: Mapping[str, _Macro] = {
    "brownout": _brownout,
    "slow_drip": _slow_drip,
    "partition": _partition,
}
