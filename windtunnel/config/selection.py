"""`--only` and `--skip`: which of the scenarios run, by name or tag."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from windtunnel.errors import Problem, did_you_mean
from windtunnel.model.scenario import Scenario

_MOST_SHOWN = 10


def is_selected(scenario: Scenario, only: Sequence[str], skip: Sequence[str]) -> bool:
    """Whether one of the patterns of `only` (if there are any) means the scenario, and none of `skip` does."""
    wanted = not only or any(_means(pattern, scenario) for pattern in only)
    return wanted and not any(_means(pattern, scenario) for pattern in skip)


def selection_problems(scenarios: Sequence[Scenario], only: Sequence[str], skip: Sequence[str]) -> list[Problem]:
    """A problem for each pattern that means no scenario, and one when none is left to run."""
    problems = [
        _nothing_found(flag, pattern, scenarios)
        for flag, patterns in (("--only", only), ("--skip", skip))
        for pattern in patterns
        if not any(_means(pattern, scenario) for scenario in scenarios)
    ]
    if not problems and scenarios and not any(is_selected(scenario, only, skip) for scenario in scenarios):
        flags = [flag for flag, given in (("--only", only), ("--skip", skip)) if given]
        message = f"{' and '.join(flags)} {'leaves' if len(flags) == 1 else 'leave'} no scenario to run"
        problems.append(Problem(message=message))
    return problems


def _means(pattern: str, scenario: Scenario) -> bool:
    """`checkout*` means ids, `team=cart` a tag and its value; both may hold `*`, `?` and `[…]`."""
    tag, equals, value = pattern.partition("=")
    if not equals:
        return fnmatchcase(scenario.id, pattern)
    return any(fnmatchcase(key, tag) and fnmatchcase(text, value) for key, text in scenario.tags.items())


def _nothing_found(flag: str, pattern: str, scenarios: Sequence[Scenario]) -> Problem:
    if "=" in pattern:
        known = sorted({f"{key}={value}" for scenario in scenarios for key, value in scenario.tags.items()})
        message, kind = f'{flag}: no scenario has a tag "{pattern}"', "tags"
    else:
        known = [scenario.id for scenario in scenarios]
        message, kind = f'{flag}: no scenario is called "{pattern}"', "scenarios"
    shown = ", ".join(known[:_MOST_SHOWN]) + (", …" if len(known) > _MOST_SHOWN else "")
    return Problem(
        message=message, hint=did_you_mean(pattern, known) or (f"the {kind} are {shown}" if known else None)
    )
