"""The hooks of `docs/turbulence-engines.md`, as a plan reads them, and what each of them has to do."""

from __future__ import annotations

import asyncio
import os
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support import ROOT
from tests.support.recipes import FENCED
from windtunnel.config.plan import load_plan_file
from windtunnel.model.turbulence import FaultSpec, Phases
from windtunnel.turbulence.driven import DrivenFault
from windtunnel.turbulence.drivers.driver import Answer, Reach, WayBack
from windtunnel.turbulence.drivers.hook import HookDriver

PAGE = ROOT / "docs" / "turbulence-engines.md"
REACH = Reach(environment=os.environ, hide=str)


def recipes() -> dict[str, FaultSpec]:
    """The faults of the page by their names, as a plan reads them."""
    found = {}
    for language, text in FENCED.findall(PAGE.read_text()):
        if language == "yaml":
            for fault in faults_of(text):
                found[fault.name] = fault
    return found


def faults_of(block: str) -> Sequence[FaultSpec]:
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "windtunnel.yaml"
        phases = "turbulence:\n  phases: { steady: 1s, inject: 60s, recover: 1s }\n  faults:\n"
        plan.write_text(f"{phases}{textwrap.indent(block, '    ')}")
        turbulence = load_plan_file(plan, {}).turbulence
    assert turbulence is not None
    return turbulence.faults


def answer(driver: HookDriver, call: str, *arguments: Any) -> Answer:
    found = asyncio.run(getattr(driver, call)(*arguments))
    assert isinstance(found, Answer)
    return found


def assert_works(fault: FaultSpec, reach: Reach = REACH) -> None:
    """The hook is applied, found, undone, and undoing it once more does no harm."""
    driver = HookDriver(reach)
    driven = DrivenFault(fault, Phases(steady_s=1, inject_s=60, recover_s=1), seed=1, driver=driver)
    for band in driven.bands[:2]:
        now = band.changes[0].fault
        way = asyncio.run(driver.look(now))
        assert isinstance(way, WayBack), way
        assert answer(driver, "apply", now).problem is None
        assert answer(driver, "verify", now).problem is None
        assert answer(driver, "revert", way.arguments).problem is None
        assert answer(driver, "revert", way.arguments) == Answer(evidence="verify says that it is not there")
