"""A run by hand: say what happened, get the aggregate or the conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from windtunnel.expressions.threshold import parse_threshold
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import RECORD_VERSION, Evidence, Manifest, StepRow
from windtunnel.model.record import (
    Dropped,
    Health,
    InstanceRecord,
    RequestFacts,
    RequestRecord,
    RunEnded,
    RunStarted,
    StepRecord,
    Timings,
    Users,
)
from windtunnel.model.summary import Summary, ThresholdResult
from windtunnel.model.threshold import Threshold
from windtunnel.model.vocabulary import ErrorKind, InstanceOutcome
from windtunnel.verdict.conclude import conclude
from windtunnel.verdict.thresholds import evaluate

START = 1_700_000_000.0
WHOLE = Evidence(finished=True, intact=True)
ROWS = [
    StepRow(scenario="shop", step="browse", action="http", method="GET", service="shop", tags={"team": "a"}),
    StepRow(
        scenario="shop",
        step="pay",
        action="http",
        method="POST",
        service="bank",
        tags={"team": "a", "kind": "write"},
    ),
    StepRow(scenario="shop", step="rest", action="pause", tags={"team": "a"}),
    StepRow(scenario="shop", step="paid", action="jsonpath", assertion=True, tags={"team": "a"}),
]


def threshold(selector: str, condition: str, **more: Any) -> Threshold:
    """`more` are fields of a Threshold: min_samples, within_s, …"""
    return replace(parse_threshold(selector, condition), **more)


def manifest(thresholds: Sequence[Threshold] = (), rows: Sequence[StepRow] = ROWS) -> Manifest:
    return Manifest(
        schema_version=RECORD_VERSION,
        run_id="run",
        version="1",
        started=START,
        name="shop",
        sut="shop",
        base_urls=["http://shop"],
        scenarios=["shop"],
        load="1 user",
        seed=1,
        plan_hash="h",
        steps=list(rows),
        thresholds=list(thresholds),
    )


class Run:
    """What happened, one method a kind of thing; each returns the run, so that a test is one sentence."""

    def __init__(self, *, widths_s: Sequence[float] = ()) -> None:
        self.aggregate = Aggregate(widths_s=widths_s)
        self.aggregate.write(
            [RunStarted(t=START, schema_version=RECORD_VERSION, segment=0, plan_hash="h", seed=1)]
        )
        self._instances = 0

    def instances(
        self,
        count: int,
        outcome: InstanceOutcome = "passed",
        *,
        scenario: str = "shop",
        phase: str = "",
        stamped_us: int | None = None,
        late_us: int = 0,
    ) -> Run:
        """Each takes 10 ms, one after another."""
        for _ in range(count):
            started = START + self._instances * 0.01
            self._instances += 1
            record = InstanceRecord(
                t=started + (stamped_us or 10_000) / 1e6,
                instance_id=f"{scenario}-{self._instances}",
                correlation_id="c",
                scenario=scenario,
                phase=phase,
                index=self._instances,
                user=0,
                outcome=outcome,
                scheduled=started - late_us / 1e6,
                started=started,
                duration_us=10_000,
                response_time_us=10_000 + late_us,
            )
            self.aggregate.write([record])
        return self

    def requests(
        self,
        count: int = 1,
        status: int = 200,
        *,
        wait: int = 1_000,
        error: ErrorKind | None = None,
        at_s: float = 0.0,
        step: str = "browse",
        phase: str = "",
    ) -> Run:
        for _ in range(count):
            facts = RequestFacts(
                method="GET",
                url="http://shop/",
                service="shop",
                status=status,
                error=error,
                failed=status >= 400 or not status,
                bytes_sent=0 if error in {"refused", "open_files", "ports"} else 100,
                timings_us=Timings(wait=wait),
            )
            self.aggregate.write(
                [
                    RequestRecord(
                        t=START + at_s,
                        instance_id="shop-0",
                        correlation_id="c",
                        scenario="shop",
                        step=step,
                        request=facts,
                        phase=phase,
                    )
                ]
            )
        return self

    def steps(self, count: int, *, duration_us: int) -> Run:
        for _ in range(count):
            self.aggregate.write(
                [
                    StepRecord(
                        t=START,
                        instance_id="shop-0",
                        correlation_id="c",
                        scenario="shop",
                        step="rest",
                        action="pause",
                        outcome="passed",
                        duration_us=duration_us,
                    )
                ]
            )
        return self

    def dropped(self, count: int, *, scenario: str = "shop") -> Run:
        for index in range(count):
            self.aggregate.write([Dropped(t=START, scenario=scenario, index=index, scheduled=START)])
        return self

    def lag(self, p99_us: int, *, p50_us: int = 0, at_s: float = 1.0) -> Run:
        health = Health(
            t=START + at_s, lag_p50_us=p50_us, lag_p99_us=p99_us, lag_max_us=p99_us, in_flight=3, cpu=0.5
        )
        health.users = Users(now=3, most=4, area_us=2_500_000, span_us=1_000_000)
        self.aggregate.write([health])
        return self

    def ended(self, *, signal: int | None = None, bug: str | None = None, unreachable: str | None = None) -> Run:
        self.aggregate.write(
            [RunEnded(t=START + 5, reason="completed", counts={}, signal=signal, bug=bug, unreachable=unreachable)]
        )
        return self

    def result(self, selector: str, condition: str, **more: Any) -> ThresholdResult:
        return evaluate(threshold(selector, condition, **more), self.aggregate, ROWS)

    def concluded(self, *thresholds: Threshold, evidence: Evidence = WHOLE) -> Summary:
        return conclude(manifest(thresholds), self.aggregate, evidence)
