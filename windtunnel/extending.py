"""The names that packages extending Windtunnel build on. They are stable; all others may change.

Step types (entry point `windtunnel.actions`, see docs/extending/step-type.md and steps-inside-steps.md): `Step`,
`Block`, `CompileContext` and `Field` to compile with; `Action`, `CompiledStep`, `Branch`, `Instance`, `Clock`,
`StepOutcome`, `Checks`, `FailedCheck` and `Exchange` to run with; `errored` and `show` for outcomes that read like
those of other steps; `ExpressionError` for a template that cannot be evaluated.

Renderers (entry point `windtunnel.renderers`, see docs/extending/renderer.md): `Report` and its `Summary`.
"""

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.response.judge import errored
from windtunnel.actions.response.text import show
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.interfaces import Action, Branch, Clock, CompiledStep, Instance, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import Checks, FailedCheck
from windtunnel.model.scenario import Block, Step
from windtunnel.model.summary import Summary
from windtunnel.report.model import Report

__all__ = [
    "Action",
    "Block",
    "Branch",
    "Checks",
    "Clock",
    "CompileContext",
    "CompiledStep",
    "ConfigError",
    "Exchange",
    "ExpressionError",
    "FailedCheck",
    "Field",
    "Instance",
    "Problem",
    "Report",
    "Step",
    "StepOutcome",
    "Summary",
    "errored",
    "show",
]
