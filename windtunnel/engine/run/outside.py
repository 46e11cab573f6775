"""What happens outside of the processes of the load: the proxies and the drivers of a run, and their record file.

It is written in the process of the coordinator. Times count from the moment at which the load begins, in whichever
process that is: they share one monotonic clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from windtunnel.engine.journal import Journal
from windtunnel.engine.run.proxies import (
    Listening,
    MakeProxy,
    Proxy,
    origin_of,
    reachable,
    url_through,
    without_user,
)
from windtunnel.engine.run.segment import SegmentParts, first_line
from windtunnel.engine.run.shutdown import Stop
from windtunnel.engine.runner import phase_records
from windtunnel.errors import EvidenceError
from windtunnel.model.manifest import Evidence
from windtunnel.model.origin import Origin
from windtunnel.model.plan import TestPlan
from windtunnel.model.record import FaultRecord, ProxiedRecord, Record, RunEnded
from windtunnel.redaction import Redactor
from windtunnel.storage.writer import RecordWriter
from windtunnel.tasks import background

if TYPE_CHECKING:
    from windtunnel.turbulence.outside import OutsideFaults


class OutsideRecords:
    """The record file of kind `turbulence`: from its first line to its last."""

    def __init__(self, parts: SegmentParts) -> None:
        self._parts = parts
        self._writer = RecordWriter(
            parts.directory.segment(parts.segment), run_id=parts.directory.run_id, on_failure=self._stop_for
        )
        self._journal = Journal(
            [self._writer, *parts.sinks],
            clock=parts.clock,
            redactor=parts.redactor,
            bodies=None,
            keep="none",
            schedule=asyncio.get_running_loop().call_soon,
        )
        self._is_load = False
        self.write(
            first_line(parts.clock.unix(), parts.segment, plan_hash=parts.plan_hash, seed=parts.plan.facts.seed)
        )

    def write(self, record: Record) -> None:
        """Write a record. What a proxy saw before the load is part of no metric, and is not kept."""
        if isinstance(record, ProxiedRecord):
            if not self._is_load:
                return
            _hide_in(record, self._parts.redactor)
        elif isinstance(record, FaultRecord):
            record.detail = self._parts.redactor.text(record.detail)
        self._journal.write(record)

    def write_all(self, records: Sequence[Record]) -> None:
        """Write several records."""
        for record in records:
            self.write(record)

    def begin(self, began: float) -> None:
        """The load begins, at a reading of the clock."""
        self._is_load = True
        assert self._parts.plan.turbulence is not None, "nothing is outside without it"
        for record in phase_records(self._parts.plan.turbulence.phases, self._parts.clock.unix(began)):
            self._journal.write(record)

    def end(self) -> Evidence:
        """Write the last line; return how complete the records are."""
        shutdown, clock = self._parts.shutdown, self._parts.clock
        self._journal.flush()
        reason = shutdown.cause.reason if shutdown.cause else "completed"
        line = self._parts.redactor.struct(RunEnded(t=clock.unix(), reason=reason, counts={}))
        try:
            ended = self._writer.end(line)
            for sink in self._parts.sinks:
                sink.write([ended])
        finally:
            self._writer.close()
        return self._writer.evidence()

    def _stop_for(self, error: EvidenceError) -> None:
        self._parts.shutdown.request(Stop(reason=str(error), grace_s=0.0))


class OutsideSegment:
    """The proxies and drivers of one run, with their records, while the block lasts. Owned by the coordinator.

    `not_undone` are the faults of drivers that could not be undone, a line each.
    """

    def __init__(
        self,
        parts: SegmentParts,
        test_plan: TestPlan,
        *,
        environment: Mapping[str, str],
        make_proxy: MakeProxy,
    ) -> None:
        """`environment` is that of the commands of drivers."""
        assert test_plan.turbulence is not None, "nothing is outside without it"
        self._parts, self._test_plan, self._turbulence = parts, test_plan, test_plan.turbulence
        self._make_proxy, self._environment = make_proxy, environment
        self._proxies: dict[str, Proxy] = {}
        self._records: OutsideRecords | None = None
        self._drivers: OutsideFaults | None = None
        self._undoing = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._began: asyncio.Future[float] | None = None
        self.evidence: Evidence | None = None
        self.not_undone: tuple[str, ...] = ()

    async def __aenter__(self) -> OutsideSegment:
        """Raises ConfigError when a proxy can't listen."""
        self._began = asyncio.get_running_loop().create_future()
        self._records = records = OutsideRecords(self._parts)
        async with AsyncExitStack() as stack:
            stack.callback(self._end_records, records)
            for spec in self._turbulence.proxies:
                proxy = self._make_proxy(spec, records.write)
                await proxy.start()
                stack.push_async_callback(proxy.close)
                self._proxies[spec.name] = proxy
            beside = [self._end_early()]
            if any(fault.engine for fault in self._turbulence.faults):
                self._drivers = self._make_drivers(records)
                beside.append(_follow(self._drivers, self._began))
            await stack.enter_async_context(background(*beside))
            stack.push_async_callback(self.end)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def variables(self) -> Mapping[str, str]:
        """The URL of each proxy, under the name of its variable."""
        return {
            spec.export: url_through(spec, reachable(self._proxies[spec.name].address))
            for spec in self._turbulence.proxies
            if spec.export
        }

    @property
    def listening(self) -> tuple[Listening, ...]:
        """Where each proxy is, for people."""
        return tuple(
            Listening(spec=spec, url=url_through(without_user(spec), self._proxies[spec.name].address))
            for spec in self._turbulence.proxies
        )

    @property
    def reroutes(self) -> Mapping[Origin, str]:
        """The origin of each service whose requests go through a proxy, and the address of that."""
        return {
            origin_of(spec, self._test_plan.sut): reachable(self._proxies[spec.name].address)
            for spec in self._turbulence.proxies
            if spec.service
        }

    def reroute(self, reroutes: Mapping[str, str]) -> None:
        """Have proxies connect to other addresses, by `host:port`: those that the preflight found."""
        for origin, address in reroutes.items():
            for proxy in self._proxies.values():
                proxy.reroute(origin, address)

    def begin(self, began: float) -> None:
        """The load begins, at a reading of the clock."""
        assert self._records is not None, "it was entered"
        assert self._began is not None, "it was entered"
        self._records.begin(began)
        for proxy in self._proxies.values():
            proxy.begin(began)
        if not self._began.done():
            self._began.set_result(began)

    async def end(self) -> None:
        """End every fault; the proxies go on forwarding. Safe to call twice."""
        for proxy in self._proxies.values():
            proxy.end()
        async with self._undoing:
            if self._drivers is not None:
                left = await self._drivers.close()
                self.not_undone += tuple(
                    f"{each.step.fault}: {each.answer.problem}; by hand: {each.step.by_hand}" for each in left
                )

    async def _end_early(self) -> None:
        """End every fault when the run is asked to end, before its load has ended."""
        await self._parts.shutdown.wait()
        await self.end()

    def _make_drivers(self, records: OutsideRecords) -> OutsideFaults:
        from windtunnel.engine.sut.family import end_with_parent  # for the runs that have some
        from windtunnel.turbulence.drivers.driver import Reach
        from windtunnel.turbulence.outside import OutsideFaults

        return OutsideFaults(
            self._turbulence,
            seed=self._test_plan.seed if self._turbulence.seed is None else self._turbulence.seed,
            clock=self._parts.clock,
            write=records.write_all,
            directory=self._parts.directory.path,
            reach=Reach(
                environment=self._environment, hide=self._parts.redactor.excerpt, in_child=end_with_parent
            ),
        )

    def _end_records(self, records: OutsideRecords) -> None:
        self.evidence = records.end()


async def _follow(drivers: OutsideFaults, began: asyncio.Future[float]) -> None:
    """Follow the schedules of drivers from the begin of the load on."""
    await drivers.run(await began)


def _hide_in(record: ProxiedRecord, redactor: Redactor) -> None:
    """Hide what is secret in what a proxy saw."""
    record.path = redactor.url(record.path)
    record.error = redactor.text(record.error)
