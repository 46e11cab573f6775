"""A run with faults against the model of the demo shop: engine, faults and judge, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.journeys import SUT, scenario
from tests.support.shop_model import ModelProxy, ShopModel
from windtunnel.demo.calling import Event
from windtunnel.demo.settings import Behaviour
from windtunnel.engine.plan import compile_plan
from windtunnel.engine.run.coordinator import Outcome, RunContext, execute
from windtunnel.engine.run.preflight import PreflightResult
from windtunnel.engine.run.segment import SegmentParts
from windtunnel.engine.run.shutdown import Shutdown
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.load import OpenLoad, Segment
from windtunnel.model.manifest import Manifest
from windtunnel.model.plan import OutputSettings, TestPlan
from windtunnel.model.resilience import Resilience
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Amount, FaultSpec, JudgeSettings, Phases, ProxySpec, Schedule, Turbulence
from windtunnel.redaction import Redactor
from windtunnel.storage.directory import RunDirectory
from windtunnel.tasks import cancel_and_wait
from windtunnel.testing.scripted import ScriptedTransport
from windtunnel.testing.virtual_clock import EPOCH, VirtualClock, run_virtual
from windtunnel.turbulence.client import FaultyClients
from windtunnel.verdict.conclude import conclude

PHASES = Phases(steady_s=6, inject_s=8, recover_s=8)
RATE = 20.0
OUTAGE = Schedule(at=Amount(seconds=1.0), length=Amount(seconds=5.0))
OUTAGE_ENDS_S = PHASES.begin_s("inject") + 6.0
"""The end of the outage, in seconds since the load began."""

STEADY: tuple[Threshold, ...] = (
    parse_threshold("http_req_failed", "rate < 2%"),
    parse_threshold("http_req_duration", "p(90) < 400ms"),
)

BUYING: tuple[dict[str, Any], ...] = (
    {
        "type": "http",
        "name": "add_to_cart",
        "method": "POST",
        "path": "/api/cart",
        "json": {"item_id": "p-1"},
        "expect": {"status_code": 201},
    },
    {
        "type": "http",
        "name": "check_out",
        "method": "POST",
        "path": "/api/checkout",
        "headers": {"Idempotency-Key": "{{ correlation_id }}"},
        "timeout": "2s",
        "expect": {"status_code": 201},
        "extract": {"order_id": "$.id"},
    },
    {"type": "http", "name": "find_order", "path": "/api/orders/{{ order_id }}"},
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the judge said, and what the shop's own log tells. Moments are seconds since the load began."""

    resilience: Resilience
    log: Sequence[Event]

    def moments(self, event: str) -> list[float]:
        """When something happened, by the shop's log."""
        return [each.at - EPOCH for each in self.log if each.event == event]


def judged(
    behaviour: Behaviour,
    *faults: FaultSpec,
    folder: Path,
    seed: int,
    judge: JudgeSettings | None = None,
) -> Judged:
    """Run journeys that buy something against a shop, with faults, and judge how it bore them."""
    turbulence = Turbulence(
        phases=PHASES,
        seed=seed,
        steady_state=STEADY,
        proxies=(ProxySpec(name="payments", protocol="http", upstream="http://payments:9000"),),
        faults=faults,
        judge=judge or JudgeSettings(),
    )
    buying = scenario(*BUYING, id="buying")
    load = OpenLoad(stages=PHASES.stages(RATE), start=RATE)
    plan = TestPlan(
        sut=SUT, scenarios=(buying,), load=load, seed=seed, output=OutputSettings(), turbulence=turbulence
    )
    aggregate = Aggregate.for_judging((), turbulence)
    proxies: list[ModelProxy] = []

    def proxied(ask: Any) -> ModelProxy:
        faults = turbulence.proxy_faults("payments")
        proxies.append(ModelProxy("payments", ask, faults, PHASES, seed=seed))
        return proxies[0]

    async def main() -> tuple[Outcome, Manifest, Sequence[Event]]:
        model = ShopModel(behaviour, seed=seed, proxied=proxied)
        transport = ScriptedTransport(model=model)
        compiled = compile_plan(plan, transport=transport, run_id="run")
        parts = SegmentParts(
            plan=compiled,
            transport=transport,
            directory=RunDirectory.create(folder, "run"),
            redactor=Redactor(secrets=()),
            clock=VirtualClock(),
            shutdown=Shutdown(),
            sinks=(),
            plan_hash="h",
            segment=Segment(),
            faults=lambda clock, report: FaultyClients(turbulence, seed=seed, clock=clock, report=report),
        )
        outcome = await execute(
            RunContext(
                test_plan=plan,
                parts=parts,
                preflight=_reached,
                aggregate=aggregate,
                make_proxy=lambda spec, report: proxies[0].reporting(report),
            )
        )
        # What the shop still works on has no load to answer any more.
        await cancel_and_wait(asyncio.all_tasks() - {asyncio.current_task()})
        manifest = Manifest(
            schema_version=1,
            run_id="run",
            version="1",
            started=EPOCH,
            name="shop",
            sut="shop",
            base_urls=["http://sut"],
            scenarios=["buying"],
            load="20 starts/s",
            seed=seed,
            plan_hash="h",
            steps=list(compiled.rows),
            thresholds=[],
            turbulence=turbulence,
        )
        return outcome, manifest, tuple(model.log.events)

    outcome, manifest, log = run_virtual(main())
    found = conclude(manifest, outcome.aggregate, outcome.evidence).turbulence
    assert found is not None
    return Judged(resilience=found, log=log)


async def _reached() -> PreflightResult:
    return PreflightResult()
