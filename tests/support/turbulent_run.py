"""A run with faults in arithmetic: a service that answers by a rule of the time, and the records that it makes.

Every instance is one request, due at even moments. What a test asks of the judge follows from the numbers given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from msgspec import structs

from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import RECORD_VERSION, Evidence, Manifest, StepRow
from windtunnel.model.record import (
    FaultRecord,
    Health,
    InstanceRecord,
    PhaseRecord,
    Record,
    RequestFacts,
    RunEnded,
    RunStarted,
    StepRecord,
    Timings,
)
from windtunnel.model.resilience import Resilience
from windtunnel.model.summary import Summary
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Phases, Schedule, Turbulence
from windtunnel.verdict.conclude import conclude

BEGAN = 1_700_000_000.25
PHASES = Phases(warmup_s=2.0, steady_s=10.0, inject_s=20.0, recover_s=20.0)
STEADY = (
    parse_threshold("http_req_failed", "rate < 5%"),
    parse_threshold("http_req_duration", "med < 100ms"),
)
WHOLE = Evidence(finished=True, intact=True)


class Answer(NamedTuple):
    """How the service answers: the status, 0 for nothing at all, and the time in seconds."""

    status: int = 200
    takes_s: float = 0.02


_BROKEN = Answer(503)

Service = Callable[[float], Answer | None]
"""The answer to a request that comes so many seconds after the load began; None: it never ends."""


def healthy(_at_s: float) -> Answer:
    """A service that nothing disturbs."""
    return Answer()


def down(begin_s: float, end_s: float, answer: Answer | None = _BROKEN) -> Service:
    """A service that answers otherwise from one moment to another."""
    return lambda at_s: answer if begin_s <= at_s < end_s else Answer()


def fault(
    name: str = "outage", *, at_s: float = 0.0, for_s: float | None = 10.0, proxy: str = "", **more: object
) -> FaultSpec:
    """A fault with a window in the phase `inject`."""
    length = None if for_s is None else Amount(seconds=for_s)
    made = FaultSpec(
        name=name,
        type="latency",
        on=FaultTarget(proxy=proxy),
        schedule=Schedule(at=Amount(seconds=at_s), length=length),
    )
    return structs.replace(made, **more)


@dataclass(frozen=True, kw_only=True)
class TurbulentRun:
    """A run of one scenario against a service; `applied` is how often each fault was done."""

    service: Service = healthy
    turbulence: Turbulence = field(
        default_factory=lambda: Turbulence(phases=PHASES, steady_state=STEADY, faults=(fault(),))
    )
    rate: float = 20.0
    late_s: float = 0.0
    applied: int = 30
    scenario: str = "shop"
    thresholds: Sequence[Threshold] = ()
    shard: str = ""
    more: Sequence[Record] = ()
    ended: RunEnded | None = field(
        default_factory=lambda: RunEnded(t=BEGAN + PHASES.length_s + 1, reason="completed", counts={})
    )

    def judging(self, **settings: object) -> TurbulentRun:
        """The same with other settings of the judge."""
        judge = structs.replace(self.turbulence.judge, **settings)
        return self.with_turbulence(judge=judge)

    def with_turbulence(self, **fields: object) -> TurbulentRun:
        """The same with other fields of its turbulence."""
        return replace(self, turbulence=structs.replace(self.turbulence, **fields))

    @property
    def phases(self) -> Phases:
        """Those of its turbulence."""
        return self.turbulence.phases

    def head(self) -> list[Record]:
        """The first lines of a segment."""
        lines: list[Record] = [
            RunStarted(t=BEGAN - 0.1, schema_version=RECORD_VERSION, segment=0, plan_hash="h", seed=7)
        ]
        for name, length_s in self.phases.lengths.items():
            begin_us = round(self.phases.begin_s(name) * 1e6)
            lines.append(PhaseRecord(t=BEGAN, name=name, begin_us=begin_us, duration_us=round(length_s * 1e6)))
        return lines

    def load(self) -> list[Record]:
        """What the instances left, in the order in which it ended."""
        found: list[Record] = []
        for index in range(round(self.phases.length_s * self.rate)):
            found += self._instance(index, index / self.rate)
        return sorted(found, key=lambda record: record.t)

    def faults(self) -> list[Record]:
        """The faults that were done, evenly spread over their time."""
        found: list[Record] = []
        begin_s = self.phases.begin_s("inject")
        for spec in self.turbulence.faults:
            at_s = begin_s + spec.schedule.at.of(self.phases.inject_s)
            length = spec.schedule.length
            for_s = self.phases.inject_s if length is None else length.of(self.phases.inject_s)
            found += [
                FaultRecord(
                    t=BEGAN + at_s + for_s * number / self.applied, name=spec.name, kind=spec.type, event="applied"
                )
                for number in range(self.applied)
            ]
        return found

    def health(self) -> list[Record]:
        """A line a second: nothing was late."""
        return [Health(t=BEGAN + second + 0.5) for second in range(int(self.phases.length_s))]

    def records(self) -> list[Record]:
        """Every line."""
        tail: list[Record] = [] if self.ended is None else [self.ended]
        return [*self.head(), *self.load(), *self.faults(), *self.health(), *self.more, *tail]

    def aggregate(self, records: Iterable[Record] | None = None) -> Aggregate:
        """What was counted, of all records or of these."""
        aggregate = Aggregate.for_judging(self.thresholds, self.turbulence)
        aggregate.write(list(self.records() if records is None else records))
        return aggregate

    def summary(self, aggregate: Aggregate | None = None) -> Summary:
        """The conclusion."""
        return conclude(self.manifest(), aggregate or self.aggregate(), WHOLE)

    def judged(self, aggregate: Aggregate | None = None) -> Resilience:
        """The judgement."""
        found = self.summary(aggregate).turbulence
        assert found is not None
        return found

    def manifest(self) -> Manifest:
        """The manifest of the run."""
        return Manifest(
            schema_version=RECORD_VERSION,
            run_id="run",
            version="1",
            started=BEGAN,
            name="shop",
            sut="shop",
            base_urls=["http://shop"],
            scenarios=[self.scenario],
            load="20 starts/s",
            seed=7,
            plan_hash="h",
            steps=[StepRow(scenario=self.scenario, step="browse", action="http", method="GET", service="shop")],
            thresholds=list(self.thresholds),
            turbulence=self.turbulence,
            shard=self.shard,
        )

    def _instance(self, index: int, at_s: float) -> list[Record]:
        answer = self.service(at_s)
        if answer is None:
            return []
        phase = next(stage for stage in self.phases.stages(1) if at_s < self.phases.end_s(stage.name)).phase  # type: ignore[arg-type]
        took_us = round(answer.takes_s * 1e6)
        passed = 200 <= answer.status < 400
        started = BEGAN + at_s
        step = StepRecord(
            t=started + answer.takes_s,
            instance_id=f"{self.scenario}-{index}",
            correlation_id=f"c{index}",
            scenario=self.scenario,
            step="browse",
            action="http",
            outcome="passed" if passed else "failed",
            error=None if passed else "status_code",
            duration_us=took_us,
            checks=["status_code"],
            request=RequestFacts(
                method="GET",
                url="http://shop/",
                service="shop",
                status=answer.status,
                error=None if answer.status else "timeout",
                failed=not passed,
                bytes_sent=100,
                timings_us=Timings(wait=took_us),
            ),
            phase=phase,
        )
        instance = InstanceRecord(
            t=started + answer.takes_s,
            instance_id=step.instance_id,
            correlation_id=step.correlation_id,
            scenario=self.scenario,
            index=index,
            user=index,
            outcome="passed" if passed else "failed",
            scheduled=started - self.late_s,
            started=started,
            duration_us=took_us,
            response_time_us=took_us + round(self.late_s * 1e6),
            phase=phase,
        )
        return [step, instance]
