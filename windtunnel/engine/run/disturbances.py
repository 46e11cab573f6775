"""What is around the load of a run: the SUT that the run starts itself.

the SUT's process ──▶ preflight ──▶ load ──▶ the process ends
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from windtunnel.engine.run.preflight import PreflightResult
from windtunnel.engine.run.shutdown import Shutdown, Stop

if TYPE_CHECKING:
    from windtunnel.engine.sut.process import SutProcess


@asynccontextmanager
async def surroundings(sut: SutProcess | None) -> AsyncIterator[None]:
    """Run the SUT, if the run starts it, during the block."""
    if sut is None:
        yield
        return
    async with sut.running({}):
        yield


async def ended_before_load(sut: SutProcess | None) -> PreflightResult:
    """The result of a preflight whose SUT has ended. Never returns where none has."""
    if sut is None:
        await asyncio.Event().wait()
    assert sut is not None
    end = await sut.wait()
    return PreflightResult(unreachable=f"{end.reason}{end.help}")


async def end_with_sut(sut: SutProcess | None, shutdown: Shutdown) -> None:
    """End the run when its SUT has ended: what is sent after that says nothing about it."""
    if sut is not None:
        end = await sut.wait()
        shutdown.request(Stop(reason=end.reason, aborted=True))
