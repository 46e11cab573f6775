"""Windtunnel runs realistic user journeys against a service and answers with one honest verdict.

    from windtunnel import scenario                 a journey as an async function
    windtunnel.run(sut="sut.yaml", parallel=10)     a run from Python, for instance in a test

Importing this module imports nothing else; a name is fetched when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
"""That of `typing`, whose import would be most of the time until the command can handle a signal."""

if TYPE_CHECKING:
    from typing import Any

    from windtunnel.actions.python.response import Response, UnexpectedResponse
    from windtunnel.actions.python.user import User
    from windtunnel.api import Result, load, run, run_async
    from windtunnel.errors import ConfigError, EvidenceError, WindtunnelError
    from windtunnel.model.summary import Summary
    from windtunnel.model.verdict import Verdict
    from windtunnel.user_code.scenario import PythonScenario, scenario

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "EvidenceError",
    "PythonScenario",
    "Response",
    "Result",
    "Summary",
    "UnexpectedResponse",
    "User",
    "Verdict",
    "WindtunnelError",
    "__version__",
    "load",
    "run",
    "run_async",
    "scenario",
]

_HOMES = {
    "ConfigError": "errors",
    "EvidenceError": "errors",
    "PythonScenario": "user_code.scenario",
    "Response": "actions.python.response",
    "Result": "api",
    "Summary": "model.summary",
    "UnexpectedResponse": "actions.python.response",
    "User": "actions.python.user",
    "Verdict": "model.verdict",
    "WindtunnelError": "errors",
    "load": "api",
    "run": "api",
    "run_async": "api",
    "scenario": "user_code.scenario",
}
"""Every public name, and the module it comes from."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'windtunnel' has no attribute {name!r}")
    value = getattr(import_module(f"windtunnel.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
