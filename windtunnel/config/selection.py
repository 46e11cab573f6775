"""`--only`, `--skip` and `--once`: which of the scenarios run, by name or tag, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from windtunnel.config.overrides import Overrides
from windtunnel.errors import Problem, did_you_mean
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import TestPlan
from windtunnel.model.scenario import Scenario

_MAX_SHOWN = 10
_NOT_WITH_ONCE = (
    "parallel", "count", "duration", "rate", "stages", "pace", "workers", "threshold", "shard",
)  # fmt: skip


def is_selected(scenario: Scenario, only: Sequence[str], skip: Sequence[str]) -> bool:
    """Whether a pattern of `only` (if there are any) matches the scenario, and none of `skip` does."""
    wanted = not only or any(_matches(pattern, scenario) for pattern in only)
    return wanted and not any(_matches(pattern, scenario) for pattern in skip)


def selection_problems(scenarios: Sequence[Scenario], only: Sequence[str], skip: Sequence[str]) -> list[Problem]:
    """A problem for each pattern that matches no scenario, and one when no scenario is left to run."""
    problems = [
        _no_match(flag, pattern, scenarios)
        for flag, patterns in (("--only", only), ("--skip", skip))
        for pattern in patterns
        if not any(_matches(pattern, scenario) for scenario in scenarios)
    ]
    if not problems and scenarios and not any(is_selected(scenario, only, skip) for scenario in scenarios):
        flags = [flag for flag, given in (("--only", only), ("--skip", skip)) if given]
        hint = "change the patterns; `windtunnel run --list` shows the scenarios"
        problems.append(Problem(flag=" and ".join(flags), message="no scenario is left to run", hint=hint))
    return problems


def once_problems(overrides: Overrides) -> list[Problem]:
    """A problem for each flag that `--once` leaves without effect, or that needs `--once`."""
    if not overrides.once:
        message = "needs --once: under load it would show too many requests to read"
        return [Problem(flag="--verbose", message=message, hint="add --once")] if overrides.verbose else []
    message = "has no effect with --once, which runs one instance of each scenario"
    return [
        Problem(flag=f"--{name}", message=message, hint="remove one of the two")
        for name in _NOT_WITH_ONCE
        if name in overrides.given
    ]


def run_once(test_plan: TestPlan) -> TestPlan:
    """The plan with one instance of each scenario, one after the other, by one user.

    It has no thresholds: they are about a load, and one instance is too few samples for any of them.
    """
    alike = tuple(replace(scenario, weight=1, load=None, start_after_s=0.0) for scenario in test_plan.scenarios)
    return replace(
        test_plan, scenarios=alike, load=ClosedLoad(parallel=1, count=len(alike)), thresholds=(), left_out=()
    )


def _matches(pattern: str, scenario: Scenario) -> bool:
    """`checkout*` is a pattern of ids, `team=cart` of a tag and its value; both may hold `*`, `?` and `[…]`.

    A whole id stands for itself, whatever it holds: `a=b`, `GET /users?page=[1]`.
    """
    if pattern == scenario.id or fnmatchcase(scenario.id, pattern):
        return True
    tag, _, value = pattern.partition("=")
    return "=" in pattern and any(
        fnmatchcase(key, tag) and fnmatchcase(text, value) for key, text in scenario.tags.items()
    )


def _no_match(flag: str, pattern: str, scenarios: Sequence[Scenario]) -> Problem:
    if "=" in pattern:
        known = sorted({f"{key}={value}" for scenario in scenarios for key, value in scenario.tags.items()})
        message, kind = f'no scenario has a tag "{pattern}"', "tags"
    else:
        known = [scenario.id for scenario in scenarios]
        message, kind = f'no scenario is called "{pattern}"', "scenarios"
    shown = ", ".join(known[:_MAX_SHOWN]) + (", …" if len(known) > _MAX_SHOWN else "")
    hint = did_you_mean(pattern, known) or (f"the {kind} are {shown}" if known else None)
    return Problem(flag=flag, message=message, hint=hint)
