"""A scenario: a user journey made of steps, with assertions at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from windtunnel.model.data import Feeder
from windtunnel.model.load import Load
from windtunnel.model.source import DataPath, Source

__all__ = ["Scenario", "Step", "StopWhen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of a flow, or one assertion.

    `options` is the whole mapping as written (validated against the schema of its `type`); the action that
    `type` names compiles it. `path` is where the mapping stands in the scenario's source.
    """

    type: str
    name: str
    options: Mapping[str, Any]
    path: DataPath
    when: str | bool | None = None
    on_failure: str = "stop"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWhen:
    """What ends an instance early."""

    step_fails: bool = True
    assertion_fails: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A user journey. `weight` is its share of the mix; `variables` may hold templates.

    One with a `load` of its own is not in the mix: it runs beside it, beginning `start_after_s` later.
    """

    id: str
    steps: tuple[Step, ...]
    source: Source
    description: str = ""
    assertions: tuple[Step, ...] = ()
    data: tuple[Feeder, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    weight: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    stop_when: StopWhen = StopWhen()
    max_steps: int = 1000
    load: Load | None = None
    start_after_s: float = 0.0
