"""What templates of a scenario may read of `data` and `env`, and what is said of what they may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from windtunnel.errors import did_you_mean
from windtunnel.expressions.sandbox import Member
from windtunnel.expressions.template import Template
from windtunnel.model.scenario import Feeder, Scenario
from windtunnel.model.sut import Sut
from windtunnel.model.vocabulary import SectionPhase
from windtunnel.project import withheld

WITHOUT_ROWS = "runs once per run and has no row"
"""What is said of a setup or teardown that reads one."""

_MAX_COLUMNS = 8

Objection = tuple[str, str | None]
"""What is wrong, and a hint."""

Place = SectionPhase | Literal[""]
"""The section of a scenario, "" for what each instance runs."""


class DataReferences:
    """The columns of a scenario's data files, and the variables of the environment that it may read."""

    __slots__ = ("_env", "_feeders", "_incomplete", "_withheld")

    def __init__(self, scenario: Scenario, sut: Sut) -> None:
        self._env, self._withheld = {*scenario.env, *sut.env}, scenario.withheld | sut.withheld
        self._incomplete = scenario.omission is not None and scenario.omission.data
        self._feeders = {feeder.name: feeder for feeder in scenario.data}

    def objection(self, member: Member, place: Place) -> Objection | None:
        """The problem with `data`, `data.feeder`, `data.feeder.column` or `env.NAME`; None when there is none.

        What is wrong with a feeder is reported once, not again for its columns.
        """
        if member[0] == "env":
            return self._of_environment(member[1])
        if len(member) == 1:
            return None if self._incomplete else _no_row("", next(iter(self._feeders.values()), None), place)
        feeder = self._feeders.get(member[1])
        if feeder is None:
            return None if len(member) > 2 or self._incomplete else self._unknown(member[1])
        if not has_row(feeder, place):
            return None if len(member) > 2 else _no_row(feeder.name, feeder, place)
        if len(member) == 3 and member[2] not in feeder.columns:
            shown = ", ".join(feeder.columns[:_MAX_COLUMNS])
            more = ", …" if len(feeder.columns) > _MAX_COLUMNS else ""
            hint = did_you_mean(member[2], feeder.columns) or f"the columns are {shown}{more}"
            return f'{feeder.file} has no column "{member[2]}"', hint
        return None

    def of_variable(self, name: str, place: Place, variables: Mapping[str, Template]) -> Objection | None:
        """Why a variable of the scenario is not set here: a row that it is made of is not; None for others."""
        if name not in variables:
            return None
        for feeder in self._feeders.values():
            known = [each.name for each in self._feeders.values() if each is not feeder]
            if not has_row(feeder, place) and name not in _made_of(variables, known):
                message, hint = _no_row(feeder.name, feeder, place) or ("", None)
                return f'"{name}" is made of data "{feeder.name}": {message}', hint
        return None

    def _of_environment(self, name: str) -> Objection | None:
        if name in self._env:
            return None
        if name in self._withheld:
            refused = withheld(name)
            return str(refused), refused.hint
        return f"the environment has no variable {name}", f"export {name}, or add it to an --env-file"

    def _unknown(self, name: str) -> Objection:
        hint = did_you_mean(name, self._feeders) or f"add it: data: {{ {name}: {{ file: … }} }}"
        return f'there is no data file named "{name}"', hint


def has_row(feeder: Feeder, place: Place) -> bool:
    """Whether a section gets a row of a feeder: each instance does, a `user_setup` where the row is the user's."""
    return not place or (place == "user_setup" and feeder.share == "user")


def variables_at(
    scenario: Scenario, variables: Iterable[tuple[str, Template]], place: Place
) -> tuple[tuple[str, Template], ...]:
    """The variables of a scenario that can be rendered in a section, with the rows that it gets."""
    known = [feeder.name for feeder in scenario.data if has_row(feeder, place)]
    found = _made_of(dict(variables), known)
    return tuple((name, template) for name, template in variables if name in found)


def _made_of(variables: Mapping[str, Template], feeders: Iterable[str]) -> set[str]:
    """The variables that read no rows but those of some feeders, nor a variable that does."""
    feeders, found, others = set(feeders), set[str](), set[str]()
    for name, template in variables.items():
        rows = {member[1] for member in template.members if member[0] == "data" and len(member) > 1}
        unknown = "data" in template.names and not rows  # the whole of `data`, or a row whose name is computed
        if others.isdisjoint(template.names) and rows <= feeders and not unknown:
            found.add(name)
        else:
            others.add(name)
    return found


def _no_row(name: str, feeder: Feeder | None, place: Place) -> Objection | None:
    """What is said of a row that a section does not get; `name` is empty where all of `data` is meant."""
    if not place:
        return None
    if place == "user_setup":
        if feeder is None or (not name and feeder.share == "user"):
            return None
        message = f'a user_setup runs once per user, and data "{feeder.name}" has a row for each instance'
        return message, f"write `share: user` under `{feeder.name}`: each user then gets a row, and keeps it"
    what = f' of data "{name}"' if name else " of a data file"
    hint = "read it in `flow`, or with `share: user` in `user_setup` too"
    return f"a {place} {WITHOUT_ROWS}{what}", hint
