"""The kinds of the values that a scenario fixes before it runs: start values, cells of data files, `env`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.expressions.sandbox import Member
from windtunnel.expressions.template import compile_template
from windtunnel.expressions.text import kind_of
from windtunnel.model.scenario import ABSENT, Scenario, Verbatim, walk


class KnownKinds:
    """Called with the name of a variable or member, gives its kind in words; None where it is not fixed.

    What is fixed is found at the first call: most scenarios never ask.
    """

    __slots__ = ("_found", "_scenario")

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._found: Mapping[Member, str] | None = None

    def __call__(self, name: Member) -> str | None:
        """The kind of `qty`, `data.user.age` or `env.REGION`."""
        if name[0] in ("data", "env") and len(name) < 3:
            return "a text" if len(name) == 2 and name[0] == "env" else "a mapping"
        if self._found is None:
            self._found = {**_cells(self._scenario), **_start_values(self._scenario)}
        return self._found.get(name)


def _cells(scenario: Scenario) -> dict[Member, str]:
    """The columns whose cells are all of one kind."""
    found: dict[Member, str] = {}
    for feeder in scenario.data:
        for position, column in enumerate(feeder.columns):
            kinds = {kind_of(row[position]) for row in feeder.rows if row[position] is not ABSENT}
            if len(kinds) == 1:
                found["data", feeder.name, column] = kinds.pop()
    return found


def _start_values(scenario: Scenario) -> dict[Member, str]:
    """The variables that keep a constant start value."""
    steps = list(walk((*scenario.sections, *scenario.assertions)))
    if scenario.function is not None or any(step.type == "python" for step in steps):
        return {}  # code sets what it likes
    changed = frozenset[str]().union(*(step.sets | step.scoped for step in steps))
    return {
        (name,): kind for name, value in scenario.variables.items() if name not in changed and (kind := _of(value))
    }


def _of(value: Any) -> str | None:
    try:
        template = compile_template(value)
    except ExpressionError:  # noted where the variable is compiled
        return None
    return kind_of(value.value if isinstance(value, Verbatim) else template({})) if template.constant else None
