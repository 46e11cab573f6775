"""The variables that steps can set, as declared by their schemas."""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.model.scenario import Step


def assigned_variables(steps: Sequence[Step]) -> frozenset[str]:
    """Every variable that one of the steps, or one inside them, can set and that exists afterwards."""
    found: set[str] = set()
    for step in steps:
        found |= step.sets
        for block in step.blocks:
            found |= assigned_variables(block.steps) - step.scoped
    return frozenset(found)
