"""`--set name=value`: start values of variables from the command line, and `--tag key=value`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.config.scalars import typed
from windtunnel.errors import ExpressionError, Problem, did_you_mean
from windtunnel.model.scenario import Scenario, Verbatim

_PRESET = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)
_TAG = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)=(?P<value>.*)", re.DOTALL)
_QUOTED = re.compile(r"'(?P<single>(?:[^']|'')*)'|\"(?P<double>[^\"\\]*)\"", re.DOTALL)
_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The start value of a variable. `text` is the value as it was written, without quotes."""

    name: str
    value: Any
    text: str


def parse_preset(text: str) -> Preset:
    """What `qty=2` says: with a type where that loses nothing, text in quotes. Raises ExpressionError."""
    match = _PRESET.fullmatch(text)
    if match is None:
        raise ExpressionError(f'"{text}" is not NAME=VALUE', hint="write it like qty=2")
    name, written = match["name"], match["value"].strip("'\"")
    quoted = _QUOTED.fullmatch(match["value"])
    if quoted is not None:
        single = quoted["single"]
        value = quoted["double"] if single is None else single.replace("''", "'")
        return Preset(name=name, value=value, text=written)
    return Preset(name=name, value=typed(match["value"]), text=written)


def parse_tag(text: str) -> tuple[str, str]:
    """(key, value) of `team=cart`. Raises ExpressionError."""
    match = _TAG.fullmatch(text)
    if match is None:
        raise ExpressionError(f'"{text}" is not KEY=VALUE', hint="write it like team=cart")
    return match["name"], match["value"]


def preset_problems(presets: Mapping[str, Any], scenarios: Sequence[Scenario]) -> list[Problem]:
    """A problem for each name that no scenario has as a variable."""
    known = sorted({name for scenario in scenarios for name in scenario.variables})
    shown = ", ".join(known[:_MAX_SHOWN]) + (", …" if len(known) > _MAX_SHOWN else "")
    hint = f"the variables are {shown}" if known else "give it a start value in a scenario: variables: { … }"
    return [
        Problem(
            flag="--set",
            message=f'no scenario has a variable "{name}"',
            hint=did_you_mean(name, known) or hint,
        )
        for name in presets
        if name not in known
    ]


def with_presets(scenario: Scenario, presets: Mapping[str, Any]) -> Scenario:
    """The scenario with the presets of its own variables. They are values, never templates."""
    own = {name: Verbatim(value) for name, value in presets.items() if name in scenario.variables}
    return replace(scenario, variables={**scenario.variables, **own}) if own else scenario
