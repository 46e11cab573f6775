"""Scenario files, read as a run reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from windtunnel.config.discovery import Pattern
from windtunnel.config.scenario import ScenarioFile, gather_scenarios
from windtunnel.errors import ConfigError


def load_scenarios(patterns: Sequence[str | Pattern], environment: Mapping[str, str]) -> list[ScenarioFile]:
    """Every scenario that the patterns match. Raises ConfigError with the problems of all files."""
    files, problems = gather_scenarios(patterns, environment)
    if problems:
        raise ConfigError(problems)
    return files
