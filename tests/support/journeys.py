"""A run on virtual time with a scripted transport: what the engine does, without a network or a wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from tests.support.compiling import STEP_TYPES
from windtunnel.config.reader import Document
from windtunnel.config.steps import build_steps
from windtunnel.engine.journal import OnRecord
from windtunnel.engine.plan import compile_plan
from windtunnel.engine.run.coordinator import RunContext, execute
from windtunnel.engine.run.preflight import PreflightResult
from windtunnel.engine.run.proxies import MakeProxy
from windtunnel.engine.run.segment import SegmentParts
from windtunnel.engine.run.shutdown import Shutdown
from windtunnel.interfaces import MakeFaults, Sink
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.load import ClosedLoad, Load, Segment
from windtunnel.model.manifest import Evidence
from windtunnel.model.plan import OutputSettings, TestPlan
from windtunnel.model.record import (
    AssertionRecord,
    InstanceRecord,
    Record,
    RequestFacts,
    RequestRecord,
    RunEnded,
    StepRecord,
)
from windtunnel.model.scenario import Scenario, Step
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import KeepBodies
from windtunnel.redaction import Redactor
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader
from windtunnel.testing.scripted import Answer, ScriptedTransport, Sent
from windtunnel.testing.virtual_clock import VirtualClock, run_virtual


def scenario(*steps: dict[str, Any], id: str = "journey", **more: Any) -> Scenario:
    """A scenario of steps written as in YAML."""

    document = Document(
        data={"flow": list(steps), "assertions": more.pop("assertions", ())}, source=Source(file="scenario.yaml")
    )
    return Scenario(
        id=id,
        source=document.source,
        steps=build_steps(document, "flow", STEP_TYPES),
        assertions=build_steps(document, "assertions", STEP_TYPES),
        **more,
    )


def section(*steps: dict[str, Any]) -> tuple[Step, ...]:
    """Steps of a setup, user_setup or teardown, written as in YAML."""
    return build_steps(
        Document(data={"setup": list(steps)}, source=Source(file="scenario.yaml")),
        "setup",
        STEP_TYPES,
    )


def get(name: str, path: str = "/", **more: Any) -> dict[str, Any]:
    return {"type": "http", "name": name, "path": path, **more}


def facts_of(step: StepRecord) -> RequestFacts:
    """The request of a step that sent one."""
    assert step.request is not None
    return step.request


def pause(name: str, duration: str) -> dict[str, Any]:
    return {"type": "wait", "name": name, "duration": duration}


R = TypeVar("R", bound=Record)


class Finished:
    """What a run left behind."""

    def __init__(
        self,
        records: list[Record],
        evidence: Evidence,
        transport: ScriptedTransport,
        bodies: Path,
        rerouted: list[tuple[str, str]],
    ) -> None:
        self.records, self.evidence, self.transport, self.bodies = records, evidence, transport, bodies
        self.rerouted = rerouted

    def of(self, kind: type[R]) -> list[R]:
        return [record for record in self.records if isinstance(record, kind)]

    @property
    def steps(self) -> list[StepRecord]:
        return self.of(StepRecord)

    @property
    def instances(self) -> list[InstanceRecord]:
        return self.of(InstanceRecord)

    @property
    def assertions(self) -> list[AssertionRecord]:
        return self.of(AssertionRecord)

    @property
    def requests(self) -> list[RequestRecord]:
        return self.of(RequestRecord)

    @property
    def ending(self) -> RunEnded:
        return self.of(RunEnded)[-1]


Run = Callable[..., Finished]
"""`run(*scenarios, answers=…, load=…)`, the fixture."""

ONE = ClosedLoad(count=1)
SUT = Sut(name="sut", default=Service(name="default", base_url="http://sut"), source=Source(file="sut.yaml"))
Answers = Iterable[Answer] | Callable[[Sent], Answer]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run scenarios in virtual time and read back what is on disk."""
    runs = 0

    def run_it(
        *scenarios: Scenario,
        answers: Answers = lambda sent: Answer(),
        load: Load = ONE,
        seed: int = 1,
        during: Callable[[Shutdown], Any] | None = None,
        refused: str | None = None,
        secrets: tuple[str, ...] = (),
        bodies: KeepBodies = "failures",
        max_duration_s: float | None = None,
        sinks: Sequence[Sink] = (),
        on_record: Sequence[OnRecord] = (),
        turbulence: Turbulence | None = None,
        faults: MakeFaults | None = None,
        make_proxy: MakeProxy | None = None,
        segment: Segment = Segment(),
        at: Mapping[str, str] = {},
    ) -> Finished:
        nonlocal runs
        runs += 1
        run_id = f"run-{runs}"
        rerouted: list[tuple[str, str]] = []
        plan = TestPlan(
            sut=SUT,
            scenarios=scenarios,
            load=load,
            seed=seed,
            output=OutputSettings(bodies=bodies),
            max_duration_s=max_duration_s,
            turbulence=turbulence,
            shard=segment,
        )
        transport = ScriptedTransport(answers)
        directory = RunDirectory.create(tmp_path, run_id)

        async def preflight() -> PreflightResult:
            return PreflightResult(unreachable=refused, reroutes=at)

        async def main() -> Evidence:
            shutdown = Shutdown()
            if during is not None:
                during(shutdown)
            parts = SegmentParts(
                plan=compile_plan(plan, transport=transport, run_id=run_id),
                transport=transport,
                directory=directory,
                redactor=Redactor(secrets=secrets),
                clock=VirtualClock(),
                shutdown=shutdown,
                sinks=sinks,
                on_record=on_record,
                plan_hash="h",
                segment=segment,
                faults=faults,
            )
            outcome = await execute(
                RunContext(
                    test_plan=plan,
                    parts=parts,
                    preflight=preflight,
                    aggregate=Aggregate(),
                    reroute=lambda origin, address: rerouted.append((str(origin), address)),
                    make_proxy=make_proxy,
                )
            )
            return outcome.evidence

        live = run_virtual(main())
        reader = RecordReader(directory.segments(), expected=plan.segments)
        records = list(reader)
        found = reader.evidence()
        assert found == replace(live, written=()), found
        return Finished(records, live, transport, directory.bodies, rerouted)

    return run_it
