"""Thresholds that can match nothing, found before the run: a mistyped step must not cost an hour of load."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from windtunnel.errors import Problem, did_you_mean
from windtunnel.metrics.measure import scenario_tags
from windtunnel.model.http import ERROR_KINDS
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import StepRow
from windtunnel.model.metric import GENERATOR, METRICS, Family
from windtunnel.model.threshold import Threshold, in_selector
from windtunnel.verdict.baseline import baseline_objection

_ANY_STEP: Mapping[str, Collection[str]] = {
    "status": tuple(str(status) for status in (0, *range(100, 600))),
    "error": tuple(ERROR_KINDS),
    "expected_response": ("true", "false"),
}
"""Tags that do not depend on the step, and every value each can have. Status 0 is a request without response."""


def check_selectors(
    thresholds: Sequence[Threshold],
    rows: Sequence[StepRow],
    phases: Sequence[str] = (),
    *,
    open_scenarios: Collection[str] = (),
) -> list[Problem]:
    """A problem for every threshold that no record of this plan can ever match.

    `rows` are its steps, `phases` those of the stages of its load. What the scenarios in
    `open_scenarios` do is known only when they run: a threshold that may select one is not checked further.
    """
    measured = [phase for phase in phases if is_measured(phase)]
    problems = (
        _phase_problem(threshold, measured, phases)
        or (None if _may_speak_of(open_scenarios, threshold, rows) else _problem(threshold, rows))
        or baseline_objection(threshold)
        for threshold in thresholds
    )
    return [problem for problem in problems if problem is not None]


def scenarios_selected(threshold: Threshold, rows: Sequence[StepRow]) -> frozenset[str] | None:
    """The scenarios that a threshold speaks of by its tags; None for one that speaks of the whole load.

    Empty when the plan knows of none: it speaks of a step that only code can run.
    """
    if "scenario" in threshold.tags:
        return frozenset({threshold.tags["scenario"]})
    wanted = _constant_tags(threshold)
    if not wanted:
        return None
    family = METRICS[threshold.metric].family
    return frozenset(
        row.scenario for row in rows if family.includes(row) and _carries(_tags_of(row, family, rows), wanted)
    )


def _constant_tags(threshold: Threshold) -> dict[str, str]:
    """The tags of a selector that the plan decides, not what happens."""
    return {tag: value for tag, value in threshold.tags.items() if tag not in {*_ANY_STEP, "phase"}}


def _carries(tags: Mapping[str, Collection[str]], wanted: Mapping[str, str]) -> bool:
    return all(value in tags.get(tag, ()) for tag, value in wanted.items())


def _may_speak_of(open_scenarios: Collection[str], threshold: Threshold, rows: Sequence[StepRow]) -> bool:
    subject = METRICS[threshold.metric].family.subject
    if subject == "generator":
        return False
    if subject in {"instance", "drop"}:
        # The instances of a scenario are known beforehand, unless not one of its steps is.
        open_scenarios = set(open_scenarios) - {row.scenario for row in rows}
    scenario = threshold.tags.get("scenario")
    return bool(open_scenarios) if scenario is None else scenario in open_scenarios


def _phase_problem(threshold: Threshold, measured: Sequence[str], phases: Sequence[str]) -> Problem | None:
    phase = threshold.tags.get("phase")
    if phase is None or phase in measured:
        return None
    message = f'{threshold.selector} matches nothing: there is no phase "{phase}"'
    if any(phase in {each, each.partition(":")[2]} for each in phases):
        message = f'{threshold.selector}: "{phase}" is a warm-up stage, which is outside every threshold'
    known = f"the phases are {', '.join(measured)}" if measured else "the phases are the stages of the load"
    return _say(threshold, message, hint=did_you_mean(phase, measured) or known)


def _problem(threshold: Threshold, rows: Sequence[StepRow]) -> Problem | None:
    """The first thing that is wrong with one selector: a tag's name, a tag's value, or their combination."""
    family = METRICS[threshold.metric].family
    if family is GENERATOR:
        if not threshold.tags:
            return None
        return _say(threshold, f"{threshold.metric} has no tags", hint=f"write {threshold.metric} alone")
    counted = [_tags_of(row, family, rows) for row in rows if family.includes(row)]
    if not counted:
        return _say(threshold, f"{threshold.metric} measures nothing: the plan has no {family.noun}")
    for tag, value in threshold.tags.items():
        if tag == "phase":
            continue
        values = _values(tag, family, counted)
        if tag not in family.tags and not values:
            return _unknown_tag(threshold, tag, family, counted)
        if value not in values:
            return _unknown_value(threshold, tag, value, values)
    wanted = _constant_tags(threshold)
    if any(_carries(tags, wanted) for tags in counted):
        return None
    described = ", ".join(f"{tag} {value}" for tag, value in wanted.items())
    return _say(threshold, f"{threshold.selector} matches nothing: the plan has no {family.noun} with {described}")


def _tags_of(row: StepRow, family: Family, rows: Sequence[StepRow]) -> dict[str, tuple[str, ...]]:
    """Every tag that what `row` does can carry, with the values it can have."""
    if family.subject in {"instance", "drop"}:
        own = {**scenario_tags(rows)[row.scenario], "scenario": row.scenario}
    else:
        own = {"group": row.group, **row.tags, "scenario": row.scenario, "step": row.step}
        own |= {"service": row.service, "method": row.method}
    tags: dict[str, tuple[str, ...]] = {tag: (value,) for tag, value in own.items() if value}
    if family.subject == "request":
        tags["method"] = (row.method, "GET")  # a redirect turns any method into GET
    return tags


def _values(tag: str, family: Family, counted: Sequence[Mapping[str, tuple[str, ...]]]) -> Collection[str]:
    if tag in family.tags and tag in _ANY_STEP:
        return _ANY_STEP[tag]
    return list(dict.fromkeys(value for tags in counted for value in tags.get(tag, ())))


def _unknown_tag(
    threshold: Threshold, tag: str, family: Family, counted: Sequence[Mapping[str, tuple[str, ...]]]
) -> Problem:
    known = list(dict.fromkeys([*family.tags, *(tag for tags in counted for tag in tags)]))
    hint = did_you_mean(tag, known) or f"the tags of {threshold.metric} are {', '.join(known)}"
    if tag == "url":
        hint = "use the tags step, method and status instead"
    return _say(
        threshold, f'{threshold.selector} matches nothing: {threshold.metric} has no tag "{tag}"', hint=hint
    )


def _unknown_value(threshold: Threshold, tag: str, value: str, values: Collection[str]) -> Problem:
    hint = did_you_mean(value, values)
    if tag == "status":
        hint = "write a number such as 200; 0 is a request that got no response"
    elif hint is None and 0 < len(values) <= 20:
        hint = f"one of {', '.join(in_selector(tag, each) for each in values)}"
    return _say(threshold, f'{threshold.selector} matches nothing: there is no {tag} "{value}"', hint=hint)


def _say(threshold: Threshold, message: str, *, hint: str | None = None) -> Problem:
    return Problem(message=message, where=threshold.where, hint=hint)
