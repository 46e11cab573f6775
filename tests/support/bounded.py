"""Runs cases that could hang or fill the memory, all in one process that the system ends at a limit.

The test of a case without an outcome fails; the machine goes on.
"""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence

CPU_S = 60
MEMORY = 2 * 1024**3


def outcomes(judge: Callable[[str], str], cases: Sequence[str]) -> dict[str, str]:
    """What `judge`, a function of a test module, says of each case; those that it never ended are left out."""
    code = "from tests.support.bounded import _child; _child()"
    work = json.dumps([judge.__module__, judge.__name__, list(cases)])
    run = subprocess.run([sys.executable, "-c", code], input=work, capture_output=True, text=True, check=False)
    assert run.stderr == "", run.stderr
    return dict(json.loads(line) for line in run.stdout.splitlines())


def _child() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    module, name, cases = json.loads(sys.stdin.read())
    judge = getattr(importlib.import_module(module), name)
    for case in cases:
        print(json.dumps([case, judge(case)]), flush=True)
