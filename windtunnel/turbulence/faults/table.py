"""The table of faults on our own requests. A new one is a module here, a row in the table, and its schema."""

from __future__ import annotations

from collections.abc import Mapping

from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.model.turbulence import FaultSpec
from windtunnel.turbulence.faults.abort import Abort
from windtunnel.turbulence.faults.corrupt_body import CorruptBody
from windtunnel.turbulence.faults.drop_connection import DropConnection
from windtunnel.turbulence.faults.duplicate import Duplicate
from windtunnel.turbulence.faults.fault import Fault, FaultType
from windtunnel.turbulence.faults.latency import Latency
from windtunnel.turbulence.faults.lose_response import LoseResponse
from windtunnel.turbulence.faults.retry_storm import RetryStorm
from windtunnel.turbulence.faults.slow_read import SlowRead
from windtunnel.turbulence.faults.slow_send import SlowSend
from windtunnel.turbulence.faults.stale_token import StaleToken
from windtunnel.turbulence.faults.status import Status
from windtunnel.turbulence.faults.thundering_herd import ThunderingHerd
from windtunnel.turbulence.faults.timeout import Timeout
from windtunnel.turbulence.settings import Settings

FAULTS: Mapping[str, FaultType] = {
    "latency": Latency,
    "abort": Abort,
    "lose_response": LoseResponse,
    "duplicate": Duplicate,
    "slow_send": SlowSend,
    "slow_read": SlowRead,
    "drop_connection": DropConnection,
    "corrupt_body": CorruptBody,
    "stale_token": StaleToken,
    "status": Status,
    "timeout": Timeout,
    "thundering_herd": ThunderingHerd,
    "retry_storm": RetryStorm,
}
"""Every fault on our own requests by the type it has in YAML."""


def fault_type(name: str) -> FaultType:
    """The type of a name. Raises ExpressionError where there is none."""
    found = FAULTS.get(name)
    if found is None:
        hint = did_you_mean(name, FAULTS) or f"types: {', '.join(FAULTS)}"
        raise ExpressionError(f'there is no fault "{name}" on our own requests', hint=hint, path=("type",))
    return found


def compile_fault(spec: FaultSpec, changes: Mapping[str, object] | None = None) -> Fault:
    """The fault of a plan, with the settings that are others at a level. Raises ExpressionError with the path."""
    kind = fault_type(spec.type)
    settings = Settings({**spec.settings, **(changes or {})})
    settings.only(kind.keys)
    return kind.compile(settings)
