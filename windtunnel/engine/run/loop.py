"""The event loop of a process that runs load."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

YOUNG_OBJECTS = 50_000
"""New container objects after which the youngest of them are searched for garbage."""


def run_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on uvloop where there is one.

    What was compiled is never garbage, so that no collection looks at it again; and a run makes next to no
    cycles, so that collections can be rare (at the default of 700 objects they took a sixth of the CPU). All of it
    is put back afterwards: the process may be somebody else's, who called `windtunnel.run()`.
    """
    gc.collect()
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    try:
        return _run(main)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main())
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main())
    before = asyncio.get_event_loop_policy()
    uvloop.install()
    try:
        return asyncio.run(main())
    finally:
        asyncio.set_event_loop_policy(before)
