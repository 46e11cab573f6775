"""What a process makes from a plan before it runs: the same in a job, a worker process and `validate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from windtunnel.engine.journal import OnRecord
from windtunnel.engine.load.users import Board
from windtunnel.engine.plan import Plan, compile_plan
from windtunnel.engine.run.process import SystemClock
from windtunnel.engine.run.segment import SegmentParts
from windtunnel.engine.run.shutdown import Shutdown
from windtunnel.engine.user import SetupResult
from windtunnel.http.transport import HttpTransport
from windtunnel.interfaces import MakeFaults, Sink
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.load import Segment
from windtunnel.model.plan import TestPlan
from windtunnel.model.record import Record
from windtunnel.redaction import Redactor
from windtunnel.storage.directory import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """A plan, compiled for the transport that sends its requests, and the redactor of its secrets."""

    test_plan: TestPlan
    transport: HttpTransport
    plan: Plan
    redactor: Redactor

    def aggregate(self) -> Aggregate:
        """A new sink that counts what judging the plan needs."""
        return Aggregate.for_judging(self.test_plan.thresholds, self.test_plan.turbulence)

    def segment(
        self,
        segment: Segment,
        directory: RunDirectory,
        *,
        shutdown: Shutdown,
        plan_hash: str,
        sinks: Sequence[Sink] = (),
        board: Board | None = None,
        before: tuple[Record, ...] = (),
        prepared: Mapping[str, SetupResult] | None = None,
        on_record: Sequence[OnRecord] = (),
        on_begin: Callable[[float], None] | None = None,
    ) -> SegmentParts:
        """The parts of one segment, which runs in this process on its own clock."""
        return SegmentParts(
            plan=self.plan,
            transport=self.transport,
            directory=directory,
            redactor=self.redactor,
            clock=SystemClock(),
            shutdown=shutdown,
            sinks=sinks,
            plan_hash=plan_hash,
            segment=segment,
            workers=self.test_plan.workers,
            board=board,
            before=before,
            prepared=prepared or {},
            on_record=on_record,
            faults=self._faults(),
            on_begin=on_begin,
        )

    def _faults(self) -> MakeFaults | None:
        """What makes the faults on our own requests; None where the plan has none."""
        turbulence = self.test_plan.turbulence
        if turbulence is None or not turbulence.client_faults:
            return None
        from windtunnel.turbulence.client import FaultyClients  # for the runs that have some

        seed = self.test_plan.seed
        return lambda clock, report: FaultyClients(turbulence, seed=seed, clock=clock, report=report)


def run_parts(test_plan: TestPlan, *, run_id: str, redactor: Redactor) -> RunParts:
    """Make the transport and compile the plan for it. Sends nothing.

    Raises ConfigError with every problem of the plan's steps.
    """
    transport = HttpTransport(test_plan.sut, run_id)
    return RunParts(
        test_plan=test_plan,
        transport=transport,
        plan=compile_plan(test_plan, transport=transport, run_id=run_id),
        redactor=redactor,
    )
