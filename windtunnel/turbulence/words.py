"""What a fault does to which requests, in words: `60% of POST /charge* through payments wait 800 ms longer`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.figures import EXACT, literal, share
from windtunnel.model.turbulence import FaultSpec, FaultTarget
from windtunnel.turbulence.faults.table import compile_fault
from windtunnel.turbulence.levels import level_text
from windtunnel.turbulence.proxy.faults.table import PROXY_FAULTS
from windtunnel.turbulence.settings import Settings

_HOOK = "hook"


def describe(spec: FaultSpec) -> str:
    """One fault as a sentence without its full stop. It never fails: an unknown type is told by its settings."""
    if spec.type == _HOOK:
        return f"{_command(spec, 'apply')} is run, and {_command(spec, 'revert')} to undo it"
    return f"{_share(spec)}{_requests(spec.on)} {_what(spec)}"


def _command(spec: FaultSpec, key: str) -> str:
    written = spec.settings.get(key, "")
    return f"`{written if isinstance(written, str) else shlex.join(map(str, written))}`"


def _share(spec: FaultSpec) -> str:
    if spec.probability >= 1:
        return "all "
    return f"{share(spec.probability, digits=EXACT)} of "


def _requests(on: FaultTarget) -> str:
    what = " ".join(filter(None, (on.method, on.path)))
    through = (("of the step", on.step), ("in", on.scenario), ("to", on.service), ("through", on.proxy))
    places = [f"{word} {name}" for word, name in through if name]
    return " ".join([what or "requests", *places])


def _what(spec: FaultSpec) -> str:
    with suppress(ExpressionError):
        if not spec.on.proxy and not spec.engine:
            return compile_fault(spec).words
        if spec.type in PROXY_FAULTS and not spec.engine:
            return PROXY_FAULTS[spec.type].compile(Settings(spec.settings)).words
    settings = ", ".join(f"{key}: {_setting(key, value)}" for key, value in spec.settings.items())
    engine = f" by {spec.engine}" if spec.engine else ""
    return f"have {spec.type}{f' ({settings})' if settings else ''} done to them{engine}"


def _setting(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name}: {_setting(str(name), each)}" for name, each in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_setting(key, each) for each in value)}]"
    if isinstance(value, str | bool):
        return level_text(key, value)
    return literal(value)
