"""The test plan: everything a run needs to know, frozen, before anything is compiled or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from windtunnel.model.load import ClosedLoad
from windtunnel.model.scenario import Scenario
from windtunnel.model.source import Source
from windtunnel.model.sut import Sut
from windtunnel.model.threshold import Threshold

__all__ = ["OutputSettings", "TestPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """Where the run directory goes, and which bodies are kept: `failures`, `all` or `none`."""

    directory: str = "runs"
    bodies: str = "failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPlan:
    """What to run against what, how hard, and what decides.

    `secrets` are values that came from the environment and must never be written.
    """

    sut: Sut
    scenarios: tuple[Scenario, ...]
    load: ClosedLoad
    seed: int
    thresholds: tuple[Threshold, ...] = ()
    output: OutputSettings = OutputSettings()
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    sources: tuple[Source, ...] = ()
