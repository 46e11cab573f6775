"""The table of faults on our own requests, and those of plugins. A new one is a module and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel import plugins
from windtunnel.errors import ConfigError, ExpressionError, describe, did_you_mean, is_interrupt
from windtunnel.model.turbulence import FaultSpec
from windtunnel.plugins import Plugin
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


class PluginFaultType:
    """A fault of a plugin: used like those of Windtunnel, and named in the errors it causes."""

    def __init__(self, plugin: Plugin, added: Any) -> None:
        self._plugin, self._added = plugin, added
        self.keys: tuple[str, ...] = tuple(added.keys)
        self.main: str = added.main
        self.passes_on: bool = added.passes_on

    def __str__(self) -> str:
        return str(self._plugin)

    def compile(self, settings: Settings) -> Fault:
        """The fault that settings describe. An exception of the plugin is one that it has with them."""
        try:
            fault: Fault = self._added.compile(settings)
        except ExpressionError:
            raise
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise ExpressionError(
                f"the {self._plugin} cannot compile this fault: {describe(error)}",
                hint=f"this is a bug in {self._plugin.distribution}",
            ) from None
        return fault


def fault_type(name: str) -> FaultType:
    """The type of a name, of Windtunnel or of a plugin. Raises ExpressionError where there is none."""
    found = FAULTS.get(name)
    return _of_plugin(name) if found is None else found


def compile_fault(spec: FaultSpec, changes: Mapping[str, object] | None = None) -> Fault:
    """The fault of a plan, with the settings that are others at a level. Raises ExpressionError with the path."""
    kind = fault_type(spec.type)
    settings = Settings({**spec.settings, **(changes or {})})
    settings.only(kind.keys)
    return kind.compile(settings)


def _of_plugin(name: str) -> FaultType:
    try:
        installed = plugins.installed(plugins.FAULTS)
        if name in installed:
            return PluginFaultType(installed[name], plugins.require(installed[name]))
    except ConfigError as error:
        problem = error.problems[0]
        raise ExpressionError(problem.message, hint=problem.hint, path=("type",)) from None
    known = [*FAULTS, *installed]
    hint = did_you_mean(name, known) or f"types: {', '.join(known)}"
    raise ExpressionError(f'there is no fault "{name}" on our own requests', hint=hint, path=("type",))
