"""The names that packages extending Windtunnel build on. They are stable; all others may change.

Step types (entry point `windtunnel.actions`, see docs/extending/step-type.md and steps-inside-steps.md): `Step`,
`Block`, `CompileContext` and `Field` to compile with; `Action`, `CompiledStep`, `Branch`, `Instance`, `Clock`,
`StepOutcome`, `Checks`, `FailedCheck` and `Exchange` to run with; `errored` and `show` for outcomes that read like
those of other steps; `ExpressionError` for a template that cannot be evaluated.

Faults on our own requests (entry point `windtunnel.faults`, see docs/extending/faults.md): `Settings` to compile
with; `Request`, `Forward`, `Case`, `Clock` and `Exchange` to do it with; `unsent` and `failed` for answers of your
own; `over` and `Wire` for faults on bytes.

Renderers (entry point `windtunnel.renderers`, see docs/extending/renderer.md): `Report` and its `Summary`.
"""

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.response.judge import errored
from windtunnel.actions.response.text import show
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.interfaces import Action, Branch, Clock, CompiledStep, Instance, Request, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import Checks, FailedCheck
from windtunnel.model.scenario import Block, Step
from windtunnel.model.summary import Summary
from windtunnel.report.model import Report
from windtunnel.turbulence.exchanges import failed, unsent
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings
from windtunnel.turbulence.wire import Wire, over

__all__ = [
    "Action",
    "Block",
    "Branch",
    "Case",
    "Checks",
    "Clock",
    "CompileContext",
    "CompiledStep",
    "ConfigError",
    "Exchange",
    "ExpressionError",
    "FailedCheck",
    "Field",
    "Forward",
    "Instance",
    "Problem",
    "Report",
    "Request",
    "Settings",
    "Step",
    "StepOutcome",
    "Summary",
    "Wire",
    "errored",
    "failed",
    "over",
    "show",
    "unsent",
]
