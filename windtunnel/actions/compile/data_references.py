"""What a scenario may read of `data` and `env`, known before the clock starts: a slip must not cost a run."""

from __future__ import annotations

from windtunnel.errors import did_you_mean
from windtunnel.expressions.sandbox import Member
from windtunnel.model.scenario import Scenario

_MOST_SHOWN = 8


class DataReferences:
    """The data files of a scenario and their columns, and the variables of the environment."""

    __slots__ = ("_env", "_feeders")

    def __init__(self, scenario: Scenario) -> None:
        self._env = scenario.env
        self._feeders = {feeder.name: feeder for feeder in scenario.data}

    def objection(self, member: Member) -> tuple[str, str | None] | None:
        """What is wrong with `data.feeder.column` or `env.NAME` (and how to mend it); None when nothing is.

        A column of a feeder that is not there is no objection of its own.
        """
        if member[0] == "env":
            if member[1] in self._env:
                return None
            return (
                f"the environment has no variable {member[1]}",
                f"export {member[1]}, or put it into an --env-file",
            )
        feeder = self._feeders.get(member[1])
        if feeder is None:
            if len(member) > 2:
                return None
            hint = did_you_mean(member[1], self._feeders)
            return f'there is no data "{member[1]}"', hint or f"add it: data: {{ {member[1]}: {{ file: … }} }}"
        if len(member) == 3 and member[2] not in feeder.columns:
            shown = ", ".join(feeder.columns[:_MOST_SHOWN]) + (", …" if len(feeder.columns) > _MOST_SHOWN else "")
            hint = did_you_mean(member[2], feeder.columns) or f"the columns are {shown}"
            return f'{feeder.file} has no column "{member[2]}"', hint
        return None
