"""Every step type, written out. A new one is a module here and a row in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from windtunnel.actions.assert_ import AssertAction
from windtunnel.actions.branch import BranchAction
from windtunnel.actions.choose import ChooseAction
from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.group import GroupAction
from windtunnel.actions.http import HttpAction
from windtunnel.actions.include import IncludeAction
from windtunnel.actions.parallel import ParallelAction
from windtunnel.actions.python.step import PythonAction
from windtunnel.actions.repeat import RepeatAction
from windtunnel.actions.set_ import SetAction
from windtunnel.actions.wait import WaitAction
from windtunnel.interfaces import Action
from windtunnel.model.scenario import Step


class ActionType(Protocol):
    """A step type: what compiles a step of it, and the keys of its own that a step may have."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys besides those every step has."""

    def compile(self, step: Step, context: CompileContext) -> Action | None:
        """Compile a step, noting every problem in the compiler; None when there is nothing to run."""


ACTIONS: Mapping[str, ActionType] = {
    "http": HttpAction,
    "wait": WaitAction,
    "assert": AssertAction,
    "set": SetAction,
    "group": GroupAction,
    "branch": BranchAction,
    "choose": ChooseAction,
    "repeat": RepeatAction,
    "parallel": ParallelAction,
    "include": IncludeAction,
    "python": PythonAction,
}
"""Every step type by the name it has in YAML."""
