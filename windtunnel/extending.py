"""What packages that extend Windtunnel build on. Whatever stands here is stable; nothing else is.

Steps (entry point `windtunnel.actions`, see docs/extending/step-type.md): `Step`, `CompileContext` and `Place` to
compile with; `Action`, `Instance`, `StepOutcome`, `Checks`, `FailedCheck`, `Exchange` and `Clock` to run with;
`errored` and `show` for outcomes that read like those of others; `ExpressionError` for what can't be evaluated.

Renderers (entry point `windtunnel.renderers`, see docs/extending/renderer.md): `Report` and the `Summary` in it.
"""

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.response.judge import errored
from windtunnel.actions.response.text import show
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.interfaces import Action, Clock, Instance, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import Checks, FailedCheck
from windtunnel.model.scenario import Step
from windtunnel.model.summary import Summary
from windtunnel.report.model import Report

__all__ = [
    "Action",
    "Checks",
    "Clock",
    "CompileContext",
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
