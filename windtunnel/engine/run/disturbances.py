"""What is around the load of a run: the proxies, the SUT that the run starts itself, the faults of drivers.

proxies listen ─▶ the SUT starts, with their URLs ─▶ preflight ─▶ load ─▶ the SUT ends ─▶ proxies close
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from windtunnel.engine.run.preflight import PreflightResult
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.model.manifest import Evidence
from windtunnel.model.origin import Origin
from windtunnel.tasks import background

if TYPE_CHECKING:
    from windtunnel.engine.run.outside import OutsideSegment
    from windtunnel.engine.run.proxies import Listening
    from windtunnel.engine.sut.process import SutEnd, SutProcess


_SLOW_S = 1.0
"""Seconds after which a SUT takes a while to end."""


class Disturbances:
    """Everything around one load, for most runs nothing. Owned by the coordinator, which enters it once.

    `sut_end` says how a SUT that the run started ended, if it did before the run.
    """

    def __init__(
        self,
        *,
        sut: SutProcess | None,
        outside: OutsideSegment | None,
        shutdown: Shutdown,
        on_slow_end: Callable[[], None],
    ) -> None:
        """`on_slow_end` is called when the SUT takes a while to end."""
        self._on_slow_end = on_slow_end
        self._sut, self._outside, self._shutdown = sut, outside, shutdown
        self._stack = AsyncExitStack()
        self.sut_end: SutEnd | None = None

    async def __aenter__(self) -> Disturbances:
        """Raises ConfigError when a proxy can't listen."""
        async with AsyncExitStack() as stack:
            variables: Mapping[str, str] = {}
            if self._outside is not None:
                variables = (await stack.enter_async_context(self._outside)).variables
            if self._sut is not None:
                await stack.enter_async_context(self._sut.running(variables, hurry=self._hurry))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._sut is not None:
            self.sut_end = self._sut.end
        await self._stack.aclose()

    @property
    def listening(self) -> tuple[Listening, ...]:
        """Where each proxy is, for people."""
        return () if self._outside is None else self._outside.listening

    def reroute(self, reroutes: Mapping[str, str]) -> None:
        """Have proxies connect to other addresses, by `host:port`: those that the preflight found."""
        if self._outside is not None:
            self._outside.reroute(reroutes)

    @property
    def reroutes(self) -> Mapping[Origin, str]:
        """The origin of each service whose requests go through a proxy, and the address of that."""
        return {} if self._outside is None else self._outside.reroutes

    @property
    def not_undone(self) -> tuple[str, ...]:
        """The faults that could not be undone, a line each."""
        return () if self._outside is None else self._outside.not_undone

    @property
    def evidence(self) -> Sequence[Evidence]:
        """How complete the records of what is around the load are, once it has been left."""
        return [] if self._outside is None or self._outside.evidence is None else [self._outside.evidence]

    def begin(self, began: float) -> None:
        """The load begins, at a reading of the clock."""
        if self._outside is not None:
            self._outside.begin(began)

    async def end_load(self) -> None:
        """The load has ended: end what a teardown must not meet."""
        if self._outside is not None:
            await self._outside.end()

    async def _hurry(self) -> None:
        """Return when the run is asked to end, once more if it was before: then its SUT has no grace."""
        asked = self._shutdown.wait_for_repeat if self._shutdown.requested else self._shutdown.wait
        async with background(self._tell_slow_end()):
            await asked()

    async def _tell_slow_end(self) -> None:
        await asyncio.sleep(_SLOW_S)
        self._on_slow_end()

    async def sut_ended(self) -> SutEnd:
        """Return when the SUT has ended that the run started; never where it started none."""
        if self._sut is None:
            await asyncio.Event().wait()
        assert self._sut is not None
        return await self._sut.wait()

    async def ended_before_load(self) -> PreflightResult:
        """The result of a preflight whose SUT has ended."""
        end = await self.sut_ended()
        return PreflightResult(unreachable=f"{end.reason}{end.help}")

    async def watch_sut(self) -> None:
        """End the run when its SUT has ended: what is sent after that says nothing about it."""
        end = await self.sut_ended()
        self._shutdown.request(Stop(reason=end.reason, aborted=True))
