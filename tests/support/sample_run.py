"""A run that never was: a shop whose payment service is slow and sometimes broken. It is the same every time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec

from windtunnel.metrics.histogram import Histogram
from windtunnel.model.load import Segment
from windtunnel.model.manifest import RECORD_VERSION, Manifest, StepRow
from windtunnel.model.record import (
    AssertionRecord,
    Checks,
    FailedCheck,
    Health,
    InstanceRecord,
    Record,
    RequestFacts,
    RequestRecord,
    RunEnded,
    RunStarted,
    StepRecord,
    Timings,
)
from windtunnel.model.summary import (
    SCHEMA_VERSION,
    Change,
    Comparison,
    ErrorGroup,
    MetricSummary,
    RunInfo,
    Soundness,
    StepSummary,
    Summary,
    ThresholdResult,
    WindowSpan,
)
from windtunnel.model.threshold import IMPLIED, Threshold
from windtunnel.model.vocabulary import ChangeUnit, ErrorKind
from windtunnel.redaction import Redactor
from windtunnel.storage.copies import BodyStore
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.writer import RecordWriter

RUN_ID = "20261122T201512Z-7f3a9c"
STARTED = 1_795_378_512.0
STEPS = ("list_products", "add_to_cart", "pay", "await_order")
SPEED_US = {"list_products": 9_000, "add_to_cart": 21_000, "pay": 140_000, "await_order": 16_000}


def thresholds() -> list[Threshold]:
    def on_time(limit_ms: float, percentile: float, **tags: str) -> Threshold:
        return Threshold(
            metric="http_req_duration",
            aggregate="p",
            percentile=percentile,
            op="<",
            limit=limit_ms * 1000,
            unit="us",
            tags=tags,
            text=f"p({percentile:g}) < {limit_ms:g}ms",
        )

    return [on_time(400, 95), on_time(300, 95, step="pay"), on_time(60, 99, step="list_products"), IMPLIED]


def manifest(**changes: Any) -> Manifest:
    rows = [StepRow(scenario="checkout", step=step, action="http", service="shop", method="GET") for step in STEPS]
    rows += [StepRow(scenario="checkout", step="order is paid", action="assert", assertion=True)]
    made = Manifest(
        schema_version=RECORD_VERSION,
        run_id=RUN_ID,
        version="0.1.0",
        started=STARTED,
        name="checkout under load",
        sut="shop",
        base_urls=["http://shop.internal:8080", "http://payments.internal:8081"],
        scenarios=["checkout"],
        load="50 users, 2,000 instances",
        seed=8136402,
        plan_hash="b2:5f1c9a0e77d4",
        steps=rows,
        thresholds=thresholds(),
        argv=["windtunnel", "run", "plan.yaml", "--seed", "8136402"],
        host={"python": "3.12.8", "platform": "Linux 6.8 x86_64", "processors": "4"},
        ci={"provider": "github", "workflow": "load", "run_number": "412"},
        commit="9f31c07d2b8e44a1",
    )
    return msgspec.structs.replace(made, **changes)


def write_run(
    root: Path,
    *,
    run_id: str = RUN_ID,
    instances: int = 300,
    finish: bool = True,
    bodies: bool = True,
    number: int = 0,
    **changes: Any,
) -> RunDirectory:
    """Write a run directory with manifest, records and bodies; without its last line when not to `finish`.

    `number` is that of its segment.
    """
    directory = RunDirectory.create(root, run_id)
    directory.write_manifest(manifest(run_id=run_id, **changes))
    store = BodyStore(directory.bodies, Redactor())
    writer = RecordWriter(directory.segment(Segment(number=number)), run_id=run_id)
    began = RunStarted(
        t=STARTED, schema_version=RECORD_VERSION, segment=number, plan_hash="b2:5f1c9a0e77d4", seed=8136402
    )
    writer.write([began])
    last = STARTED
    for record in records(instances, store if bodies else None):
        writer.write([record])
        last = max(last, record.t)
    if finish:
        writer.end(RunEnded(t=last, reason="count reached", counts={}))
    writer.close()
    return directory


def records(instances: int, store: BodyStore | None) -> list[Record]:
    """Every record between the first and the last line, in order of time."""
    dice = random.Random(7)
    found: list[Record] = []
    free_at = [STARTED + user * 0.004 for user in range(50)]
    for index in range(instances):
        user = min(range(50), key=free_at.__getitem__)
        story = _instance(index, user, free_at[user], dice, store)
        free_at[user] = story[-1].t + 0.001
        found += story
    end = max(record.t for record in found) if found else STARTED
    found += [
        Health(t=STARTED + s, lag_p50_us=90, lag_p99_us=640, lag_max_us=2_100, cpu=0.41, in_flight=50)
        for s in range(1, int(end - STARTED) + 1)
    ]
    return sorted(found, key=lambda record: record.t)


def _instance(index: int, user: int, began: float, dice: random.Random, store: BodyStore | None) -> list[Record]:
    ids: dict[str, Any] = {
        "instance_id": f"checkout-{index}",
        "correlation_id": f"{random.Random(index).getrandbits(128):032x}",
        "scenario": "checkout",
    }
    at, story = began, []
    failed: StepRecord | None = None
    for step in STEPS:
        made, at = _step(step, index, at, ids, dice, store)
        story += made
        last = made[-1]
        assert isinstance(last, StepRecord)
        if last.outcome != "passed":
            failed = last
            break
    story.append(
        AssertionRecord(
            t=at,
            name="order is paid",
            outcome="skipped" if failed else "passed",
            checks=[] if failed else ["order is paid"],
            **ids,
        )
    )
    story.append(
        InstanceRecord(
            t=at,
            index=index,
            user=user,
            outcome="failed" if failed else "passed",
            scheduled=began,
            started=began,
            duration_us=round((at - began) * 1e6),
            response_time_us=round((at - began) * 1e6) + (9_000 if index % 40 == 0 else 0),
            steps=STEPS.index(failed.step) + 1 if failed else len(STEPS),
            failed_step=failed.step if failed else None,
            error=failed.error if failed else None,
            message=failed.message if failed else None,
            **ids,
        )
    )
    return story


def _step(
    step: str, index: int, at: float, ids: dict[str, Any], dice: random.Random, store: BodyStore | None
) -> tuple[list[Record], float]:
    service_us = round(SPEED_US[step] * dice.lognormvariate(0, 0.45))
    timings = Timings(queue=40, send=60, wait=service_us, receive=round(service_us * 0.08))
    if index < 50 and step == "list_products":
        timings.connect, timings.dns = 1_800, 420
    if step == "await_order":
        return _polls(step, at, ids, timings)
    broken = step == "pay" and dice.random() < 0.09
    hanging = step == "pay" and not broken and dice.random() < 0.02
    odd = step == "add_to_cart" and dice.random() < 0.012
    status, message = 200, None
    error: ErrorKind | None = None
    checks: Checks = ["status", "has an id"]
    if broken:
        status, message = 503, 'check "status": expected 200, got 503'
        checks = [FailedCheck(name="status", expected="200", actual="503"), "latency"]
    elif hanging:
        status, error, message = 0, "timeout", "no complete response before the deadline of 2 s"
        timings.wait, timings.receive = 2_000_000, 0
        checks = [FailedCheck(name="status", expected="200", actual="timeout")]
    elif odd:
        message = 'check "json $.items[0].quantity": expected 1, got 2'
        checks = ["status", FailedCheck(name="json $.items[0].quantity", expected="1", actual="2")]
    request = RequestFacts(
        method="GET" if step == "list_products" else "POST",
        url=f"http://shop.internal:8080/{step.replace('_', '/')}?page=1",
        service="payments" if step == "pay" else "shop",
        status=status,
        error=error,
        error_detail="deadline of 2 s" if error else None,
        span_id=f"{index:08x}{STEPS.index(step):08x}",
        failed=broken or hanging,
        bytes_sent=412,
        bytes_received=0 if hanging else 1_836,
        timings_us=timings,
    )
    if store and message:
        request.request_headers = [
            ("Host", "shop.internal:8080"),
            ("User-Agent", "windtunnel/0.1.0"),
            ("Accept", "*/*"),
            ("Content-Type", "application/json"),
            ("X-Run-ID", RUN_ID),
            ("X-Instance-ID", ids["instance_id"]),
            ("X-Correlation-ID", ids["correlation_id"]),
            ("traceparent", f"00-{ids['correlation_id']}-{request.span_id}-01"),
            ("Cookie", "sid=[redacted]"),
            ("Authorization", "Bearer [redacted]"),
        ]
        if not hanging:
            request.response_headers = [
                ("Server", "nginx/1.25.3"),
                ("Content-Type", "application/problem+json"),
                ("Retry-After", "2"),
                ("X-Upstream", "payments-7f9c"),
                ("Set-Cookie", "sid=[redacted]; Path=/; Secure; HttpOnly; SameSite=Lax"),
            ]
        request.request_body = store.keep(
            b'{"cart":"c-%d","amount":{"value":4990,"currency":"EUR"},"method":"card"}' % index
        )
        request.response_body = (
            None
            if hanging
            else store.keep(
                b'{"error":"upstream","detail":"payment provider did not answer within 100 ms","retry":true}'
            )
        )
    total = timings.queue + timings.dns + timings.connect + timings.duration_us + 150
    end = at + total / 1e6
    record = StepRecord(
        t=end,
        step=step,
        action="http",
        outcome="failed" if message else "passed",
        duration_us=total,
        error=error or ("check" if message else None),
        message=message,
        checks=checks,
        extracted=["cart_id"] if step == "add_to_cart" and not message else [],
        request=request,
        **ids,
    )
    return [record], end


def _polls(step: str, at: float, ids: dict[str, Any], timings: Timings) -> tuple[list[Record], float]:
    found: list[Record] = []
    began = at
    for number in range(3):
        at += (timings.queue + timings.duration_us) / 1e6
        facts = RequestFacts(
            method="GET",
            url="http://shop.internal:8080/orders/77",
            service="shop",
            status=200,
            poll=number < 2,
            bytes_sent=200,
            bytes_received=320,
            timings_us=timings,
        )
        found.append(RequestRecord(t=at, step=step, request=facts, **ids))
        at += 0 if number == 2 else 0.05
    found.append(
        StepRecord(
            t=at,
            step=step,
            action="wait",
            outcome="passed",
            duration_us=round((at - began) * 1e6),
            checks=["state is paid"],
            requests=3,
            **ids,
        )
    )
    return found, at


def summary(**changes: Any) -> Summary:
    """A summary of a failing run, made by hand: what the records say is not looked at."""
    fast = Histogram([9_000, 12_000, 31_000]).to_distribution()
    slow = Histogram([140_000, 290_000, 812_000]).to_distribution()
    row: dict[str, Any] = {"scenario": "checkout", "action": "http", "errored": 0, "skipped": 0, "interrupted": 0}
    made = Summary(
        schema_version=SCHEMA_VERSION,
        run_id=RUN_ID,
        verdict="fail",
        exit_code=99,
        reasons=["http_req_duration{step:pay}: p(95) < 300 ms, measured 812 ms"],
        run=RunInfo(
            name="checkout under load",
            sut="shop",
            scenarios=["checkout"],
            load="50 users, 2,000 instances",
            seed=8136402,
            version="0.1.0",
            started=STARTED,
            duration_s=41.3,
            instances=2000,
            passed=1857,
            failed=143,
            errored=0,
            interrupted=0,
            commit="9f31c07d2b8e44a1",
        ),
        thresholds=[
            ThresholdResult(
                selector="http_req_duration{step:pay}",
                condition="p(95) < 300 ms",
                result="fail",
                measured="812 ms",
                limit="300 ms",
                samples=2000,
                origin="plan",
                metric="http_req_duration",
                tags={"step": "pay"},
                aggregate="p",
                percentile=95.0,
                operator="<",
                unit="us",
                value=812_000.0,
                limit_value=300_000.0,
                file="plan.yaml",
                line=14,
            ),
            ThresholdResult(
                selector="http_req_duration",
                condition="p(99) < 900 ms",
                result="pass",
                measured="812 ms",
                limit="900 ms",
                samples=14203,
                origin="plan",
                metric="http_req_duration",
                aggregate="p",
                percentile=99.0,
                operator="<",
                unit="us",
                value=812_000.0,
                limit_value=900_000.0,
            ),
            ThresholdResult(
                selector="checks{step:refund}",
                condition="rate > 99 %",
                result="no_data",
                measured="no data",
                limit="99 %",
                samples=0,
                origin="plan",
                metric="checks",
                tags={"step": "refund"},
                aggregate="rate",
                operator=">",
                unit="%",
                limit_value=0.99,
                reason="checks{step:refund}: rate > 99 % could not be judged: nothing was measured",
                explanation="nothing was measured",
            ),
        ],
        metrics={
            "http_reqs": MetricSummary(type="counter", count=14203, rate=343.9),
            "http_req_failed": MetricSummary(type="rate", count=14203, matches=143, rate=0.01007),
            "http_req_duration": MetricSummary(type="trend", distribution=slow),
        },
        steps=[
            StepSummary(
                step="list_products",
                count=2000,
                passed=2000,
                failed=0,
                requests=2000,
                requests_failed=0,
                latency=fast,
                **row,
            ),
            StepSummary(
                step="pay",
                count=2000,
                passed=1857,
                failed=143,
                requests=2000,
                requests_failed=143,
                latency=slow,
                **row,
            ),
        ],
        errors=[
            ErrorGroup(
                scenario="checkout",
                step="pay",
                cause="status",
                outcome="failed",
                count=143,
                share=1.0,
                first_t=STARTED + 0.4,
                last_t=STARTED + 40.9,
                example="expected 200, got 503",
                instances=["checkout-17", "checkout-31", "checkout-40", "checkout-52"],
            )
        ],
        soundness=Soundness(
            finished=True,
            intact=True,
            lag_p99_ms=0.64,
            lag_max_ms=2.1,
            littles_law=1.001,
            dropped=0,
            late=2,
            cpu=0.41,
            findings=[],
        ),
    )
    return msgspec.structs.replace(made, **changes)


def compared(**changes: Any) -> Summary:
    """The summary beside one of a run before it."""

    def change(
        metric: str,
        aggregate: str,
        unit: ChangeUnit,
        before: float,
        now: float,
        step: str = "",
        *,
        known: tuple[float | None, float | None, float | None] = (None, None, None),
    ) -> Change:
        low, high, spreads = known
        relative = now / before - 1 if before else None
        return Change(
            metric=metric,
            aggregate=aggregate,
            unit=unit,
            before=before,
            now=now,
            relative=relative,
            low=low,
            high=high,
            spreads=spreads,
            scenario="checkout" if step else "",
            step=step,
        )

    comparison = Comparison(
        run_id="20261121T091500Z-0c1d2e",
        verdict="pass",
        commit="1b2c3d4e5f60718293",
        started=STARTED - 126_000,
        notes=["run differently: load 10 users, 2,000 instances, now 50 users, 2,000 instances"],
        changes=[
            change("instances", "rate", "share", 1.0, 0.9285, known=(-0.081, -0.0612, 3.4)),
            change("http_req_failed", "rate", "share", 0.0, 0.01007),
            change("http_req_duration", "p(50)", "ms", 21.0, 20.95),
            change("http_req_duration", "p(95)", "ms", 310.0, 812.0, known=(1.2034, 2.1, 4.21)),
            change("http_req_duration", "p(99)", "ms", 40.0, 812.0),
            change("http_reqs", "rate", "per_second", 400.0, 343.9),
            change("checks", "rate", "share", 1.0, 0.99),
            change("http_req_duration", "p(95)", "ms", 30.0, 31.0, "list_products"),
            change("http_req_duration", "p(95)", "ms", 50.0, 50.1, "add_to_cart"),
            change("http_req_duration", "p(95)", "ms", 300.0, 812.0, "pay", known=(-0.1, 11.5, 0.914)),
            change("failed", "rate", "share", 0.0, 0.07, "pay"),
        ],
        windows_before=WindowSpan(number=24, width_s=2.0),
        windows_now=WindowSpan(number=20, width_s=2.0),
    )
    return msgspec.structs.replace(summary(**changes), baseline=comparison)


def unfinished(**changes: Any) -> Summary:
    """A summary whose records have no last line."""
    made = summary()
    sound = msgspec.structs.replace(
        made.soundness, finished=False, findings=["the run did not finish: 0000.jsonl"]
    )
    return msgspec.structs.replace(made, soundness=sound, **changes)


def run_ended(t: float = STARTED + 41.3) -> RunEnded:
    return RunEnded(
        t=t, reason="count reached", counts={"instance": 2000}, signal=2, bug="boom", unreachable="nobody"
    )
