"""A run with faults: its phases on record, who can be touched, and what is left out of the figures of the SUT."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.support.journeys import Finished, Run, facts_of, get, scenario, section
from windtunnel.interfaces import Client, Clock, MakeFaults, Request
from windtunnel.metrics.aggregate import SECOND_S, Aggregate
from windtunnel.metrics.measure import Rate, Trend, select
from windtunnel.metrics.summary import error_groups, instances_by_outcome
from windtunnel.model.http import Exchange
from windtunnel.model.load import OpenLoad
from windtunnel.model.record import FaultRecord, PhaseRecord, Record
from windtunnel.model.turbulence import Phases, Turbulence
from windtunnel.testing.scripted import Answer
from windtunnel.testing.virtual_clock import EPOCH

PHASES = Phases(warmup_s=1, steady_s=2, inject_s=2, recover_s=3)
LOAD = OpenLoad(stages=PHASES.stages(10), start=10)


@dataclass
class Spoiling:
    """Answers the requests of some steps with 503, without sending them."""

    steps: tuple[str, ...]
    began: list[float] = field(default_factory=list)
    ended: int = 0
    touched: list[str] = field(default_factory=list)

    def __call__(self, clock: Clock, report: Callable[[FaultRecord], None]) -> Spoiling:
        self._clock, self._report = clock, report
        return self

    def begin(self, began: float) -> None:
        self.began.append(began)

    def end(self) -> None:
        self.ended += 1

    def of_instance(
        self, client: Client, *, scenario: str, index: int, instance_id: str, correlation_id: str
    ) -> Client:
        self.touched.append(instance_id)
        return _SpoilingClient(client, self, instance_id)

    def spoils(self, step: str) -> bool:
        at_s = self._clock.now() - self.began[-1]
        return step in self.steps and PHASES.begin_s("inject") <= at_s < PHASES.end_s("inject")

    def tell(self, instance_id: str, step: str) -> None:
        record = FaultRecord(t=self._clock.unix(), name="spoil", kind="status", event="applied", step=step)
        record.instance_id = instance_id
        self._report(record)


class _SpoilingClient:
    def __init__(self, client: Client, faults: Spoiling, instance_id: str) -> None:
        self._client, self._faults, self._instance_id = client, faults, instance_id

    async def send(self, request: Request) -> Exchange:
        if not self._faults.spoils(request.step):
            return await self._client.send(request)
        self._faults.tell(self._instance_id, request.step)
        await asyncio.sleep(0)
        return Exchange("GET", "http://sut/", "default", status=503, fault="spoil")

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        self._client.begin_instance(instance_id=instance_id, correlation_id=correlation_id, cookies=cookies)

    @property
    def cookies(self) -> object:
        return self._client.cookies

    def close(self) -> None:
        self._client.close()


def counted(records: list[Record]) -> Aggregate:
    aggregate = Aggregate(widths_s=[SECOND_S])
    aggregate.write(records)
    aggregate.close()
    return aggregate


@pytest.fixture
def disturbed(run: Run) -> Callable[..., Finished]:
    def run_it(*steps: str, faults: MakeFaults | None = None) -> Finished:
        return run(
            scenario(get("browse"), get("pay", on_failure="continue"), user_setup=section(get("login"))),
            answers=lambda sent: Answer(latency_s=0.1),
            load=LOAD,
            turbulence=Turbulence(phases=PHASES),
            faults=faults or Spoiling(steps),
        )

    return run_it


def test_phases_are_on_record_from_the_begin_of_the_load(disturbed: Callable[..., Finished]) -> None:
    phases = disturbed().of(PhaseRecord)
    assert [(each.name, each.begin_us, each.duration_us) for each in phases] == [
        ("warmup", 0, 1_000_000),
        ("steady", 1_000_000, 2_000_000),
        ("inject", 3_000_000, 2_000_000),
        ("recover", 5_000_000, 3_000_000),
    ]
    assert {each.t for each in phases} == {EPOCH}


def test_the_load_is_the_same_in_every_phase(disturbed: Callable[..., Finished]) -> None:
    load = [each for each in disturbed().instances if each.phase != "user_setup"]
    assert Counter(each.phase for each in load) == {"warmup:warmup": 10, "steady": 20, "inject": 20, "recover": 30}


def test_every_instance_of_the_load_can_be_touched_and_no_section(disturbed: Callable[..., Finished]) -> None:
    faults = Spoiling(("login", "pay"))
    finished = disturbed(faults=faults)
    assert sorted(faults.touched) == sorted(each.instance_id for each in finished.instances if each.index >= 0)
    assert faults.ended == len(faults.began) == 1
    assert {each.outcome for each in finished.instances if each.phase == "user_setup"} == {"passed"}


def test_what_a_fault_did_is_marked_on_every_record(disturbed: Callable[..., Finished]) -> None:
    finished = disturbed("pay")
    spoilt = [each for each in finished.steps if each.fault]
    assert spoilt
    assert {(each.step, each.fault, facts_of(each).fault, facts_of(each).status) for each in spoilt} == {
        ("pay", "spoil", "spoil", 503)
    }
    failed = [each for each in finished.instances if each.outcome == "failed"]
    assert {each.fault for each in failed} == {"spoil"}
    assert {each.instance_id for each in failed} == {each.instance_id for each in finished.of(FaultRecord)}


def test_the_figures_of_the_sut_are_those_without_the_faults(disturbed: Callable[..., Finished]) -> None:
    quiet, spoilt = counted(disturbed().records), counted(disturbed("pay").records)
    failed = spoilt.injected
    assert failed is not None
    times = select(spoilt, "http_req_duration")
    assert isinstance(times, Trend)
    assert times.histogram.to_distribution().max == pytest.approx(100, rel=0.01)
    assert select(spoilt, "http_req_failed") == Rate(matches=0, count=140 - instances_by_outcome(failed)["failed"])
    assert instances_by_outcome(spoilt) == {"passed": 70 - instances_by_outcome(failed)["failed"]}
    assert instances_by_outcome(quiet) == {"passed": 70}
    assert error_groups(spoilt) == []


def test_windows_count_from_the_begin_of_the_load(disturbed: Callable[..., Finished]) -> None:
    aggregate = counted(disturbed("pay").records)
    windows = aggregate.windows[SECOND_S]
    assert aggregate.phases["inject"] == (EPOCH + 3.0, 2_000_000)
    spoilt = {number for number, window in windows.items() if window.injected is not None}
    assert spoilt == {3, 4, 5}


def test_a_failure_of_the_sut_after_a_fault_is_its_own(run: Run) -> None:
    """The reply to a first request was lost on purpose; the second one was answered badly."""

    class LosesTheFirst(_SpoilingClient):
        async def send(self, request: Request) -> Exchange:
            if request.attempt > 1:
                return await self._client.send(request)
            return Exchange("GET", "http://sut/", "default", error="closed", attempt=1, fault="lost")

    class Losing(Spoiling):
        def of_instance(
            self, client: Client, *, scenario: str, index: int, instance_id: str, correlation_id: str
        ) -> Client:
            return LosesTheFirst(client, self, instance_id)

    def failing_with(status: int) -> Finished:
        return run(
            scenario(get("pay", retry={"attempts": 2, "on": ["connection"]})),
            answers=lambda sent: Answer(status=status),
            turbulence=Turbulence(phases=PHASES),
            faults=Losing(()),
        )

    bad, good = failing_with(500), failing_with(200)
    assert [each.request.fault for each in bad.requests] == ["lost", None]
    assert [(each.outcome, each.fault) for each in bad.instances] == [("failed", None)]
    assert bad.steps[0].fault is None
    assert [each.cause for each in error_groups(counted(bad.records))] == ["status_code"]
    assert [(each.outcome, each.fault) for each in good.instances] == [("passed", None)]
    assert good.steps[0].fault == "lost"
