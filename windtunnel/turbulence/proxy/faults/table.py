"""The table of faults in the embedded proxy. A new one is a class here, a row in the table, and its schema."""

from __future__ import annotations

from collections.abc import Mapping

from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.model.turbulence import FaultSpec
from windtunnel.model.vocabulary import ProxyProtocol
from windtunnel.turbulence.proxy.faults.answers import Empty, Garbage, Malformed, Status
from windtunnel.turbulence.proxy.faults.copies import Duplicate
from windtunnel.turbulence.proxy.faults.cuts import (
    HalfClose,
    LimitBytes,
    LoseResponse,
    Refuse,
    Reset,
    Truncate,
)
from windtunnel.turbulence.proxy.faults.delays import Blackhole, HoldBack, Latency
from windtunnel.turbulence.proxy.faults.paces import Bandwidth, Dribble, Slicer
from windtunnel.turbulence.proxy.treatment import ProxyFault, ProxyFaultType
from windtunnel.turbulence.settings import Settings

PROXY_FAULTS: Mapping[str, ProxyFaultType] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slicer": Slicer,
    "blackhole": Blackhole,
    "reset": Reset,
    "refuse": Refuse,
    "limit_bytes": LimitBytes,
    "half_close": HalfClose,
    "status": Status,
    "delay": HoldBack,
    "empty": Empty,
    "malformed": Malformed,
    "garbage": Garbage,
    "truncate": Truncate,
    "dribble": Dribble,
    "duplicate": Duplicate,
    "lose_response": LoseResponse,
}
"""Every fault in a proxy by the type it has in YAML."""


def proxy_fault_type(name: str, protocol: ProxyProtocol) -> ProxyFaultType:
    """The type of a name. Raises ExpressionError where there is none in a proxy of this protocol."""
    found = PROXY_FAULTS.get(name)
    if found is None:
        hint = did_you_mean(name, PROXY_FAULTS) or f"types: {', '.join(PROXY_FAULTS)}"
        raise ExpressionError(f'there is no fault "{name}" in a proxy', hint=hint, path=("type",))
    if protocol not in found.protocols:
        raise ExpressionError(
            f'"{name}" is a fault on HTTP requests, and the proxy is a tcp proxy',
            hint="write protocol: http",
            path=("type",),
        )
    return found


def compile_proxy_fault(
    spec: FaultSpec, protocol: ProxyProtocol, changes: Mapping[str, object] | None = None
) -> ProxyFault:
    """The fault of a plan, with the settings that are others at a level. Raises ExpressionError with the path."""
    kind = proxy_fault_type(spec.type, protocol)
    settings = Settings({**spec.settings, **(changes or {})})
    settings.only(kind.keys)
    return kind.compile(settings)
