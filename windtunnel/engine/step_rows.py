"""The rows of every report: the steps of a scenario as they are written, with what is inside a step below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from windtunnel.actions.request.template import method_of
from windtunnel.model.manifest import StepRow
from windtunnel.model.scenario import Scenario, Step
from windtunnel.model.sut import Sut

GROUPS = "::"
"""Stands between the names of groups inside each other, as in k6."""


def step_rows(scenario: Scenario, sut: Sut) -> list[StepRow]:
    """A row for every step and assertion, in order."""
    return [
        *_rows(scenario.steps, scenario, sut, depth=0, group=""),
        *(_row(step, scenario, sut, assertion=True) for step in scenario.assertions),
    ]


def _rows(steps: Sequence[Step], scenario: Scenario, sut: Sut, *, depth: int, group: str) -> Iterator[StepRow]:
    for step in steps:
        inside = f"{group}{GROUPS if group else ''}{step.name}" if step.type == "group" else group
        yield _row(step, scenario, sut, depth=depth, group=inside)
        for block in step.blocks:
            yield from _rows(block.steps, scenario, sut, depth=depth + 1, group=inside)


def _row(
    step: Step, scenario: Scenario, sut: Sut, *, depth: int = 0, group: str = "", assertion: bool = False
) -> StepRow:
    where = step.source.locate(step.path)
    sends = step.type == "http" or "path" in step.options
    service = sut.service(step.options.get("service")) if sends else None
    return StepRow(
        scenario=scenario.id,
        step=step.name,
        action=step.type,
        service=service.name if service else "",
        method=method_of(step.options) if sends else "",
        assertion=assertion,
        depth=depth,
        group=group,
        holds_steps=bool(step.blocks),
        tags={**scenario.tags, **step.tags},
        file=where.file,
        line=where.line or None,
    )
