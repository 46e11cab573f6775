"""Which variables steps can set, read off the files: what one round of a loop sets, the next one can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from windtunnel.model.scenario import Step


def assigned_variables(steps: Sequence[Step]) -> frozenset[str]:
    """Every variable that one of the steps, or one inside them, can set and that is there afterwards."""
    found: set[str] = set()
    for step in steps:
        found |= _own(step)
        for block in step.blocks:
            found |= assigned_variables(block.steps) - _local(step)
    return frozenset(found)


def _own(step: Step) -> set[str]:
    extract, variables = step.options.get("extract"), step.options.get("variables")
    names = set(extract) if isinstance(extract, Mapping) else set()
    if step.type == "set" and isinstance(variables, Mapping):
        names |= set(variables)
    sets = step.options.get("sets")
    return names | (set(sets) if isinstance(sets, list) else set())


def _local(step: Step) -> set[str]:
    """The variables that exist only inside a step."""
    if step.type == "repeat":
        return {str(step.options.get("as", "item"))}
    if step.type == "include":
        given = [step.options.get("variables"), *(block.options.get("variables") for block in step.blocks)]
        return {name for variables in given if isinstance(variables, Mapping) for name in variables}
    return set()
