"""The event loops that the transport runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
try:
    import uvloop
except ImportError:
    pass
else:
    LOOPS["uvloop"] = uvloop.new_event_loop

Run = Callable[[Coroutine[Any, Any, None]], None]
"""`run(coroutine)`, the fixture."""


def run_on(name: str, coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end on one of the event loops."""
    loop = LOOPS[name]()
    try:
        loop.run_until_complete(asyncio.wait_for(coroutine, 100))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
